//! SGD, token SGD and test-time training on rare prompts, where a gradient touches one coordinate.

use coverage_principle_core::error::Result;
use coverage_principle_core::linear::{Constraint, Model, Policy, TestTimeModel};
use coverage_principle_core::random::Stream;

use super::RarePrompts;
use coverage_principle_core::profile::tail::log_bernoulli;

/// A response to a rare prompt, as whether each token is the likelier one of its prompt.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// Which rare prompt, from 0.
    pub(super) prompt: usize,
    pub(super) likelier: Vec<bool>,
}

impl Visit {
    pub(super) fn draw(instance: &RarePrompts, stream: &mut Stream) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "there are at most 4096 prompts")]
        let prompt = stream.below(instance.options.prompts) as usize;
        let likelier = (0..instance.options.horizon).map(|_| stream.uniform() < instance.likelier).collect();
        Self { prompt, likelier }
    }

    pub(super) fn count(&self) -> u64 {
        self.likelier.iter().map(|&likelier| u64::from(likelier)).sum()
    }
}

/// What was measured of π^TTT.
#[derive(Clone, Debug)]
pub(super) struct TestTime {
    pub(super) kl: f64,
    pub(super) cov: Vec<f64>,
    /// How far KL along the last response is from what token SGD pays on it from the same θ, relative to that.
    pub(super) regret_gap: f64,
}

/// θ on its way, each coordinate times the sign of θ*'s.
#[derive(Clone, Debug)]
pub(super) struct Learner<'i> {
    instance: &'i RarePrompts,
    pub(super) theta: Vec<f64>,
    square: f64,
}

impl<'i> Learner<'i> {
    pub(super) fn new(instance: &'i RarePrompts) -> Self {
        Self { instance, theta: vec![0.0; instance.theta.len()], square: 0.0 }
    }

    /// θ ← Proj(θ + `change`·e_x).
    fn change(&mut self, prompt: usize, change: f64) {
        let before = self.theta[prompt];
        self.theta[prompt] += change;
        self.square += self.theta[prompt].powi(2) - before.powi(2);
        if self.square > 1.0 {
            // Kept up to rounding along the way, exact where it matters.
            let norm = self.theta.iter().map(|value| value * value).sum::<f64>().sqrt();
            if norm > 1.0 {
                self.theta.iter_mut().for_each(|value| *value /= norm);
                self.square = 1.0;
            } else {
                self.square = norm * norm;
            }
        }
    }

    /// A step on a whole response [14].
    pub(super) fn step(&mut self, visit: &Visit, step_size: f64) {
        let scale = 2.0 * self.instance.bound;
        let one = log_bernoulli(scale * self.theta[visit.prompt])[1].exp();
        let gradient = scale * (visit.count() as f64 - visit.likelier.len() as f64 * one);
        self.change(visit.prompt, step_size * gradient);
    }

    /// A step on every token [21]. Returns Σ_h KL(π_D ‖ π_θ) of the tokens, each at θ as it was before its step.
    pub(super) fn step_by_token(&mut self, visit: &Visit, step_size: f64) -> f64 {
        let scale = 2.0 * self.instance.bound;
        let mut kl = 0.0;
        for &likelier in &visit.likelier {
            let log_q = log_bernoulli(scale * self.theta[visit.prompt]);
            kl += self.instance.token_kl(log_q);
            let residual = f64::from(u8::from(likelier)) - log_q[1].exp();
            self.change(visit.prompt, step_size * scale * residual);
        }
        kl
    }

    /// KL and Cov_N of π^TTT from this θ with this step size, estimated on `paths` responses of π_D to rare prompts:
    /// KL by the sum of its tokens' along each, Cov_N by the share of log ratios at or above log N.
    pub(super) fn test_time(&self, step_size: f64, log_n: &[f64], stream: &mut Stream) -> Result<TestTime> {
        let RarePrompts { options, features, signs, .. } = self.instance;
        let theta: Vec<f64> = self.theta.iter().zip(signs).map(|(value, sign)| value * sign).collect();
        let constraint = Constraint::Ball { radius: 1.0 };
        // Rounding may have left the norm a hair above 1.
        let radius = theta.iter().map(|value| value * value).sum::<f64>().sqrt().max(1.0);
        let theta: Vec<f64> = theta.iter().map(|value| value / radius).collect();
        let policy = TestTimeModel::new(Model::new(features.clone(), theta)?, step_size, constraint)?;
        let mut walker = policy.walker();
        let (mut kl, mut cov, mut regret_gap) = (0.0, vec![0.0; log_n.len()], 0.0);
        for path in 0..options.paths {
            let visit = Visit::draw(self.instance, stream);
            let positive = signs[visit.prompt] > 0.0;
            walker.start(visit.prompt + 1);
            let (mut kl_here, mut ratio) = (0.0, 0.0);
            for &likelier in &visit.likelier {
                let token = u32::from(likelier == positive);
                let log_probs = walker.next();
                let log_q = if positive { [log_probs[0], log_probs[1]] } else { [log_probs[1], log_probs[0]] };
                kl_here += self.instance.token_kl(log_q);
                let index = usize::from(likelier);
                ratio += self.instance.log_probs[index] - log_q[index];
                walker.push(token);
            }
            kl += kl_here;
            for (cov, &log_n) in cov.iter_mut().zip(log_n) {
                *cov += f64::from(u8::from(ratio >= log_n));
            }
            if path + 1 == options.paths {
                let regret = self.clone().step_by_token(&visit, step_size);
                regret_gap = (kl_here - regret).abs() / regret.max(1e-3);
            }
        }
        let scale = self.instance.rare() / options.paths as f64;
        Ok(TestTime { kl: kl * scale, cov: cov.into_iter().map(|cov| cov * scale).collect(), regret_gap })
    }
}
