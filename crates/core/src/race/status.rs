use serde::Serialize;

/// How far a decision is; wrong with probability at most δ unless [`RaceState::exact`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RaceVerdict {
    /// Nothing is decided yet.
    Open,
    /// One model alone may be best: it is the winner of the whole list.
    Winner,
    /// The score of the model taken is within the tolerance of the least.
    Within,
    /// All responses are gone through and several models share the least score: each of them is a winner.
    Tied,
    /// All responses are gone through, and values that cannot be had any more leave several models possible.
    Unknown,
}

/// When and by whom a model was shown not to be best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RaceExit {
    /// Responses gone through by then.
    pub responses: u32,
    /// The model whose score is less.
    pub opponent: u32,
    /// The rival that showed it.
    pub rival: u32,
}

/// What is known of one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RaceModel {
    /// Whether it may be best.
    pub candidate: bool,
    /// Whether it may decide the score of one that may be best.
    pub rival: bool,
    /// Responses it is scored on.
    pub scored: u32,
    /// Its score over the responses gone through, as a share of them; nothing once it is out as candidate, or before any.
    pub score: Option<f64>,
    /// The rival that makes this score.
    pub worst_rival: Option<u32>,
    /// How it left as candidate.
    pub exit: Option<RaceExit>,
    /// Responses gone through when it was out both as candidate and as rival.
    pub out_at: Option<u32>,
    /// Whether it can be scored no more.
    pub retired: bool,
}

/// Where a race stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RaceState {
    /// How far the decision is.
    pub verdict: RaceVerdict,
    /// Whether the decision follows from what is scored, whatever the order was: then no bet has a part in it.
    pub exact: bool,
    /// The model to take, once decided; of several that share the least score the one of the greater mean
    /// log-probability.
    pub winner: Option<u32>,
    /// Models that may be best, the least score so far first.
    pub possible_winners: Vec<u32>,
    /// The models in their order.
    pub models: Vec<RaceModel>,
    /// Responses gone through: all that was needed of them is known.
    pub responses: u32,
    /// Scored pairs of a response and a model.
    pub scored: u64,
    /// The same as a share of all pairs.
    pub share: f64,
    /// Whether nothing is left to be scored.
    pub done: bool,
}
