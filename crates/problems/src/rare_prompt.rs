//! A rare prompt (Proposition 3.2): KL of every proper estimator pays for the horizon, Cov_N does not.

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::linear::DataDistribution;
use coverage_principle_core::random::Stream;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::instance::{
    Claim, Condition, Description, Estimate, Instance, ModelClass, Quantity, Relation, check_count, check_real, named,
    plain,
};
use super::rare_prompts::{RarePrompts, RarePromptsOptions};

/// Options of [`RarePrompt`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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

/// [`RarePrompts`] at d = 1, ρ = ½, |θ*| = 1: X = {0, 1}, μ(1) = 1/(2n), tokens ±1, φ(0, ·) = 0, φ(1, y_{1:h}) = B·y_h,
/// Θ = [−1, 1], θ* = ±1.
///
/// Shows that KL depends on the horizon however one estimates: with probability about e^{−1/2} no prompt 1 is seen,
/// then nothing tells the sign of θ*, and whatever θ̂ is chosen, for one of the two signs
/// KL ≥ (H/2n)·D_KL(Ber(σ(2B)) ‖ Ber(½)). Cov_N is at most μ(1) = 1/(2n) whatever H is.
///
/// Token 0 stands for −1 and token 1 for +1. The MLE where nothing is seen is θ̂ = 0, where training starts.
#[derive(Clone, Debug)]
pub struct RarePrompt {
    options: RarePromptOptions,
    rare: RarePrompts,
}

impl RarePrompt {
    /// The instance.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &RarePromptOptions) -> Result<Self> {
        let RarePromptOptions { responses, horizon, sign, bound } = *options;
        check_count("responses", responses, 1, 1_000_000_000)?;
        check_count("horizon", horizon, 1, 1_000_000)?;
        check_real("bound", bound, 0.0, 100.0)?;
        if sign.abs() != 1.0 {
            return Err(Error::option("sign", format!("sign must be -1 or 1, not {sign}.")));
        }
        let rare =
            RarePromptsOptions { responses, horizon, logit: 2.0 * bound, bound: Some(bound), ..Default::default() };
        Ok(Self { options: options.clone(), rare: RarePrompts::with_signs(&rare, bound, vec![sign])? })
    }
}

impl Instance for RarePrompt {
    fn describe(&self) -> Description {
        let n = self.options.responses as f64;
        let paper = self.options.horizon as f64 / (4.0 * n);
        let unseen = (n * (-self.rare.rare()).ln_1p()).exp();
        let lower = "KL is at least that of θ̂ = 0, (H/2n)·D_KL(Ber(σ(2B)) ‖ Ber(½)), for θ* = +1 or −1";
        Description {
            name: "prop-3.2",
            title: "A rare prompt",
            source: "Proposition 3.2",
            shows: "KL of every proper estimator grows like H/n; Cov_N is at most 1/(2n) whatever H is",
            options: plain(&self.options),
            derived: named(&[
                ("rare", self.rare.rare()),
                ("unseenProbability", unseen),
                ("unavoidableKl", self.rare.untrained_kl()),
                ("paperKl", paper),
            ]),
            prompts: Some(2),
            vocabulary: 2,
            horizon: self.options.horizon as usize,
            estimators: vec!["mle"],
            conditions: vec![Condition::new(
                "The paper's constant, KL ≥ H/(4n), needs B so large that D_KL(Ber(σ(2B)) ‖ Ber(½)) ≥ ½ (B ≥ 1.5)",
                self.rare.untrained_kl() >= paper,
            )],
            claims: vec![
                Claim::new("Proposition 3.2", Quantity::Kl, Relation::AtLeast, lower)
                    .of("mle")
                    .value(self.rare.untrained_kl())
                    .with_probability(unseen.min(0.25))
                    .like("H", 1.0)
                    .like("n", -1.0),
                Claim::new(
                    "Proposition 3.2",
                    Quantity::Kl,
                    Relation::AtLeast,
                    "KL ≥ H/(4n), the paper's constant (B ≥ 1.5)",
                )
                .of("mle")
                .value(paper)
                .with_probability(0.25),
                Claim::new("Proposition 3.2", Quantity::Cov, Relation::AtMost, "Cov_N ≤ μ(1) = 1/(2n) for every N > 1")
                    .of("mle")
                    .at(2.0)
                    .value(self.rare.rare())
                    .with_probability(1.0)
                    .by_construction()
                    .like("H", 0.0)
                    .like("n", -1.0),
            ],
        }
    }

    fn data(&self) -> &DataDistribution {
        self.rare.data()
    }

    fn class(&self) -> Result<ModelClass> {
        self.rare.class()
    }

    fn theta_star(&self) -> Option<&[f64]> {
        self.rare.theta_star()
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>> {
        let mut estimates = self.rare.trial(budgets, stream)?;
        estimates.retain(|estimate| estimate.estimator == "mle");
        Ok(estimates)
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::random::Purpose;

    use super::*;

    fn instance(horizon: u64, bound: f64) -> RarePrompt {
        RarePrompt::new(&RarePromptOptions { responses: 10, horizon, sign: -1.0, bound }).unwrap()
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
        let unavoidable = instance(7, 1.0).describe().derived["unavoidableKl"];
        assert!((unavoidable / (7.0 / 20.0) - 0.327_81).abs() < 1e-4);
        assert!(instance(7, 1.5).describe().conditions[0].holds);
        assert!(!instance(7, 1.0).describe().conditions[0].holds);
    }

    #[test]
    fn the_sign_and_the_scale_are_those_asked_for() {
        let instance = instance(4, 1.3);
        assert!((instance.theta_star().unwrap()[0] + 1.0).abs() < 1e-12);
        let [minus, plus] = crate::tests::log_probs_of_tokens(&**instance.data().policy(), 1)[..] else {
            panic!("two tokens")
        };
        assert!((minus - plus - 2.6).abs() < 1e-12 && instance.data().mu().probability(1) == 0.05);
    }
}
