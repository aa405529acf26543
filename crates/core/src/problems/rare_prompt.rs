//! A rare prompt (Proposition 3.2): KL of every proper estimator pays for the horizon, Cov_N does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::instance::{
    Claim, Condition, Description, Estimate, Instance, LinearClass, ModelClass, Quantity, Relation, check_count,
    check_real, plain,
};
use super::tail::{binary_kl, identical_tokens, log_bernoulli};
use super::token_table::TokenTable;
use crate::error::{Error, Result};
use crate::linear::features::{Layout, TableFeatures};
use crate::linear::{Constraint, DataDistribution, PromptWeights};
use crate::random::Stream;
use crate::statistics::draw_binomial;
use crate::tournament::Ratios;

/// Options of [`RarePrompt`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RarePromptOptions {
    /// n, how many responses the estimator sees; μ(1) = 1/(2n). 1 to 10^9. Default 100.
    pub responses: u64,
    /// H, tokens of a response: 1 to 10^6. Default 32.
    pub horizon: u64,
    /// θ*, −1 or +1. Default +1.
    pub sign: f64,
    /// B, the scale of the features: φ(1, y_{1:h}) = B·y_h. In (0, 100]. The paper has 1, which is the default.
    pub bound: f64,
}

impl Default for RarePromptOptions {
    fn default() -> Self {
        Self { responses: 100, horizon: 32, sign: 1.0, bound: 1.0 }
    }
}

/// d = 1, X = {0, 1}, μ(1) = 1/(2n), tokens ±1, φ(0, ·) = 0, φ(1, y_{1:h}) = B·y_h, Θ = [−1, 1], θ* = ±1.
///
/// Shows that KL depends on the horizon however one estimates: with probability about e^{−1/2} no prompt 1 is seen,
/// then nothing tells the sign of θ*, and whatever θ̂ is chosen, for one of the two signs
/// KL ≥ (H/2n)·D_KL(Ber(σ(2B)) ‖ Ber(½)). Cov_N is at most μ(1) = 1/(2n) whatever H is.
///
/// Token 0 stands for −1 and token 1 for +1. The MLE where nothing is seen is θ̂ = 0, where training starts.
#[derive(Clone, Debug)]
pub struct RarePrompt {
    options: RarePromptOptions,
    theta: [f64; 1],
    data: DataDistribution,
}

impl RarePrompt {
    /// The instance.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &RarePromptOptions) -> Result<Self> {
        check_count("responses", options.responses, 1, 1_000_000_000)?;
        check_count("horizon", options.horizon, 1, 1_000_000)?;
        check_real("bound", options.bound, 0.0, 100.0)?;
        if options.sign.abs() != 1.0 {
            return Err(Error::option("sign", format!("sign must be -1 or 1, not {}.", options.sign)));
        }
        let half = 0.5f64.ln();
        let [minus, plus] = log_bernoulli(2.0 * options.bound * options.sign);
        let policy = TokenTable::identical(2, options.horizon as usize, vec![half, half, minus, plus])?;
        let rare = 0.5 / options.responses as f64;
        let data = DataDistribution::new(PromptWeights::new(&[1.0 - rare, rare])?, Arc::new(policy), None)?;
        Ok(Self { options: options.clone(), theta: [options.sign], data })
    }

    /// μ(1).
    #[must_use]
    pub fn rare(&self) -> f64 {
        0.5 / self.options.responses as f64
    }

    /// log-probabilities of the tokens −1 and +1 at prompt 1 under θ.
    fn at_rare(&self, theta: f64) -> [f64; 2] {
        log_bernoulli(2.0 * self.options.bound * theta)
    }

    /// D_KL(π_D ‖ π_θ) = μ(1)·H·D_KL of one token.
    #[must_use]
    pub fn kl(&self, theta: f64) -> f64 {
        let plus = self.at_rare(self.theta[0])[1].exp();
        self.rare() * self.options.horizon as f64 * binary_kl(plus, self.at_rare(theta))
    }

    /// Cov_N(π_D ‖ π_θ) at log N, from the binomial number of tokens +1.
    #[must_use]
    pub fn cov(&self, theta: f64, log_n: f64) -> f64 {
        let at_rare = identical_tokens(self.options.horizon, &self.at_rare(self.theta[0]), &self.at_rare(theta), log_n);
        let at_common = if log_n <= 0.0 { 1.0 } else { 0.0 };
        self.rare() * at_rare + (1.0 - self.rare()) * at_common
    }

    /// The KL that no proper estimator can avoid for both signs where no prompt 1 was seen: that of θ̂ = 0.
    #[must_use]
    pub fn unavoidable_kl(&self) -> f64 {
        self.kl(0.0)
    }

    /// The MLE on Θ from how many tokens +1 there were among all `tokens` at prompt 1.
    #[must_use]
    pub fn mle(&self, plus: u64, tokens: u64) -> f64 {
        if tokens == 0 {
            return 0.0;
        }
        let logit = (plus as f64).ln() - ((tokens - plus) as f64).ln();
        (logit / (2.0 * self.options.bound)).clamp(-1.0, 1.0)
    }
}

impl Instance for RarePrompt {
    fn describe(&self) -> Description {
        let n = self.options.responses as f64;
        let paper = self.options.horizon as f64 / (4.0 * n);
        let unseen = (n * (-self.rare()).ln_1p()).exp();
        let lower = "KL is at least that of θ̂ = 0, (H/2n)·D_KL(Ber(σ(2B)) ‖ Ber(½)), for θ* = +1 or −1";
        Description {
            name: "prop-3.2",
            title: "A rare prompt",
            source: "Proposition 3.2",
            shows: "KL of every proper estimator grows like H/n; Cov_N is at most 1/(2n) whatever H is",
            options: plain(&self.options),
            derived: BTreeMap::from([
                ("rare", self.rare()),
                ("unseenProbability", unseen),
                ("unavoidableKl", self.unavoidable_kl()),
                ("paperKl", paper),
            ]),
            prompts: Some(2),
            vocabulary: 2,
            horizon: self.options.horizon as usize,
            estimators: vec!["mle"],
            conditions: vec![Condition::new(
                "The paper's constant, KL ≥ H/(4n), needs B so large that D_KL(Ber(σ(2B)) ‖ Ber(½)) ≥ ½ (B ≥ 1.5)",
                self.unavoidable_kl() >= paper,
            )],
            claims: vec![
                Claim::new("Proposition 3.2", Quantity::Kl, Relation::AtLeast, lower)
                    .of("mle")
                    .value(self.unavoidable_kl())
                    .with_probability(unseen.min(0.25))
                    .like("H", 1.0)
                    .like("n", -1.0),
                Claim::new("Proposition 3.2", Quantity::Cov, Relation::AtMost, "Cov_N ≤ μ(1) = 1/(2n) for every N > 1")
                    .of("mle")
                    .at(2.0)
                    .value(self.rare())
                    .with_probability(1.0)
                    .like("H", 0.0)
                    .like("n", -1.0),
            ],
        }
    }

    fn data(&self) -> &DataDistribution {
        &self.data
    }

    fn class(&self) -> Result<ModelClass> {
        let b = self.options.bound;
        let features =
            TableFeatures::new(Layout::Prompt { prompts: 2 }, 2, 1, vec![0.0, 0.0, -b, b], Some(b.max(1.0)))?;
        Ok(ModelClass::Linear(LinearClass {
            features: Arc::new(features),
            constraint: Constraint::Ball { radius: 1.0 },
            start: vec![0.0],
        }))
    }

    fn theta_star(&self) -> Option<&[f64]> {
        Some(&self.theta)
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>> {
        let seen = draw_binomial(self.options.responses, self.rare(), stream);
        let tokens = seen * self.options.horizon;
        let plus = draw_binomial(tokens, self.at_rare(self.theta[0])[1].exp(), stream);
        let theta = self.mle(plus, tokens);
        Ok(vec![Estimate {
            estimator: "mle",
            kl: self.kl(theta),
            cov: budgets.log_n().iter().map(|&log_n| self.cov(theta, log_n)).collect(),
            details: BTreeMap::from([("seen", seen as f64), ("theta", theta)]),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::Model;
    use crate::problems::tests::enumerated;
    use crate::random::Purpose;

    fn instance(horizon: u64, bound: f64) -> RarePrompt {
        RarePrompt::new(&RarePromptOptions { responses: 10, horizon, sign: -1.0, bound }).unwrap()
    }

    #[test]
    fn closed_forms_agree_with_enumeration() {
        let instance = instance(5, 1.3);
        let ModelClass::Linear(class) = instance.class().unwrap() else { panic!("linear") };
        for theta in [-1.0, -0.2, 0.0, 0.7] {
            let model = Model::new(class.features.clone(), vec![theta]).unwrap();
            for budget in [1.0f64, 1.7, 4.0, 30.0] {
                let (kl, cov) = enumerated(instance.data(), &model, crate::statistics::log_n(budget));
                assert!((instance.kl(theta) - kl).abs() < 1e-13);
                // At θ = θ* every ratio is 1 up to rounding: N = 1 is a tie of rounding errors.
                if theta != -1.0 || budget > 1.0 {
                    assert!(
                        (instance.cov(theta, crate::statistics::log_n(budget)) - cov).abs() < 1e-13,
                        "{theta} {budget}"
                    );
                }
            }
        }
        let truth = Model::new(class.features, instance.theta_star().unwrap()).unwrap();
        assert!(enumerated(instance.data(), &truth, 0.0).0.abs() < 1e-13);
    }

    #[test]
    fn kl_grows_with_the_horizon_and_cov_does_not() {
        let budgets = Ratios::new(&[2.0]).unwrap();
        for horizon in [8, 512] {
            let instance = instance(horizon, 1.6);
            let mut stream = Stream::new(2, Purpose::Data, 0);
            let mut above = 0;
            for _ in 0..400 {
                let estimate = instance.trial(&budgets, &mut stream).unwrap().remove(0);
                above += i32::from(estimate.kl >= horizon as f64 / 40.0);
                assert!(estimate.cov[0] <= 0.05);
            }
            assert!(above >= 100, "horizon {horizon}: {above} of 400");
        }
    }

    #[test]
    fn the_paper_s_constant_needs_larger_features() {
        assert!((instance(7, 1.0).unavoidable_kl() / (7.0 / 20.0) - 0.327_81).abs() < 1e-4);
        assert!(instance(7, 1.5).describe().conditions[0].holds);
        assert!(!instance(7, 1.0).describe().conditions[0].holds);
    }

    #[test]
    fn the_mle_maximises_the_likelihood() {
        let instance = instance(4, 1.2);
        for (plus, tokens) in [(0, 0), (0, 4), (3, 4), (5, 8), (8, 8)] {
            let likelihood = |theta: f64| {
                let [minus, one] = instance.at_rare(theta);
                plus as f64 * one + (tokens - plus) as f64 * minus
            };
            let best = instance.mle(plus, tokens);
            for step in -100..=100 {
                assert!(likelihood(best) >= likelihood(f64::from(step) / 100.0) - 1e-12);
            }
        }
    }
}
