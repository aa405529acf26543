//! θ under training: dense, or scaled so that a sparse step with projection costs what the step touches.

use super::constraint::{Constraint, shrinkage};
use super::gradient::Gradient;
use super::kernel::Kernels;

/// θ = scale·values.
///
/// Projection on a ball only shortens θ. For lazy parameters that is a change of `scale`, and ‖θ‖² is kept up to
/// date from the coordinates a step changes; it is computed afresh whenever as many coordinates were changed as
/// there are, so that rounding cannot drift. The result is the dense algorithm's up to rounding, not an
/// approximation of it. For dense parameters the scale is always 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    values: Vec<f64>,
    scale: f64,
    lazy: bool,
    /// ‖values‖², kept for lazy parameters.
    square: f64,
    /// Coordinates changed since `square` was computed afresh.
    changed: usize,
}

/// Below this scale the values are multiplied out, long before they could overflow.
const LEAST_SCALE: f64 = 1e-60;

impl Parameter {
    /// θ = `values`; `lazy` where steps come from lazy gradients.
    #[must_use]
    pub fn new(values: Vec<f64>, lazy: bool) -> Self {
        let mut parameter = Self { values, scale: 1.0, lazy, square: 0.0, changed: 0 };
        parameter.refresh();
        parameter
    }

    /// Values, scale, whether lazy, ‖values‖², coordinates changed since it was computed.
    pub(super) fn parts(&self) -> (&[f64], f64, bool, f64, usize) {
        (&self.values, self.scale, self.lazy, self.square, self.changed)
    }

    /// The inverse of [`Parameter::parts`].
    pub(super) fn from_parts(values: Vec<f64>, scale: f64, lazy: bool, square: f64, changed: usize) -> Self {
        Self { values, scale, lazy, square, changed }
    }

    /// θ / scale.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The scale; 1 unless lazy.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// θ.
    #[must_use]
    pub fn theta(&self) -> Vec<f64> {
        self.values.iter().map(|value| value * self.scale).collect()
    }

    /// Whether every coordinate is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        let sum: f64 = if self.lazy { self.square } else { self.values.iter().map(|value| value * 0.0).sum() };
        sum.is_finite() && self.scale.is_finite()
    }

    /// θ ← Proj(θ + step·gradient).
    pub fn ascend(&mut self, kernels: Kernels, step: f64, gradient: &Gradient, constraint: &Constraint) {
        if self.lazy {
            self.ascend_lazily(kernels, step, gradient, constraint);
        } else {
            kernels.add_scaled(step, gradient.values(), &mut self.values);
            constraint.project(kernels, &mut self.values);
        }
    }

    /// Lets `change` add to a dense θ in place, then projects.
    pub fn change_dense(&mut self, kernels: Kernels, constraint: &Constraint, change: impl FnOnce(&mut [f64])) {
        debug_assert!(!self.lazy, "a lazy parameter must know what is touched");
        change(&mut self.values);
        constraint.project(kernels, &mut self.values);
    }

    fn ascend_lazily(&mut self, kernels: Kernels, step: f64, gradient: &Gradient, constraint: &Constraint) {
        let step = step / self.scale;
        let bound = match *constraint {
            Constraint::Box { bound } => bound,
            _ => f64::INFINITY,
        };
        for run in gradient.runs() {
            self.changed += run.len();
            let (values, gradient) = (&mut self.values[run.clone()], &gradient.values()[run]);
            for (value, &slope) in values.iter_mut().zip(gradient) {
                let new = (*value + step * slope).clamp(-bound, bound);
                self.square += new * new - *value * *value;
                *value = new;
            }
        }
        if self.changed >= self.values.len() {
            self.refresh();
        }
        match *constraint {
            Constraint::Ball { radius } => {
                if let Some(factor) = shrinkage(self.square.max(0.0) * self.scale * self.scale, radius) {
                    self.scale *= factor;
                    if self.scale < LEAST_SCALE {
                        kernels.scale(self.scale, &mut self.values);
                        self.scale = 1.0;
                        self.refresh();
                    }
                }
            }
            Constraint::Simplex => {
                constraint.project(kernels, &mut self.values);
                self.refresh();
            }
            Constraint::Box { .. } | Constraint::Unconstrained => {}
        }
    }

    fn refresh(&mut self) {
        if self.lazy {
            self.square = self.values.iter().map(|value| value * value).sum();
            self.changed = 0;
        }
    }

    /// Becomes `origin` again where only the coordinates of `runs` were changed since it was.
    pub fn restore(&mut self, origin: &Self, runs: impl Iterator<Item = std::ops::Range<usize>>) {
        for run in runs {
            self.values[run.clone()].copy_from_slice(&origin.values[run]);
        }
        (self.scale, self.square, self.changed) = (origin.scale, origin.square, origin.changed);
    }
}
