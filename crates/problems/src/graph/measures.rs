//! Exact measures on the validation prompts: π_D lists its few paths, so a model is asked for their log-probabilities.

use coverage_principle_core::error::{Code, Error, Result};
use coverage_principle_core::linear::{Policy, ResponseList, Walker};
use coverage_principle_core::parallel::Workers;
use coverage_principle_core::progress::Control;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize, Serializer};

use super::task::GraphTask;

/// What to measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphMeasureOptions {
    /// The values of N for Cov_N. Default 2, 3, 4, 4.6, 5.7, 16.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// The values of N for Pass@N, positive whole numbers. Default 4, 8, 12.
    pub pass: Vec<u64>,
}

impl Default for GraphMeasureOptions {
    fn default() -> Self {
        Self { n: vec![2.0, 3.0, 4.0, 4.6, 5.7, 16.0], pass: vec![4, 8, 12] }
    }
}

/// Measures of a model on the validation set.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphMeasures {
    /// The values of N for Cov_N.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// The values of N for Pass@N.
    pub pass_n: Vec<u64>,
    /// All classes, by their weights.
    pub all: ClassMeasures,
    /// Each class.
    pub classes: [ClassMeasures; 3],
}

/// Measures on one class, or on all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassMeasures {
    /// Weight of the class.
    pub weight: f64,
    /// E_{π_D}[−log π̂], nats a response; null if infinite.
    #[serde(serialize_with = "finite_or_null")]
    pub cross_entropy: f64,
    /// D_KL(π_D ‖ π̂), nats; null if infinite.
    #[serde(serialize_with = "finite_or_null")]
    pub kl: f64,
    /// Cov_N of each budget.
    pub coverage: Vec<f64>,
    /// Pass@N of each N: the probability that one of N responses of π̂ is the one drawn from π_D,
    /// E_{y~π_D}[1 − (1 − π̂(y))^N].
    pub pass: Vec<f64>,
}

fn finite_or_null<S: Serializer>(value: &f64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
}

impl ClassMeasures {
    fn new(budgets: usize, passes: usize) -> Self {
        Self { coverage: vec![0.0; budgets], pass: vec![0.0; passes], ..Self::default() }
    }

    /// Adds a path of probability `p` that the model gives `log_q`.
    fn add(&mut self, mass: f64, log_p: f64, log_q: f64, log_n: &[f64], pass: &[u64]) {
        self.cross_entropy -= mass * log_q;
        self.kl += mass * (log_p - log_q);
        for (coverage, &log_n) in self.coverage.iter_mut().zip(log_n) {
            *coverage += if log_p - log_q >= log_n { mass } else { 0.0 };
        }
        let log_miss = (-log_q.exp().min(1.0)).ln_1p();
        for (total, &n) in self.pass.iter_mut().zip(pass) {
            *total -= mass * (n as f64 * log_miss).exp_m1();
        }
    }

    fn add_scaled(&mut self, factor: f64, other: &Self) {
        self.cross_entropy += factor * other.cross_entropy;
        self.kl += factor * other.kl;
        let add = |ours: &mut [f64], theirs: &[f64]| ours.iter_mut().zip(theirs).for_each(|(a, b)| *a += factor * b);
        add(&mut self.coverage, &other.coverage);
        add(&mut self.pass, &other.pass);
    }
}

impl GraphMeasures {
    /// All numbers that are measured, one after the other.
    pub(super) fn to_values(&self) -> Vec<f64> {
        let parts = std::iter::once(&self.all).chain(&self.classes);
        parts
            .flat_map(|part| {
                let scalars = [part.weight, part.cross_entropy, part.kl];
                scalars.into_iter().chain(part.coverage.iter().copied()).chain(part.pass.iter().copied())
            })
            .collect()
    }

    /// The inverse of [`GraphMeasures::to_values`], for what was measured by `options`.
    pub(super) fn from_values(options: &GraphMeasureOptions, values: &[f64]) -> Self {
        let mut rest = values.iter().copied();
        let mut next = || {
            let mut some = |count| rest.by_ref().take(count).collect::<Vec<f64>>();
            let scalars = some(3);
            ClassMeasures {
                weight: scalars[0],
                cross_entropy: scalars[1],
                kl: scalars[2],
                coverage: some(options.n.len()),
                pass: some(options.pass.len()),
            }
        };
        let (all, classes) = (next(), [next(), next(), next()]);
        Self { n: options.n.clone(), pass_n: options.pass.clone(), all, classes }
    }
}

/// Calls `visit(probability, log π̂)` for each path of `paths`. What a path has in common with the one before it is
/// not walked again; log-probabilities are summed in the order of the tokens all the same.
fn walk(prompt: usize, paths: &ResponseList, walker: &mut dyn Walker, mut visit: impl FnMut(f64, f64)) {
    let mut before: &[u32] = &[];
    // log π̂ of the beginnings of `before`, the empty one first.
    let mut sums = vec![0.0];
    walker.start(prompt);
    for (path, probability) in paths.iter() {
        let shared = path.iter().zip(before).take_while(|(one, other)| one == other).count();
        sums.truncate(shared + 1);
        walker.truncate(shared);
        for (position, &token) in path.iter().enumerate().skip(shared) {
            sums.push(sums[position] + walker.next()[token as usize]);
            if position + 1 < path.len() {
                walker.push(token);
            }
        }
        visit(probability, sums[path.len()]);
        before = path;
    }
}

/// Prompts a task of the parallel loop treats; part of the order of additions.
const PROMPTS_PER_TASK: usize = 64;

impl GraphTask {
    /// Exact measures of `model` on the validation prompts.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for an N out of range; [`Code::ShapeMismatch`] if the model does not fit;
    /// [`Code::Aborted`].
    pub fn measure(
        &self,
        model: &dyn Policy,
        options: &GraphMeasureOptions,
        workers: &Workers,
        control: &Control,
    ) -> Result<GraphMeasures> {
        let budgets = Ratios::new(&options.n)?;
        if let Some(index) = options.pass.iter().position(|&n| n == 0) {
            return Err(Error::option(format!("pass[{index}]"), "Pass@N needs at least one response, N ≥ 1."));
        }
        let horizon = self.prompts.horizon();
        let fits = model.vocabulary() == self.prompts.vocabulary()
            && model.horizon().is_none_or(|own| own >= horizon)
            && model.prompts().is_none_or(|own| own >= self.validation_prompts());
        if !fits {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!(
                    "The model does not fit the task of {} tokens, horizon {horizon} and {} validation prompts.",
                    self.prompts.vocabulary(),
                    self.validation_prompts()
                ),
            ));
        }
        let per_class = self.validation_prompts() / 3;
        let tasks_per_class = per_class.div_ceil(PROMPTS_PER_TASK);
        let empty = || ClassMeasures::new(options.n.len(), options.pass.len());
        let parts = workers.map(3 * tasks_per_class, control, |task| {
            let (class, part) = (task / tasks_per_class, task % tasks_per_class);
            let first = part * PROMPTS_PER_TASK;
            let mut walker = model.walker();
            let mut sums = empty();
            for within in first..(first + PROMPTS_PER_TASK).min(per_class) {
                control.check()?;
                let prompt = class * per_class + within;
                walk(prompt, &self.paths(prompt), &mut *walker, |probability, log_q| {
                    sums.add(probability, probability.ln(), log_q, budgets.log_n(), &options.pass);
                });
            }
            Ok(sums)
        })?;
        let mut classes = [empty(), empty(), empty()];
        for (task, part) in parts.iter().enumerate() {
            classes[task / tasks_per_class].add_scaled(1.0 / per_class as f64, part);
        }
        let mut all = empty();
        for (class, weight) in classes.iter_mut().zip(self.weights()) {
            class.weight = weight;
            if weight > 0.0 {
                all.add_scaled(weight, class);
            }
        }
        all.weight = 1.0;
        all.kl = all.kl.max(0.0);
        Ok(GraphMeasures { n: options.n.clone(), pass_n: options.pass.clone(), all, classes })
    }
}
