//! The inequalities between Cov_N and other measures (Propositions 3.1 and D.1 to D.11), on random distributions.
//!
//! A trial draws one and looks at each inequality in many places; what it reports is the greatest left side over right
//! side. The inequalities themselves are the package's own, [`coverage_principle_core::profile`]'s.

mod best_of_n;
mod distributions;
mod linear;
mod responses;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use coverage_principle_core::error::Result;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::Stream;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::instance::{Claim, Description, Estimate, Relation, Study, plain};

/// Options of [`Inequalities`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InequalitiesOptions {
    /// What is drawn, and with it which inequalities are looked at.
    pub of: Drawn,
}

/// What a trial of [`Inequalities`] draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Drawn {
    /// Three distributions on 2 to 40 outcomes.
    Distributions,
    /// Ber(p) and Ber(p/N), p ≤ ½.
    Bernoulli,
    /// Two distributions of reasonings and answers.
    Answers,
    /// Two policies on 2 to 6 prompts, and two distributions of prompts.
    Shift,
    /// Two autoregressive distributions of 8 binary tokens.
    Trees,
    /// Two autoregressive linear models of 4 to 8 tokens.
    LinearModels,
    /// Two policies on 1 to 3 prompts, with random rewards and those of regions of great π_T/π̂.
    BestOfN,
}

/// Inequalities of the paper, each at its closest to equality in a random place.
#[derive(Clone, Debug)]
pub struct Inequalities {
    of: Drawn,
}

impl Inequalities {
    /// The study.
    ///
    /// # Errors
    /// None at present.
    pub fn new(options: &InequalitiesOptions) -> Result<Self> {
        Ok(Self { of: options.of })
    }
}

/// A claim that left ≤ right wherever it is looked at; `detail` is the greatest left over right of a trial.
fn claim(source: &'static str, detail: &'static str, text: &'static str) -> Claim {
    Claim::detail(source, detail, Relation::AtMost, text).value(1.0).with_probability(1.0)
}

impl Study for Inequalities {
    fn describe(&self) -> Description {
        let (title, claims, vocabulary, horizon) = match self.of {
            Drawn::Distributions => ("Distributions on few outcomes", distributions::claims(), 40, 1),
            Drawn::Bernoulli => ("Ber(p) against Ber(p/N)", distributions::bernoulli_claims(), 2, 1),
            Drawn::Answers => ("Reasonings and answers", distributions::answer_claims(), 64, 1),
            Drawn::Shift => ("Prompts of another distribution", distributions::shift_claims(), 12, 1),
            Drawn::Trees => ("Autoregressive distributions", responses::tree_claims(), 2, responses::TOKENS),
            Drawn::LinearModels => ("Autoregressive linear models", linear::claims(), 4, 8),
            Drawn::BestOfN => ("Best-of-N", best_of_n::claims(), 21, 1),
        };
        Description {
            name: "inequalities",
            title,
            source: "Propositions 3.1, D.1–D.11",
            shows: "Inequalities between Cov_N and other measures hold wherever they are looked at",
            options: plain(&InequalitiesOptions { of: self.of }),
            derived: BTreeMap::new(),
            prompts: None,
            vocabulary,
            horizon,
            estimators: vec!["exact"],
            conditions: Vec::new(),
            claims,
        }
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream, control: &Control) -> Result<Vec<Estimate>> {
        let mut ratios = Sides::default();
        match self.of {
            Drawn::Distributions => distributions::check(&mut ratios, stream),
            Drawn::Bernoulli => distributions::check_bernoulli(&mut ratios, stream),
            Drawn::Answers => distributions::check_answers(&mut ratios, stream),
            Drawn::Shift => distributions::check_shift(&mut ratios, stream),
            Drawn::Trees => responses::check_tree(&mut ratios, stream),
            Drawn::LinearModels => linear::check(&mut ratios, stream, control)?,
            Drawn::BestOfN => best_of_n::check(&mut ratios, stream)?,
        }
        let nothing = vec![0.0; budgets.len()];
        Ok(vec![Estimate { estimator: "exact", kl: 0.0, cov: nothing, details: ratios.0 }])
    }
}

/// Rounding of a left side.
const ROUNDING: f64 = 1e-12;

/// The greatest left side over right side of each inequality.
#[derive(Debug, Default)]
struct Sides(BTreeMap<&'static str, f64>);

impl Sides {
    /// left ≤ right in one place; it tells something only where the left side is positive.
    fn check(&mut self, name: &'static str, left: f64, right: f64) {
        if left > ROUNDING {
            let ratio = (left - ROUNDING) / right;
            let greatest = self.0.entry(name).or_insert(ratio);
            *greatest = greatest.max(ratio);
        }
    }

    /// The same where there is a right side.
    fn check_some(&mut self, name: &'static str, left: f64, right: Option<f64>) {
        if let Some(right) = right {
            self.check(name, left, right);
        }
    }
}

/// A random distribution on `size` outcomes, the more uneven the greater `spread` (nats).
fn distribution(size: usize, spread: f64, stream: &mut Stream) -> Vec<f64> {
    let weights: Vec<f64> = (0..size).map(|_| (spread * (stream.uniform() - 0.5)).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

/// A whole number from `least` to `greatest`.
#[expect(clippy::cast_possible_truncation, reason = "sizes are small")]
fn between(least: usize, greatest: usize, stream: &mut Stream) -> usize {
    least + stream.below((greatest - least + 1) as u64) as usize
}

/// log P/Q of every outcome.
fn log_ratios(p: &[f64], q: &[f64]) -> Vec<f64> {
    p.iter().zip(q).map(|(p, q)| (p / q).ln()).collect()
}

/// Cov_N at log N.
fn cov(p: &[f64], ratios: &[f64], log_n: f64) -> f64 {
    p.iter().zip(ratios).filter(|&(_, &ratio)| ratio >= log_n).map(|(p, _)| p).sum()
}

/// Σ p·v.
fn mean(p: &[f64], values: &[f64]) -> f64 {
    p.iter().zip(values).map(|(p, value)| p * value).sum()
}

/// D_H².
fn squared_hellinger(p: &[f64], q: &[f64]) -> f64 {
    0.5 * p.iter().zip(q).map(|(p, q)| (p.sqrt() - q.sqrt()).powi(2)).sum::<f64>()
}
