//! Prompts as JSON Lines, for training one's own network on them.

use std::io::Write;

use coverage_principle_core::error::{Code, Error, Result};
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::{Purpose, Stream};
use serde::{Deserialize, Serialize};

use super::task::GraphTask;
use crate::instance::check_count;

/// Which prompts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GraphSet {
    /// Fresh prompts of the mixture.
    #[default]
    Train,
    /// The validation prompts, class by class.
    Validation,
}

/// What to write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphExportOptions {
    /// Which prompts. Default `train`.
    pub set: GraphSet,
    /// Zero-based number of the first prompt of the set. Default 0.
    pub first: u64,
    /// How many. Default 1000; of the validation prompts at most as many as there are.
    pub count: u64,
    /// Seed of the sampled responses. Default 0.
    pub seed: u64,
}

impl Default for GraphExportOptions {
    fn default() -> Self {
        Self { set: GraphSet::default(), first: 0, count: 1000, seed: 0 }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphRecord {
    /// Unique in its set: `train-17`, `validation-G2-3`.
    pub id: String,
    /// Name of the class.
    pub class: String,
    /// The prompt as text.
    pub prompt: String,
    /// The prompt as tokens.
    pub prompt_tokens: Vec<u32>,
    /// All responses of positive probability.
    pub responses: Vec<GraphResponse>,
    /// A response drawn from π_D, as tokens.
    pub response_tokens: Vec<u32>,
    /// The same as text.
    pub response: String,
}

/// A response and its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphResponse {
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// π_D of it.
    pub probability: f64,
}

impl GraphTask {
    /// The record of `prompt`, with a response drawn from the stream of the prompt's number.
    #[must_use]
    pub fn record(&self, prompt: usize, seed: u64) -> GraphRecord {
        let class = self.classes()[self.graph(prompt).class()];
        let validation = self.validation_prompts();
        let id = match prompt.checked_sub(validation) {
            Some(number) => format!("train-{number}"),
            None => format!("validation-{class}-{}", prompt % (validation / 3)),
        };
        let prompt_tokens = self.prompt_tokens(prompt);
        let mut response_tokens = Vec::new();
        let policy = crate::Instance::data(self).policy().clone();
        let mut stream = Stream::new(seed, Purpose::Data, prompt as u64);
        policy.walker().sample(prompt, self.prompts.horizon(), &mut stream, &mut response_tokens);
        let paths = self.paths(prompt);
        GraphRecord {
            id,
            class: class.to_owned(),
            prompt: self.text(&prompt_tokens),
            responses: paths
                .iter()
                .map(|(tokens, probability)| GraphResponse { tokens: tokens.to_vec(), probability })
                .collect(),
            response: self.text(&response_tokens),
            prompt_tokens,
            response_tokens,
        }
    }

    /// Writes records, one a line, and returns how many. Advances `control` by one a record.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for prompts beyond the set, [`Code::Io`] if writing fails, [`Code::Aborted`].
    pub fn write_jsonl(&self, out: &mut dyn Write, options: &GraphExportOptions, control: &Control) -> Result<u64> {
        let validation = self.validation_prompts() as u64;
        let (offset, size) = match options.set {
            GraphSet::Train => (validation, 1 << 39),
            GraphSet::Validation => (0, validation),
        };
        check_count("first", options.first, 0, size - 1)?;
        let count = match options.set {
            GraphSet::Train => options.count,
            GraphSet::Validation => options.count.min(validation - options.first),
        };
        check_count("count", count, 1, size - options.first)?;
        control.start(count);
        for number in options.first..options.first + count {
            control.check()?;
            let record = self.record((offset + number) as usize, options.seed);
            serde_json::to_writer(&mut *out, &record).map_err(|error| cannot_write(&error))?;
            out.write_all(b"\n").map_err(|error| cannot_write(&error))?;
            control.advance(1);
        }
        out.flush().map_err(|error| cannot_write(&error))?;
        Ok(count)
    }
}

fn cannot_write(error: &dyn std::error::Error) -> Error {
    Error::new(Code::Io, format!("Cannot write the prompts: {error}."))
}
