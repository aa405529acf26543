//! Which models may be best, with exact limits: no multiplicity is left over, ties included.
//!
//! With p_ab = P(L_a − L_b ≥ log N) the score of b is max_a p_ab, and b is truly best if its score is least. For any
//! other model c and any rival a of b there is then a rival a' of c (the one that makes c's score) with p_ab ≤ p_a'c. So b
//! is ruled out if, for some c and a, p_ab > p_a'c is shown for every a': each by McNemar's exact test on the responses on
//! which just one of the two counts, at α/(M(M − 1)), which pays for the choice of c and a. Tried are c = the winner and a
//! = the worst rival of b.
//!
//! Where prompts repeat they are the units: the same tests are made on the differences prompt by prompt, which lie in
//! [−1, 1] and are bet on.

use std::sync::OnceLock;

use super::limits::{Prompts, Units, least_times};
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::order;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::statistics::{BinomialLimits, Interval, at_least};
use crate::tournament::{Counts, Tournament, indicator};

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
    /// alone, `None` where that would never do, or not within a million.
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
            Units::Prompts(prompts) => self.by_prompts(tail, others, prompts, workers, control)?,
        };
        let mut left = vec![self.result.winner];
        left.extend(others.iter().zip(&attempts).filter(|(_, attempt)| !attempt.out).map(|(&model, _)| model));
        let mut times = attempts.iter().map(|attempt| attempt.times);
        Ok(Possible { models: left, times: times.try_fold(1.0_f64, |most, times| Some(most.max(times?))) })
    }

    /// Rivals of `model`, those with the greatest counts first; at N = 1 the model itself, too.
    fn rivals(&self, model: usize) -> Vec<usize> {
        let mut rivals: Vec<usize> =
            (0..self.counts.models()).filter(|&rival| rival != model || self.log_n == 0.0).collect();
        order::indices_by_key(&mut rivals, |rival| {
            (std::cmp::Reverse(self.counts.get(self.ratio, rival, model)), rival)
        });
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
            let (mut out, mut hardest) = (true, None::<Discordant>);
            for mask in &masks {
                let discordant = Discordant::between(&own, mask);
                // Once a test has failed the others only say how far it is to go.
                out = out && discordant.shown(tail);
                if hardest.is_none_or(|hardest| discordant.strength() < hardest.strength()) {
                    hardest = Some(discordant);
                }
                if discordant.strength() <= 0.0 {
                    break;
                }
            }
            let times = if out { Some(1.0) } else { hardest.and_then(|hardest| hardest.times_to_show(tail)) };
            Ok(Attempt { out, times })
        })
    }

    fn by_prompts(
        &self,
        tail: f64,
        others: &[usize],
        prompts: &Prompts,
        workers: &Workers,
        control: &Control,
    ) -> Result<Vec<Attempt>> {
        let hits = |a: usize, b: usize| prompts.hits(self.log_probs, (a, b), self.log_n);
        let winner = self.result.winner;
        let rivals = self.rivals(winner);
        // Most rivals of the winner are told apart from those of others by their counts alone.
        let winners: Vec<OnceLock<Vec<u32>>> = rivals.iter().map(|_| OnceLock::new()).collect();
        workers.map(others.len(), control, |place| {
            let model = others[place];
            let rival = self.result.rivals[model];
            let count = self.counts.get(self.ratio, rival, model);
            let own = OnceLock::new();
            let mut attempt = Attempt { out: true, times: Some(1.0) };
            for (&other, hits_of_other) in rivals.iter().zip(&winners) {
                if prompts.shown_by_counts(count, self.counts.get(self.ratio, other, winner), tail) {
                    continue;
                }
                control.check()?;
                let own = own.get_or_init(|| hits(rival, model));
                let winners = hits_of_other.get_or_init(|| hits(other, winner));
                if !attempt.out || !prompts.shown_by_hits(own, winners, tail) {
                    // Once a test has failed the others only say how far it is to go.
                    attempt.out = false;
                    let needed = prompts.times_to_show(own, winners, tail);
                    attempt.times = attempt.times.and_then(|times| Some(times.max(needed?)));
                    if attempt.times.is_none() {
                        break;
                    }
                }
            }
            Ok(attempt)
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
            Units::Prompts(prompts) => workers.map(models, control, |model| {
                let rivals = self.rivals(model);
                let hits = |place: usize| {
                    control.check()?;
                    Ok(prompts.hits(self.log_probs, (rivals[place], model), self.log_n))
                };
                let counts = rivals.iter().map(|&rival| self.counts.get(self.ratio, rival, model));
                Ok(Interval { low: prompts.lower(&hits(0)?, low), high: prompts.greatest_upper(counts, hits, high)? })
            }),
        }
    }
}

/// On how many responses just one of two pairs counts.
#[derive(Clone, Copy)]
struct Discordant {
    /// The first only.
    more: u64,
    /// The second only.
    less: u64,
}

impl Discordant {
    fn between(first: &[u64], second: &[u64]) -> Self {
        first.iter().zip(second).fold(Self { more: 0, less: 0 }, |Self { more, less }, (a, b)| Self {
            more: more + u64::from((a & !b).count_ones()),
            less: less + u64::from((b & !a).count_ones()),
        })
    }

    /// The square of the excess of the first in standard deviations, negative where the second has it: what is less strong
    /// takes longer to show.
    fn strength(self) -> f64 {
        let (gap, all) = (self.more as f64 - self.less as f64, (self.more + self.less) as f64);
        if all > 0.0 { gap * gap.abs() / all } else { 0.0 }
    }

    /// McNemar's exact test: whether so many more than less would be seen with probability at most `tail` if both were
    /// equally likely.
    fn shown(self, tail: f64) -> bool {
        let Self { more, less } = self;
        if more <= less {
            return false;
        }
        // Hoeffding's bound decides most tests without the tail of the binomial distribution.
        libm::exp(-0.5 * self.strength()) <= tail || at_least(more + less, more, 0.5) <= tail
    }

    /// How many times the responses it takes until it is shown, if shares stay.
    fn times_to_show(self, tail: f64) -> Option<f64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "far below 2^64")]
        let scaled = |count: u64, times: f64| (count as f64 * times).round() as u64;
        let many = |times| Self { more: scaled(self.more, times), less: scaled(self.less, times) };
        (self.more > self.less).then(|| least_times(|times| many(times).shown(tail))).flatten()
    }
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
    fn the_lower_limit_of_a_score_pays_for_the_choice_of_the_worst_rival() {
        let log_probs = steps(400, 14);
        let intervals = ask(&log_probs, None, 2.0, |question, workers| {
            question.score_intervals(0.05, workers, &Control::new()).unwrap()
        });
        let limits = |confidence| crate::statistics::clopper_pearson(14, 400, confidence);
        // One of two rivals: 0.05/4 below, 0.05/2 above.
        assert!((intervals[2].low - limits(0.975).low).abs() < 1e-9 && limits(0.95).low - intervals[2].low > 1e-4);
        assert!((intervals[2].high - limits(0.95).high).abs() < 1e-9);
    }

    #[test]
    fn a_test_shows_what_the_binomial_tail_says() {
        let shown = |more, less, tail| Discordant { more, less }.shown(tail);
        // P(Bin(6, 1/2) = 6) = 1/64, which rounding may miss by an ulp.
        assert!(shown(6, 0, 1.0 / 63.9) && !shown(6, 0, 1.0 / 64.1) && !shown(0, 0, 0.9) && !shown(5, 5, 0.9));
        assert!(Discordant { more: 3, less: 3 }.times_to_show(0.01).is_none());
        let between = Discordant::between(&[0b1101, 1], &[0b0111, 0]);
        assert_eq!((between.more, between.less), (2, 1));
        assert!((between.strength() - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn what_is_weaker_takes_longer() {
        let pairs = [(9, 1), (20, 10), (40, 31), (6, 0), (200, 180)];
        let of = |&(more, less): &(u64, u64)| Discordant { more, less };
        for (one, other) in pairs.iter().flat_map(|one| pairs.iter().map(move |other| (of(one), of(other)))) {
            if one.strength() < 0.8 * other.strength() {
                let times = |each: Discordant| each.times_to_show(1e-5).unwrap();
                assert!(times(one) > times(other));
            }
        }
    }
}
