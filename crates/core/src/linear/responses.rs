//! Responses: lists of tokens, each to a prompt.

use crate::error::{Code, Error, Result};

/// One response y to one prompt x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// Index of the prompt.
    pub prompt: usize,
    /// The tokens y_1 … y_H, each below the vocabulary size.
    pub tokens: &'a [u32],
}

/// Many responses, in one piece of memory. Lengths may differ: a response shorter than the horizon stands for the
/// event that it is how the whole response begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Responses {
    prompts: Vec<usize>,
    tokens: Vec<u32>,
    ends: Vec<usize>,
}

impl Responses {
    /// No response yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `prompts.len()` responses of `horizon` tokens each; `tokens` has them one after the other.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless `tokens.len()` is `prompts.len() · horizon`.
    pub fn from_rectangle(prompts: Vec<usize>, tokens: Vec<u32>, horizon: usize) -> Result<Self> {
        if prompts.len().checked_mul(horizon) != Some(tokens.len()) {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("{} responses of {horizon} tokens do not make {} tokens.", prompts.len(), tokens.len()),
            ));
        }
        let ends = (1..=prompts.len()).map(|response| response * horizon).collect();
        Ok(Self { prompts, tokens, ends })
    }

    /// Adds a response.
    pub fn push(&mut self, prompt: usize, tokens: &[u32]) {
        self.tokens.extend_from_slice(tokens);
        self.prompts.push(prompt);
        self.ends.push(self.tokens.len());
    }

    /// Adds a response whose tokens `write` appends; keeps the memory of earlier ones.
    pub fn push_with(&mut self, prompt: usize, write: impl FnOnce(&mut Vec<u32>)) {
        write(&mut self.tokens);
        self.prompts.push(prompt);
        self.ends.push(self.tokens.len());
    }

    /// Adds all of `other`.
    pub fn append(&mut self, other: &Self) {
        let offset = self.tokens.len();
        self.prompts.extend_from_slice(&other.prompts);
        self.tokens.extend_from_slice(&other.tokens);
        self.ends.extend(other.ends.iter().map(|end| end + offset));
    }

    /// Responses of `lengths[i]` tokens each to `prompts[i]`; `tokens` has them one after the other.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] if the lengths do not add up to the tokens, or are not as many as prompts.
    pub fn from_lengths(
        prompts: impl ExactSizeIterator<Item = usize>,
        tokens: &[u32],
        lengths: &[u32],
    ) -> Result<Self> {
        let misfit = || {
            let message = "The lengths of the responses do not add up to the number of tokens.";
            Error::new(Code::ShapeMismatch, message)
        };
        if prompts.len() != lengths.len() {
            return Err(misfit());
        }
        let mut rest = tokens;
        let mut responses = Self::new();
        for (prompt, &length) in prompts.zip(lengths) {
            let (response, left) = rest.split_at_checked(length as usize).ok_or_else(misfit)?;
            responses.push(prompt, response);
            rest = left;
        }
        if rest.is_empty() { Ok(responses) } else { Err(misfit()) }
    }

    /// The responses of `range`, as far as there are any.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        let mut responses = Self::new();
        for index in range.start..range.end.min(self.len()) {
            let response = self.get(index);
            responses.push(response.prompt, response.tokens);
        }
        responses
    }

    /// Forgets all responses, keeps the memory.
    pub fn clear(&mut self) {
        self.prompts.clear();
        self.tokens.clear();
        self.ends.clear();
    }

    /// n, how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.prompts.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }

    /// All tokens, one response after the other.
    #[must_use]
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// The prompt of each response.
    #[must_use]
    pub fn prompts(&self) -> &[usize] {
        &self.prompts
    }

    /// Response `index`, which must be below [`Responses::len`].
    #[must_use]
    pub fn get(&self, index: usize) -> Response<'_> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Response { prompt: self.prompts[index], tokens: &self.tokens[start..self.ends[index]] }
    }

    /// All responses in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Response<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Whether every prompt, token and length fits; what works on responses relies on this having been called.
    ///
    /// # Errors
    /// [`Code::NoResponses`] if there is none; [`Code::ShapeMismatch`] naming the response that does not fit.
    pub fn check(&self, prompts: Option<usize>, vocabulary: usize, horizon: Option<usize>) -> Result<()> {
        if self.is_empty() {
            return Err(Error::new(Code::NoResponses, "There is no response: give at least one."));
        }
        for (index, response) in self.iter().enumerate() {
            let fault = if let Some(prompts) = prompts.filter(|&prompts| response.prompt >= prompts) {
                format!("has prompt {}, but there are {prompts} prompts", response.prompt)
            } else if let Some(&token) = response.tokens.iter().find(|&&token| token as usize >= vocabulary) {
                format!("has token {token}, but the vocabulary has {vocabulary} tokens")
            } else if let Some(horizon) = horizon.filter(|&horizon| response.tokens.len() > horizon) {
                format!("has {} tokens, but the horizon is {horizon}", response.tokens.len())
            } else {
                continue;
            };
            return Err(Error::new(Code::ShapeMismatch, format!("Response {index} {fault}.")).at_response(index));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_keep_their_tokens() {
        let mut responses = Responses::from_rectangle(vec![0, 1], vec![1, 2, 3, 4], 2).unwrap();
        responses.push(2, &[5]);
        let again = responses.clone();
        responses.append(&again);
        assert_eq!(responses.len(), 6);
        assert_eq!(responses.get(1), Response { prompt: 1, tokens: &[3, 4] });
        assert_eq!(responses.get(5), Response { prompt: 2, tokens: &[5] });
        assert!(Responses::from_rectangle(vec![0], vec![1], 2).is_err());
    }

    #[test]
    fn misfits_are_named() {
        let mut responses = Responses::new();
        assert_eq!(responses.check(None, 2, None).unwrap_err().code, Code::NoResponses);
        responses.push(0, &[0, 1]);
        responses.push(1, &[1, 2]);
        assert!(responses.check(Some(2), 3, Some(2)).is_ok());
        for error in [responses.check(Some(1), 3, None), responses.check(None, 2, None)] {
            assert_eq!(error.unwrap_err().place.response, Some(1));
        }
        assert_eq!(responses.check(None, 3, Some(1)).unwrap_err().place.response, Some(0));
    }
}
