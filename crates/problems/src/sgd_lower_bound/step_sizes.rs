//! One step size for every prompt: what an update rule needs on the slow construction with a step size at which it also
//! comes to rest on the oscillating ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::linear::train::{StepSize, TrainOptions, TrainTask, Trainer, TrainingData, Validation};
use coverage_principle_core::linear::{DataDistribution, PromptWeights};
use coverage_principle_core::parallel::Workers;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::Stream;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::construction::angle;
use super::options::{Branch, SgdLowerBoundOptions};
use super::{NEARLY_ZERO, SgdLowerBound};
use crate::instance::{Description, Estimate, Instance, ModelClass, Study, check_count, check_real, named, plain};
use crate::random_class::UpdateRule;

/// Options of [`StepSizes`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepSizesOptions {
    /// H: 1 to 10^6. Default 1024.
    pub horizon: u64,
    /// B, in [1, 300]. Default 80: responses are then the typical one but for a probability that does not matter.
    pub bound: f64,
    /// N, above 1. Default 4.
    #[serde(rename = "N")]
    pub n: f64,
    /// The update rule. Default SGD.
    pub rule: UpdateRule,
    /// η. Default Theorem 5.1's at σ*² = 0, which is what it is here but for rounding; for normalized SGD alone, and then
    /// the oscillating prompts are not tried.
    pub step_size: Option<f64>,
    /// Responses to a prompt at most: 1 to 10^6. Default 256.
    pub most: u64,
}

impl Default for StepSizesOptions {
    fn default() -> Self {
        Self { horizon: 1024, bound: 80.0, n: 4.0, rule: UpdateRule::Sgd, step_size: None, most: 256 }
    }
}

/// α of the oscillating constructions that every rule is tried on; B(1 − α) is well above log H.
const ANGLES: [f64; 3] = [4.0 / 7.0, 0.7, 0.8];
/// Steps in which rules whose steps do not shrink with H have to come to rest on the oscillating prompts.
const OSCILLATING_STEPS: u64 = 64;

/// Both constructions of [`SgdLowerBound`], each trained on its hard prompt alone.
///
/// Shows that no constant step of SGD works for every prompt, and that rules whose steps have a length of their own do not
/// feel H. The detail `promptsUntilCovered` is how many prompts + a rule needs until Cov_N on + is 0 for good; it is there
/// only if that happens within `most` and the rule comes to rest on all oscillating prompts, too.
#[derive(Clone, Debug)]
pub struct StepSizes {
    options: StepSizesOptions,
    slow: SgdLowerBound,
    oscillating: Vec<SgdLowerBound>,
}

impl StepSizes {
    /// The study.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &StepSizesOptions) -> Result<Self> {
        check_count("most", options.most, 1, 1_000_000)?;
        if let Some(step_size) = options.step_size {
            check_real("stepSize", step_size, 0.0, 1e12)?;
        } else if options.rule != UpdateRule::NormalizedSgd {
            return Err(Error::option(
                "stepSize",
                "Only normalized SGD has a step size of its theorem here: give one.",
            ));
        }
        if options.rule == UpdateRule::TokenSgd {
            return Err(Error::option("rule", "Token SGD is not among the rules on whole responses."));
        }
        let StepSizesOptions { horizon, bound, n, .. } = *options;
        let instance = |branch: Branch| {
            let options = SgdLowerBoundOptions {
                branch: Some(branch),
                horizon,
                n,
                bound: Some(bound),
                ..SgdLowerBoundOptions::default()
            };
            SgdLowerBound::new(&options)
        };
        let oscillating = angles(options).into_iter().map(|alpha| instance(Branch::Oscillating)?.at_angle(alpha));
        Ok(Self {
            options: options.clone(),
            slow: instance(Branch::Slow)?,
            oscillating: oscillating.collect::<Result<_>>()?,
        })
    }

    /// Trains on prompt 0 of `instance` alone: the step from which on Cov_N there is 0 to the end of `steps`, the model at
    /// that end, or `None` in place of the step if it never stays 0.
    fn covered_since(
        &self,
        instance: &SgdLowerBound,
        steps: u64,
        seed: u64,
        control: &Control,
    ) -> Result<(Option<u64>, [f64; 2])> {
        let ModelClass::Linear(class) = instance.class()? else {
            return Err(Error::new(
                coverage_principle_core::Code::Internal,
                "The class of the construction is linear.",
            ));
        };
        let data = instance.data();
        let mut only_first = vec![0.0; data.mu().prompts()];
        only_first[0] = 1.0;
        let data = DataDistribution::new(PromptWeights::new(&only_first)?, data.policy().clone(), None)?;
        let task = TrainTask {
            before: Vec::new(),
            features: class.features,
            data: TrainingData::Fresh(Arc::new(data)),
            teacher: None,
            validation: Validation::default(),
        };
        let step_size = match self.options.step_size {
            Some(value) => StepSize::Constant { value },
            None => StepSize::Theory { inherent_variance: 0.0 },
        };
        let options = TrainOptions {
            procedure: self.options.rule.procedure(self.options.step_size, instance.log_n),
            step_size,
            steps: Some(steps),
            n: self.options.n,
            constraint: class.constraint,
            theta0: Some(class.start),
            seed,
            ..TrainOptions::default()
        };
        let mut trainer = Trainer::new(task, options)?;
        let (mut since, mut theta) = (None, [0.0; 2]);
        for step in 1..=steps {
            control.check()?;
            trainer.run(Some(step), &Workers::sequential(), &Control::new())?;
            let model = trainer.model()?;
            theta = [model.theta()[0], model.theta()[1]];
            let covered = instance.cov_on(0, theta, instance.log_n) < NEARLY_ZERO;
            since = if covered { since.or(Some(step)) } else { None };
        }
        Ok((since, theta))
    }
}

/// SGD is also tried on the angle of the proof, made for its step size; what theory chose is not tried on any.
fn angles(options: &StepSizesOptions) -> Vec<f64> {
    let Some(step_size) = options.step_size else { return Vec::new() };
    let pull = step_size * options.horizon as f64 * options.bound;
    let own = angle(pull);
    let mut angles = ANGLES.to_vec();
    if options.rule == UpdateRule::Sgd && pull > 1.0 && own < ANGLES[2] {
        angles.push(own);
    }
    angles
}

impl Study for StepSizes {
    fn describe(&self) -> Description {
        Description {
            name: "step-sizes",
            title: "One step size for every prompt",
            source: "Proposition 5.1",
            shows: "A step of SGD that does not oscillate on one prompt is too small on another, by a factor of H; rules whose steps have a length of their own do not feel H",
            options: plain(&self.options),
            derived: BTreeMap::new(),
            prompts: Some(2),
            vocabulary: 3,
            #[expect(clippy::cast_possible_truncation, reason = "at most 10^6")]
            horizon: self.options.horizon as usize,
            estimators: vec!["trained"],
            conditions: Vec::new(),
            claims: Vec::new(),
        }
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream, control: &Control) -> Result<Vec<Estimate>> {
        let most = self.options.most;
        let others = if self.options.rule == UpdateRule::Sgd { most } else { most.min(OSCILLATING_STEPS) };
        let (needed, theta) = self.covered_since(&self.slow, most, stream.next_u64(), control)?;
        let mut settles = true;
        for instance in &self.oscillating {
            settles = settles && self.covered_since(instance, others, stream.next_u64(), control)?.0.is_some();
        }
        let mut details = named(&[("settles", f64::from(u8::from(settles)))]);
        if let (Some(needed), true) = (needed, settles) {
            details.insert("promptsUntilCovered", needed as f64);
        }
        Ok(vec![Estimate {
            estimator: "trained",
            kl: self.slow.kl(theta),
            cov: budgets.log_n().iter().map(|&log_n| self.slow.cov(theta, log_n)).collect(),
            details,
        }])
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::random::Purpose;

    use super::*;

    fn details(options: StepSizesOptions) -> BTreeMap<&'static str, f64> {
        let budgets = Ratios::new(&[4.0]).unwrap();
        let study = StepSizes::new(&options).unwrap();
        study.trial(&budgets, &mut Stream::new(0, Purpose::Data, 0), &Control::new()).unwrap().remove(0).details
    }

    #[test]
    fn sgd_needs_prompts_in_proportion_to_the_horizon_at_steps_that_settle_and_oscillates_at_larger_ones() {
        let sgd = |horizon: u64, pull: f64| {
            let step_size = Some(pull / (horizon as f64 * 80.0));
            details(StepSizesOptions { horizon, step_size, most: 72, ..StepSizesOptions::default() })
        };
        for pull in [0.5, 1.0] {
            let [short, long] = [1024, 4096].map(|horizon| sgd(horizon, pull)["promptsUntilCovered"]);
            assert!(short >= 5.0 && long / short > 3.0, "{pull}: {short} {long}");
        }
        for pull in [2.0, 4.0, 16.0] {
            let large = sgd(1024, pull);
            assert!(large["settles"] == 0.0 && !large.contains_key("promptsUntilCovered"), "{pull}");
        }
    }

    #[test]
    fn rules_with_steps_of_their_own_do_not_feel_the_horizon() {
        // At H = 4096 Adam comes to rest at steps of 1/20 after 96 prompts only, more than are looked at.
        for (rule, step_size) in
            [(UpdateRule::NormalizedSgd, 0.05), (UpdateRule::SignSgd, 0.05), (UpdateRule::Adam, 0.025)]
        {
            let needed = [1024, 4096].map(|horizon| {
                let options = StepSizesOptions {
                    horizon,
                    rule,
                    step_size: Some(step_size),
                    most: 72,
                    ..StepSizesOptions::default()
                };
                details(options)["promptsUntilCovered"]
            });
            assert!(needed[0] < 5.0 && needed[1] < 5.0, "{rule:?}: {needed:?}");
        }
    }
}
