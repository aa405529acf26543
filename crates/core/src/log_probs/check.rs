use super::rows::{Float, LogProbs};
use crate::error::{Code, Error, Result};
use crate::progress::Control;

/// Values checked between two looks at the outcome.
const BLOCK: usize = 4096;

/// Whether all of `values`, few enough to be at hand, are log-probabilities.
pub(crate) fn all_legal<T: Float>(values: &[T]) -> bool {
    values.iter().fold(true, |all, &value| all & (value.into() <= LogProbs::POSITIVE_TOLERANCE))
}

/// The first value of `row` that is no log-probability.
pub(crate) fn first_illegal<T: Float>(row: &[T], control: &Control) -> Result<Option<usize>> {
    // One comparison rejects NaN, +∞ and positive values alike.
    let legal = |value: T| value.into() <= LogProbs::POSITIVE_TOLERANCE;
    for (block, values) in row.chunks(BLOCK).enumerate() {
        if block % 64 == 0 {
            control.check()?;
        }
        // Without an early exit, so that the compiler can use vectors.
        if !all_legal(values)
            && let Some(at) = values.iter().position(|&value| !legal(value))
        {
            return Ok(Some(block * BLOCK + at));
        }
    }
    Ok(None)
}

/// Fails on the first value of `row` that is no log-probability.
pub(super) fn check_row<T: Float>(model: usize, row: &[T], control: &Control) -> Result<()> {
    match first_illegal(row, control)? {
        Some(at) => Err(illegal(row[at].into()).at_model(model).at_response(at)),
        None => Ok(()),
    }
}

fn illegal(value: f64) -> Error {
    if value.is_nan() {
        return Error::new(
            Code::NanLogProb,
            "A log-probability is NaN: score the response again, or drop it for every model.",
        );
    }
    Error::new(
        Code::PositiveLogProb,
        format!(
            "A log-probability is {value}, above zero: did you pass negative log-likelihoods? Then negate them (--negate)."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_model_and_response() {
        let error = LogProbs::from_f64(vec![vec![-1.0, -2.0], vec![-1.0, f64::NAN]]).unwrap_err();
        assert_eq!((error.code, error.place.model, error.place.response), (Code::NanLogProb, Some(1), Some(1)));
        let error = LogProbs::from_f32(vec![vec![-1.0, f32::INFINITY]]).unwrap_err();
        assert_eq!((error.code, error.place.response), (Code::PositiveLogProb, Some(1)));
    }

    #[test]
    fn minus_infinity_and_rounding_above_zero_are_legal() {
        let log_probs = LogProbs::from_f64(vec![vec![f64::NEG_INFINITY, 1e-7]]).unwrap();
        assert_eq!((log_probs.models(), log_probs.responses()), (1, 2));
    }
}
