use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// Options of a [`super::Race`]; whoever starts one gives all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RaceOptions {
    /// How many models compete, from 2 to 4,096.
    pub models: u32,
    /// How many responses there are, from one to ten million: the list whose winner is looked for.
    pub responses: u32,
    /// The ratio of the tournament, finite and above 1.
    #[serde(rename = "N")]
    pub n: f64,
    /// Greatest probability of a wrong decision, over the random order of the responses; strictly between 0 and 1.
    pub delta: f64,
    /// By how much, as a share of the responses, the score of the model that is taken may exceed the least; 0 for the
    /// winner of the whole list, below 1.
    pub tolerance: f64,
    /// Whether scoring goes on after the decision until each model is out both as candidate and as rival, so that models
    /// that join later find what they are to be compared with.
    pub settle: bool,
    /// Seed of the order in which the responses are scored.
    pub seed: u64,
}

/// Models that a race has at most: each is held against all rivals of another.
const MOST_MODELS: u32 = 4096;

/// Responses that a race has at most.
const MOST_RESPONSES: u32 = 10_000_000;

impl RaceOptions {
    pub(super) fn check(&self) -> Result<()> {
        if self.models < 2 {
            return Err(Error::new(Code::TooFewModels, "A race needs at least two models: name another."));
        }
        if self.responses == 0 {
            return Err(Error::new(Code::NoResponses, "A race needs at least one response to score."));
        }
        if self.models > MOST_MODELS || self.responses > MOST_RESPONSES {
            let message = format!(
                "A race has at most {MOST_MODELS} models and {MOST_RESPONSES} responses, not {} and {}.",
                self.models, self.responses
            );
            return Err(Error::new(Code::TooLarge, message));
        }
        if !(self.n > 1.0 && self.n < f64::INFINITY) {
            return Err(Error::option("N", format!("N of a race must be finite and above 1, not {}.", self.n)));
        }
        if !(self.delta > 0.0 && self.delta < 1.0) {
            let message = format!("delta must lie strictly between 0 and 1, not {}.", self.delta);
            return Err(Error::option("delta", message));
        }
        if !(0.0..1.0).contains(&self.tolerance) {
            let message = format!("tolerance must be a share of at least 0 and below 1, not {}.", self.tolerance);
            return Err(Error::option("tolerance", message));
        }
        Ok(())
    }

    /// What the probability of a wrong decision is spent on.
    pub(super) fn levels(&self) -> Levels {
        let others = f64::from(self.models - 1);
        if self.tolerance > 0.0 {
            Levels { candidate: 0.35 * self.delta, rival: 0.1 * self.delta / others, nominee: 0.55 * self.delta }
        } else {
            Levels { candidate: 0.9 * self.delta, rival: 0.1 * self.delta / others, nominee: 0.0 }
        }
    }
}

/// Probabilities of what may go wrong; with the union over candidates of the second they sum to at most δ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Levels {
    /// That the best model is taken out.
    pub(super) candidate: f64,
    /// That the worst rival of one given candidate is taken out.
    pub(super) rival: f64,
    /// That a model is taken whose score exceeds the least by more than the tolerance.
    pub(super) nominee: f64,
}
