//! Policies given by a table: the distribution of the next token by prompt, or by prompt and position.

use std::sync::Arc;

use coverage_principle_core::error::{Code, Error, Result};
use coverage_principle_core::linear::{Policy, Walker};

/// Tokens independent of each other given the prompt, π(y_h | x, y_{<h}) = π(y_h | x, h), read from a table.
#[derive(Clone, Debug)]
pub struct TokenTable {
    prompts: usize,
    vocabulary: usize,
    horizon: usize,
    /// Whether each position has rows of its own.
    by_position: bool,
    /// log π, [prompt, token] or [prompt, position, token].
    log_probs: Arc<[f64]>,
}

/// Supports above this are not listed.
const LISTED: usize = 1 << 20;

impl TokenTable {
    /// Responses of `horizon` tokens, i.i.d. given the prompt; `log_probs` has shape [prompts, vocabulary], −∞ where
    /// a token cannot come.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] for another shape, [`Code::InvalidOption`] for a row that does not sum to 1 to 1e-9.
    pub fn identical(vocabulary: usize, horizon: usize, log_probs: Vec<f64>) -> Result<Self> {
        Self::new(vocabulary, horizon, false, log_probs)
    }

    /// Independent tokens with a distribution for each position; `log_probs` has shape [prompts, horizon, vocabulary].
    ///
    /// # Errors
    /// As [`TokenTable::identical`].
    pub fn by_position(vocabulary: usize, horizon: usize, log_probs: Vec<f64>) -> Result<Self> {
        Self::new(vocabulary, horizon, true, log_probs)
    }

    fn new(vocabulary: usize, horizon: usize, by_position: bool, log_probs: Vec<f64>) -> Result<Self> {
        let size = vocabulary.checked_mul(if by_position { horizon } else { 1 }).filter(|&size| size > 0);
        let Some(size) = size.filter(|&size| !log_probs.is_empty() && log_probs.len().is_multiple_of(size)) else {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!(
                    "A table of {} log-probabilities does not fit {vocabulary} tokens and {horizon} positions.",
                    log_probs.len()
                ),
            ));
        };
        for (row, log_probs) in log_probs.chunks_exact(vocabulary).enumerate() {
            let sum: f64 = log_probs.iter().map(|value| value.exp()).sum();
            if !(1.0 - 1e-9..=1.0 + 1e-9).contains(&sum) {
                return Err(Error::option(
                    "logProbs",
                    format!("The probabilities of row {row} sum to {sum}, not to 1."),
                )
                .at_row(row));
            }
        }
        Ok(Self { prompts: log_probs.len() / size, vocabulary, horizon, by_position, log_probs: log_probs.into() })
    }

    fn row(&self, prompt: usize, position: usize) -> &[f64] {
        let row = if self.by_position { prompt * self.horizon + position } else { prompt };
        &self.log_probs[row * self.vocabulary..(row + 1) * self.vocabulary]
    }
}

impl Policy for TokenTable {
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn horizon(&self) -> Option<usize> {
        Some(self.horizon)
    }

    fn prompts(&self) -> Option<usize> {
        Some(self.prompts)
    }

    fn walker(&self) -> Box<dyn Walker + '_> {
        Box::new(TableWalker { table: self, prompt: 0, position: 0 })
    }

    fn support(&self, prompt: usize) -> Option<usize> {
        (0..self.horizon).try_fold(1usize, |count, position| {
            let possible = self.row(prompt, position).iter().filter(|&&value| value > f64::NEG_INFINITY).count();
            count.checked_mul(possible).filter(|&count| count <= LISTED)
        })
    }
}

#[derive(Debug)]
struct TableWalker<'t> {
    table: &'t TokenTable,
    prompt: usize,
    position: usize,
}

impl Walker for TableWalker<'_> {
    fn start(&mut self, prompt: usize) {
        (self.prompt, self.position) = (prompt, 0);
    }

    fn next(&mut self) -> &[f64] {
        self.table.row(self.prompt, self.position)
    }

    fn push(&mut self, _: u32) {
        self.position += 1;
    }

    fn truncate(&mut self, len: usize) {
        self.position = len;
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::linear::{Response, Responses};
    use coverage_principle_core::{Control, Workers};

    use super::*;

    #[test]
    fn log_probabilities_are_sums_of_rows() {
        let half = 0.5f64.ln();
        let table = TokenTable::by_position(2, 2, vec![half, half, 0.0, f64::NEG_INFINITY]).unwrap();
        assert_eq!(table.support(0), Some(2));
        let mut walker = table.walker();
        assert_eq!(walker.log_prob(Response { prompt: 0, tokens: &[1, 0] }), half);
        assert_eq!(walker.log_prob(Response { prompt: 0, tokens: &[0, 1] }), f64::NEG_INFINITY);
        let responses = Responses::from_rectangle(vec![0], vec![1, 0], 2).unwrap();
        assert_eq!(table.log_probs(&responses, &Workers::sequential(), &Control::new()).unwrap(), [half]);
    }

    #[test]
    fn misfits_are_errors() {
        assert_eq!(TokenTable::identical(2, 1, vec![0.0; 3]).unwrap_err().code, Code::ShapeMismatch);
        assert_eq!(TokenTable::identical(2, 1, vec![0.0; 2]).unwrap_err().code, Code::InvalidOption);
        assert_eq!(TokenTable::identical(1, 1, vec![f64::NAN]).unwrap_err().code, Code::InvalidOption);
    }
}
