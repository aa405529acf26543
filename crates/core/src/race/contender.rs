//! One model that may be best: its rivals, and the evidence against it.
//!
//! Were model b best, its score would be at most that of any other model c, so for every rival a of b there is a rival a' of
//! c, the worst of c, with C_ab ≤ C_a'c. One opponent c and one rival a are chosen beforehand, and bet on against each a' that
//! c may have as its worst: b is out once each bet has refuted its hypothesis, since one of them was the true one. Rivals a
//! may change with every block; where the opponent changes, capital is carried over by its least account, which is no more
//! than that of the true hypothesis. So the choice of a and c costs nothing, and only b itself being best can go wrong.

use super::account::{Account, Block, Counted};

/// How much longer the list must be before an opponent is thought over again.
const RECONSIDER: f64 = 1.5;

/// How often each rival counts against one model over the responses gone through. Where a value is missing for good the
/// lower count takes it for one that does not count, the upper one for one that does.
#[derive(Clone, Debug)]
pub(super) struct RivalCounts {
    pub(super) low: Vec<u32>,
    pub(super) high: Vec<u32>,
}

/// Bits of a block: which rivals count against one model, response by response, taken low and high.
#[derive(Clone, Debug, Default)]
pub(super) struct Hits {
    pub(super) low: Vec<u64>,
    pub(super) high: Vec<u64>,
}

/// Whom a contender is held against.
#[derive(Clone, Debug)]
pub(super) struct Opponent {
    pub(super) model: usize,
    /// Responses at which the choice was last thought over.
    considered: u32,
    /// The rivals that may be the opponent's worst, as far as they are not refuted.
    accounts: Vec<(usize, Account)>,
}

/// A model that may be best.
#[derive(Clone, Debug)]
pub(super) struct Contender {
    pub(super) model: usize,
    /// Rivals that may be its worst, with the bet that they are not.
    pub(super) rivals: Vec<(usize, Account)>,
    /// The same, as bits by model.
    pub(super) rival_bits: Vec<u64>,
    pub(super) counts: RivalCounts,
    pub(super) opponent: Option<Opponent>,
    /// The block's bits.
    pub(super) hits: Hits,
    /// The rival that is its worst so far, at the beginning of the block.
    pub(super) worst: usize,
}

impl Contender {
    pub(super) fn new(model: usize, models: usize) -> Self {
        let rivals: Vec<_> =
            (0..models).filter(|&rival| rival != model).map(|rival| (rival, Account::new(1.0))).collect();
        let worst = rivals[0].0;
        let mut rival_bits = vec![0; models.div_ceil(64)];
        rivals.iter().for_each(|&(rival, _)| rival_bits[rival / 64] |= 1 << (rival % 64));
        let counts = RivalCounts { low: vec![0; models], high: vec![0; models] };
        Self { model, rivals, rival_bits, counts, opponent: None, hits: Hits::default(), worst }
    }

    /// Whether `rival` may be its worst.
    pub(super) fn may_be_worst(&self, rival: usize) -> bool {
        self.rival_bits[rival / 64] >> (rival % 64) & 1 == 1
    }

    /// The greatest count over its rivals, taken low.
    pub(super) fn score_low(&self) -> u32 {
        self.rivals.iter().map(|&(rival, _)| self.counts.low[rival]).max().unwrap_or(0)
    }

    /// The greatest count over its rivals, taken high.
    pub(super) fn score_high(&self) -> u32 {
        self.rivals.iter().map(|&(rival, _)| self.counts.high[rival]).max().unwrap_or(0)
    }

    /// The rival of the greatest count, the first of several.
    fn worst_so_far(&self) -> usize {
        let (worst, _) = self.rivals.iter().fold((self.worst, None), |(worst, most), &(rival, _)| {
            let count = self.counts.low[rival];
            if most.is_none_or(|most| count > most) { (rival, Some(count)) } else { (worst, most) }
        });
        worst
    }

    /// Its count through the worst rival, response by response.
    pub(super) fn against(&self, words: usize) -> Counted<'_> {
        Counted { hits: &self.hits.low, words, model: self.worst, before: self.counts.low[self.worst] }
    }

    /// Its count through `rival`, at most.
    pub(super) fn at_most(&self, rival: usize, words: usize) -> Counted<'_> {
        Counted { hits: &self.hits.high, words, model: rival, before: self.counts.high[rival] }
    }

    /// Bets that rivals are not its worst; drops those of which it is shown.
    pub(super) fn thin_rivals(&mut self, block: Block, words: usize, goal: f64) {
        let mut rivals = std::mem::take(&mut self.rivals);
        let first = self.against(words);
        let mut dropped = Vec::new();
        rivals.retain_mut(|(rival, account)| {
            let out = *rival != self.worst && account.bet(block, first, self.at_most(*rival, words), 0.0, goal);
            dropped.extend(out.then_some(*rival));
            !out
        });
        self.rivals = rivals;
        dropped.iter().for_each(|&rival| self.rival_bits[rival / 64] &= !(1 << (rival % 64)));
    }

    /// Bets that it is worse than `opponent`, of whom `against` holds what is left to refute; whether that is shown.
    pub(super) fn contest(
        &self,
        against: &mut Opponent,
        opponent: &Self,
        block: Block,
        words: usize,
        goal: f64,
    ) -> bool {
        let first = self.against(words);
        against.accounts.retain_mut(|(rival, account)| {
            opponent.may_be_worst(*rival) && !account.bet(block, first, opponent.at_most(*rival, words), 0.0, goal)
        });
        against.accounts.is_empty()
    }

    /// Counts the block, and looks for the worst rival anew.
    pub(super) fn count(&mut self, len: usize, words: usize) {
        for (hits, counts) in [(&self.hits.low, &mut self.counts.low), (&self.hits.high, &mut self.counts.high)] {
            for response in hits[..len * words].chunks(words) {
                for (word, &bits) in response.iter().enumerate() {
                    let mut bits = bits;
                    while bits != 0 {
                        counts[64 * word + bits.trailing_zeros() as usize] += 1;
                        bits &= bits - 1;
                    }
                }
            }
        }
        self.worst = self.worst_so_far();
    }

    /// Chooses whom it is held against after `seen` responses, among contenders given as (model, score, rivals).
    pub(super) fn choose_opponent(&mut self, seen: u32, others: &[Standing<'_>]) {
        let best =
            others.iter().filter(|other| other.model != self.model).min_by_key(|other| (other.score, other.model));
        let Some(best) = best else { return };
        let mut capital = 1.0;
        if let Some(opponent) = &mut self.opponent {
            if let Some(now) = others.iter().find(|other| other.model == opponent.model) {
                if f64::from(seen) < RECONSIDER * f64::from(opponent.considered) {
                    return;
                }
                opponent.considered = seen;
                // A lead within its own standard error is not worth the change.
                let lead = f64::from(now.score) - f64::from(best.score);
                if lead * lead <= f64::from(now.score) + f64::from(best.score) {
                    return;
                }
            }
            capital = opponent.accounts.iter().map(|(_, account)| account.capital()).fold(f64::INFINITY, f64::min);
        }
        let accounts = best.rivals.iter().map(|&rival| (rival, Account::new(capital))).collect();
        self.opponent = Some(Opponent { model: best.model, considered: seen, accounts });
    }
}

/// A contender as others see it when they choose whom to be held against.
pub(super) struct Standing<'a> {
    pub(super) model: usize,
    pub(super) score: u32,
    pub(super) rivals: &'a [usize],
}
