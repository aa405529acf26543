//! Random linear classes with noise, on which any update rule can be trained.

use std::collections::BTreeMap;
use std::sync::Arc;

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::linear::exact::{self, ExactOptions, measure};
use coverage_principle_core::linear::features::{FeatureMap, RandomFeatures, RandomOptions};
use coverage_principle_core::linear::train::{
    Procedure, StepSize, TrainOptions, TrainTask, Trainer, TrainingData, Validation,
};
use coverage_principle_core::linear::{
    Constraint, DataDistribution, Model, Policy, PromptWeights, Responses, TestTimeModel,
};
use coverage_principle_core::parallel::Workers;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::Stream;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::instance::{Description, Estimate, Study, check_count, check_real, covered, plain};

/// Options of [`RandomClass`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RandomClassOptions {
    /// T, steps on one response each: 1 to 10^7. Default 256.
    pub steps: u64,
    /// H: 1 to 10^4. Default 8.
    pub horizon: u64,
    /// V: 2 to 1000. Default 4.
    pub vocabulary: u64,
    /// Prompts, equally likely: 1 to 1000. Default 1.
    pub prompts: u64,
    /// d: 1 to 10^5. Default 32.
    pub dim: u64,
    /// Tokens before the next one that features see: 0 to 100. Default 1.
    pub window: u64,
    /// B, the greatest norm of features. Default 6.
    pub bound: f64,
    /// The update rule. Default SGD.
    pub rule: UpdateRule,
    /// η. Default what the rule's theorem says.
    pub step_size: Option<f64>,
    /// N of the theorems, above 1. Default 4.
    #[serde(rename = "N")]
    pub n: f64,
    /// Held-out responses on which Cov_N is measured at iterates ever further apart, and averaged over them; 0 for exact
    /// measures at one iterate, drawn uniformly. At most 10^6. Default 1000.
    pub held_out: u64,
}

/// The update rules that are held against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UpdateRule {
    /// SGD on whole responses.
    Sgd,
    /// Normalized SGD with Theorem 5.1's λ = log N/(16η).
    NormalizedSgd,
    /// SignSGD.
    SignSgd,
    /// Adam with its usual settings.
    Adam,
    /// Token SGD, measured with and without test-time training.
    TokenSgd,
}

impl UpdateRule {
    /// The procedure at step size `step_size`; λ is left to the theorem where that chooses the step size.
    pub(super) fn procedure(self, step_size: Option<f64>, log_n: f64) -> Procedure {
        match self {
            Self::Sgd => Procedure::Sgd,
            Self::NormalizedSgd => Procedure::NormalizedSgd { lambda: step_size.map(|value| log_n / (16.0 * value)) },
            Self::SignSgd => Procedure::SignSgd,
            Self::Adam => Procedure::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
            Self::TokenSgd => Procedure::TokenSgd,
        }
    }
}

impl Default for RandomClassOptions {
    fn default() -> Self {
        Self {
            steps: 256,
            horizon: 8,
            vocabulary: 4,
            prompts: 1,
            dim: 32,
            window: 1,
            bound: 6.0,
            rule: UpdateRule::Sgd,
            step_size: None,
            n: 4.0,
            held_out: 1000,
        }
    }
}

/// Between two iterates at which Cov_N is measured the number of steps grows by this factor.
const RATIO: f64 = 1.5;
/// ‖θ*‖.
const RADIUS: f64 = 0.9;
/// Responses on which σ*² is estimated where it is not enumerated.
const VARIANCE_SAMPLES: usize = 2000;

/// π_D in a linear class of random features, ‖θ*‖ = 0.9, Θ the unit ball. A trial draws the class, π_D and the responses;
/// trials of the same number have the same class and π_D whatever the rule, its step size and T.
///
/// Shows how fast an update rule learns where nothing about the instance is special. Estimators: `trained` and, for
/// token SGD, `test-time`. The detail `inherentVariance` is σ*², where the step size asks for it.
#[derive(Clone, Debug)]
pub struct RandomClass {
    options: RandomClassOptions,
    log_n: f64,
}

/// What a trial trains on.
struct Drawn {
    features: Arc<dyn FeatureMap>,
    data: Arc<DataDistribution>,
    held_out: Responses,
    /// log π_D of the held-out responses.
    reference: Vec<f64>,
    /// σ*², where the step size asks for it.
    variance: Option<f64>,
}

impl RandomClass {
    /// The study.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &RandomClassOptions) -> Result<Self> {
        check_count("steps", options.steps, 1, 10_000_000)?;
        check_count("horizon", options.horizon, 1, 10_000)?;
        check_count("vocabulary", options.vocabulary, 2, 1000)?;
        check_count("prompts", options.prompts, 1, 1000)?;
        check_count("dim", options.dim, 1, 100_000)?;
        check_count("window", options.window, 0, 100)?;
        check_count("heldOut", options.held_out, 0, 1_000_000)?;
        check_real("bound", options.bound, 0.0, 1e6)?;
        check_real("N", options.n, 1.0, 1e100)?;
        if let Some(step_size) = options.step_size {
            check_real("stepSize", step_size, 0.0, 1e12)?;
        } else if matches!(options.rule, UpdateRule::SignSgd | UpdateRule::Adam) {
            return Err(Error::option("stepSize", "No theorem chooses a step size for SignSGD or Adam: give one."));
        }
        Ok(Self { options: options.clone(), log_n: Ratios::new(&[options.n])?.log_n()[0] })
    }

    #[expect(clippy::cast_possible_truncation, reason = "sizes were checked")]
    fn draw(&self, stream: &mut Stream, control: &Control) -> Result<Drawn> {
        let RandomClassOptions { horizon, vocabulary, prompts, dim, window, bound, .. } = self.options;
        let features: Arc<dyn FeatureMap> = Arc::new(RandomFeatures::new(RandomOptions {
            vocabulary: vocabulary as usize,
            horizon: horizon as usize,
            dim: dim as usize,
            window: window as usize,
            prompts: (prompts > 1).then_some(prompts as usize),
            bandwidth: 1.0,
            bound,
            seed: stream.next_u64(),
            index: 0,
        })?);
        let direction: Vec<f64> = (0..dim).map(|_| stream.uniform() - 0.5).collect();
        let length = direction.iter().map(|value| value * value).sum::<f64>().sqrt();
        let theta: Vec<f64> = direction.into_iter().map(|value| RADIUS * value / length).collect();
        let star: Arc<dyn Policy> = Arc::new(Model::new(features.clone(), theta)?);
        let mu = PromptWeights::Uniform(prompts as usize);
        let data = Arc::new(DataDistribution::new(mu, star.clone(), Some(horizon as usize))?);
        let held_out = data.sample(self.options.held_out as usize, stream);
        let (workers, inner) = (Workers::sequential(), Control::new());
        let reference = if held_out.is_empty() { Vec::new() } else { star.log_probs(&held_out, &workers, &inner)? };
        let variance = match self.options.step_size {
            Some(_) => None,
            None if self.options.held_out == 0 => {
                Some(exact::inherent_variance(&data, &*features, 1 << 22, &workers, &inner)?)
            }
            None => {
                let options = coverage_principle_core::linear::monte_carlo::MonteCarloOptions {
                    samples: VARIANCE_SAMPLES,
                    seed: stream.next_u64(),
                    ..Default::default()
                };
                control.check()?;
                let estimate = coverage_principle_core::linear::monte_carlo::estimate_inherent_variance(
                    &data, &*features, &options, &workers, &inner,
                )?;
                estimate.value
            }
        };
        Ok(Drawn { features, data, held_out, reference, variance })
    }

    /// η of Theorem 5.1 or 6.1 or Proposition 5.1, or the one given.
    fn trainer(&self, drawn: &Drawn, stream: &mut Stream) -> Result<Trainer> {
        let step_size = match (self.options.step_size, drawn.variance) {
            (Some(value), _) => StepSize::Constant { value },
            (None, Some(inherent_variance)) => StepSize::Theory { inherent_variance },
            (None, None) => return Err(Error::option("stepSize", "σ*² could not be estimated: give a step size.")),
        };
        let task = TrainTask {
            before: Vec::new(),
            features: drawn.features.clone(),
            data: TrainingData::Fresh(drawn.data.clone()),
            teacher: None,
            validation: Validation::default(),
        };
        let options = TrainOptions {
            procedure: self.options.rule.procedure(self.options.step_size, self.log_n),
            step_size,
            steps: Some(self.options.steps),
            n: self.options.n,
            seed: stream.next_u64(),
            ..TrainOptions::default()
        };
        Trainer::new(task, options)
    }

    /// KL and Cov_N of a model on the held-out responses.
    fn held_out(&self, model: &dyn Policy, drawn: &Drawn, budgets: &Ratios) -> Result<(f64, Vec<f64>)> {
        let log_probs = model.log_probs(&drawn.held_out, &Workers::sequential(), &Control::new())?;
        let ratios: Vec<f64> = drawn.reference.iter().zip(log_probs).map(|(p, q)| p - q).collect();
        let share = |log_n: f64| ratios.iter().map(|&ratio| covered(ratio, log_n)).sum::<f64>() / ratios.len() as f64;
        Ok((
            ratios.iter().sum::<f64>() / ratios.len() as f64,
            budgets.log_n().iter().map(|&log_n| share(log_n)).collect(),
        ))
    }

    /// Cov_N averaged over iterates, by the trapezoidal rule between those that were measured, and KL of the last.
    fn averaged(&self, drawn: &Drawn, trainer: &mut Trainer, budgets: &Ratios, control: &Control) -> Result<Estimate> {
        let (mut kl, mut before) = self.held_out(&trainer.model()?, drawn, budgets)?;
        let mut cov = vec![0.0; budgets.len()];
        let mut step = 0;
        while step < self.options.steps {
            control.check()?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the number of steps")]
            let next = (((step as f64) * RATIO).ceil() as u64).clamp(step + 1, self.options.steps);
            trainer.run(Some(next), &Workers::sequential(), &Control::new())?;
            let (last, now) = self.held_out(&trainer.model()?, drawn, budgets)?;
            for ((sum, a), b) in cov.iter_mut().zip(&before).zip(&now) {
                *sum += 0.5 * (a + b) * (next - step) as f64 / self.options.steps as f64;
            }
            (kl, before, step) = (last, now, next);
        }
        Ok(Estimate { estimator: "trained", kl, cov, details: BTreeMap::new() })
    }

    /// Exact measures of an iterate drawn uniformly, whose mean is the average over iterates.
    fn drawn(
        &self,
        drawn: &Drawn,
        trainer: &mut Trainer,
        budgets: &Ratios,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        let (workers, inner) = (Workers::sequential(), Control::new());
        let until = stream.below(self.options.steps);
        if until > 0 {
            trainer.run(Some(until), &workers, &inner)?;
        }
        let options = ExactOptions { n: budgets.n().to_vec(), max_responses: 1 << 22 };
        let exact = |estimator: &'static str, model: &dyn Policy| -> Result<Estimate> {
            let (measures, _) = measure(&drawn.data, model, &options, &workers, &inner)?;
            Ok(Estimate { estimator, kl: measures.kl, cov: measures.coverage, details: BTreeMap::new() })
        };
        let model = trainer.model()?;
        let mut estimates = vec![exact("trained", &model)?];
        if self.options.rule == UpdateRule::TokenSgd {
            let step_size =
                self.options.step_size.or_else(|| trainer.theory().map(|theory| theory.step_size)).unwrap_or_default();
            let radius = Constraint::Ball { radius: 1.0 };
            estimates.push(exact("test-time", &TestTimeModel::new(model, step_size, radius)?)?);
        }
        Ok(estimates)
    }
}

impl Study for RandomClass {
    fn describe(&self) -> Description {
        let mut estimators = vec!["trained"];
        if self.options.rule == UpdateRule::TokenSgd && self.options.held_out == 0 {
            estimators.push("test-time");
        }
        Description {
            name: "random-class",
            title: "Random linear classes",
            source: "§5 and §6.1",
            shows: "How fast an update rule learns where nothing about the instance is special",
            options: plain(&self.options),
            derived: BTreeMap::new(),
            #[expect(clippy::cast_possible_truncation, reason = "sizes were checked")]
            prompts: Some(self.options.prompts as usize),
            #[expect(clippy::cast_possible_truncation, reason = "sizes were checked")]
            vocabulary: self.options.vocabulary as usize,
            #[expect(clippy::cast_possible_truncation, reason = "sizes were checked")]
            horizon: self.options.horizon as usize,
            estimators,
            conditions: Vec::new(),
            claims: Vec::new(),
        }
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream, control: &Control) -> Result<Vec<Estimate>> {
        let drawn = self.draw(stream, control)?;
        let mut trainer = self.trainer(&drawn, stream)?;
        let mut estimates = if self.options.held_out == 0 {
            self.drawn(&drawn, &mut trainer, budgets, stream)?
        } else {
            vec![self.averaged(&drawn, &mut trainer, budgets, control)?]
        };
        if let (Some(variance), Some(first)) = (drawn.variance, estimates.first_mut()) {
            first.details.insert("inherentVariance", variance);
        }
        Ok(estimates)
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::random::Purpose;

    use super::*;

    fn trial(options: RandomClassOptions) -> Vec<Estimate> {
        let budgets = Ratios::new(&[4.0, 16.0]).unwrap();
        let study = RandomClass::new(&options).unwrap();
        let estimates = study.trial(&budgets, &mut Stream::new(2, Purpose::Data, 5), &Control::new()).unwrap();
        assert_eq!(study.describe().estimators, estimates.iter().map(|each| each.estimator).collect::<Vec<_>>());
        estimates
    }

    #[test]
    fn a_rule_at_a_fair_step_size_learns_and_at_a_tiny_one_does_not() {
        let cov = |rule, step_size| {
            let options = RandomClassOptions { rule, step_size: Some(step_size), ..RandomClassOptions::default() };
            trial(options)[0].cov[0]
        };
        for rule in [UpdateRule::Sgd, UpdateRule::NormalizedSgd, UpdateRule::SignSgd, UpdateRule::Adam] {
            let least =
                [1e-3, 3e-3, 1e-2, 3e-2, 0.1].map(|step_size| cov(rule, step_size)).into_iter().fold(1.0, f64::min);
            let untrained = cov(rule, 1e-9);
            assert!(least < 0.8 * untrained, "{rule:?}: {least} {untrained}");
        }
    }

    #[test]
    fn test_time_training_is_measured_exactly_beside_the_model_it_starts_from() {
        let options = RandomClassOptions {
            rule: UpdateRule::TokenSgd,
            horizon: 4,
            vocabulary: 3,
            prompts: 2,
            window: 2,
            held_out: 0,
            ..RandomClassOptions::default()
        };
        let estimates = trial(options);
        assert_eq!(estimates.len(), 2);
        assert!(estimates[0].details["inherentVariance"] > 0.0);
        assert!(estimates.iter().all(|each| each.kl > 0.0 && each.cov[0] >= each.cov[1]));
    }

    #[test]
    fn rules_without_a_theorem_need_a_step_size() {
        let options = RandomClassOptions { rule: UpdateRule::Adam, ..RandomClassOptions::default() };
        assert_eq!(RandomClass::new(&options).unwrap_err().place.field.as_deref(), Some("stepSize"));
    }
}
