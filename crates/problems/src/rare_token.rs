//! A rare token: what normalized SGD with a small batch gives up (the term B/(K log N) of Theorem 5.1).

use coverage_principle_core::error::Result;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::Stream;
use coverage_principle_core::statistics::draw_binomial;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::instance::{
    Claim, Description, Estimate, Quantity, Relation, Study, check_count, check_real, covered, named, plain,
};
use coverage_principle_core::profile::tail::{binary_kl, log_bernoulli};

/// Options of [`RareToken`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RareTokenOptions {
    /// p, the probability of the rare token, in (0, ½]. Default 0.05.
    pub p: f64,
    /// K, fresh responses a step: 1 to 10^6. Default 8.
    pub batch_size: u64,
    /// T, steps: 1 to 10^6. Default 1000.
    pub steps: u64,
    /// B, at least |log odds of p|, so that θ* is in [−1, 1]; at most 100. Default 12.
    pub bound: f64,
    /// N, above 1. Default 4.
    #[serde(rename = "N")]
    pub n: f64,
    /// η. Default 0.02.
    pub step_size: f64,
    /// λ, not negative. Default that of Theorem 5.1 at its own step size 1/(128B), 8B·log N.
    pub lambda: Option<f64>,
}

impl Default for RareTokenOptions {
    fn default() -> Self {
        Self { p: 0.05, batch_size: 8, steps: 1000, bound: 12.0, n: 4.0, step_size: 0.02, lambda: None }
    }
}

/// Iterates at which Cov_N is measured.
const MEASURED: u64 = 50;

/// One prompt, one binary token, φ(y) = B·y, π_D(1) = p, Θ = [−1, 1], training by normalized SGD from θ*.
///
/// Shows that with λ = 0 a step on K responses follows the sign of a mean, whose median is 0 where K·p < log 2: the rare
/// token is given up. With the theorem's λ a step is nearly linear in the gradient, and it is not.
///
/// Cov_N is averaged over iterates; KL is that of the last.
#[derive(Clone, Debug)]
pub struct RareToken {
    options: RareTokenOptions,
    lambda: f64,
}

impl RareToken {
    /// The study.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &RareTokenOptions) -> Result<Self> {
        check_real("p", options.p, 0.0, 0.5)?;
        check_count("batchSize", options.batch_size, 1, 1_000_000)?;
        check_count("steps", options.steps, 1, 1_000_000)?;
        let least = ((1.0 - options.p) / options.p).ln();
        check_real("bound", options.bound, least - 1e-12, 100.0)?;
        check_real("N", options.n, 1.0, 1e100)?;
        check_real("stepSize", options.step_size, 0.0, 1e12)?;
        let lambda = options.lambda.unwrap_or(8.0 * options.bound * options.n.ln());
        check_real("lambda", lambda, -f64::MIN_POSITIVE, 1e300)?;
        Ok(Self { options: options.clone(), lambda })
    }
}

impl Study for RareToken {
    fn describe(&self) -> Description {
        let claim = "The averaged Cov_N is at most of the order of B/(K log N), whatever p is";
        Description {
            name: "rare-token",
            title: "A rare token and small batches",
            source: "Theorem 5.1",
            shows: "Without λ, normalized SGD on K responses gives up tokens of probability below about 0.7/K",
            options: plain(&RareTokenOptions { lambda: Some(self.lambda), ..self.options.clone() }),
            derived: named(&[("visits", self.options.p * self.options.batch_size as f64)]),
            prompts: Some(1),
            vocabulary: 2,
            horizon: 1,
            estimators: vec!["normalized-sgd"],
            conditions: Vec::new(),
            claims: vec![
                Claim::new("Theorem 5.1", Quantity::Cov, Relation::AtMost, claim)
                    .of("normalized-sgd")
                    .at(self.options.n)
                    .value(self.options.bound / (self.options.batch_size as f64 * self.options.n.ln()))
                    .with_probability(1.0)
                    .like("K", -1.0),
            ],
        }
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream, _: &Control) -> Result<Vec<Estimate>> {
        let RareTokenOptions { p, batch_size, steps, bound, step_size, .. } = self.options;
        let truth = [(-p).ln_1p(), p.ln()];
        let mut theta = (truth[1] - truth[0]) / bound;
        let every = steps.div_ceil(MEASURED);
        let (mut cov, mut measured) = (vec![0.0; budgets.len()], 0.0);
        for step in 1..=steps {
            let ones = draw_binomial(batch_size, p, stream) as f64;
            let gradient = bound * (ones / batch_size as f64 - log_bernoulli(bound * theta)[1].exp());
            if gradient != 0.0 {
                theta = (theta + step_size * gradient / (self.lambda + gradient.abs())).clamp(-1.0, 1.0);
            }
            if step.is_multiple_of(every) || step == steps {
                let model = log_bernoulli(bound * theta);
                measured += 1.0;
                for (sum, &log_n) in cov.iter_mut().zip(budgets.log_n()) {
                    *sum += (1.0 - p) * covered(truth[0] - model[0], log_n) + p * covered(truth[1] - model[1], log_n);
                }
            }
        }
        cov.iter_mut().for_each(|sum| *sum /= measured);
        let kl = binary_kl(p, log_bernoulli(bound * theta));
        Ok(vec![Estimate { estimator: "normalized-sgd", kl, cov, details: named(&[("theta", theta)]) }])
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::random::Purpose;

    use super::*;

    fn mean_cov(p: f64, lambda: Option<f64>) -> f64 {
        let study = RareToken::new(&RareTokenOptions { p, lambda, ..RareTokenOptions::default() }).unwrap();
        let budgets = Ratios::new(&[4.0]).unwrap();
        let trial = |index| study.trial(&budgets, &mut Stream::new(0, Purpose::Data, index), &Control::new()).unwrap();
        (0..10).map(|index| trial(index)[0].cov[0]).sum::<f64>() / 10.0
    }

    #[test]
    fn a_token_below_log_2_over_k_is_given_up_without_lambda_alone() {
        let (below, above) = (0.5 / 8.0, 2.0 / 8.0);
        assert!(mean_cov(below, Some(0.0)) > 0.8 * below);
        assert!(mean_cov(above, Some(0.0)) < 0.2 * above);
        assert_eq!(mean_cov(below, None), 0.0);
    }
}
