//! How to read. Defaults are the facade's; every field is named as there.

use serde::Deserialize;

/// One file to read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputFile {
    /// Where it is.
    pub path: String,
    /// What messages call it, if not its path.
    pub shown: Option<String>,
    /// Name of the model, for a file of one.
    pub model: Option<String>,
}

/// How models that lack responses (or problems) of others are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JoinMode {
    /// It is an error.
    Exact,
    /// What some model lacks is left out, with a warning.
    Shared,
}

/// How to read log-probabilities.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScoreOptions {
    /// Name of the format of all files; `None`: told from each.
    pub format: Option<String>,
    /// A matrix has a row a response and a column a model.
    pub transpose: bool,
    /// The values are negative log-probabilities.
    pub negate: bool,
    /// Responses that some model lacks.
    pub join: JoinMode,
    /// Do not insist on equal texts or hashes.
    pub ignore_hashes: bool,
    /// Take −9999 of a token as it is.
    pub keep_clamped: bool,
    /// Tokens of the prompt before those of the response.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the response, the last of each list.
    pub response_tokens: Option<u64>,
    /// Filter of lm-evaluation-harness.
    pub filter: Option<String>,
    /// Columns by role.
    pub columns: ScoreColumns,
}

/// Columns of log-probabilities by role, where they are not named as expected.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScoreColumns {
    /// Id of the response.
    pub id: Option<String>,
    /// Id of a reasoning among those of its response, where answers are read.
    pub reasoning: Option<String>,
    /// Model or checkpoint.
    pub model: Option<String>,
    /// Log-probability of the response.
    pub log_prob: Option<String>,
    /// List of log-probabilities of tokens.
    pub token_log_probs: Option<String>,
    /// Tokens of the response.
    pub tokens: Option<String>,
    /// Id of the prompt.
    pub prompt_id: Option<String>,
    /// Tokens of the prompt at the beginning of a list.
    pub prompt_tokens: Option<String>,
    /// Digest of what was scored.
    pub content_hash: Option<String>,
    /// Columns that are models.
    pub models: Option<Vec<String>>,
}

/// Tests of evalplus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tests {
    /// Base and extended tests.
    Plus,
    /// Base tests alone.
    Base,
}

/// How to read counts of samples.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountOptions {
    /// Name of the format of all files; `None`: told from each.
    pub format: Option<String>,
    /// A matrix has a row a problem and a column a model.
    pub transpose: bool,
    /// Problems that some model lacks.
    pub join: JoinMode,
    /// Tests of evalplus that decide.
    pub tests: Tests,
    /// Samples a problem, for counts that do not say.
    pub samples: Option<u32>,
    /// Metric or scorer that says right or wrong.
    pub metric: Option<String>,
    /// Filter of lm-evaluation-harness.
    pub filter: Option<String>,
    /// Columns by role.
    pub columns: CountColumns,
}

/// Columns of sample counts by role, where they are not named as expected.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountColumns {
    /// Id of the problem.
    pub id: Option<String>,
    /// Model or checkpoint.
    pub model: Option<String>,
    /// Id of a sample among those of its problem.
    pub sample: Option<String>,
    /// Number of samples.
    pub samples: Option<String>,
    /// Number of right samples.
    pub correct: Option<String>,
    /// Right or wrong, of one sample or a list of them.
    pub passed: Option<String>,
    /// Columns that are models.
    pub models: Option<Vec<String>>,
}
