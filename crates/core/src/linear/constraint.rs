//! Θ, the convex set that θ stays in, and Euclidean projection on it.

use serde::Serialize;

use super::kernel::Kernels;
use crate::error::{Error, Result};
use crate::{order, tagged};

tagged! { "Constraint", "kind",
    /// Θ. The paper's is the unit ball (Assumption 2.2).
    #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
    pub enum Constraint {
        /// ‖θ‖₂ ≤ radius.
        Ball {
            /// Positive.
            radius: f64,
        },
        /// |θ_i| ≤ bound for every i.
        Box {
            /// Positive.
            bound: f64,
        },
        /// θ_i ≥ 0 and Σθ_i = 1.
        Simplex,
        /// All of R^d.
        Unconstrained,
    }
}

impl Default for Constraint {
    fn default() -> Self {
        Self::Ball { radius: 1.0 }
    }
}

impl Constraint {
    /// Whether the numbers make sense.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] for a radius or bound that is not positive and finite.
    pub fn check(&self) -> Result<()> {
        let (name, value) = match *self {
            Self::Ball { radius } => ("radius", radius),
            Self::Box { bound } => ("bound", bound),
            Self::Simplex | Self::Unconstrained => return Ok(()),
        };
        if value.is_finite() && value > 0.0 {
            return Ok(());
        }
        Err(Error::option(
            format!("constraint.{name}"),
            format!("The {name} must be positive and finite, not {value}."),
        ))
    }

    /// Projects `theta` on Θ, in place. A point within Θ keeps its bits.
    pub fn project(&self, kernels: Kernels, theta: &mut [f64]) {
        match *self {
            Self::Ball { radius } => {
                let square = kernels.dot(theta, theta);
                if let Some(factor) = shrinkage(square, radius) {
                    kernels.scale(factor, theta);
                }
            }
            Self::Box { bound } => {
                for value in theta {
                    *value = value.clamp(-bound, bound);
                }
            }
            Self::Simplex => project_on_simplex(theta),
            Self::Unconstrained => {}
        }
    }

    /// Whether θ lies in Θ, up to rounding.
    #[must_use]
    pub fn contains(&self, theta: &[f64]) -> bool {
        const SLACK: f64 = 1e-9;
        match *self {
            Self::Ball { radius } => theta.iter().map(|x| x * x).sum::<f64>().sqrt() <= radius * (1.0 + SLACK),
            Self::Box { bound } => theta.iter().all(|x| x.abs() <= bound * (1.0 + SLACK)),
            Self::Simplex => {
                theta.iter().all(|&x| x >= -SLACK)
                    && (theta.iter().sum::<f64>() - 1.0).abs() <= SLACK * theta.len() as f64
            }
            Self::Unconstrained => theta.iter().all(|x| x.is_finite()),
        }
    }

    /// max over s ∈ Θ of ⟨gradient, s − θ⟩, the Frank–Wolfe gap: how much a concave function with this gradient at θ
    /// can still grow on Θ. `None` on an unbounded Θ.
    #[must_use]
    pub fn gap(&self, theta: &[f64], gradient: &[f64]) -> Option<f64> {
        let here: f64 = theta.iter().zip(gradient).map(|(t, g)| t * g).sum();
        let best = match *self {
            Self::Ball { radius } => radius * gradient.iter().map(|g| g * g).sum::<f64>().sqrt(),
            Self::Box { bound } => bound * gradient.iter().map(|g| g.abs()).sum::<f64>(),
            Self::Simplex => gradient.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Unconstrained => return None,
        };
        Some((best - here).max(0.0))
    }

    /// The norm of the greatest element of Θ; `None` if there is none.
    #[must_use]
    pub fn radius(&self, dim: usize) -> Option<f64> {
        match *self {
            Self::Ball { radius } => Some(radius),
            Self::Box { bound } => Some(bound * (dim as f64).sqrt()),
            Self::Simplex => Some(1.0),
            Self::Unconstrained => None,
        }
    }
}

/// The factor that brings a vector of squared norm `square` on the ball, if it lies outside.
pub(super) fn shrinkage(square: f64, radius: f64) -> Option<f64> {
    let norm = square.sqrt();
    (norm > radius).then(|| radius / norm)
}

/// Held, Wolfe and Crowder's: subtract the threshold at which the positive parts sum to 1.
fn project_on_simplex(theta: &mut [f64]) {
    let mut sorted = theta.to_vec();
    order::descending(&mut sorted);
    let mut sum = 0.0;
    let mut threshold = 0.0;
    for (count, &value) in sorted.iter().enumerate() {
        sum += value;
        let candidate = (sum - 1.0) / (count + 1) as f64;
        if value - candidate > 0.0 {
            threshold = candidate;
        }
    }
    for value in theta {
        *value = (*value - threshold).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETS: [Constraint; 3] =
        [Constraint::Ball { radius: 0.7 }, Constraint::Box { bound: 0.4 }, Constraint::Simplex];

    fn point() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-3.0..3.0f64, 5)
    }

    proptest! {
        /// The projection p of v is characterised by ⟨v − p, s − p⟩ ≤ 0 for all s in Θ: the gap of v − p at p is 0.
        #[test]
        fn projections_are_nearest_points(v in point()) {
            for set in SETS {
                let mut p = v.clone();
                set.project(Kernels::default(), &mut p);
                prop_assert!(set.contains(&p));
                let residual: Vec<f64> = v.iter().zip(&p).map(|(v, p)| v - p).collect();
                prop_assert!(set.gap(&p, &residual).unwrap() < 1e-12);
                let mut again = p.clone();
                set.project(Kernels::default(), &mut again);
                prop_assert!(p.iter().zip(&again).all(|(a, b)| (a - b).abs() < 1e-15));
            }
        }
    }

    #[test]
    fn nonsense_is_an_option_error() {
        for set in [Constraint::Ball { radius: f64::NAN }, Constraint::Box { bound: 0.0 }] {
            assert!(set.check().is_err());
        }
        let parsed: Constraint = serde_json::from_str(r#"{"kind":"ball","radius":2}"#).unwrap();
        assert_eq!(parsed, Constraint::Ball { radius: 2.0 });
        assert!(serde_json::from_str::<Constraint>(r#"{"kind":"ball","radius":2,"x":1}"#).is_err());
    }
}
