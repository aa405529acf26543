//! Limits of the share p_ab on which one model is at least N times as likely as another.

use crate::log_probs::LogProbs;
use crate::resample::number_labels;

/// The independent units of the data.
pub(super) enum Units {
    /// Each response by itself.
    Responses(u32),
    /// All responses to a prompt together.
    Prompts {
        /// The number of each response's prompt.
        of_response: Vec<u32>,
        /// How many responses each prompt has.
        sizes: Vec<u32>,
    },
}

impl Units {
    /// Responses, or prompts where there is a label for each response.
    pub(super) fn new(responses: u32, prompts: Option<&[u32]>) -> Self {
        let Some(labels) = prompts else { return Self::Responses(responses) };
        let (of_response, count) = number_labels(labels);
        let mut sizes = vec![0; count];
        for &prompt in &of_response {
            sizes[prompt as usize] += 1;
        }
        Self::Prompts { of_response, sizes }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Responses(count) => *count as usize,
            Self::Prompts { sizes, .. } => sizes.len(),
        }
    }
}

/// How many responses to each prompt count for the pair.
pub(super) fn hits_by_prompt(
    log_probs: &LogProbs,
    (a, b): (usize, usize),
    log_n: f64,
    of_response: &[u32],
    prompts: usize,
) -> Vec<u32> {
    let mut hits = vec![0; prompts];
    let (above, own) = (log_probs.row_f64(a), log_probs.row_f64(b));
    for ((above, own), &prompt) in above.iter().zip(&own).zip(of_response) {
        hits[prompt as usize] += u32::from(above - own >= log_n);
    }
    hits
}

/// Limits of the share of counting responses from its numbers by prompt, without asymptotics: Maurer and Pontil's
/// empirical Bernstein inequality (2009) on hits less the share times the size, one limit at a time.
pub(super) struct PromptShares<'a> {
    hits: &'a [u32],
    sizes: &'a [u32],
    greatest: f64,
}

impl<'a> PromptShares<'a> {
    pub(super) fn new(hits: &'a [u32], sizes: &'a [u32]) -> Self {
        Self { hits, sizes, greatest: f64::from(sizes.iter().copied().max().unwrap_or(1)) }
    }

    /// The share of all responses.
    pub(super) fn mean(&self) -> f64 {
        let sum = |values: &[u32]| values.iter().map(|&value| f64::from(value)).sum::<f64>();
        sum(self.hits) / sum(self.sizes)
    }

    /// Mean and variance, over prompts, of hits less `share` times the size, as parts of the greatest size.
    fn moments(&self, share: f64) -> (f64, f64) {
        let count = self.hits.len() as f64;
        let excess = || {
            let pairs = self.hits.iter().zip(self.sizes);
            pairs.map(|(&hits, &size)| (f64::from(hits) - share * f64::from(size)) / self.greatest)
        };
        let mean = excess().sum::<f64>() / count;
        let squares: f64 = excess().map(|value| (value - mean) * (value - mean)).sum();
        (mean, squares / (count - 1.0))
    }

    /// Whether the mean excess over `share` is significantly positive (`sign` 1) or negative (−1) with so many times the
    /// prompts.
    fn rejects(&self, share: f64, sign: f64, tail: f64, times: f64) -> bool {
        let count = self.hits.len() as f64 * times;
        if self.hits.len() < 2 {
            return false;
        }
        let (mean, variance) = self.moments(share);
        let log = libm::log(2.0 / tail);
        sign * mean > libm::sqrt(2.0 * variance * log / count) + 7.0 * log / (3.0 * (count - 1.0))
    }

    /// A limit that the truth is below with probability at most `tail`.
    pub(super) fn lower(&self, tail: f64) -> f64 {
        self.lower_with(tail, 1.0)
    }

    /// A limit that the truth is above with probability at most `tail`.
    pub(super) fn upper(&self, tail: f64) -> f64 {
        self.upper_with(tail, 1.0)
    }

    /// The lower limit if there were `times` as many prompts like these.
    pub(super) fn lower_with(&self, tail: f64, times: f64) -> f64 {
        bisect(0.0, self.mean(), |share| self.rejects(share, 1.0, tail, times))
    }

    /// The upper limit if there were `times` as many prompts like these.
    pub(super) fn upper_with(&self, tail: f64, times: f64) -> f64 {
        1.0 - bisect(0.0, 1.0 - self.mean(), |rest| self.rejects(1.0 - rest, -1.0, tail, times))
    }
}

/// No less than the upper limit of any share of so many hits, however they spread over the prompts: values in an interval
/// of length 1 vary most where they lie at its ends (Bhatia and Davis 2000).
pub(super) fn widest_upper(count: u32, sizes: &[u32], tail: f64) -> f64 {
    let prompts = sizes.len() as f64;
    if sizes.len() < 2 {
        return 1.0;
    }
    let greatest = f64::from(sizes.iter().copied().max().unwrap_or(1));
    let total: f64 = sizes.iter().map(|&size| f64::from(size)).sum();
    let log = libm::log(2.0 / tail);
    1.0 - bisect(0.0, 1.0 - f64::from(count) / total, |rest| {
        let share = 1.0 - rest;
        let mean = (f64::from(count) - share * total) / greatest / prompts;
        let variance = ((rest - mean) * (mean + share)).max(0.0) * prompts / (prompts - 1.0);
        -mean > libm::sqrt(2.0 * variance * log / prompts) + 7.0 * log / (3.0 * (prompts - 1.0))
    })
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
    use crate::statistics::clopper_pearson;

    #[test]
    fn the_widest_limit_is_no_less_than_that_of_any_spread() {
        let mut stream = Stream::new(3, Purpose::Synthetic, 0);
        let sizes: Vec<u32> = (0..30).map(|prompt| 1 + prompt % 5).collect();
        for _ in 0..200 {
            let rate = 0.4 * stream.uniform();
            let hits: Vec<u32> =
                sizes.iter().map(|&size| (0..size).map(|_| u32::from(stream.uniform() < rate)).sum()).collect();
            let upper = PromptShares::new(&hits, &sizes).upper(0.025);
            assert!(upper <= widest_upper(hits.iter().sum(), &sizes, 0.025) + 1e-9);
        }
    }

    #[test]
    fn limits_by_prompt_hold_the_truth_where_responses_move_together() {
        // Each prompt's responses all count, with probability 0.3, or none does: 40 units, not 400.
        let mut stream = Stream::new(8, Purpose::Synthetic, 0);
        let sizes = vec![10; 40];
        let (mut below, mut above, mut narrow) = (0, 0, 0);
        for _ in 0..2000 {
            let hits: Vec<u32> = (0..40).map(|_| if stream.uniform() < 0.3 { 10 } else { 0 }).collect();
            let shares = PromptShares::new(&hits, &sizes);
            let (low, high) = (shares.lower(0.05), shares.upper(0.05));
            assert!(low <= shares.mean() && shares.mean() <= high);
            below += u32::from(high < 0.3);
            above += u32::from(low > 0.3);
            let total: u32 = hits.iter().sum();
            narrow += u32::from(!clopper_pearson(u64::from(total), 400, 0.9).contains(0.3));
        }
        assert!(below <= 100 && above <= 100, "{below} {above} of 2000");
        assert!(narrow > 600, "responses taken as independent miss the truth: {narrow} of 2000");
    }

    #[test]
    fn more_prompts_alike_narrow_the_limits() {
        let (hits, sizes) = ([3, 0, 2, 1, 0, 4, 2, 2], [5; 8]);
        let shares = PromptShares::new(&hits, &sizes);
        assert!(shares.lower_with(0.05, 100.0) > shares.lower(0.05));
        assert!(shares.upper_with(0.05, 100.0) < shares.upper(0.05));
        assert!(shares.upper_with(0.05, 1e6) - shares.lower_with(0.05, 1e6) < 0.01);
        assert_eq!(PromptShares::new(&[1], &[2]).lower(0.05), 0.0);
    }
}
