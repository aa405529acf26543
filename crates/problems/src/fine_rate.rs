//! The fine rate of maximum likelihood (Proposition 4.1(b)): Cov_N ≥ c·d/(n log N).

use std::sync::Arc;

use coverage_principle_core::error::{Code, Error, Result};
use coverage_principle_core::linear::{DataDistribution, PromptWeights};
use coverage_principle_core::random::Stream;
use coverage_principle_core::statistics::{draw_binomial, draw_uniform_counts};
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::instance::{
    Claim, Condition, Description, Estimate, Instance, ModelClass, NamedPolicy, Quantity, Relation, check_count,
    check_real, covered, named, plain,
};
use super::token_table::TokenTable;

/// Options of [`FineRate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FineRateOptions {
    /// n, how many responses the estimator sees: 1 to 10^9. Default 10,000.
    pub responses: u64,
    /// d, prompts besides prompt 0: 1 to 10^6, at most n. Default 100.
    pub dim: u64,
    /// The N of the construction: the wrong models give 1/N to the only response to prompt 0. Above 1. Default 16.
    #[serde(rename = "N")]
    pub n: f64,
    /// c0 of ε = c0·√(d/n) and p = c0·ε²/log N. In (0, 1). Default 0.5.
    pub c0: f64,
    /// p = μ(0), instead of the construction's.
    pub rare: Option<f64>,
}

impl Default for FineRateOptions {
    fn default() -> Self {
        Self { responses: 10_000, dim: 100, n: 16.0, c0: 0.5, rare: None }
    }
}

/// X = {0, …, d}, Y = {0, 1}, ε = c0√(d/n), p = c0·ε²/log N, μ(0) = p, the other prompts equally likely.
/// π_D(· | i ≥ 1) = Ber(½), π_D(1 | 0) = 1. The class has π_D, and for each sign vector the model Ber(1/N) at 0 and
/// Ber((1 + εθ_i)/2) at i.
///
/// Shows that the fine term of Theorem 4.1 is real: a wrong model fits the noise of d coin flips so well that this
/// outweighs a factor N on the few responses to prompt 0; so maximum likelihood takes it, and Cov_N = p ≍ d/(n log N).
#[derive(Clone, Debug)]
pub struct FineRate {
    options: FineRateOptions,
    pub(super) signs: SignPrompts,
    log_n: f64,
    data: DataDistribution,
}

/// Prompt 0 of probability p and d prompts with a coin each, whose bias is at most ε in the class.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignPrompts {
    pub(super) responses: u64,
    pub(super) dim: u64,
    pub(super) epsilon: f64,
    pub(super) rare: f64,
}

/// How often prompt 0 came, and for each other prompt how often it and how often a 1 came.
#[derive(Clone, Debug)]
pub(super) struct SignCounts {
    pub(super) rare: u64,
    pub(super) coins: Vec<(u64, u64)>,
}

impl SignPrompts {
    pub(super) fn new(responses: u64, dim: u64, c0: f64, rare: Option<f64>, default_rare: f64) -> Result<Self> {
        check_count("responses", responses, 1, 1_000_000_000)?;
        check_count("dim", dim, 1, responses.min(1_000_000))?;
        check_real("c0", c0, 0.0, 1.0 - f64::EPSILON)?;
        let epsilon = c0 * (dim as f64 / responses as f64).sqrt();
        let rare = rare.unwrap_or(default_rare);
        check_real("rare", rare, 0.0, 0.5)?;
        Ok(Self { responses, dim, epsilon, rare })
    }

    pub(super) fn draw(&self, stream: &mut Stream) -> SignCounts {
        let rare = draw_binomial(self.responses, self.rare, stream);
        let coins = draw_uniform_counts(self.responses - rare, self.dim as usize, stream)
            .into_iter()
            .map(|seen| (seen, draw_binomial(seen, 0.5, stream)))
            .collect();
        SignCounts { rare, coins }
    }

    /// μ.
    pub(super) fn mu(&self) -> Result<PromptWeights> {
        let mut mu = vec![(1.0 - self.rare) / self.dim as f64; self.dim as usize + 1];
        mu[0] = self.rare;
        PromptWeights::new(&mu)
    }

    /// π_D.
    pub(super) fn truth(&self) -> Result<TokenTable> {
        let mut log_probs = vec![-std::f64::consts::LN_2; 2 * (self.dim as usize + 1)];
        (log_probs[0], log_probs[1]) = (f64::NEG_INFINITY, 0.0);
        TokenTable::identical(2, 1, log_probs)
    }

    /// The model with the bias ε·sign at each prompt and probability `escape` of the 1 at prompt 0.
    pub(super) fn biased(&self, signs: &[f64], log_escape: f64) -> Result<TokenTable> {
        let mut log_probs = vec![(-log_escape.exp()).ln_1p(), log_escape];
        for &sign in signs {
            log_probs.extend([self.log_prob(-sign), self.log_prob(sign)]);
        }
        TokenTable::identical(2, 1, log_probs)
    }

    /// log((1 + ε·sign)/2).
    fn log_prob(&self, sign: f64) -> f64 {
        (self.epsilon * sign).ln_1p() - std::f64::consts::LN_2
    }

    /// All sign vectors.
    ///
    /// # Errors
    /// [`Code::TooLarge`] for more than 12 signs.
    pub(super) fn sign_vectors(&self) -> Result<Vec<Vec<f64>>> {
        if self.dim > 12 {
            return Err(Error::new(
                Code::TooLarge,
                format!("The class has 2^{} + 1 models: it is listed for dim up to 12 only.", self.dim),
            ));
        }
        Ok((0..1u32 << self.dim)
            .map(|bits| (0..self.dim).map(|index| if bits >> index & 1 == 1 { 1.0 } else { -1.0 }).collect())
            .collect())
    }

    /// By how much the best sign vector's log-likelihood of the coins exceeds that of fair coins.
    pub(super) fn best_gain(&self, counts: &SignCounts) -> f64 {
        let (up, down) = (self.epsilon.ln_1p(), (-self.epsilon).ln_1p());
        counts
            .coins
            .iter()
            .map(|&(seen, ones)| {
                let (more, fewer) = (ones.max(seen - ones), ones.min(seen - ones));
                more as f64 * up + fewer as f64 * down
            })
            .sum()
    }

    /// KL and Cov_N of a model that is Ber(escape) at 0 and has bias `share`·ε at every other prompt.
    pub(super) fn measures(&self, log_escape: f64, share: f64, budgets: &Ratios) -> (f64, Vec<f64>) {
        let bias = share * self.epsilon;
        let (up, down) = (-bias.ln_1p(), -(-bias).ln_1p());
        let common = 1.0 - self.rare;
        let kl = self.rare * -log_escape + common * 0.5 * (up + down);
        let cov = budgets.log_n().iter().map(|&log_n| {
            self.rare * covered(-log_escape, log_n) + common * 0.5 * (covered(up, log_n) + covered(down, log_n))
        });
        (kl.max(0.0), cov.collect())
    }
}

impl FineRate {
    /// The instance.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range, and for constants that make p exceed ½.
    pub fn new(options: &FineRateOptions) -> Result<Self> {
        check_real("N", options.n, 1.0, 1e100)?;
        let log_n = Ratios::new(&[options.n])?.log_n()[0];
        let rare = options.c0.powi(3) * options.dim as f64 / (options.responses as f64 * log_n);
        let signs = SignPrompts::new(options.responses, options.dim, options.c0, options.rare, rare)?;
        let data = DataDistribution::new(signs.mu()?, Arc::new(signs.truth()?), None)?;
        Ok(Self { options: options.clone(), signs, log_n, data })
    }

    /// ε.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        self.signs.epsilon
    }

    /// p = μ(0), the Cov_N of every wrong model.
    #[must_use]
    pub fn rare(&self) -> f64 {
        self.signs.rare
    }
}

impl Instance for FineRate {
    fn describe(&self) -> Description {
        let claim = "Cov_N ≥ p = c0³·d/(n log N): maximum likelihood takes a model that is wrong at prompt 0";
        // A fair coin thrown m = n/d times gives the better sign about c0·√(2/π) − c0²/2 nats.
        let c0 = self.options.c0;
        let gain = c0 * std::f64::consts::FRAC_2_PI.sqrt() - c0 * c0 / 2.0;
        let cost = self.signs.rare * self.options.responses as f64 * self.log_n / self.options.dim as f64;
        Description {
            name: "prop-4.1b",
            title: "The fine rate of maximum likelihood",
            source: "Proposition 4.1(b)",
            shows: "Cov_N of the MLE is of order d/(n log N): noise fitted in many places outweighs a factor N in one",
            options: plain(&self.options),
            derived: named(&[
                ("epsilon", self.signs.epsilon),
                ("rare", self.signs.rare),
                ("gainPerPrompt", gain),
                ("costPerPrompt", cost),
            ]),
            prompts: Some(self.options.dim as usize + 1),
            vocabulary: 2,
            horizon: 1,
            estimators: vec!["mle"],
            conditions: vec![Condition::new(
                "What d fair coins give the best sign vector outweighs n·p·log N on average",
                gain > cost,
            )],
            claims: vec![
                Claim::new("Proposition 4.1(b)", Quantity::Cov, Relation::AtLeast, claim)
                    .of("mle")
                    .at(self.options.n)
                    .value(self.signs.rare)
                    .with_probability(0.1)
                    .like("d", 1.0)
                    .like("n", -1.0)
                    .like("log N", -1.0),
            ],
        }
    }

    fn data(&self) -> &DataDistribution {
        &self.data
    }

    fn class(&self) -> Result<ModelClass> {
        let mut models =
            vec![NamedPolicy { name: "data distribution".to_owned(), policy: Arc::new(self.signs.truth()?) }];
        for (index, signs) in self.signs.sign_vectors()?.into_iter().enumerate() {
            let policy = Arc::new(self.signs.biased(&signs, -self.log_n)?);
            models.push(NamedPolicy { name: format!("signs {index}"), policy });
        }
        Ok(ModelClass::Finite(models))
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>> {
        let counts = self.signs.draw(stream);
        let gain = self.signs.best_gain(&counts);
        let cost = counts.rare as f64 * self.log_n;
        // The data distribution comes first in the class: it wins a tie.
        let wrong = gain > cost;
        let (kl, cov) =
            if wrong { self.signs.measures(-self.log_n, 1.0, budgets) } else { self.signs.measures(0.0, 0.0, budgets) };
        let details = named(&[
            ("wrong", f64::from(u8::from(wrong))),
            ("gain", gain),
            ("cost", cost),
            ("rareSeen", counts.rare as f64),
        ]);
        Ok(vec![Estimate { estimator: "mle", kl, cov, details }])
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::linear::Responses;
    use coverage_principle_core::random::Purpose;
    use coverage_principle_core::{Control, Workers};

    use super::*;
    use crate::tests::enumerated;

    fn instance(responses: u64, dim: u64) -> FineRate {
        FineRate::new(&FineRateOptions { responses, dim, ..FineRateOptions::default() }).unwrap()
    }

    fn models(instance: &FineRate) -> Vec<NamedPolicy> {
        let ModelClass::Finite(models) = instance.class().unwrap() else { panic!("finite") };
        models
    }

    #[test]
    fn measures_agree_with_enumeration() {
        let instance = instance(40, 3);
        let budgets = Ratios::new(&[1.0, 1.1, 16.0, 16.1]).unwrap();
        for (index, model) in models(&instance).iter().enumerate() {
            let (kl, cov) = if index == 0 {
                instance.signs.measures(0.0, 0.0, &budgets)
            } else {
                instance.signs.measures(-instance.log_n, 1.0, &budgets)
            };
            for (&log_n, cov) in budgets.log_n().iter().zip(cov) {
                let expected = enumerated(instance.data(), &*model.policy, log_n);
                assert!((kl - expected.0).abs() < 1e-14 && (cov - expected.1).abs() < 1e-14, "{}", model.name);
            }
        }
    }

    /// The best of all 2^d + 1 models on listed responses, against the choice from counts.
    #[test]
    fn the_choice_from_counts_is_the_maximum_likelihood_of_the_listed_class() {
        let instance = instance(40, 3);
        let models = models(&instance);
        let (mut wrong, trials) = (0, 60);
        for trial in 0..trials {
            let mut stream = Stream::new(9, Purpose::Data, trial);
            let counts = instance.signs.draw(&mut stream);
            let mut responses = Responses::new();
            for _ in 0..counts.rare {
                responses.push(0, &[1]);
            }
            for (index, &(seen, ones)) in counts.coins.iter().enumerate() {
                for throw in 0..seen {
                    responses.push(index + 1, &[u32::from(throw < ones)]);
                }
            }
            assert_eq!(responses.len(), 40);
            let total = |model: &NamedPolicy| -> f64 {
                model.policy.log_probs(&responses, &Workers::sequential(), &Control::new()).unwrap().iter().sum()
            };
            let truth = total(&models[0]);
            let best = models[1..].iter().map(total).fold(f64::NEG_INFINITY, f64::max);
            let cost = counts.rare as f64 * instance.log_n;
            assert!((best - truth - (instance.signs.best_gain(&counts) - cost)).abs() < 1e-10);
            let estimate = instance
                .trial(&Ratios::new(&[16.0]).unwrap(), &mut Stream::new(9, Purpose::Data, trial))
                .unwrap()
                .remove(0);
            assert_eq!(estimate.details["wrong"] == 1.0, best > truth);
            assert_eq!(estimate.cov[0] == instance.rare(), best > truth);
            wrong += i32::from(best > truth);
        }
        assert!(wrong > 6, "{wrong} of {trials}");
    }

    #[test]
    fn a_million_responses_fool_the_mle_at_the_rate_claimed() {
        let instance = instance(1_000_000, 400);
        let mut stream = Stream::new(1, Purpose::Data, 0);
        let budgets = Ratios::new(&[16.0, 16.5]).unwrap();
        let wrong = (0..20)
            .filter(|_| {
                let estimate = instance.trial(&budgets, &mut stream).unwrap().remove(0);
                assert_eq!(estimate.cov[1], 0.0);
                estimate.cov[0] == instance.rare()
            })
            .count();
        assert!(wrong >= 15, "{wrong} of 20");
    }

    #[test]
    fn nonsense_is_refused() {
        for options in [
            FineRateOptions { n: 1.0, ..FineRateOptions::default() },
            FineRateOptions { dim: 0, ..FineRateOptions::default() },
            FineRateOptions { dim: 20_000, ..FineRateOptions::default() },
            FineRateOptions { c0: 1.0, ..FineRateOptions::default() },
            FineRateOptions { rare: Some(0.7), ..FineRateOptions::default() },
        ] {
            assert_eq!(FineRate::new(&options).unwrap_err().code, Code::InvalidOption);
        }
        assert_eq!(instance(100, 13).class().unwrap_err().code, Code::TooLarge);
    }
}
