//! Comparisons that rounding may have decided.

use serde::{Deserialize, Serialize};

use super::ratios::Ratios;
use crate::error::{Code, Error, Result};
use crate::log_probs::facts::Precision;
use crate::log_probs::{Float, LogProbs, Row, Rows};
use crate::parallel::Workers;
use crate::progress::Control;

/// Responses looked at together for whether there is any near-tie among them.
const CHUNK: usize = 256;

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
    match log_probs.rows() {
        Rows::F32(rows) => near_ties_of(rows, options, &ratios, precision, workers, control),
        Rows::F64(rows) => near_ties_of(rows, options, &ratios, precision, workers, control),
    }
}

fn near_ties_of<T: Float>(
    rows: &[Row<T>],
    options: &NearTiesOptions,
    ratios: &Ratios,
    precision: Precision,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<NearTies>> {
    let greatest = workers.map(rows.len(), control, |model| Ok(greatest_magnitude(&rows[model])))?;
    let asked = options.models.iter().zip(ratios.log_n());
    asked
        .map(|(&model, &log_n)| {
            let undecided = workers.map(rows.len(), control, |other| {
                if other == model {
                    return Ok(Vec::new());
                }
                let most = half_spacing(greatest[model], precision) + half_spacing(greatest[other], precision);
                let near = Near { log_n, precision, most };
                near.find(&rows[model], &rows[other], control)
            })?;
            let mut seen = vec![false; rows[model].len()];
            undecided.iter().flatten().for_each(|&response| seen[response] = true);
            Ok(NearTies {
                model,
                count: undecided.iter().map(|responses| responses.len() as u64).sum(),
                responses: seen.into_iter().filter(|&seen| seen).count(),
                precision,
            })
        })
        .collect()
}

/// The greatest magnitude of a finite value, 0 if there is none.
fn greatest_magnitude<T: Float>(row: &[T]) -> f64 {
    let magnitudes = row.iter().map(|&value| value.into().abs());
    magnitudes
        .fold(0.0, |greatest, magnitude| if magnitude < f64::INFINITY { greatest.max(magnitude) } else { greatest })
}

/// What is too close to one log N.
struct Near {
    log_n: f64,
    precision: Precision,
    /// What the tolerance of no pair of values exceeds.
    most: f64,
}

impl Near {
    /// The responses at which rounding may decide between two models.
    fn find<T: Float>(&self, own: &[T], other: &[T], control: &Control) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        for (chunk, (own, other)) in own.chunks(CHUNK).zip(other.chunks(CHUNK)).enumerate() {
            if chunk % 256 == 0 {
                control.check()?;
            }
            // Hardly ever is there one, and to see that takes no tolerance of its own for each pair of values.
            let close = |(&a, &b): (&T, &T)| u64::from(self.distance(a.into(), b.into()) <= self.most);
            if own.iter().zip(other).map(close).sum::<u64>() > 0 {
                let responses = (chunk * CHUNK..).zip(own.iter().zip(other));
                found.extend(responses.filter(|&(_, (&a, &b))| self.holds(a.into(), b.into())).map(|each| each.0));
            }
        }
        Ok(found)
    }

    fn distance(&self, a: f64, b: f64) -> f64 {
        ((a - b).abs() - self.log_n).abs()
    }

    fn holds(&self, a: f64, b: f64) -> bool {
        let tolerance = half_spacing(a, self.precision) + half_spacing(b, self.precision);
        // An infinite or undefined difference is decided.
        self.distance(a, b) <= tolerance && (a - b).is_finite()
    }
}

/// Half the distance between neighbouring numbers of the format around `value`: the greatest error of rounding to it.
fn half_spacing(value: f64, precision: Precision) -> f64 {
    // The power of two at or below |value|: its exponent bits alone.
    let power = f64::from_bits(value.to_bits() & 0x7ff0_0000_0000_0000);
    power / (1_u64 << precision.significant_bits()) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::{Purpose, Stream};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// Each pair of values by itself, among them many that are close.
        #[test]
        fn are_those_of_the_definition(seed in 0..1000_u64, n in 1..700_usize, half: bool, single: bool) {
            let mut stream = Stream::new(seed, Purpose::Synthetic, 0);
            let mut value = || match stream.below(20) {
                0 => f64::NEG_INFINITY,
                1 => -3000.0 * stream.uniform(),
                _ => -(stream.below(9) as f64) * 2.0_f64.ln() - 1e-7 * stream.uniform(),
            };
            let rows: Vec<Vec<f32>> = (0..3).map(|_| (0..n).map(|_| value() as f32).collect()).collect();
            let wide: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|&value| value.into()).collect()).collect();
            let log_probs = if single { LogProbs::from_f32(rows) } else { LogProbs::from_f64(wide.clone()) }.unwrap();
            let precision = if half { Precision::Float16 } else { Precision::Float32 };
            let options = NearTiesOptions { n: vec![2.0, 8.0], models: vec![1, 2], precision: Some(precision) };
            let found = near_ties(&log_probs, &options, &Workers::sequential(), &Control::new()).unwrap();
            for ((found, &model), n) in found.iter().zip(&options.models).zip(&options.n) {
                let near = |other: usize, i: usize| {
                    let (a, b) = (wide[model][i], wide[other][i]);
                    let tolerance = half_spacing(a, precision) + half_spacing(b, precision);
                    other != model && (a - b).is_finite() && ((a - b).abs() - n.ln()).abs() <= tolerance
                };
                let counts = |i: usize| (0..3).filter(|&other| near(other, i)).count();
                let each: Vec<usize> = (0..wide[0].len()).map(counts).collect();
                prop_assert_eq!(found.count as usize, each.iter().sum::<usize>());
                prop_assert_eq!(found.responses, each.iter().filter(|&&count| count > 0).count());
            }
        }
    }

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
        // Alone, nearly as far as rounding goes.
        let alone = vec![vec![-1500.0], vec![-1500.0 - log_4 - 0.9]];
        assert_eq!(count(alone, 4.0, Some(Precision::Float16)), (1, 1));
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
