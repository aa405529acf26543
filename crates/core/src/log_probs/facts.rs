//! What the numbers of a matrix say about how it was made: range, precision, clamping, duplicates.
//!
//! Whether a fact is a fault depends on the N that is asked about (a spacing of 1 nat is coarse beside log 2 and fine
//! beside log 1000), so nothing is judged here.

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

use super::rows::{Float, LogProbs, Row, Rows};
use crate::error::{Code, Error, Result};
use crate::order;
use crate::parallel::Workers;
use crate::progress::Control;

/// Values looked at between two looks at the cancellation flag, and the length of the partial sums of a mean.
const CHUNK: usize = 1 << 16;

/// Servers replace −∞ by this for one token, because JSON has no infinity.
const CLAMP: f64 = -9999.0;

/// Most decimal places that are looked for.
const MAX_DECIMALS: u32 = 6;

/// A binary format of floating-point numbers, by growing number of values it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// bf16: 8 significant bits.
    BFloat16,
    /// f16: 11 significant bits.
    Float16,
    /// f32: 24 significant bits.
    Float32,
    /// f64: 53 significant bits.
    Float64,
}

impl Precision {
    /// Coarsest first.
    const ALL: [Self; 4] = [Self::BFloat16, Self::Float16, Self::Float32, Self::Float64];

    /// Number of significant bits, the implicit one included.
    #[must_use]
    pub fn significant_bits(self) -> u32 {
        match self {
            Self::BFloat16 => 8,
            Self::Float16 => 11,
            Self::Float32 => 24,
            Self::Float64 => 53,
        }
    }

    /// Whether `value` is a number of this format.
    fn holds(self, value: f64) -> bool {
        match self {
            Self::BFloat16 => bf16::from_f64(value).to_f64() == value,
            Self::Float16 => f16::from_f64(value).to_f64() == value,
            Self::Float32 => f64::from(value as f32) == value,
            Self::Float64 => true,
        }
    }
}

/// Facts about the log-probabilities of one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelFacts {
    /// Least finite value, in nats; `None` if all are −∞.
    pub min: Option<f64>,
    /// Greatest finite value.
    pub max: Option<f64>,
    /// Mean of the finite values.
    pub mean: Option<f64>,
    /// Values that are −∞.
    pub minus_infinite: usize,
    /// Values at or below −9999, where servers clamp −∞.
    pub clamped: usize,
    /// How many different values there are, −∞ included. Fewer than the responses: exact ties, as a coarse precision
    /// makes them.
    pub distinct: usize,
    /// Coarsest format that holds all values exactly, whatever format the file has: sums made in half precision stay
    /// that coarse when they are written as doubles.
    pub precision: Precision,
    /// Distance, in nats, between neighbouring numbers of that format at the value of largest magnitude; 0 if there is
    /// no finite value. Differences of two models are uncertain by about this much.
    pub spacing: f64,
    /// Least number of decimal places, up to 6, that give all values exactly: a rounded print-out. `None` if more are
    /// needed.
    pub decimals: Option<u32>,
}

/// Facts about a matrix.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MatrixFacts {
    /// One entry a model.
    pub models: Vec<ModelFacts>,
    /// Groups of models that have the same value on every response, by index; each group has at least two.
    pub duplicate_models: Vec<Vec<usize>>,
    /// Responses on which every model has the same value as on an earlier response.
    pub duplicate_responses: usize,
    /// Responses that every model rules out (−∞): they decide nothing.
    pub impossible_responses: usize,
}

/// The facts about `log_probs`.
///
/// # Errors
/// [`Code::Aborted`], [`Code::TooLarge`] if there is no memory for a copy of a row a thread.
pub fn matrix_facts(log_probs: &LogProbs, workers: &Workers, control: &Control) -> Result<MatrixFacts> {
    match log_probs.rows() {
        Rows::F32(rows) => facts_of(rows, workers, control),
        Rows::F64(rows) => facts_of(rows, workers, control),
    }
}

fn facts_of<T: Float>(rows: &[Row<T>], workers: &Workers, control: &Control) -> Result<MatrixFacts> {
    let models = workers.map(rows.len(), control, |model| model_facts(&rows[model], control))?;
    let responses = rows.first().map_or(0, |row| row.len());
    let chunks = workers.map(responses.div_ceil(CHUNK), control, |chunk| {
        let first = chunk * CHUNK;
        column_hashes(rows, first, (responses - first).min(CHUNK), control)
    })?;
    let impossible_responses = chunks.iter().map(|(_, impossible)| impossible).sum();
    let columns: Vec<u64> = chunks.into_iter().flat_map(|(hashes, _)| hashes).collect();
    let same_column = |a: usize, b: usize| rows.iter().all(|row| bits(row[a]) == bits(row[b]));
    let duplicate_responses = groups(&columns, &same_column, control)?.iter().map(|group| group.len() - 1).sum();

    let hashes = workers
        .map(rows.len(), control, |model| Ok(rows[model].iter().fold(0, |hash, &value| mix(hash, bits(value)))))?;
    let same_row = |a: usize, b: usize| rows[a].iter().zip(rows[b].iter()).all(|(&a, &b)| bits(a) == bits(b));
    let mut duplicate_models = groups(&hashes, &same_row, control)?;
    order::values_by(&mut duplicate_models, Ord::cmp);
    Ok(MatrixFacts { models, duplicate_models, duplicate_responses, impossible_responses })
}

fn model_facts<T: Float>(row: &[T], control: &Control) -> Result<ModelFacts> {
    let mut finite = 0_usize;
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut total = 0.0;
    let mut clamped = 0;
    // A value that a format cannot hold rules it out for good; that of the matrix holds all.
    let mut formats = Precision::ALL.to_vec();
    let own = if size_of::<T>() == size_of::<f32>() { Precision::Float32 } else { Precision::Float64 };
    let mut decimals = Some(0);
    for chunk in row.chunks(CHUNK) {
        control.check()?;
        let mut sum = 0.0;
        for &value in chunk {
            let wide: f64 = value.into();
            if wide == f64::NEG_INFINITY {
                continue;
            }
            finite += 1;
            min = min.min(wide);
            max = max.max(wide);
            sum += wide;
            clamped += usize::from(wide <= CLAMP);
            if formats[0] < own && !formats.iter().all(|format| format.holds(wide)) {
                formats.retain(|format| format.holds(wide));
            }
            if let Some(places) = decimals {
                decimals = least_decimals::<T>(wide, places);
            }
        }
        total += sum;
    }
    let precision = formats[0];
    let some = |value: f64| (finite > 0).then_some(value);
    Ok(ModelFacts {
        min: some(min),
        max: some(max),
        mean: some(total / finite as f64),
        minus_infinite: row.len() - finite,
        clamped,
        distinct: distinct(row, control)?,
        precision,
        spacing: some(min.abs().max(max.abs())).map_or(0.0, |magnitude| spacing(magnitude, precision)),
        decimals: decimals.filter(|_| finite > 0),
    })
}

/// Distance from `magnitude` to the next larger number with the significant bits of `precision`.
fn spacing(magnitude: f64, precision: Precision) -> f64 {
    let (bits, least_exponent) = match precision {
        Precision::BFloat16 => (8, -126),
        Precision::Float16 => (11, -14),
        Precision::Float32 => (24, -126),
        Precision::Float64 => (53, -1022),
    };
    let exponent = if magnitude == 0.0 { least_exponent } else { libm::ilogb(magnitude).max(least_exponent) };
    libm::ldexp(1.0, exponent - (bits - 1))
}

/// The least number of decimal places, at least `from`, of which `value` is the nearest number of type T.
fn least_decimals<T: Float>(value: f64, from: u32) -> Option<u32> {
    (from..=MAX_DECIMALS).find(|&places| {
        let scale = f64::from(10_u32.pow(places));
        let rounded = (value * scale).round() / scale;
        if size_of::<T>() == size_of::<f32>() { rounded as f32 == value as f32 } else { rounded == value }
    })
}

/// Equal values have equal bits: the two zeros are made one.
fn bits<T: Float>(value: T) -> u64 {
    (value.into() + 0.0).to_bits()
}

fn distinct<T: Float>(row: &[T], control: &Control) -> Result<usize> {
    if size_of::<T>() == size_of::<f32>() {
        return distinct_keys(row, |value| (value.into() as f32 + 0.0).to_bits(), order::half_words, control);
    }
    distinct_keys(row, bits, |keys| order::words(keys), control)
}

fn distinct_keys<T: Float, K: Eq>(
    row: &[T],
    key: impl Fn(T) -> K,
    sort: impl Fn(&mut Vec<K>),
    control: &Control,
) -> Result<usize> {
    let mut sorted: Vec<K> = Vec::new();
    if sorted.try_reserve_exact(row.len()).is_err() {
        return Err(Error::new(Code::TooLarge, "There is no memory for a copy of one row per thread."));
    }
    for chunk in row.chunks(CHUNK) {
        control.check()?;
        sorted.extend(chunk.iter().map(|&value| key(value)));
    }
    sort(&mut sorted);
    control.check()?;
    sorted.dedup();
    Ok(sorted.len())
}

/// One step of a 64-bit hash; equal hashes are only candidates for equality, never taken as proof.
fn mix(hash: u64, bits: u64) -> u64 {
    let mixed = (hash ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// Hashes of `len` columns from `first` on, and how many of them are −∞ throughout.
fn column_hashes<T: Float>(rows: &[Row<T>], first: usize, len: usize, control: &Control) -> Result<(Vec<u64>, usize)> {
    let mut hashes = vec![0_u64; len];
    let mut impossible = vec![true; len];
    for row in rows {
        control.check()?;
        for ((hash, impossible), &value) in hashes.iter_mut().zip(&mut impossible).zip(&row[first..][..len]) {
            *hash = mix(*hash, bits(value));
            *impossible &= value.into() == f64::NEG_INFINITY;
        }
    }
    Ok((hashes, impossible.into_iter().filter(|&impossible| impossible).count()))
}

/// The groups of two or more indices that are the `same`, each ascending; equal ones must have equal hashes.
fn groups(hashes: &[u64], same: &dyn Fn(usize, usize) -> bool, control: &Control) -> Result<Vec<Vec<usize>>> {
    let mut sorted = hashes.to_vec();
    order::words(&mut sorted);
    control.check()?;
    let repeated: Vec<u64> = sorted.chunk_by(|a, b| a == b).filter(|run| run.len() > 1).map(|run| run[0]).collect();
    if repeated.is_empty() {
        return Ok(Vec::new());
    }
    let mut order: Vec<usize> =
        (0..hashes.len()).filter(|&index| repeated.binary_search(&hashes[index]).is_ok()).collect();
    order.sort_unstable_by_key(|&index| (hashes[index], index));
    let mut groups = Vec::new();
    for run in order.chunk_by(|&a, &b| hashes[a] == hashes[b]) {
        control.check()?;
        // Almost always one group: different contents of equal hash are rare.
        let mut parts: Vec<Vec<usize>> = Vec::new();
        for &index in run {
            match parts.iter_mut().find(|part| same(part[0], index)) {
                Some(part) => part.push(index),
                None => parts.push(vec![index]),
            }
        }
        groups.extend(parts.into_iter().filter(|part| part.len() > 1));
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts(rows: Vec<Vec<f64>>) -> MatrixFacts {
        matrix_facts(&LogProbs::from_f64(rows).unwrap(), &Workers::sequential(), &Control::new()).unwrap()
    }

    #[test]
    fn half_precision_sums_are_recognised_in_double_precision() {
        let values = [-1500.3, -812.7, -3.1];
        let rounded = [
            values.map(|value| bf16::from_f64(value).to_f64()),
            values.map(|value| f16::from_f64(value).to_f64()),
            values.map(|value| f64::from(value as f32)),
            values,
        ];
        let facts = facts(rounded.iter().map(|row| row.to_vec()).collect());
        let found: Vec<(Precision, f64)> = facts.models.iter().map(|model| (model.precision, model.spacing)).collect();
        let ulp = 2_f64.powi(-42);
        assert_eq!(
            found,
            [
                (Precision::BFloat16, 8.0),
                (Precision::Float16, 1.0),
                (Precision::Float32, 2_f64.powi(-13)),
                (Precision::Float64, ulp),
            ]
        );
        assert_eq!(facts.models[3].decimals, Some(1));
        assert_eq!(facts.models[2].decimals, None);
    }

    #[test]
    fn counts_infinities_clamps_ties_and_duplicates() {
        let infinite = f64::NEG_INFINITY;
        let row = vec![-1.0, infinite, -10001.5, -1.0, 0.0, -0.0];
        let other = vec![-2.0, infinite, -3.0, -2.0, -1.0, -1.0];
        let facts = facts(vec![row.clone(), other, row]);
        let model = &facts.models[0];
        assert_eq!((model.minus_infinite, model.clamped, model.distinct), (1, 1, 4));
        assert_eq!((model.min, model.max, model.mean), (Some(-10001.5), Some(0.0), Some(-10003.5 / 5.0)));
        assert_eq!(facts.duplicate_models, [[0, 2]]);
        assert_eq!((facts.duplicate_responses, facts.impossible_responses), (2, 1));
    }

    #[test]
    fn a_model_that_rules_everything_out_has_no_range() {
        let facts = facts(vec![vec![f64::NEG_INFINITY; 3]]);
        let model = &facts.models[0];
        assert_eq!((model.min, model.mean, model.spacing, model.decimals), (None, None, 0.0, None));
        assert_eq!((facts.impossible_responses, facts.duplicate_responses), (3, 2));
    }

    proptest! {
        #[test]
        fn agree_with_the_obvious_loops_at_any_number_of_threads(
            rows in (1_usize..5, 1_usize..40).prop_flat_map(|(models, responses)| {
                let value = prop_oneof![(-20_i32..=0).prop_map(|step| f64::from(step) / 4.0), Just(f64::NEG_INFINITY), -50.0..=0.0];
                prop::collection::vec(prop::collection::vec(value, responses), models)
            }),
        ) {
            let found = facts(rows.clone());
            let responses = rows[0].len();
            let column = |response: usize| rows.iter().map(|row| row[response]).collect::<Vec<f64>>();
            let duplicates = (0..responses).filter(|&b| (0..b).any(|a| column(a) == column(b))).count();
            prop_assert_eq!(found.duplicate_responses, duplicates);
            for (model, row) in rows.iter().enumerate() {
                let distinct = (0..responses).filter(|&b| !(0..b).any(|a| row[a] == row[b])).count();
                prop_assert_eq!(found.models[model].distinct, distinct);
                let twins = (0..rows.len()).filter(|&other| rows[other] == *row).count();
                let group = found.duplicate_models.iter().find(|group| group.contains(&model)).map_or(1, Vec::len);
                prop_assert_eq!(group, twins);
            }
            for threads in [2, 3] {
                let workers = Workers::new(Some(threads)).unwrap();
                let again = matrix_facts(&LogProbs::from_f64(rows.clone()).unwrap(), &workers, &Control::new()).unwrap();
                prop_assert_eq!(&again, &found);
            }
        }

        #[test]
        fn spacing_is_the_distance_to_the_next_number(value in -1e4_f64..-1e-3) {
            prop_assert_eq!(spacing(value.abs(), Precision::Float64), value.abs().next_up() - value.abs());
            let single = (value as f32).abs();
            prop_assert_eq!(spacing(f64::from(single), Precision::Float32), f64::from(single.next_up() - single));
        }
    }
}
