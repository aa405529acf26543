//! Policies that list their responses: few per prompt, each with its probability.

use std::fmt;

use super::policy::{Policy, Walker};
use super::responses::Response;
use crate::error::{Code, Error, Result};
use crate::random::Stream;

/// The responses of positive probability to one prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseList {
    horizon: usize,
    tokens: Vec<u32>,
    probabilities: Vec<f64>,
}

impl ResponseList {
    /// No response yet; all will have `horizon` tokens.
    #[must_use]
    pub fn new(horizon: usize) -> Self {
        Self { horizon, ..Self::default() }
    }

    /// Forgets the responses, keeps the memory.
    pub fn clear(&mut self) {
        self.tokens.clear();
        self.probabilities.clear();
    }

    /// Adds a response of `horizon` tokens. One of probability 0 may be left out or added; a response may not be
    /// added twice.
    pub fn add(&mut self, tokens: &[u32], probability: f64) {
        debug_assert_eq!(tokens.len(), self.horizon, "a listed response has as many tokens as the horizon says");
        self.tokens.extend_from_slice(tokens);
        self.probabilities.push(probability);
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.probabilities.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.probabilities.is_empty()
    }

    /// Responses and probabilities.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32], f64)> {
        self.tokens.chunks_exact(self.horizon.max(1)).zip(self.probabilities.iter().copied())
    }
}

/// What lists the responses to each prompt, from memory or on demand.
pub trait Listing: Send + Sync + fmt::Debug {
    /// V.
    fn vocabulary(&self) -> usize;

    /// H, at least 1: every response has so many tokens.
    fn horizon(&self) -> usize;

    /// |X|.
    fn prompts(&self) -> usize;

    /// How many responses [`Listing::list`] gives.
    fn count(&self, prompt: usize) -> usize;

    /// Adds the responses to `prompt` with probabilities that sum to 1 to the empty `list`, always in the same order.
    fn list(&self, prompt: usize, list: &mut ResponseList);
}

/// The policy of a [`Listing`].
#[derive(Clone, Debug)]
pub struct Listed<L>(pub L);

impl<L: Listing> Policy for Listed<L> {
    fn vocabulary(&self) -> usize {
        self.0.vocabulary()
    }

    fn horizon(&self) -> Option<usize> {
        Some(self.0.horizon())
    }

    fn prompts(&self) -> Option<usize> {
        Some(self.0.prompts())
    }

    fn walker(&self) -> Box<dyn Walker + '_> {
        Box::new(ListedWalker {
            listing: &self.0,
            list: ResponseList::new(self.0.horizon()),
            prompt: None,
            prefix: Vec::new(),
            next: vec![0.0; self.0.vocabulary()],
        })
    }

    fn support(&self, prompt: usize) -> Option<usize> {
        Some(self.0.count(prompt))
    }
}

#[derive(Debug)]
struct ListedWalker<'l, L> {
    listing: &'l L,
    list: ResponseList,
    /// The prompt whose responses are in `list`.
    prompt: Option<usize>,
    prefix: Vec<u32>,
    next: Vec<f64>,
}

impl<L: Listing> Walker for ListedWalker<'_, L> {
    fn start(&mut self, prompt: usize) {
        if self.prompt != Some(prompt) {
            self.list.clear();
            self.listing.list(prompt, &mut self.list);
            self.prompt = Some(prompt);
        }
        self.prefix.clear();
    }

    fn next(&mut self) -> &[f64] {
        let position = self.prefix.len();
        self.next.fill(0.0);
        let mut total = 0.0;
        for (tokens, probability) in self.list.iter() {
            if tokens.starts_with(&self.prefix) {
                self.next[tokens[position] as usize] += probability;
                total += probability;
            }
        }
        for value in &mut self.next {
            // Past a prefix of probability 0 nothing can come: every token is −∞, none NaN.
            *value = if *value > 0.0 { libm::log(*value / total) } else { f64::NEG_INFINITY };
        }
        &self.next
    }

    fn push(&mut self, token: u32) {
        self.prefix.push(token);
    }

    fn truncate(&mut self, len: usize) {
        self.prefix.truncate(len);
    }

    fn log_prob(&mut self, response: Response<'_>) -> f64 {
        self.start(response.prompt);
        let total: f64 =
            self.list.iter().filter(|(tokens, _)| tokens.starts_with(response.tokens)).map(|(_, p)| p).sum();
        libm::log(total)
    }

    fn sample(&mut self, prompt: usize, horizon: usize, stream: &mut Stream, tokens: &mut Vec<u32>) -> f64 {
        self.start(prompt);
        let mut rest = stream.uniform();
        let mut found: (&[u32], f64) = (&[], 0.0);
        for (response, probability) in self.list.iter().filter(|&(_, probability)| probability > 0.0) {
            found = (response, probability);
            rest -= probability;
            if rest < 0.0 {
                break;
            }
        }
        tokens.extend(found.0.iter().take(horizon));
        libm::log(found.1)
    }
}

/// A [`Listing`] in memory.
#[derive(Clone, Debug)]
pub struct ListInMemory {
    vocabulary: usize,
    horizon: usize,
    lists: Vec<ResponseList>,
}

impl ListInMemory {
    /// As [`ListInMemory::new`] from rows: `horizon` tokens to `prompts[i]`, with `probabilities[i]`.
    ///
    /// # Errors
    /// As there; [`Code::ShapeMismatch`] if the three do not fit each other or some prompt has no response.
    pub fn from_rows(
        vocabulary: usize,
        horizon: usize,
        prompts: &[usize],
        tokens: &[u32],
        probabilities: &[f64],
    ) -> Result<Self> {
        let fault = |message: &str| Err(Error::new(Code::ShapeMismatch, message));
        if prompts.len() != probabilities.len() || prompts.len().checked_mul(horizon) != Some(tokens.len()) {
            return fault("Every listed response has a prompt, a probability and H tokens.");
        }
        let count = prompts.iter().max().map_or(0, |last| last.saturating_add(1));
        if count > prompts.len() {
            return fault("Some prompt has no response: number the prompts from 0 on.");
        }
        let mut lists = vec![Vec::new(); count];
        for ((&prompt, tokens), &probability) in prompts.iter().zip(tokens.chunks(horizon.max(1))).zip(probabilities) {
            lists[prompt].push((tokens.to_vec(), probability));
        }
        Self::new(vocabulary, horizon, &lists)
    }

    /// One list a prompt, of responses and their probabilities.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for probabilities that are negative or do not sum to 1 within 1e-9, or a horizon of 0;
    /// [`Code::ShapeMismatch`] for a response of another length, a token out of range or a response listed twice.
    pub fn new(vocabulary: usize, horizon: usize, prompts: &[Vec<(Vec<u32>, f64)>]) -> Result<Self> {
        if horizon == 0 || vocabulary == 0 || prompts.is_empty() {
            return Err(Error::option(
                "horizon",
                "A list of responses needs a prompt, a token and a position at least.",
            ));
        }
        let mut lists = Vec::with_capacity(prompts.len());
        for (prompt, responses) in prompts.iter().enumerate() {
            let mut list = ResponseList::new(horizon);
            let fault = |code, what: &str| Err(Error::new(code, format!("The responses to prompt {prompt} {what}.")));
            for (index, (tokens, probability)) in responses.iter().enumerate() {
                if tokens.len() != horizon || tokens.iter().any(|&token| token as usize >= vocabulary) {
                    return fault(Code::ShapeMismatch, "have a length or a token that does not fit");
                }
                if responses[..index].iter().any(|(other, _)| other == tokens) {
                    return fault(Code::ShapeMismatch, "have one listed twice");
                }
                if !(0.0..=1.0 + 1e-9).contains(probability) {
                    return fault(Code::InvalidOption, "have a probability outside [0, 1]");
                }
                list.add(tokens, *probability);
            }
            let total: f64 = list.probabilities.iter().sum();
            if !(1.0 - 1e-9..=1.0 + 1e-9).contains(&total) {
                return fault(Code::InvalidOption, &format!("have probabilities that sum to {total}, not 1"));
            }
            lists.push(list);
        }
        Ok(Self { vocabulary, horizon, lists })
    }
}

impl Listing for ListInMemory {
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn horizon(&self) -> usize {
        self.horizon
    }

    fn prompts(&self) -> usize {
        self.lists.len()
    }

    fn count(&self, prompt: usize) -> usize {
        self.lists[prompt].len()
    }

    fn list(&self, prompt: usize, list: &mut ResponseList) {
        for (tokens, probability) in self.lists[prompt].iter() {
            list.add(tokens, probability);
        }
    }
}
