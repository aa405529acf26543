//! Misspecification (Proposition E.1): maximum likelihood drops the model of good coverage, the tournament keeps it.

use std::sync::Arc;

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::linear::{DataDistribution, PromptWeights};
use coverage_principle_core::random::Stream;
use coverage_principle_core::statistics::draw_binomial;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::instance::{
    Claim, Condition, Description, Estimate, Instance, ModelClass, NamedPolicy, Quantity, Relation, check_count,
    check_real, covered, named, plain,
};
use super::token_table::TokenTable;

/// Options of [`Misspecification`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MisspecificationOptions {
    /// n, how many responses the estimators see: 1 to 10^9. Default 10,000.
    pub responses: u64,
    /// α, in (0, 1]: π_1 is off by a factor of at most e^α. Default 0.5.
    pub alpha: f64,
    /// M, above e^α: π_2 is off by a factor M at the rare prompt. Default 100.
    #[serde(rename = "M")]
    pub m: f64,
    /// The N of the tournaments, in (e^α, M]. Default 4.
    #[serde(rename = "N")]
    pub n: f64,
    /// a of the offset tournament, in [0, 1). Default 0.25.
    pub a: f64,
}

impl Default for MisspecificationOptions {
    fn default() -> Self {
        Self { responses: 10_000, alpha: 0.5, m: 100.0, n: 4.0, a: 0.25 }
    }
}

/// X = {+, −}, π_D ≡ Ber(½), μ(−) = p = α²/(32 log M). π_1 = Ber(1/(2e^α)) at +, Ber(½) at −; π_2 = Ber(½) at +,
/// Ber(1/(2M)) at −. Neither is π_D.
///
/// Shows that without realizability the least cross-entropy does not give the best coverage profile: π_2 loses
/// p·½·log M ≈ α²/64 nats where π_1 loses about α²/2, so maximum likelihood takes π_2, although Cov_N(π_1) = 0 for
/// N > e^α and Cov_N(π_2) = p/2 up to N = M. The tournament takes π_1.
///
/// Prompt 0 is +, prompt 1 is −.
#[derive(Clone, Debug)]
pub struct Misspecification {
    options: MisspecificationOptions,
    log_n: f64,
    rare: f64,
    /// log π_D(y | x) − log π_k(y | x), [model, prompt, token]; log M and α exactly, so that ties at N = M count.
    ratios: [DensityRatios; 2],
    data: DataDistribution,
}

/// Log density ratios, [prompt, token].
type DensityRatios = [[f64; 2]; 2];

/// How often each response came to each prompt, [prompt, token].
pub(super) type Cells = [[u64; 2]; 2];

impl Misspecification {
    /// The instance.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &MisspecificationOptions) -> Result<Self> {
        check_count("responses", options.responses, 1, 1_000_000_000)?;
        check_real("alpha", options.alpha, 0.0, 1.0)?;
        check_real("M", options.m, options.alpha.exp(), 1e100)?;
        check_real("N", options.n, options.alpha.exp(), options.m)?;
        if !(0.0..1.0).contains(&options.a) {
            return Err(Error::option("a", format!("a must be at least 0 and below 1, not {}.", options.a)));
        }
        let budgets = Ratios::new(&[options.n, options.m])?;
        let (log_n, log_m) = (budgets.log_n()[0], budgets.log_n()[1]);
        let rare = options.alpha * options.alpha / (32.0 * log_m);
        check_real("alpha", rare, 0.0, 0.5)?;
        let half = -std::f64::consts::LN_2;
        let below = |log_factor: f64| [half - (-0.5 * (-log_factor).exp()).ln_1p(), log_factor];
        let ratios = [[below(options.alpha), [0.0; 2]], [[0.0; 2], below(log_m)]];
        let policy = TokenTable::identical(2, 1, vec![half; 4])?;
        let data = DataDistribution::new(PromptWeights::new(&[1.0 - rare, rare])?, Arc::new(policy), None)?;
        Ok(Self { options: options.clone(), log_n, rare, ratios, data })
    }

    /// p = μ(−).
    #[must_use]
    pub fn rare(&self) -> f64 {
        self.rare
    }

    /// log π_k(y | x), [prompt, token], of π_1 or π_2 by index.
    pub(super) fn log_probs(&self, model: usize) -> [[f64; 2]; 2] {
        self.ratios[model].map(|row| row.map(|ratio| -std::f64::consts::LN_2 - ratio))
    }

    /// π_1 or π_2, by index.
    pub(super) fn model(&self, model: usize) -> Result<TokenTable> {
        TokenTable::identical(2, 1, self.log_probs(model).concat())
    }

    /// Σ π_D·f(ratio) over prompts and tokens.
    fn mean(&self, ratios: &DensityRatios, f: impl Fn(f64) -> f64) -> f64 {
        let of_prompt = |row: &[f64; 2]| 0.5 * (f(row[0]) + f(row[1]));
        (1.0 - self.rare) * of_prompt(&ratios[0]) + self.rare * of_prompt(&ratios[1])
    }

    /// KL of the model with these ratios.
    pub(super) fn kl(&self, ratios: &DensityRatios) -> f64 {
        self.mean(ratios, |ratio| ratio).max(0.0)
    }

    /// Cov_N of the model with these ratios.
    pub(super) fn cov(&self, ratios: &DensityRatios, budgets: &Ratios) -> Vec<f64> {
        budgets.log_n().iter().map(|&log_n| self.mean(ratios, |ratio| covered(ratio, log_n))).collect()
    }

    pub(super) fn draw(&self, stream: &mut Stream) -> Cells {
        let rare = draw_binomial(self.options.responses, self.rare, stream);
        [self.options.responses - rare, rare].map(|seen| {
            let ones = draw_binomial(seen, 0.5, stream);
            [seen - ones, ones]
        })
    }

    /// log-likelihood of both models.
    fn log_likelihoods(&self, cells: &Cells) -> [f64; 2] {
        [0, 1].map(|model| {
            let log_probs = self.log_probs(model);
            (0..2).flat_map(|x| (0..2).map(move |y| cells[x][y] as f64 * log_probs[x][y])).sum()
        })
    }

    /// Scores of both models in the tournament [28] with the offset [32] `weight`·Ĉ^π, 0 for the simple one; the
    /// expectations under the models are exact given the prompts.
    fn scores(&self, cells: &Cells, weight: f64) -> [f64; 2] {
        let n = self.options.responses as f64;
        [0, 1].map(|own| {
            let (rival, own_log_probs) = (1 - own, self.log_probs(own));
            let mut score = 0.0;
            for x in 0..2 {
                let seen = (cells[x][0] + cells[x][1]) as f64;
                for y in 0..2 {
                    let beaten = covered(self.ratios[own][x][y] - self.ratios[rival][x][y], self.log_n);
                    score += beaten * (cells[x][y] as f64 - weight * seen * own_log_probs[x][y].exp()) / n;
                }
            }
            // The model is its own rival too, with 0: no ratio of 1 reaches N > 1.
            score.max(0.0)
        })
    }

    /// log reach of both models: the greatest log ratio below log N on a response that was seen; −∞ without one.
    fn log_reaches(&self, cells: &Cells) -> [f64; 2] {
        [0, 1].map(|own| {
            let ratio = |(x, y): (usize, usize)| self.ratios[own][x][y] - self.ratios[1 - own][x][y];
            let seen = [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().filter(|&(x, y)| cells[x][y] > 0);
            let below = seen.map(ratio).filter(|&ratio| covered(ratio, self.log_n) == 0.0);
            below.fold(f64::NEG_INFINITY, f64::max)
        })
    }
}

/// The model of the least score; on a tie that of the smaller reach, then of the greater log-likelihood, then the first.
fn least(scores: [f64; 2], reaches: [f64; 2], log_likelihoods: [f64; 2]) -> usize {
    let order = scores[1].total_cmp(&scores[0]).then(reaches[1].total_cmp(&reaches[0]));
    usize::from(order.then(log_likelihoods[0].total_cmp(&log_likelihoods[1])).is_lt())
}

impl Instance for Misspecification {
    fn describe(&self) -> Description {
        let source = "Proposition E.1";
        let wrong = "Maximum likelihood takes π_2, Cov_M(π_2) = p/2 = α²/(64 log M), with probability at least ¼";
        let right = "The tournament at e^α < N ≤ M takes π_1, Cov_N(π_1) = 0";
        let cost = |model: usize| self.kl(&self.ratios[model]);
        Description {
            name: "prop-e.1",
            title: "Misspecification",
            source,
            shows: "Least cross-entropy takes a model of bad coverage profile where the tournament takes a good one",
            options: plain(&self.options),
            derived: named(&[("rare", self.rare), ("klOfFirst", cost(0)), ("klOfSecond", cost(1))]),
            prompts: Some(2),
            vocabulary: 2,
            horizon: 1,
            estimators: vec!["mle", "tournament", "offset-tournament"],
            conditions: vec![
                Condition::new("KL(π_2) < KL(π_1)", cost(1) < cost(0)),
                Condition::new(
                    "n·p ≥ 10, so that the rare prompt is seen and the tournament can tell",
                    self.options.responses as f64 * self.rare >= 10.0,
                ),
            ],
            claims: vec![
                Claim::new(source, Quantity::Cov, Relation::AtLeast, wrong)
                    .of("mle")
                    .at(self.options.m)
                    .value(self.rare / 2.0)
                    .with_probability(0.25)
                    .like("alpha", 2.0)
                    .like("log M", -1.0),
                Claim::new(source, Quantity::Cov, Relation::AtMost, right)
                    .of("tournament")
                    .at(self.options.n)
                    .value(0.0)
                    .with_probability(0.99),
                Claim::new(source, Quantity::Cov, Relation::AtMost, right)
                    .of("offset-tournament")
                    .at(self.options.n)
                    .value(0.0)
                    .with_probability(0.99),
            ],
        }
    }

    fn data(&self) -> &DataDistribution {
        &self.data
    }

    fn class(&self) -> Result<ModelClass> {
        Ok(ModelClass::Finite(vec![
            NamedPolicy { name: "pi 1".to_owned(), policy: Arc::new(self.model(0)?) },
            NamedPolicy { name: "pi 2".to_owned(), policy: Arc::new(self.model(1)?) },
        ]))
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>> {
        let cells = self.draw(stream);
        let log_likelihoods = self.log_likelihoods(&cells);
        let offset = 2.0 * self.options.n.powf(self.options.a);
        let choices = [
            ("mle", usize::from(log_likelihoods[1] > log_likelihoods[0])),
            ("tournament", least(self.scores(&cells, 0.0), self.log_reaches(&cells), log_likelihoods)),
            ("offset-tournament", least(self.scores(&cells, offset), [0.0; 2], log_likelihoods)),
        ];
        let rare_seen = (cells[1][0] + cells[1][1]) as f64;
        Ok(choices
            .map(|(estimator, choice)| {
                let (kl, cov) = (self.kl(&self.ratios[choice]), self.cov(&self.ratios[choice], budgets));
                let details = named(&[("choice", (choice + 1) as f64), ("rareSeen", rare_seen)]);
                Estimate { estimator, kl, cov, details }
            })
            .into())
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::log_probs::LogProbs;
    use coverage_principle_core::parallel::Workers;
    use coverage_principle_core::progress::Control;
    use coverage_principle_core::random::Purpose;
    use coverage_principle_core::tournament::tournament;

    use super::*;
    use crate::tests::enumerated;

    fn instance(responses: u64) -> Misspecification {
        Misspecification::new(&MisspecificationOptions { responses, ..MisspecificationOptions::default() }).unwrap()
    }

    #[test]
    fn measures_agree_with_enumeration() {
        let instance = instance(100);
        let ModelClass::Finite(models) = instance.class().unwrap() else { panic!("finite") };
        let budgets = Ratios::new(&[1.01, 1.3, 1.7, 2.1, 99.9, 100.1]).unwrap();
        for (index, model) in models.iter().enumerate() {
            let ratios = &instance.ratios[index];
            for (&log_n, (kl, cov)) in budgets
                .log_n()
                .iter()
                .zip(instance.cov(ratios, &budgets).into_iter().map(|cov| (instance.kl(ratios), cov)))
            {
                let expected = enumerated(instance.data(), &*model.policy, log_n);
                assert!((kl - expected.0).abs() < 1e-14 && (cov - expected.1).abs() < 1e-14);
            }
        }
        // Cov_M(π_2) = p/2: the ratio is M, a tie that counts.
        let at_m = Ratios::new(&[100.0]).unwrap();
        assert_eq!(instance.cov(&instance.ratios[1], &at_m), [instance.rare() / 2.0]);
        assert_eq!(instance.cov(&instance.ratios[0], &Ratios::new(&[1.7]).unwrap()), [0.0]);
    }

    #[test]
    fn likelihood_takes_the_second_and_the_tournaments_the_first() {
        let instance = instance(10_000);
        let budgets = Ratios::new(&[4.0, 100.0]).unwrap();
        let mut stream = Stream::new(3, Purpose::Data, 0);
        let trials = 500;
        let mut seconds = [0; 3];
        for _ in 0..trials {
            for (count, estimate) in seconds.iter_mut().zip(instance.trial(&budgets, &mut stream).unwrap()) {
                *count += i32::from(estimate.details["choice"] == 2.0);
                assert_eq!(estimate.cov[1] > 0.0, estimate.details["choice"] == 2.0);
            }
        }
        assert!(seconds[0] > trials / 4 && seconds[1] <= 5 && seconds[2] <= 5, "{seconds:?}");
    }

    /// The scores from counts are the plain tournament's over the listed responses.
    #[test]
    fn scores_from_counts_are_those_of_the_tournament() {
        let instance = instance(60);
        let cells: Cells = [[25, 30], [2, 3]];
        let mut rows = [Vec::new(), Vec::new()];
        for x in 0..2 {
            for y in 0..2 {
                for _ in 0..cells[x][y] {
                    rows[0].push(instance.log_probs(0)[x][y]);
                    rows[1].push(instance.log_probs(1)[x][y]);
                }
            }
        }
        let by_hand = |own: &[f64], rival: &[f64]| {
            own.iter().zip(rival).filter(|(own, rival)| *rival - *own >= instance.log_n).count() as f64 / 60.0
        };
        let scores = instance.scores(&cells, 0.0);
        assert!((scores[0] - by_hand(&rows[0], &rows[1])).abs() < 1e-15);
        assert!((scores[1] - by_hand(&rows[1], &rows[0])).abs() < 1e-15);
        assert_eq!(scores[0], 0.0);
        assert!((scores[1] - 3.0 / 60.0).abs() < 1e-15);
        let offset = instance.scores(&cells, 2.0);
        assert!((offset[1] - (3.0 - 2.0 * 5.0 * 0.005) / 60.0).abs() < 1e-15);
        let log_probs = LogProbs::from_f64(rows.to_vec()).unwrap();
        let ratios = Ratios::new(&[instance.options.n]).unwrap();
        let (_, results) = tournament(&log_probs, &ratios, &Workers::sequential(), &Control::new()).unwrap();
        for (reach, expected) in instance.log_reaches(&cells).into_iter().zip(&results[0].log_reach) {
            assert!((reach - expected).abs() < 1e-12, "{reach} {expected}");
        }
    }

    #[test]
    fn the_reach_decides_between_equal_scores() {
        assert_eq!(least([0.1, 0.1], [2.0, 1.0], [0.0, -1.0]), 1);
        assert_eq!(least([0.1, 0.1], [1.0, 1.0], [-1.0, 0.0]), 1);
        assert_eq!(least([0.1, 0.1], [1.0, 1.0], [0.0, 0.0]), 0);
        assert_eq!(least([0.0, 0.1], [2.0, 1.0], [-1.0, 0.0]), 0);
    }
}
