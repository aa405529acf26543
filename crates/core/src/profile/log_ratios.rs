use crate::error::{Code, Error, Result};

/// Log density ratios X = log π_D(y|x) − log π̂(y|x) on given responses, in nats, where probabilities may vanish.
///
/// π̂ = 0 < π_D is +∞ and always counts as uncovered; π_D = 0 is −∞ and never does, whatever π̂ is.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRatios {
    values: Vec<f64>,
    infinite: usize,
    impossible: usize,
}

impl LogRatios {
    /// The ratios of `reference` (π_D) to `model` (π̂), given as log-probabilities of the same responses.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] for different lengths, [`Code::NoResponses`] for none.
    pub fn between(reference: &[f64], model: &[f64]) -> Result<Self> {
        if reference.len() != model.len() {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!(
                    "The reference is scored on {} responses, the model on {}: both must be scored on the same.",
                    reference.len(),
                    model.len()
                ),
            ));
        }
        let ratio = |p: f64, q: f64| if p == f64::NEG_INFINITY { p } else { p - q };
        Self::new(reference.iter().zip(model).map(|(&p, &q)| ratio(p, q)).collect())
    }

    /// Ratios computed elsewhere, e.g. of responses drawn from a π_D that can be evaluated.
    ///
    /// # Errors
    /// [`Code::NoResponses`] for none, [`Code::NanLogProb`] for a NaN.
    pub fn new(values: Vec<f64>) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::new(Code::NoResponses, "There is no response: a profile needs at least one."));
        }
        if let Some(response) = values.iter().position(|value| value.is_nan()) {
            return Err(Error::new(Code::NanLogProb, "A log ratio is NaN.").at_response(response));
        }
        let infinite = values.iter().filter(|&&value| value == f64::INFINITY).count();
        let impossible = values.iter().filter(|&&value| value == f64::NEG_INFINITY).count();
        Ok(Self { values, infinite, impossible })
    }

    /// One ratio a response.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many responses the model rules out although the reference does not.
    #[must_use]
    pub fn infinite(&self) -> usize {
        self.infinite
    }

    /// How many responses the reference rules out.
    #[must_use]
    pub fn impossible(&self) -> usize {
        self.impossible
    }

    /// How many ratios are at least `log_n`.
    #[must_use]
    pub fn count_at_least(&self, log_n: f64) -> usize {
        self.values.iter().filter(|&&value| value >= log_n).count()
    }
}
