//! Bernoulli missing mass (§3): where KL is infinite and Cov_N is not.

use std::sync::Arc;

use coverage_principle_core::error::Result;
use coverage_principle_core::linear::features::{Layout, TableFeatures};
use coverage_principle_core::linear::{Constraint, DataDistribution, PromptWeights};
use coverage_principle_core::random::Stream;
use coverage_principle_core::statistics::{at_most, draw_binomial, log_n};
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::instance::{
    Claim, Description, Estimate, Instance, LinearClass, ModelClass, Quantity, Relation, check_count, check_real,
    covered, named, plain,
};
use super::token_table::TokenTable;
use coverage_principle_core::profile::tail::binary_kl;

/// Options of [`Bernoulli`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BernoulliOptions {
    /// p*, the probability of token 1, in (0, 1). Default: 1/n, where missing the token is likely.
    pub p: Option<f64>,
    /// n, how many responses the estimator sees: 1 to 10^12. Default 100.
    pub responses: u64,
}

impl Default for BernoulliOptions {
    fn default() -> Self {
        Self { p: None, responses: 100 }
    }
}

/// π_D = Ber(p*), one prompt, one token; the MLE is the empirical frequency p̂ = k/n.
///
/// Shows that Cov_N can be small where KL is not finite at all: with probability (1−p*)^n no 1 is seen, π̂ excludes it
/// and KL is +∞, yet Cov_N ≲ log(1/δ)/n with probability 1−δ for all N ≥ 2 and any p*, since what is missed is rare.
#[derive(Clone, Debug)]
pub struct Bernoulli {
    p: f64,
    n: u64,
    data: DataDistribution,
}

impl Bernoulli {
    /// The instance.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &BernoulliOptions) -> Result<Self> {
        check_count("responses", options.responses, 1, 1_000_000_000_000)?;
        let n = options.responses;
        let p = options.p.unwrap_or(if n == 1 { 0.5 } else { 1.0 / n as f64 });
        check_real("p", p, 0.0, 1.0 - f64::EPSILON)?;
        let policy = TokenTable::identical(2, 1, vec![(-p).ln_1p(), p.ln()])?;
        let data = DataDistribution::new(PromptWeights::Uniform(1), Arc::new(policy), None)?;
        Ok(Self { p, n, data })
    }

    /// log-probabilities of tokens 0 and 1 under the MLE where a 1 came `ones` times.
    fn mle(&self, ones: u64) -> [f64; 2] {
        let n = self.n as f64;
        [((self.n - ones) as f64 / n).ln(), (ones as f64 / n).ln()]
    }

    /// log-probabilities of tokens 0 and 1 under π_D.
    fn log_probs(&self) -> [f64; 2] {
        [(-self.p).ln_1p(), self.p.ln()]
    }

    /// D_KL(Ber(p*) ‖ Ber(p̂)) where a 1 came `ones` times; +∞ where p̂ excludes a token.
    #[must_use]
    pub fn kl(&self, ones: u64) -> f64 {
        binary_kl(self.p, self.mle(ones))
    }

    /// Cov_N(Ber(p*) ‖ Ber(p̂)) at log N, where a 1 came `ones` times.
    #[must_use]
    pub fn cov(&self, ones: u64, log_n: f64) -> f64 {
        let (truth, model) = (self.log_probs(), self.mle(ones));
        (1.0 - self.p) * covered(truth[0] - model[0], log_n) + self.p * covered(truth[1] - model[1], log_n)
    }

    /// E Cov_N of the MLE over data sets, exactly, at log N: a token of probability q counts if its frequency is at
    /// most q/N, so the mean is p*·P(Bin(n, p*) ≤ np*/N) + (1−p*)·P(Bin(n, 1−p*) ≤ n(1−p*)/N).
    #[must_use]
    pub fn expected_cov(&self, log_n: f64) -> f64 {
        let n = self.n as f64;
        let term = |q: f64, log_q: f64| {
            // Ties are decided as `cov` decides them, by the logarithms.
            let counts = |k: u64| k == 0 || log_q - (k as f64 / n).ln() >= log_n;
            let mut most = ((n * q * (-log_n).exp()) as u64 + 1).min(self.n);
            while !counts(most) {
                most -= 1;
            }
            q * at_most(self.n, most, q)
        };
        let [log_zero, log_one] = self.log_probs();
        term(self.p, log_one) + term(1.0 - self.p, log_zero)
    }

    /// The probability that KL of the MLE is +∞: (1−p*)^n + p*^n.
    #[must_use]
    pub fn infinite_kl_probability(&self) -> f64 {
        let n = self.n as f64;
        (n * (-self.p).ln_1p()).exp() + (n * self.p.ln()).exp()
    }
}

impl Instance for Bernoulli {
    fn describe(&self) -> Description {
        let budget = 2.0f64;
        let delta = 0.05f64;
        let failure = "P(D_KL = +∞) = (1 − p*)^n + p*^n, however large n is chosen before p*";
        let miss = "Cov_N ≤ 4·log(2/δ)/(n(1 − 1/N)²) with probability 1 − δ = 0.95, whatever p* is";
        Description {
            name: "bernoulli",
            title: "Bernoulli missing mass",
            source: "§3",
            shows: "KL of the MLE is infinite with constant probability; Cov_N falls like 1/n for every N ≥ 2",
            options: plain(&BernoulliOptions { p: Some(self.p), responses: self.n }),
            derived: named(&[
                ("infiniteKlProbability", self.infinite_kl_probability()),
                ("expectedCov2", self.expected_cov(log_n(2.0))),
                ("expectedCov16", self.expected_cov(log_n(16.0))),
            ]),
            prompts: Some(1),
            vocabulary: 2,
            horizon: 1,
            estimators: vec!["mle"],
            conditions: Vec::new(),
            claims: vec![
                Claim::new("§3", Quantity::InfiniteKl, Relation::Equal, failure)
                    .of("mle")
                    .value(self.infinite_kl_probability()),
                Claim::new("§3", Quantity::Cov, Relation::AtMost, miss)
                    .of("mle")
                    .at(budget)
                    .value(cov_bound(self.n, budget, delta))
                    .with_probability(1.0 - delta)
                    .like("n", -1.0),
                Claim::new("§3", Quantity::Cov, Relation::Equal, "E Cov_N, from the binomial distribution of p̂")
                    .of("mle")
                    .at(budget)
                    .value(self.expected_cov(coverage_principle_core::statistics::log_n(budget))),
            ],
        }
    }

    fn data(&self) -> &DataDistribution {
        &self.data
    }

    fn class(&self) -> Result<ModelClass> {
        // All Bernoulli distributions: φ(1) = 1, φ(0) = 0, θ the log odds. The MLE may lie at infinity.
        let features = TableFeatures::new(Layout::Prompt { prompts: 1 }, 2, 1, vec![0.0, 1.0], None)?;
        Ok(ModelClass::Linear(LinearClass {
            features: Arc::new(features),
            constraint: Constraint::Unconstrained,
            start: vec![0.0],
        }))
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>> {
        let ones = draw_binomial(self.n, self.p, stream);
        Ok(vec![Estimate {
            estimator: "mle",
            kl: self.kl(ones),
            cov: budgets.log_n().iter().map(|&log_n| self.cov(ones, log_n)).collect(),
            details: named(&[("ones", ones as f64)]),
        }])
    }
}

/// 2·log(2/δ)/(n(1 − 1/N)²): a token of probability q counts only if q̂ ≤ q/N, which by the multiplicative Chernoff
/// bound has probability at most exp(−nq(1 − 1/N)²/2); so with probability 1 − δ no token above half this bound counts,
/// and there are two tokens.
fn cov_bound(n: u64, budget: f64, delta: f64) -> f64 {
    let gap = 1.0 - 1.0 / budget;
    (4.0 * (2.0 / delta).ln() / (n as f64 * gap * gap)).min(1.0)
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::random::Purpose;

    use super::*;

    #[test]
    fn expectations_agree_with_the_sum_over_all_data_sets() {
        for (p, n) in [(0.1, 12), (0.5, 3), (0.9, 7)] {
            let instance = Bernoulli::new(&BernoulliOptions { p: Some(p), responses: n }).unwrap();
            let budgets = Ratios::new(&[1.5, 2.0, 5.0]).unwrap();
            for &log_n in budgets.log_n() {
                let (mut cov, mut infinite) = (0.0, 0.0);
                for ones in 0..=n {
                    let weight = coverage_principle_core::statistics::log_pmf(n, ones, p).exp();
                    cov += weight * instance.cov(ones, log_n);
                    infinite += weight * f64::from(u8::from(instance.kl(ones).is_infinite()));
                }
                assert!((cov - instance.expected_cov(log_n)).abs() < 1e-13);
                assert!((infinite - instance.infinite_kl_probability()).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn trials_have_the_mean_and_keep_the_bound() {
        let instance = Bernoulli::new(&BernoulliOptions { p: None, responses: 1000 }).unwrap();
        let budgets = Ratios::new(&[2.0]).unwrap();
        let mut stream = Stream::new(1, Purpose::Data, 0);
        let trials = 20_000;
        let (mut mean, mut infinite, mut above) = (0.0, 0u32, 0u32);
        for _ in 0..trials {
            let estimate = &instance.trial(&budgets, &mut stream).unwrap()[0];
            mean += estimate.cov[0] / f64::from(trials);
            infinite += u32::from(estimate.kl.is_infinite());
            above += u32::from(estimate.cov[0] > cov_bound(1000, 2.0, 0.05));
        }
        assert!((mean - instance.expected_cov(2.0)).abs() < 4.0 * 0.5e-3 / f64::from(trials).sqrt());
        let chance = instance.infinite_kl_probability();
        assert!((chance - (-1.0f64).exp()).abs() < 1e-3);
        assert!((f64::from(infinite) / f64::from(trials) - chance).abs() < 4.0 * 0.5 / f64::from(trials).sqrt());
        assert!(f64::from(above) <= 0.05 * f64::from(trials));
    }

    #[test]
    fn options_are_checked() {
        for p in [0.0, 1.0, f64::NAN, -0.1] {
            assert!(Bernoulli::new(&BernoulliOptions { p: Some(p), responses: 10 }).is_err());
        }
        assert!(Bernoulli::new(&BernoulliOptions { p: None, responses: 0 }).is_err());
        assert!(serde_json::from_str::<BernoulliOptions>(r#"{"q":1}"#).is_err());
    }
}
