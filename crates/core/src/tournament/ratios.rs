use serde::Serialize;

use crate::error::{Error, Result};
use crate::statistics::log_n;

/// The ratios N a computation is asked for: values of N with their thresholds log N.
///
/// Invariants: at least one value, each finite and at least 1. The caller's order, repeats included, is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Ratios {
    n: Vec<f64>,
    #[serde(skip)]
    log_n: Vec<f64>,
}

impl Ratios {
    /// Checks `n` and takes it.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] for an empty list and for a value that is not finite or below 1.
    pub fn new(n: &[f64]) -> Result<Self> {
        if n.is_empty() {
            return Err(Error::option("N", "There is no N: give at least one ratio N, such as 4."));
        }
        if let Some((index, value)) = n.iter().enumerate().find(|(_, value)| !(1.0..f64::INFINITY).contains(*value)) {
            return Err(Error::option(
                format!("N[{index}]"),
                format!("N must be a finite number of at least 1, not {value}."),
            ));
        }
        Ok(Self { n: n.to_vec(), log_n: n.iter().map(|&n| log_n(n)).collect() })
    }

    /// How many values there are; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.n.len()
    }

    /// The values of N, in the caller's order.
    #[must_use]
    pub fn n(&self) -> &[f64] {
        &self.n
    }

    /// log N of each value, the thresholds in nats; all finite and at least 0. Correctly rounded, hence the same
    /// bits on every platform.
    #[must_use]
    pub fn log_n(&self) -> &[f64] {
        &self.log_n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_and_refuses_what_is_no_ratio() {
        let ratios = Ratios::new(&[16.0, 1.0, 2.5]).unwrap();
        assert_eq!(ratios.n(), [16.0, 1.0, 2.5]);
        assert_eq!(ratios.log_n()[1], 0.0);
        for (list, field) in [
            (vec![], "N"),
            (vec![2.0, 0.999], "N[1]"),
            (vec![f64::NAN], "N[0]"),
            (vec![f64::INFINITY], "N[0]"),
            (vec![-4.0], "N[0]"),
        ] {
            assert_eq!(Ratios::new(&list).unwrap_err().place.field.as_deref(), Some(field), "{list:?}");
        }
    }
}
