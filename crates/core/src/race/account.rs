//! Bets against a hypothesis on two counts, while responses are drawn without replacement.
//!
//! Both counts belong to a finite list of n responses that is gone through in random order. The hypothesis says that the
//! first exceeds the second by at most s. After t responses, with a lead of the first of d so far, the difference D ∈ {−1, 0,
//! 1} on the next one then has mean at most m = (s − d)/(n − t), whatever the list is. So capital that is multiplied by
//! 1 + λ(D − m), with λ ∈ \[0, 1/(1 + m)\] chosen beforehand, is a supermartingale, and reaches 1/δ with probability at most δ,
//! at any time (Ville; Waudby-Smith and Ramdas 2024 without replacement). Where m < −1 the hypothesis is impossible, so that
//! after all n responses the answer is exact.
//!
//! Stakes are those of a gambler who knows the difference of the whole list, D̄: λ = D̄·n/((n − t)·v), v the variance so far.
//! Capital is split over such gamblers who believe in differences of 2 to 29 standard errors of the whole list.

/// Standard errors of the whole list that the parts of the capital are bet on.
const BELIEFS: [f64; 6] = [2.0, 3.4, 5.8, 9.9, 16.8, 28.6];

/// A stake never exceeds this part of what cannot be lost whole.
const GREATEST_STAKE: f64 = 0.9;

/// Responses that the variance expected of independent counts weighs as much as.
const PRIOR_WEIGHT: f64 = 16.0;

/// One hypothesis and what betting against it has made so far.
#[derive(Clone, Debug)]
pub(super) struct Account {
    capital: [f64; BELIEFS.len()],
    /// Responses bet on, and those among them on which just one of the two counted.
    seen: u32,
    discordant: u32,
}

/// Two counts over one block of responses: whether each counts, response by response, and how often before.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a> {
    /// Bits of the responses, one of `words` words a response.
    pub(super) hits: &'a [u64],
    pub(super) words: usize,
    pub(super) model: usize,
    pub(super) before: u32,
}

impl Counted<'_> {
    #[inline]
    fn at(&self, place: usize) -> u32 {
        let word = self.hits[place * self.words + self.model / 64];
        u32::from(word >> (self.model % 64) & 1 == 1)
    }
}

/// Where in the list a block lies.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// n.
    pub(super) responses: u32,
    /// Responses before the block.
    pub(super) from: u32,
    /// Responses of the block.
    pub(super) len: usize,
}

impl Account {
    /// An account that begins with `capital`.
    pub(super) fn new(capital: f64) -> Self {
        Self { capital: [capital; BELIEFS.len()], seen: 0, discordant: 0 }
    }

    /// What it holds.
    pub(super) fn capital(&self) -> f64 {
        self.capital.iter().sum::<f64>() / BELIEFS.len() as f64
    }

    /// Bets on each response of the block that `first` exceeds `second` by more than `surplus` over the whole list; whether
    /// the opposite is refuted, the capital having reached `goal`.
    pub(super) fn bet(
        &mut self,
        block: Block,
        first: Counted<'_>,
        second: Counted<'_>,
        surplus: f64,
        goal: f64,
    ) -> bool {
        let n = f64::from(block.responses);
        let expected = (f64::from(first.before) + f64::from(second.before) + 1.0) / (f64::from(block.from) + 1.0);
        let variance = (f64::from(self.discordant) + PRIOR_WEIGHT * expected) / (f64::from(self.seen) + PRIOR_WEIGHT);
        let scale = (n / variance).sqrt();
        let mut lead = f64::from(first.before) - f64::from(second.before);
        let mut left = n - f64::from(block.from);
        for place in 0..block.len {
            let mean = (surplus - lead) / left;
            if mean < -1.0 {
                return true;
            }
            let (one, other) = (first.at(place), second.at(place));
            let difference = f64::from(one) - f64::from(other);
            if mean < 1.0 {
                let most = GREATEST_STAKE / (1.0 + mean);
                let gain = difference - mean;
                for (capital, belief) in self.capital.iter_mut().zip(BELIEFS) {
                    let stake = most.min(belief * scale / left);
                    *capital *= 1.0 + stake * gain;
                }
            }
            self.seen += 1;
            self.discordant += one ^ other;
            lead += difference;
            left -= 1.0;
            if self.capital() >= goal {
                return true;
            }
        }
        // Numbers that small are slow and never come back.
        self.capital.iter_mut().filter(|capital| **capital < 1e-250).for_each(|capital| *capital = 0.0);
        (surplus - lead) < -left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean capital over all orders of a list in which the first alone counts `first` times, the second alone `second`
    /// times, and neither or both `rest` times; looks are `look` responses apart.
    fn mean_capital(list: [u32; 3], look: usize, surplus: f64) -> f64 {
        let responses = list.iter().sum::<u32>();
        let (mut total, mut orders) = (0.0, 0.0);
        let mut order = Vec::new();
        visit(list, &mut order, &mut |order| {
            let mut account = Account::new(1.0);
            let (mut from, mut before) = (0, [0, 0]);
            for part in order.chunks(look) {
                let hits: Vec<u64> = part.iter().map(|&kind| u64::from(kind != 2) << (kind % 2)).collect();
                let counted = |model: usize| Counted { hits: &hits, words: 1, model, before: before[model] };
                let block = Block { responses, from, len: part.len() };
                assert!(!account.bet(block, counted(0), counted(1), surplus, f64::INFINITY), "{list:?} is refuted");
                for model in [0, 1] {
                    before[model] +=
                        u32::try_from(hits.iter().filter(|&&bits| bits >> model & 1 == 1).count()).unwrap();
                }
                from += u32::try_from(part.len()).unwrap();
            }
            total += account.capital();
            orders += 1.0;
        });
        total / orders
    }

    /// All different orders of a list of three kinds; each stands for equally many permutations.
    fn visit(left: [u32; 3], order: &mut Vec<usize>, see: &mut impl FnMut(&[usize])) {
        if left == [0, 0, 0] {
            see(order);
        }
        for kind in 0..3 {
            if left[kind] > 0 {
                let mut rest = left;
                rest[kind] -= 1;
                order.push(kind);
                visit(rest, order, see);
                order.pop();
            }
        }
    }

    #[test]
    fn no_list_that_fits_the_hypothesis_is_expected_to_pay() {
        for list in [[3, 3, 3], [2, 2, 6], [0, 3, 5], [1, 4, 4], [4, 4, 0], [0, 0, 6], [3, 5, 2]] {
            for look in [1, 3] {
                let mean = mean_capital(list, look, 0.0);
                assert!(mean <= 1.0 + 1e-12, "{list:?} pays {mean}");
            }
        }
        // One more of the first fits a surplus of one, and none of either a tolerance of less than nothing.
        assert!(mean_capital([4, 3, 2], 2, 1.0) <= 1.0 + 1e-12);
        assert!(mean_capital([2, 4, 3], 2, -1.5) <= 1.0 + 1e-12);
        // On the edge of the hypothesis nothing is given away, so that the bets are as good as bets can be.
        assert!((mean_capital([3, 3, 3], 1, 0.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_made_up_for_is_refuted() {
        // Seven of ten against none: the last three cannot make it even, whatever was staked.
        let hits: Vec<u64> = (0..10).map(|place| if place < 7 { 1 } else { 2 }).collect();
        let counted = |model| Counted { hits: &hits, words: 1, model, before: 0 };
        let bet = |len, surplus| {
            Account::new(1.0).bet(Block { responses: 10, from: 0, len }, counted(0), counted(1), surplus, f64::INFINITY)
        };
        assert!(bet(10, 0.0) && bet(7, 0.0) && !bet(5, 0.0));
        assert!(!bet(10, 4.0), "a lead of four is no more than four");
        assert!(bet(10, 3.9));
    }
}
