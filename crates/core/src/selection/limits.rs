//! What prompts, as the independent units, say of the shares p_ab on which one model is at least N times as likely as
//! another. Nothing here is asymptotic: Hoeffding's bound on a mean needs no more than a count, so it decides what it can
//! and spares the sharper bets the rest; the level is divided between the two.

use crate::log_probs::LogProbs;
use crate::resample::number_labels;
use crate::statistics::{BoundedMean, log_tail_bound};
use crate::tournament::indicator;

/// The part of a level that goes to the bound by counts alone; bets have the rest.
const BY_COUNTS: f64 = 0.05;

/// The independent units of the data.
pub(super) enum Units {
    /// Each response by itself.
    Responses(u32),
    /// All responses to a prompt together.
    Prompts(Prompts),
}

impl Units {
    /// Responses, or prompts where there is a label for each response.
    pub(super) fn new(responses: u32, prompts: Option<&[u32]>) -> Self {
        prompts.map_or(Self::Responses(responses), |labels| Self::Prompts(Prompts::new(labels)))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Responses(count) => *count as usize,
            Self::Prompts(prompts) => prompts.sizes.len(),
        }
    }
}

/// Which responses belong to which prompt.
pub(super) struct Prompts {
    /// The number of each response's prompt.
    of_response: Vec<u32>,
    /// How many responses each prompt has.
    sizes: Vec<u32>,
    greatest: f64,
    responses: f64,
    /// Weight of each prompt in bets: its size beside the greatest.
    weights: Vec<f64>,
}

impl Prompts {
    fn new(labels: &[u32]) -> Self {
        let (of_response, count) = number_labels(labels);
        let mut sizes = vec![0; count];
        for &prompt in &of_response {
            sizes[prompt as usize] += 1;
        }
        let greatest = f64::from(sizes.iter().copied().max().unwrap_or(1));
        let weights = sizes.iter().map(|&size| f64::from(size) / greatest).collect();
        Self { responses: of_response.len() as f64, of_response, sizes, greatest, weights }
    }

    fn count(&self) -> f64 {
        self.sizes.len() as f64
    }

    /// How many responses to each prompt count for the pair.
    pub(super) fn hits(&self, log_probs: &LogProbs, (a, b): (usize, usize), log_n: f64) -> Vec<u32> {
        let mut hits = vec![0; self.sizes.len()];
        for (mut word, prompts) in indicator(log_probs, a, b, log_n).into_iter().zip(self.of_response.chunks(64)) {
            while word != 0 {
                hits[prompts[word.trailing_zeros() as usize] as usize] += 1;
                word &= word - 1;
            }
        }
        hits
    }

    /// A limit that the share of responses that count is below with probability at most `tail`.
    pub(super) fn lower(&self, hits: &[u32], tail: f64) -> f64 {
        BoundedMean::of_shares(hits, &self.sizes).lower(tail)
    }

    /// The greatest of limits, one for each rival, each of which its share is above with probability at most `tail`:
    /// rivals come with `counts` that fall, and their `hits` are asked for only as long as they may matter.
    pub(super) fn greatest_upper<E>(
        &self,
        counts: impl Iterator<Item = u32>,
        mut hits: impl FnMut(usize) -> Result<Vec<u32>, E>,
        tail: f64,
    ) -> Result<f64, E> {
        let mut greatest = 0.0_f64;
        for (place, count) in counts.enumerate() {
            let by_count = self.upper_by_count(count, BY_COUNTS * tail);
            // Every further rival counts no more often, and its limit is no greater than this.
            if by_count <= greatest {
                break;
            }
            let shares = BoundedMean::of_shares(&hits(place)?, &self.sizes);
            let tail = (1.0 - BY_COUNTS) * tail;
            if !shares.is_below(greatest, tail) {
                greatest = greatest.max(shares.upper(tail).min(by_count));
            }
        }
        Ok(greatest)
    }

    /// An upper limit of the share from the number of counting responses alone, however they spread over the prompts:
    /// hits less the share times the size lie, as parts of the greatest size, in an interval of length 1.
    fn upper_by_count(&self, count: u32, tail: f64) -> f64 {
        let log_tail = libm::log(tail);
        let share = f64::from(count) / self.responses;
        1.0 - bisect(0.0, 1.0 - share, |rest| {
            let upper = 1.0 - rest;
            let seen = upper + (f64::from(count) - upper * self.responses) / self.greatest / self.count();
            log_tail_bound(seen.max(0.0), upper, self.count()) <= log_tail
        })
    }

    /// Whether responses count for the first pair more often than for the second, wrong with probability at most `tail` if
    /// they do not: by the counts alone, however they spread over the prompts.
    pub(super) fn shown_by_counts(&self, first: u32, second: u32, tail: f64) -> bool {
        // Differences lie in [−1, 1] as parts of the greatest size; halved and moved they lie in [0, 1].
        let mean = 0.5 + 0.5 * (f64::from(first) - f64::from(second)) / self.greatest / self.count();
        mean > 0.5 && log_tail_bound(mean, 0.5, self.count()) <= libm::log(BY_COUNTS * tail)
    }

    /// The same by the differences prompt by prompt.
    pub(super) fn shown_by_hits(&self, first: &[u32], second: &[u32], tail: f64) -> bool {
        let values: Vec<f64> = self.differences(first, second).map(|difference| 0.5 + 0.5 * difference).collect();
        BoundedMean::of_weighted(&values, &self.weights).is_above(0.5, (1.0 - BY_COUNTS) * tail)
    }

    /// Differences of the shares of each prompt.
    fn differences<'a>(&'a self, first: &'a [u32], second: &'a [u32]) -> impl Iterator<Item = f64> + 'a {
        let pairs = first.iter().zip(second).zip(&self.sizes);
        pairs.map(|((&first, &second), &size)| (f64::from(first) - f64::from(second)) / f64::from(size))
    }

    /// How many times the prompts it would take to show it if shares stayed as they are, by the empirical-Bernstein limit,
    /// which needs more than the bets do; `None` where that would never do.
    pub(super) fn times_to_show(&self, first: &[u32], second: &[u32], tail: f64) -> Option<f64> {
        let excess = || self.differences(first, second).zip(&self.weights).map(|(value, weight)| 0.5 * value * weight);
        let count = self.count();
        let mean = excess().sum::<f64>() / count;
        let squares: f64 = excess().map(|value| (value - mean) * (value - mean)).sum();
        let variance = squares / (count - 1.0).max(1.0);
        let luck = libm::log(2.0 / tail);
        let half = |count: f64| libm::sqrt(2.0 * variance * luck / count) + 7.0 * luck / (3.0 * (count - 1.0));
        (mean > 0.0).then(|| least_times(|times| mean > half(times * count))).flatten()
    }
}

/// Beyond this many times the units nothing is foretold.
const MOST_TIMES: f64 = 1e6;

/// The least factor in 1..=[`MOST_TIMES`] at which something holds that goes on holding, to within a thousandth.
pub(super) fn least_times(holds: impl Fn(f64) -> bool) -> Option<f64> {
    let (mut low, mut high) = (1.0, 2.0);
    while !holds(high) {
        (low, high) = (high, 2.0 * high);
        if low > MOST_TIMES {
            return None;
        }
    }
    while high / low > 1.001 {
        let middle = libm::sqrt(low * high);
        if holds(middle) { high = middle } else { low = middle }
    }
    Some(high).filter(|&times| times <= MOST_TIMES)
}

/// The greatest of `low..high` at which `holds`, to within rounding; `low` where it holds nowhere.
fn bisect(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..48 {
        let middle = 0.5 * (low + high);
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use crate::statistics::{clopper_pearson, empirical_bernstein};

    fn prompts(sizes: &[u32]) -> Prompts {
        let labels: Vec<u32> =
            sizes.iter().zip(0..).flat_map(|(&size, prompt)| std::iter::repeat_n(prompt, size as usize)).collect();
        Prompts::new(&labels)
    }

    /// Hits of prompts whose responses all count, with probability `rate`, or none does.
    fn together(sizes: &[u32], rate: f64, stream: &mut Stream) -> Vec<u32> {
        sizes.iter().map(|&size| if stream.uniform() < rate { size } else { 0 }).collect()
    }

    #[test]
    fn hits_are_those_of_the_plain_loop() {
        let mut stream = Stream::new(4, Purpose::Synthetic, 0);
        let rows: Vec<Vec<f64>> = (0..2).map(|_| (0..333).map(|_| -5.0 * stream.uniform()).collect()).collect();
        let labels: Vec<u32> = (0..333).map(|_| u32::try_from(stream.below(40)).unwrap()).collect();
        let units = Prompts::new(&labels);
        let mut expected = vec![0; units.sizes.len()];
        for (i, &prompt) in units.of_response.iter().enumerate() {
            expected[prompt as usize] += u32::from(rows[0][i] - rows[1][i] >= 1.0);
        }
        assert_eq!(units.hits(&LogProbs::from_f64(rows).unwrap(), (0, 1), 1.0), expected);
        assert_eq!(units.sizes.iter().sum::<u32>(), 333);
    }

    #[test]
    fn limits_by_prompt_hold_the_truth_where_responses_move_together() {
        // 40 units, not 400.
        let mut stream = Stream::new(8, Purpose::Synthetic, 0);
        let sizes = [10; 40];
        let units = prompts(&sizes);
        let (mut below, mut above, mut narrow, mut wider) = (0, 0, 0, 0);
        for _ in 0..2000 {
            let hits = together(&sizes, 0.3, &mut stream);
            let total: u32 = hits.iter().sum();
            let low = units.lower(&hits, 0.05);
            let high = units.greatest_upper([total].into_iter(), |_| Ok::<_, ()>(hits.clone()), 0.05).unwrap();
            let share = f64::from(total) / 400.0;
            assert!(low <= share && share <= high);
            below += u32::from(high < 0.3);
            above += u32::from(low > 0.3);
            narrow += u32::from(!clopper_pearson(u64::from(total), 400, 0.9).contains(0.3));
            let variance = 40.0 / 39.0 * share * (1.0 - share);
            wider += u32::from(empirical_bernstein(share, variance, 40, 0.05).high > high);
        }
        assert!(below <= 100 && above <= 100, "{below} {above} of 2000");
        assert!(narrow > 600, "responses taken as independent miss the truth: {narrow} of 2000");
        assert_eq!(wider, 2000, "empirical Bernstein limits are wider");
    }

    #[test]
    fn the_greatest_limit_is_that_of_all_rivals_looked_at() {
        let mut stream = Stream::new(3, Purpose::Synthetic, 0);
        let sizes: Vec<u32> = (0..60).map(|prompt| 1 + prompt % 5).collect();
        let units = prompts(&sizes);
        let mut spared = 0;
        for _ in 0..50 {
            let mut rivals: Vec<Vec<u32>> = Vec::new();
            for _ in 0..12 {
                let rate = 0.8 * stream.uniform();
                rivals.push(together(&sizes, rate, &mut stream));
            }
            let count = |hits: &Vec<u32>| hits.iter().sum::<u32>();
            rivals.sort_by_key(|hits| std::cmp::Reverse(count(hits)));
            let mut looks = 0;
            let look = |place: usize| {
                looks += 1;
                Ok::<_, ()>(rivals[place].clone())
            };
            let found = units.greatest_upper(rivals.iter().map(count), look, 0.025).unwrap();
            spared += rivals.len() - looks;
            let each = rivals.iter().map(|hits| {
                let by_bets = BoundedMean::of_shares(hits, &sizes).upper(0.95 * 0.025);
                by_bets.min(units.upper_by_count(count(hits), 0.05 * 0.025))
            });
            let expected = each.fold(0.0, f64::max);
            assert!((found - expected).abs() < 1e-8, "{found} {expected}");
        }
        assert!(spared > 100, "{spared}");
    }

    #[test]
    fn differences_are_shown_no_oftener_than_the_level_where_there_are_none() {
        let mut stream = Stream::new(9, Purpose::Synthetic, 0);
        let sizes: Vec<u32> = (0..60).map(|prompt| 5 + prompt % 6).collect();
        let units = prompts(&sizes);
        let (mut wrong, mut right) = (0, 0);
        for _ in 0..2000 {
            let (first, second) = (together(&sizes, 0.2, &mut stream), together(&sizes, 0.2, &mut stream));
            wrong += u32::from(units.shown_by_hits(&first, &second, 0.05));
            let more = together(&sizes, 0.6, &mut stream);
            right += u32::from(units.shown_by_hits(&more, &second, 0.05));
        }
        assert!(wrong <= 100, "{wrong} of 2000");
        assert!(right > 1900, "{right} of 2000");
    }

    #[test]
    fn what_counts_alone_show_any_spread_shows() {
        let units = prompts(&[4; 100]);
        assert!(units.shown_by_counts(400, 0, 1e-6) && !units.shown_by_counts(30, 0, 1e-6));
        assert!(!units.shown_by_counts(3, 3, 0.9) && !units.shown_by_counts(2, 3, 0.9));
        // Every prompt alike, or the hits in as few prompts as can be.
        for hits in [vec![2; 100], (0..100).map(|prompt| if prompt < 50 { 4 } else { 0 }).collect()] {
            assert!(units.shown_by_counts(200, 0, 1e-3) && units.shown_by_hits(&hits, &[0; 100], 1e-3));
        }
    }

    #[test]
    fn more_prompts_alike_show_what_few_do_not() {
        let (first, second) = ([1, 2, 0, 1, 0, 1, 2, 0], [1, 1, 0, 1, 0, 1, 2, 0]);
        let units = prompts(&[5; 8]);
        assert!(!units.shown_by_hits(&first, &second, 0.05));
        let times = units.times_to_show(&first, &second, 0.05).unwrap();
        assert!(times > 1.0);
        let copies = |hits: &[u32], times: usize| hits.repeat(times);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of copies")]
        let many = (times + 1.0) as usize;
        let more = prompts(&vec![5; 8 * many]);
        assert!(more.shown_by_hits(&copies(&first, many), &copies(&second, many), 0.05));
        assert_eq!(units.times_to_show(&second, &second, 0.05), None);
        assert_eq!(units.times_to_show(&second, &first, 0.05), None);
    }

    #[test]
    fn the_limit_by_count_is_the_binomial_bound_where_sizes_are_equal() {
        let units = prompts(&[7; 50]);
        let upper = units.upper_by_count(70, 0.01);
        // 50·KL(0.2‖u) = log 100, above the exact limit of a binomial share.
        let kl = 0.2 * (0.2 / upper).ln() + 0.8 * (0.8 / (1.0 - upper)).ln();
        assert!((50.0 * kl - 100.0_f64.ln()).abs() < 1e-6);
        assert!(upper > clopper_pearson(10, 50, 0.98).high);
    }
}
