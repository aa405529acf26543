//! The simple tournament between models [28,29]: who under-weights the data least against the worst rival.
//!
//! Ĉ_N(a‖b) = (1/n)·#{i : L[a,i] − L[b,i] ≥ log N}; the score of b is its greatest Ĉ_N(a‖b) over a, the least
//! score wins. [`counts`] gives all M² counts, [`tournament`] scores and ranking, [`select_winner`] the winner alone
//! without looking at most pairs, [`select_winner_over`] what is closest to the least scores at several N, too.

mod abreast;
mod bootstrap;
mod closest;
mod counts;
mod extend;
mod identity;
mod kernel;
mod mean_log_probs;
mod near_ties;
mod offset;
mod pair;
mod part;
mod per_response;
mod ranking;
mod ratios;
mod reach;
mod search;
#[cfg(test)]
mod tests;
mod winner;

pub(crate) use bootstrap::indicator;
pub use bootstrap::{Resampled, Unit, Wins, affordable_replicates, resampled_wins};
pub use counts::{BlockCounts, Counts, counts, counts_block, counts_using};
pub use extend::SavedTournament;
pub use mean_log_probs::mean_log_probs;
pub use near_ties::{NearTies, NearTiesOptions, near_ties};
pub use offset::{OffsetOptions, OffsetTournament, OnPolicy, offset_tournament};
pub use part::{AllParts, CountsPart, Shard, check_complete};
pub use per_response::{Uncovered, uncovered_responses};
pub(crate) use ranking::first_tournaments;
pub use ranking::{Standing, Tournament, tournament};
pub use ratios::Ratios;
pub(crate) use reach::{leaders, rungs};
pub use winner::{Closest, Winner, select_winner, select_winner_over};
