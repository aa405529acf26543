//! Step sizes: constants, schedules, and the choices of the theorems.

use serde::Serialize;

use super::options::Procedure;
use crate::error::{Error, Result};
use crate::linear::constraint::Constraint;
use crate::tagged;

tagged! { "StepSize", "kind",
    /// η_t at step t = 0, …, T − 1.
    #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
    pub enum StepSize {
        /// η_t = value.
        Constant {
            /// Positive.
            value: f64,
        },
        /// η_t = value / √(t + 1).
        InverseSquareRoot {
            /// Positive.
            value: f64,
        },
        /// Rises linearly to `value` in `warmup` steps, then falls linearly to `end` at step T.
        Linear {
            /// Positive.
            value: f64,
            /// Steps of rise.
            warmup: u64,
            /// Not negative.
            end: f64,
        },
        /// Rises linearly to `value` in `warmup` steps, then falls to `end` at step T along half a cosine.
        Cosine {
            /// Positive.
            value: f64,
            /// Steps of rise.
            warmup: u64,
            /// Not negative.
            end: f64,
        },
        /// What the procedure's theorem chooses from B, H, σ*², N and T.
        Theory {
            /// σ*² [8], or an upper bound on it; not negative.
            inherent_variance: f64,
        },
    }
}

impl StepSize {
    /// η_t of `steps` steps; a `theory` is resolved before ([`Theory::of`]).
    pub(super) fn at(&self, step: u64, steps: u64) -> f64 {
        let warming = |value: f64, warmup: u64| (step < warmup).then(|| value * (step + 1) as f64 / warmup as f64);
        let progress = |warmup: u64| (step - warmup) as f64 / steps.saturating_sub(warmup).max(1) as f64;
        match *self {
            Self::Constant { value } => value,
            Self::InverseSquareRoot { value } => value / ((step + 1) as f64).sqrt(),
            Self::Linear { value, warmup, end } => {
                warming(value, warmup).unwrap_or_else(|| value + (end - value) * progress(warmup))
            }
            Self::Cosine { value, warmup, end } => warming(value, warmup).unwrap_or_else(|| {
                let turn = libm::cos(std::f64::consts::PI * progress(warmup));
                end + (value - end) * 0.5 * (1.0 + turn)
            }),
            Self::Theory { .. } => f64::NAN,
        }
    }

    /// # Errors
    /// [`crate::Code::InvalidOption`] naming what is out of range.
    pub(super) fn check(&self, steps: u64) -> Result<()> {
        let positive = |value: f64| {
            if value.is_finite() && value > 0.0 {
                return Ok(());
            }
            let message = format!("The step size must be positive and finite, not {value}.");
            Err(Error::option("stepSize.value", message))
        };
        match *self {
            Self::Constant { value } | Self::InverseSquareRoot { value } => positive(value),
            Self::Linear { value, warmup, end } | Self::Cosine { value, warmup, end } => {
                positive(value)?;
                if !(0.0..=value).contains(&end) {
                    let message = format!("The last step size must be between 0 and {value}, not {end}.");
                    return Err(Error::option("stepSize.end", message));
                }
                if warmup > steps {
                    let message = format!("The warm-up of {warmup} steps is longer than the run of {steps}.");
                    return Err(Error::option("stepSize.warmup", message));
                }
                Ok(())
            }
            Self::Theory { inherent_variance } => {
                if inherent_variance.is_finite() && inherent_variance >= 0.0 {
                    return Ok(());
                }
                Err(Error::option(
                    "stepSize.inherentVariance",
                    format!("The inherent variance must be finite and not negative, not {inherent_variance}."),
                ))
            }
        }
    }
}

/// What a theorem chose, and from what.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Theory {
    /// The proposition or theorem.
    pub source: &'static str,
    /// η.
    pub step_size: f64,
    /// λ of normalized SGD.
    pub lambda: Option<f64>,
    /// B.
    pub feature_bound: f64,
    /// H.
    pub horizon: usize,
    /// σ*².
    pub inherent_variance: f64,
    /// log N.
    pub log_n: f64,
    /// T.
    pub steps: u64,
    /// The radius of Θ; the theorems are for 1, a radius R scales θ by R and so B by R and η by R².
    pub radius: f64,
}

/// What a theorem chooses from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Givens {
    pub(super) feature_bound: f64,
    pub(super) horizon: usize,
    pub(super) inherent_variance: f64,
    pub(super) n: f64,
    pub(super) steps: u64,
    pub(super) dim: usize,
}

impl Theory {
    /// The choice for `procedure`.
    ///
    /// With θ = R·ϑ, ‖ϑ‖ ≤ 1, the features of ϑ are R·φ: the theorems apply to ϑ with B·R and σ*²·R², and a step on ϑ
    /// is one on θ of R² times the size.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] where no theorem speaks of the procedure or Θ is unbounded, and for N ≤ 1 where
    /// log N is needed.
    pub(super) fn of(procedure: &Procedure, constraint: &Constraint, givens: Givens) -> Result<Self> {
        let Givens { feature_bound, horizon, inherent_variance, n, steps, dim } = givens;
        let Some(radius) = constraint.radius(dim) else {
            return Err(Error::option("stepSize", "The theorems need a bounded constraint set: give a step size."));
        };
        let (b, t) = (feature_bound * radius, steps as f64);
        let variance = inherent_variance * radius * radius;
        let log_n = crate::statistics::log_n(n);
        let needs_log_n = matches!(procedure, Procedure::NormalizedSgd { .. } | Procedure::TruncatedSgd { .. });
        if needs_log_n && (log_n.is_nan() || log_n <= 0.0) {
            return Err(Error::option("N", format!("The theorem needs N above 1, not {n}.")));
        }
        let (source, unit, lambda) = match procedure {
            // The second term balances 4/(ηT) + 2ησ*².
            Procedure::Sgd => {
                ("Proposition 5.1", (1.0 / (2.0 * horizon as f64 * b * b)).min((2.0 / (t * variance)).sqrt()), None)
            }
            Procedure::NormalizedSgd { .. } => {
                let eta = (1.0 / (128.0 * b)).min((log_n / (variance * t)).sqrt().sqrt());
                ("Theorem 5.1", eta, Some(log_n / (16.0 * eta)))
            }
            Procedure::TokenSgd => ("Theorem 6.1", (1.0 / (2.0 * b * b)).min(1.0 / (variance * t).sqrt()), None),
            Procedure::TruncatedSgd { .. } => {
                let eta = (1.0 / ((64.0 * log_n + 2.0) * b * b)).min(1.0 / (t * variance * log_n).sqrt());
                ("Theorem 6.2", eta, None)
            }
            _ => {
                return Err(Error::option("stepSize", "No theorem chooses a step size for this procedure: give one."));
            }
        };
        // A step of normalized SGD is a length, hence scales by R; λ is a norm of gradients of ϑ, R times those of θ.
        let (step_size, lambda) = match lambda {
            Some(lambda) => (unit * radius, Some(lambda / radius)),
            None => (unit * radius * radius, None),
        };
        Ok(Self { source, step_size, lambda, feature_bound, horizon, inherent_variance, log_n, steps, radius })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_begin_and_end_where_they_say() {
        let linear = StepSize::Linear { value: 1.0, warmup: 4, end: 0.0 };
        assert_eq!([linear.at(0, 14), linear.at(3, 14), linear.at(4, 14), linear.at(9, 14)], [0.25, 1.0, 1.0, 0.5]);
        let cosine = StepSize::Cosine { value: 2.0, warmup: 0, end: 1.0 };
        assert!((cosine.at(5, 10) - 1.5).abs() < 1e-15 && cosine.at(0, 10) == 2.0);
        assert_eq!(StepSize::InverseSquareRoot { value: 1.0 }.at(3, 9), 0.5);
        assert!(StepSize::Constant { value: f64::NAN }.check(1).is_err());
        assert!(StepSize::Linear { value: 1.0, warmup: 4, end: 0.0 }.check(3).is_err());
    }

    #[test]
    fn theory_gives_the_numbers_of_the_theorems() {
        let givens = Givens { feature_bound: 2.0, horizon: 8, inherent_variance: 1.0, n: 16.0, steps: 1 << 20, dim: 3 };
        let ball = Constraint::default();
        let of = |procedure| Theory::of(&procedure, &ball, givens).unwrap();
        assert_eq!(of(Procedure::Sgd).step_size, (2.0 / f64::from(1 << 20)).sqrt());
        assert_eq!(of(Procedure::TokenSgd).step_size, 1.0 / 1024.0);
        let normalized = of(Procedure::NormalizedSgd { lambda: None });
        assert_eq!(normalized.step_size, 1.0 / 256.0);
        assert!((normalized.lambda.unwrap() - 16.0 * 16f64.ln()).abs() < 1e-12);
        assert!(Theory::of(&Procedure::SignSgd, &ball, givens).is_err());
        assert!(Theory::of(&Procedure::Sgd, &Constraint::Unconstrained, givens).is_err());
    }

    #[test]
    fn theory_scales_with_horizon_bound_threshold_and_radius() {
        let givens = |steps| Givens { feature_bound: 2.0, horizon: 8, inherent_variance: 1.0, n: 16.0, steps, dim: 3 };
        let of =
            |procedure, radius, steps| Theory::of(&procedure, &Constraint::Ball { radius }, givens(steps)).unwrap();
        let close = |ours: f64, value: f64| assert!((ours / value - 1.0).abs() < 1e-14, "{ours} is not {value}");
        let (sgd, truncated) = (Procedure::Sgd, Procedure::TruncatedSgd { threshold: None });
        // P5.1: 1/(2HB²) of a single step.
        close(of(sgd, 1.0, 1).step_size, 1.0 / 64.0);
        // T6.2: 1/((64 log N + 2)B²) of a single step, (Tσ*² log N)^{−1/2} of many; log 16 = 2.7725887222397811.
        close(of(truncated, 1.0, 1).step_size, 1.0 / ((64.0 * 2.772_588_722_239_781 + 2.0) * 4.0));
        close(of(truncated, 1.0, 1 << 40).step_size, 1.0 / (1_048_576.0 * 1.665_109_222_315_395_5));
        // A radius of 2 doubles σ* and quadruples a step: √(2/(T·4))·4.
        close(of(sgd, 2.0, 1 << 40).step_size, 2.0 * of(sgd, 1.0, 1 << 40).step_size);
        close(of(Procedure::TokenSgd, 2.0, 1 << 40).step_size, 2.0 / 1_048_576.0);
        // B doubles, too: where B alone decides, 1/(2H·4B²)·4 and, of a length, 1/(128·2B)·2 are those of radius 1.
        close(of(sgd, 2.0, 1).step_size, 1.0 / 64.0);
        close(of(Procedure::NormalizedSgd { lambda: None }, 2.0, 1).step_size, 1.0 / 256.0);
        // T5.1: (log N/(σ*²T))^{1/4} with σ* doubled, times R; λ = log N/(16η) over R.
        let normalized = of(Procedure::NormalizedSgd { lambda: None }, 2.0, 1 << 40);
        let unit = (2.772_588_722_239_781_f64 / 4.0).sqrt().sqrt() / 1024.0;
        close(normalized.step_size, 2.0 * unit);
        close(normalized.lambda.unwrap(), 2.772_588_722_239_781 / (16.0 * unit) / 2.0);
    }
}
