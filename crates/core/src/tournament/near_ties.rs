//! Comparisons that rounding may have decided.

use serde::{Deserialize, Serialize};

use super::ratios::Ratios;
use crate::error::{Code, Error, Result};
use crate::log_probs::facts::Precision;
use crate::log_probs::{LogProbs, Rows};
use crate::parallel::Workers;
use crate::progress::Control;

/// Options of [`near_ties`]; whoever calls it gives all of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NearTiesOptions {
    /// Values of N, each finite and at least 1.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// For each N the model that is held against all others, usually the winner.
    pub models: Vec<usize>,
    /// Format in which the log-probabilities were computed. Without one that of the matrix, single or double.
    pub precision: Option<Precision>,
}

/// How many comparisons at one N the input's precision cannot decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NearTies {
    /// The model held against all others.
    pub model: usize,
    /// Number of (other model, response) whose log ratio, in either direction, lies too close to log N.
    pub count: u64,
    /// Number of different responses among them.
    pub responses: usize,
    /// Precision that was assumed.
    pub precision: Precision,
}

/// Counts the comparisons of one model with all others whose outcome may be due to rounding: |difference − log N| is at
/// most half the spacing of the format at the one value plus half that at the other. O(M·n) for each N.
///
/// # Errors
/// [`Code::InvalidOption`], also unless there is one model of the matrix for each N; [`Code::Aborted`].
pub fn near_ties(
    log_probs: &LogProbs,
    options: &NearTiesOptions,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<NearTies>> {
    let ratios = Ratios::new(&options.n)?;
    if options.models.len() != ratios.len() {
        let (models, n) = (options.models.len(), ratios.len());
        return Err(Error::option(
            "models",
            format!("There are {models} models for {n} values of N: give one for each."),
        ));
    }
    if let Some(index) = options.models.iter().position(|&model| model >= log_probs.models()) {
        let message = format!("There is no model {}: the last is {}.", options.models[index], log_probs.models() - 1);
        return Err(Error::new(Code::InvalidOption, message).at_field(format!("models[{index}]")));
    }
    let precision = options.precision.unwrap_or(match log_probs.rows() {
        Rows::F32(_) => Precision::Float32,
        Rows::F64(_) => Precision::Float64,
    });
    let mut results = Vec::with_capacity(ratios.len());
    for (&model, &log_n) in options.models.iter().zip(ratios.log_n()) {
        let own = log_probs.row_f64(model);
        let undecided = workers.map(log_probs.models(), control, |other| {
            let mut undecided = Vec::new();
            if other != model {
                let row = log_probs.row_f64(other);
                for (i, (&a, &b)) in own.iter().zip(&row).enumerate() {
                    if i % 65_536 == 0 {
                        control.check()?;
                    }
                    let tolerance = half_spacing(a, precision) + half_spacing(b, precision);
                    // An infinite or undefined difference is decided.
                    if ((a - b).abs() - log_n).abs() <= tolerance && (a - b).is_finite() {
                        undecided.push(i);
                    }
                }
            }
            Ok(undecided)
        })?;
        let mut seen = vec![false; own.len()];
        undecided.iter().flatten().for_each(|&response| seen[response] = true);
        results.push(NearTies {
            model,
            count: undecided.iter().map(|responses| responses.len() as u64).sum(),
            responses: seen.into_iter().filter(|&seen| seen).count(),
            precision,
        });
    }
    Ok(results)
}

/// Half the distance between neighbouring numbers of the format around `value`: the greatest error of rounding to it.
fn half_spacing(value: f64, precision: Precision) -> f64 {
    // The power of two at or below |value|: its exponent bits alone.
    let power = f64::from_bits(value.to_bits() & 0x7ff0_0000_0000_0000);
    power / (1_u64 << precision.significant_bits()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rows: Vec<Vec<f64>>, n: f64, precision: Option<Precision>) -> (u64, usize) {
        let log_probs = LogProbs::from_f64(rows).unwrap();
        let options = NearTiesOptions { n: vec![n], models: vec![0], precision };
        let result = near_ties(&log_probs, &options, &Workers::sequential(), &Control::new()).unwrap();
        (result[0].count, result[0].responses)
    }

    #[test]
    fn counts_what_the_precision_cannot_decide() {
        let log_4 = 4.0_f64.ln();
        let rows = vec![
            vec![-1500.0, -1500.0, -3.0, f64::NEG_INFINITY, -3.0],
            vec![-1500.0 - log_4 - 0.9, -1500.0 + 3.0, -3.0 - log_4, -1.0, -7.0],
        ];
        assert_eq!(count(rows.clone(), 4.0, None), (1, 1));
        // Half precision: spacing 1 at 1500.
        assert_eq!(count(rows.clone(), 4.0, Some(Precision::Float16)), (2, 2));
        // bf16: spacing 8 at 1500.
        assert_eq!(count(rows, 4.0, Some(Precision::BFloat16)), (3, 3));
    }

    #[test]
    fn both_directions_and_every_rival_count() {
        let (a, b) = (-2.0, -2.0 - 2.0_f64.ln());
        let rows = vec![vec![a, b], vec![b, a], vec![b, b]];
        assert_eq!(count(rows, 2.0, None), (3, 2));
        assert_eq!(count(vec![vec![a, f64::NEG_INFINITY], vec![a, f64::NEG_INFINITY]], 1.0, None), (1, 1));
    }

    #[test]
    fn options_are_checked() {
        let log_probs = LogProbs::from_f64(vec![vec![-1.0], vec![-2.0]]).unwrap();
        let field = |models: Vec<usize>| {
            let options = NearTiesOptions { n: vec![2.0], models, precision: None };
            near_ties(&log_probs, &options, &Workers::sequential(), &Control::new())
                .unwrap_err()
                .into_fault()
                .place
                .field
                .unwrap()
        };
        assert_eq!(field(vec![]), "models");
        assert_eq!(field(vec![2]), "models[0]");
    }
}
