//! Which models may be best, with exact limits: no multiplicity is left over, ties included.
//!
//! With p_ab = P(L_a − L_b ≥ log N) the score of b is max_a p_ab, and b is truly best if its score is least. For any
//! other model c and any rival a of b there is then a rival a' of c (the one that makes c's score) with p_ab ≤ p_a'c. So b
//! is ruled out if, for some c and a, p_ab > p_a'c is shown for every a': each by McNemar's exact test on the responses on
//! which just one of the two counts, at α/(M(M − 1)), which pays for the choice of c and a. Tried are c = the winner and a
//! = the worst rival of b.
//!
//! Where prompts repeat they are the units, and limits of p_ab by prompt decide, each at half of α/(M(M − 1)): b is ruled
//! out if some lower limit of its score exceeds the upper limit of the winner's.

use super::limits::{PromptShares, Units, hits_by_prompt, widest_upper};
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::statistics::{BinomialLimits, Interval, at_least};
use crate::tournament::{Counts, Tournament, indicator};

/// Beyond this many times the responses nothing is foretold.
const MOST_TIMES: f64 = 1e6;

/// What is asked of one tournament.
pub(super) struct Question<'a> {
    pub(super) log_probs: &'a LogProbs,
    pub(super) units: &'a Units,
    pub(super) counts: &'a Counts,
    /// Index of the N into the counts.
    pub(super) ratio: usize,
    pub(super) log_n: f64,
    pub(super) result: &'a Tournament,
}

/// Which models may be best at one N.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Possible {
    /// In the order of the ranking; the winner is always the first.
    pub(super) models: Vec<usize>,
    /// How many times the units it would take to leave the winner alone, if shares stayed as they are; 1 where it is
    /// alone, `None` where that would never do, or not within [`MOST_TIMES`].
    pub(super) times: Option<f64>,
}

/// What came of trying to rule a model out.
struct Attempt {
    out: bool,
    times: Option<f64>,
}

impl Question<'_> {
    /// The models that may be best, wrong with probability at most `alpha`.
    pub(super) fn possible(&self, alpha: f64, workers: &Workers, control: &Control) -> Result<Possible> {
        let models = self.counts.models();
        let tail = alpha / (models * (models - 1)) as f64;
        let others = &self.result.ranking[1..];
        let attempts = match self.units {
            Units::Responses(_) => self.by_responses(tail, others, workers, control)?,
            Units::Prompts { of_response, sizes } => {
                self.by_prompts(0.5 * tail, others, of_response, sizes, workers, control)?
            }
        };
        let mut left = vec![self.result.winner];
        left.extend(others.iter().zip(&attempts).filter(|(_, attempt)| !attempt.out).map(|(&model, _)| model));
        let mut times = attempts.iter().map(|attempt| attempt.times);
        Ok(Possible {
            models: left,
            times: times.try_fold(1.0_f64, |most, times| Some(most.max(times?))).filter(|&times| times <= MOST_TIMES),
        })
    }

    /// Rivals of `model`, those with the greatest counts first; at N = 1 the model itself, too.
    fn rivals(&self, model: usize) -> Vec<usize> {
        let mut rivals: Vec<usize> =
            (0..self.counts.models()).filter(|&rival| rival != model || self.log_n == 0.0).collect();
        rivals.sort_by_key(|&rival| (std::cmp::Reverse(self.counts.get(self.ratio, rival, model)), rival));
        rivals
    }

    fn by_responses(&self, tail: f64, others: &[usize], workers: &Workers, control: &Control) -> Result<Vec<Attempt>> {
        let winner = self.result.winner;
        let rivals = self.rivals(winner);
        let masks = workers
            .map(rivals.len(), control, |place| Ok(indicator(self.log_probs, rivals[place], winner, self.log_n)))?;
        workers.map(others.len(), control, |place| {
            let model = others[place];
            let own = indicator(self.log_probs, self.result.rivals[model], model, self.log_n);
            let mut attempt = Attempt { out: true, times: Some(1.0) };
            for mask in &masks {
                let (more, less) = discordant(&own, mask);
                if !shown(more, less, tail) {
                    attempt.out = false;
                    // Of tests that fail the one that takes longest decides.
                    attempt.times = attempt.times.and_then(|times| Some(times.max(times_to_show(more, less, tail)?)));
                    if attempt.times.is_none() {
                        break;
                    }
                }
            }
            Ok(attempt)
        })
    }

    fn by_prompts(
        &self,
        tail: f64,
        others: &[usize],
        of_response: &[u32],
        sizes: &[u32],
        workers: &Workers,
        control: &Control,
    ) -> Result<Vec<Attempt>> {
        let hits = |a: usize, b: usize| hits_by_prompt(self.log_probs, (a, b), self.log_n, of_response, sizes.len());
        let winner = self.result.winner;
        let rivals = self.rivals(winner);
        let winners = workers.map(rivals.len(), control, |place| Ok(hits(rivals[place], winner)))?;
        let upper = |times: f64| {
            winners.iter().map(|hits| PromptShares::new(hits, sizes).upper_with(tail, times)).fold(0.0, f64::max)
        };
        let now = upper(1.0);
        workers.map(others.len(), control, |place| {
            let model = others[place];
            let own = hits(self.result.rivals[model], model);
            let own = PromptShares::new(&own, sizes);
            if own.lower(tail) > now {
                return Ok(Attempt { out: true, times: Some(1.0) });
            }
            let shown = |times: f64| own.lower_with(tail, times) > upper(times);
            Ok(Attempt { out: false, times: least_times(shown) })
        })
    }

    /// Intervals of all scores, each by itself at confidence 1 − `alpha`, valid at the size at hand: the lower end pays
    /// for the choice of the worst rival, the upper one needs not.
    pub(super) fn score_intervals(&self, alpha: f64, workers: &Workers, control: &Control) -> Result<Vec<Interval>> {
        let models = self.counts.models();
        let (low, high) = (alpha / (2 * (models - 1)) as f64, 0.5 * alpha);
        match self.units {
            Units::Responses(n) => workers.map(models, control, |model| {
                let (count, n) = (u64::from(self.result.score_counts[model]), u64::from(*n));
                Ok(Interval {
                    low: BinomialLimits::new(n, low).lower(count),
                    high: BinomialLimits::new(n, high).upper(count),
                })
            }),
            Units::Prompts { of_response, sizes } => workers.map(models, control, |model| {
                let mut interval = Interval { low: 0.0, high: 0.0 };
                for (place, rival) in self.rivals(model).into_iter().enumerate() {
                    let count = self.counts.get(self.ratio, rival, model);
                    // Every rival further on counts no more often, and no spread of its hits gives more than this.
                    if place > 0 && widest_upper(count, sizes, high) <= interval.high {
                        break;
                    }
                    control.check()?;
                    let hits = hits_by_prompt(self.log_probs, (rival, model), self.log_n, of_response, sizes.len());
                    let shares = PromptShares::new(&hits, sizes);
                    if place == 0 {
                        interval.low = shares.lower(low);
                    }
                    interval.high = interval.high.max(shares.upper(high));
                }
                Ok(interval)
            }),
        }
    }
}

/// On how many responses the first mask is set and the second is not, and the reverse.
fn discordant(first: &[u64], second: &[u64]) -> (u64, u64) {
    first.iter().zip(second).fold((0, 0), |(more, less), (a, b)| {
        (more + u64::from((a & !b).count_ones()), less + u64::from((b & !a).count_ones()))
    })
}

/// McNemar's exact test: whether so many more than less would be seen with probability at most `tail` if both were
/// equally likely.
fn shown(more: u64, less: u64, tail: f64) -> bool {
    if more <= less {
        return false;
    }
    // Hoeffding's bound decides most tests without the tail of the binomial distribution.
    let (gap, all) = (0.5 * (more - less) as f64, (more + less) as f64);
    libm::exp(-2.0 * gap * gap / all) <= tail || at_least(more + less, more, 0.5) <= tail
}

/// How many times the responses it takes until [`shown`], if shares stay.
fn times_to_show(more: u64, less: u64, tail: f64) -> Option<f64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "far below 2^64")]
    let scaled = |count: u64, times: f64| (count as f64 * times).round() as u64;
    (more > less).then(|| least_times(|times| shown(scaled(more, times), scaled(less, times), tail))).flatten()
}

/// The least factor in 1..=[`MOST_TIMES`] at which something holds that goes on holding, to within a thousandth.
fn least_times(holds: impl Fn(f64) -> bool) -> Option<f64> {
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
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use crate::tournament::{Ratios, tournament};

    fn ask<T>(log_probs: &LogProbs, prompts: Option<&[u32]>, n: f64, ask: impl Fn(&Question<'_>, &Workers) -> T) -> T {
        let (workers, control) = (Workers::sequential(), Control::new());
        let ratios = Ratios::new(&[n]).unwrap();
        let (counts, results) = tournament(log_probs, &ratios, &workers, &control).unwrap();
        let units = Units::new(counts.responses(), prompts);
        let question = Question {
            log_probs,
            units: &units,
            counts: &counts,
            ratio: 0,
            log_n: ratios.log_n()[0],
            result: &results[0],
        };
        ask(&question, &workers)
    }

    fn possible(log_probs: &LogProbs, prompts: Option<&[u32]>, n: f64) -> Possible {
        ask(log_probs, prompts, n, |question, workers| question.possible(0.05, workers, &Control::new()).unwrap())
    }

    /// Three models; the third is twice as unlikely on the first `bad` of `n` responses, the second on half as many.
    fn steps(n: usize, bad: usize) -> LogProbs {
        let row = |hit: usize| (0..n).map(|i| if i < hit { -9.0 } else { -1.0 }).collect();
        LogProbs::from_f64(vec![row(0), row(bad / 2), row(bad)]).unwrap()
    }

    #[test]
    fn models_are_ruled_out_as_evidence_grows() {
        // Level 0.05/6 a test: seven responses, none the other way round, are the least that shows it.
        assert_eq!(possible(&steps(400, 6), None, 2.0).models, [0, 1, 2]);
        assert_eq!(possible(&steps(400, 12), None, 2.0).models, [0, 1]);
        assert_eq!(possible(&steps(400, 14), None, 2.0), Possible { models: vec![0], times: Some(1.0) });
        let times = possible(&steps(400, 6), None, 2.0).times.unwrap();
        assert!((times * 3.0 - 6.5).abs() < 0.1, "{times}");
    }

    #[test]
    fn equal_models_stay_and_never_part() {
        let row: Vec<f64> = (0..500).map(|i| -1.0 - f64::from(i % 7)).collect();
        let worse: Vec<f64> = row.iter().map(|value| value - 3.0).collect();
        let log_probs = LogProbs::from_f64(vec![worse, row.clone(), row]).unwrap();
        assert_eq!(possible(&log_probs, None, 4.0), Possible { models: vec![1, 2], times: None });
    }

    #[test]
    fn prompts_with_responses_alike_are_so_many_units_and_no_more() {
        // 2,000 responses, 100 of them against the second model: clear, unless they are to two of 40 prompts.
        let log_probs = steps(2000, 200);
        assert_eq!(possible(&log_probs, None, 2.0).models, [0]);
        let labels: Vec<u32> = (0..2000).map(|i| i / 50).collect();
        let by_prompts = possible(&log_probs, Some(&labels), 2.0);
        assert_eq!(by_prompts.models, [0, 1, 2]);
        assert!(by_prompts.times.unwrap() > 1.0);
    }

    #[test]
    fn score_intervals_hold_the_score_and_are_never_points() {
        let mut stream = Stream::new(2, Purpose::Synthetic, 0);
        let rows = (0..5).map(|_| (0..300).map(|_| -6.0 * stream.uniform()).collect()).collect();
        let log_probs = LogProbs::from_f64(rows).unwrap();
        let labels: Vec<u32> = (0..300).map(|i| i % 60).collect();
        for prompts in [None, Some(&labels[..])] {
            for n in [2.0, 1e9] {
                ask(&log_probs, prompts, n, |question, workers| {
                    let intervals = question.score_intervals(0.05, workers, &Control::new()).unwrap();
                    for (interval, &score) in intervals.iter().zip(&question.result.scores) {
                        assert!(interval.low <= score && score <= interval.high && interval.low < interval.high);
                    }
                });
            }
        }
    }

    #[test]
    fn a_test_shows_what_the_binomial_tail_says() {
        // P(Bin(6, 1/2) = 6) = 1/64, which rounding may miss by an ulp.
        assert!(shown(6, 0, 1.0 / 63.9) && !shown(6, 0, 1.0 / 64.1) && !shown(0, 0, 0.9) && !shown(5, 5, 0.9));
        assert!(times_to_show(3, 3, 0.01).is_none());
    }
}
