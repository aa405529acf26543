//! Maximum likelihood over mixtures of models, π_θ = Σ_k θ_k π_k with θ in the simplex.

use std::sync::Arc;

use coverage_principle_core::error::{Code, Error, Result};
use coverage_principle_core::linear::{Policy, Responses};
use coverage_principle_core::parallel::Workers;
use coverage_principle_core::progress::Control;
use serde::{Deserialize, Serialize};

use super::instance::check_real;

/// log Σ_k exp(values_k), −∞ if all are.
fn log_sum_exp(values: &[f64]) -> f64 {
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if greatest == f64::NEG_INFINITY {
        return greatest;
    }
    greatest + values.iter().map(|value| (value - greatest).exp()).sum::<f64>().ln()
}

/// Options of [`fit_weights`] and [`fit_mixture`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MixtureOptions {
    /// Stop once the mean log-likelihood is known to be within this of the greatest, in nats. Above 0. Default 1e-9.
    pub gap: f64,
    /// Stop after so many steps. Default 100,000.
    pub iterations: usize,
}

impl Default for MixtureOptions {
    fn default() -> Self {
        Self { gap: 1e-9, iterations: 100_000 }
    }
}

/// A fitted mixture with its certificate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FittedMixture {
    /// θ.
    pub weights: Vec<f64>,
    /// (1/n) Σ_i log π_θ(y_i | x_i), in nats.
    pub mean_log_likelihood: f64,
    /// No mixture has a mean log-likelihood greater than this one's by more than this.
    pub gap: f64,
    /// How many steps were made.
    pub iterations: usize,
    /// Whether the gap asked for was reached.
    pub converged: bool,
}

/// Maximum likelihood over mixtures of `components` on `responses`.
///
/// # Errors
/// As [`fit_weights`] and [`Policy::log_probs`].
pub fn fit_mixture(
    components: &[Arc<dyn Policy>],
    responses: &Responses,
    options: &MixtureOptions,
    workers: &Workers,
    control: &Control,
) -> Result<FittedMixture> {
    if components.is_empty() {
        return Err(Error::option("components", "A mixture needs at least one component."));
    }
    let mut log_probs = Vec::new();
    for component in components {
        log_probs.extend(component.log_probs(responses, workers, control)?);
    }
    fit_weights(&log_probs, &vec![1.0; responses.len()], options, control)
}

/// Maximum likelihood over the simplex: the θ that maximises Σ_i counts_i·log Σ_k θ_k exp(log_probs[k, i]).
///
/// Steps are those of expectation maximisation, θ_k ← θ_k·g_k with g_k = (1/n) Σ_i π_k(y_i)/π_θ(y_i), made bolder,
/// θ_k ∝ θ_k·g_k^ρ, as long as the likelihood rises (exponentiated gradient with an adaptive step). By Jensen no
/// mixture exceeds π_θ in mean log-likelihood by more than log max_k g_k: that is the gap.
///
/// # Errors
/// [`Code::ShapeMismatch`] for log-probabilities of another number than K times that of the counts;
/// [`Code::NoResponses`] if no count is positive; [`Code::InvalidOption`] for bad options, or a response that no
/// component allows; [`Code::NanLogProb`].
pub fn fit_weights(
    log_probs: &[f64],
    counts: &[f64],
    options: &MixtureOptions,
    control: &Control,
) -> Result<FittedMixture> {
    check_real("gap", options.gap, 0.0, f64::MAX)?;
    let cells = counts.len();
    if cells == 0 || counts.iter().all(|&count| count == 0.0) {
        return Err(Error::new(Code::NoResponses, "There is no response: give at least one."));
    }
    if log_probs.is_empty() || !log_probs.len().is_multiple_of(cells) {
        return Err(Error::new(
            Code::ShapeMismatch,
            format!("{} log-probabilities do not fit {cells} responses.", log_probs.len()),
        ));
    }
    let fit = Fit::new(log_probs, counts)?;
    let components = log_probs.len() / cells;
    let mut state = fit.at(vec![1.0 / components as f64; components]);
    let (mut boldness, mut iterations) = (1.0, 0);
    while state.gap() > options.gap && iterations < options.iterations {
        control.check()?;
        iterations += 1;
        let next = fit.at(state.step(boldness));
        // Near the maximum the likelihood is flat to rounding, and the gap tells. A plain step is always good.
        if boldness == 1.0 || next.mean_log_likelihood > state.mean_log_likelihood || next.gap() < state.gap() {
            boldness *= 1.5;
            state = next;
        } else {
            boldness = 1.0;
        }
    }
    let gap = state.gap();
    Ok(FittedMixture {
        mean_log_likelihood: state.mean_log_likelihood,
        gap,
        iterations,
        converged: gap <= options.gap,
        weights: state.weights,
    })
}

/// The likelihood of a mixture: probabilities relative to the greatest of each response.
struct Fit<'a> {
    ratios: Vec<f64>,
    counts: &'a [f64],
    total: f64,
    /// The mean of the greatest log-probabilities.
    offset: f64,
}

struct FitState {
    weights: Vec<f64>,
    growth: Vec<f64>,
    mean_log_likelihood: f64,
}

impl<'a> Fit<'a> {
    fn new(log_probs: &[f64], counts: &'a [f64]) -> Result<Self> {
        let cells = counts.len();
        if let Some(index) = log_probs.iter().position(|value| value.is_nan()) {
            return Err(Error::new(
                Code::NanLogProb,
                format!("The log-probability of response {} under component {} is NaN.", index % cells, index / cells),
            )
            .at_model(index / cells)
            .at_response(index % cells));
        }
        if let Some(cell) = counts.iter().position(|&count| !(count.is_finite() && count >= 0.0)) {
            return Err(Error::option("counts", format!("The count of response {cell} is {}.", counts[cell])));
        }
        let total: f64 = counts.iter().sum();
        let mut greatest = vec![f64::NEG_INFINITY; cells];
        for row in log_probs.chunks_exact(cells) {
            for (greatest, &value) in greatest.iter_mut().zip(row) {
                *greatest = greatest.max(value);
            }
        }
        let mut offset = 0.0;
        for (cell, (greatest, &count)) in greatest.iter_mut().zip(counts).enumerate() {
            if count > 0.0 && *greatest == f64::NEG_INFINITY {
                return Err(Error::option(
                    "components",
                    format!("No component gives response {cell} any probability."),
                )
                .at_response(cell));
            }
            if count == 0.0 {
                *greatest = 0.0;
            } else {
                offset += count / total * *greatest;
            }
        }
        let ratios = log_probs
            .chunks_exact(cells)
            .flat_map(|row| row.iter().zip(&greatest).map(|(value, greatest)| (value - greatest).exp()))
            .collect();
        Ok(Self { ratios, counts, total, offset })
    }

    fn at(&self, weights: Vec<f64>) -> FitState {
        let cells = self.counts.len();
        let mut mixed = vec![0.0; cells];
        for (row, weight) in self.ratios.chunks_exact(cells).zip(&weights) {
            for (mixed, ratio) in mixed.iter_mut().zip(row) {
                *mixed += weight * ratio;
            }
        }
        let mut mean_log_likelihood = self.offset;
        for (mixed, &count) in mixed.iter_mut().zip(self.counts) {
            if count > 0.0 {
                mean_log_likelihood += count / self.total * mixed.ln();
                *mixed = count / self.total / *mixed;
            } else {
                *mixed = 0.0;
            }
        }
        let growth = self
            .ratios
            .chunks_exact(cells)
            .map(|row| row.iter().zip(&mixed).map(|(ratio, share)| ratio * share).sum())
            .collect();
        FitState { weights, growth, mean_log_likelihood }
    }
}

impl FitState {
    fn gap(&self) -> f64 {
        self.growth.iter().copied().fold(0.0, f64::max).ln().max(0.0)
    }

    fn step(&self, boldness: f64) -> Vec<f64> {
        let logs: Vec<f64> = self
            .weights
            .iter()
            .zip(&self.growth)
            .map(|(weight, growth)| weight.ln() + boldness * growth.ln())
            .collect();
        let total = log_sum_exp(&logs);
        // A weight that underflows could never come back: keep it representable.
        let weights: Vec<f64> = logs.iter().map(|log| (log - total).exp().max(f64::MIN_POSITIVE)).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::linear::Mixture;
    use proptest::prelude::*;

    use super::*;
    use crate::token_table::TokenTable;

    fn coin(p: f64) -> Arc<dyn Policy> {
        Arc::new(TokenTable::identical(2, 3, vec![(1.0 - p).ln(), p.ln()]).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// No mixture on a grid beats the fitted one by more than the gap, and the gap asked for is reached.
        #[test]
        fn fits_are_optimal_within_their_gap(
            rows in prop::collection::vec(prop::collection::vec(-6.0..0.0f64, 5), 3),
            counts in prop::collection::vec(0u32..9, 5),
        ) {
            let counts: Vec<f64> = counts.into_iter().map(f64::from).collect();
            prop_assume!(counts.iter().any(|&count| count > 0.0));
            let total: f64 = counts.iter().sum();
            let fitted = fit_weights(&rows.concat(), &counts, &MixtureOptions::default(), &Control::new()).unwrap();
            prop_assert!(fitted.converged, "{fitted:?}");
            prop_assert!((fitted.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let likelihood = |weights: [f64; 3]| -> f64 {
                (0..5)
                    .filter(|&cell| counts[cell] > 0.0)
                    .map(|cell| {
                        let mixed: f64 = (0..3).map(|k| weights[k] * rows[k][cell].exp()).sum();
                        counts[cell] / total * mixed.ln()
                    })
                    .sum()
            };
            let here = likelihood([fitted.weights[0], fitted.weights[1], fitted.weights[2]]);
            prop_assert!((here - fitted.mean_log_likelihood).abs() < 1e-12);
            for a in 0..=20 {
                for b in 0..=20 - a {
                    let weights = [a, b, 20 - a - b].map(|part| f64::from(part) / 20.0);
                    prop_assert!(likelihood(weights) <= here + fitted.gap + 1e-12);
                }
            }
        }
    }

    #[test]
    fn impossible_responses_are_named() {
        let rows = [0.0, f64::NEG_INFINITY, -1.0, f64::NEG_INFINITY];
        let fit = |counts: &[f64]| fit_weights(&rows, counts, &MixtureOptions::default(), &Control::new());
        assert_eq!(fit(&[1.0, 1.0]).unwrap_err().place.response, Some(1));
        assert!(fit(&[1.0, 0.0]).unwrap().weights[0] > 0.99);
        assert_eq!(fit(&[0.0, 0.0]).unwrap_err().code, Code::NoResponses);
        assert_eq!(fit(&[1.0, 1.0, 1.0]).unwrap_err().code, Code::ShapeMismatch);
    }

    #[test]
    fn fitting_policies_is_fitting_their_log_probabilities() {
        let components = [coin(0.2), coin(0.7)];
        let responses = Responses::from_rectangle(vec![0, 0], vec![1, 1, 0, 0, 1, 0], 3).unwrap();
        let (workers, control) = (Workers::sequential(), Control::new());
        let fitted = fit_mixture(&components, &responses, &MixtureOptions::default(), &workers, &control).unwrap();
        let mixture = Mixture::new(components.to_vec(), &fitted.weights).unwrap();
        let mean: f64 = mixture.log_probs(&responses, &workers, &control).unwrap().iter().sum::<f64>() / 2.0;
        assert!((mean - fitted.mean_log_likelihood).abs() < 1e-12);
    }
}
