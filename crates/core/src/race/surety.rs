//! What a race knows for sure once it is decided, whatever the order of the responses was.
//!
//! A missing value is taken at its worst: it counts against the model that was taken, and against no other. A decision that
//! holds even so is exact, and no bet has a part in it. Where every pair is scored, the scores over the whole list are known:
//! they decide, even where a bet had gone wrong.

use super::{Race, RaceVerdict, known_of};
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;

/// How sure a decision is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Surety {
    /// It rests on bets: wrong with probability at most δ.
    Bets,
    /// It follows from what is scored.
    Exact,
    /// Everything is scored, and bets had taken another than these, whose score over the whole list is the least.
    Overruled(Vec<usize>),
}

/// What a count makes of a response of which a value is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Counts,
    CountsNot,
}

impl Race {
    /// Looks at what is known for sure of a decision; what is scored later makes it no less sure.
    pub(super) fn ascertain(&mut self, workers: &Workers, control: &Control) -> Result<()> {
        if !self.is_done() || self.surety != Surety::Bets {
            return Ok(());
        }
        let (verdict, Some(winner)) = self.verdict() else { return Ok(()) };
        let responses = self.options.responses;
        let surplus = if verdict == RaceVerdict::Within { self.options.tolerance * f64::from(responses) } else { 0.0 };
        let suffices = |count: u32, of: u32| f64::from(count) + surplus >= f64::from(of);
        // Where much is missing this tells without looking at a single value.
        let missing = responses - self.scored[winner];
        if !(0..self.scored.len()).all(|model| model == winner || suffices(self.scored[model], missing)) {
            return Ok(());
        }
        let most = self.score_over_list(winner, Missing::Counts, control)?;
        let is_whole = self.scored.iter().all(|&scored| scored == responses);
        // Most doubts are about the one of whom least is known: where more answers come in, all others are not gone through anew.
        let others = (0..self.scored.len()).filter(|&model| model != winner);
        if let Some(doubtful) = others.min_by_key(|&model| self.scored[model])
            && !is_whole
            && !suffices(self.score_over_list(doubtful, Missing::CountsNot, control)?, most)
        {
            return Ok(());
        }
        let least = workers
            .map(self.scored.len(), control, |model| self.score_over_list(model, Missing::CountsNot, control))?;
        if (0..).zip(&least).all(|(model, &score)| model == winner || suffices(score, most)) {
            self.surety = Surety::Exact;
        } else if is_whole {
            let best = least.iter().min();
            self.surety = Surety::Overruled((0..least.len()).filter(|&model| Some(&least[model]) == best).collect());
        }
        Ok(())
    }

    /// The score of a model over the whole list, from below or above where values are missing.
    fn score_over_list(&self, model: usize, missing: Missing, control: &Control) -> Result<u32> {
        /// Responses between two looks at whether to stop.
        const RESPONSES_PER_CHECK: usize = 1024;
        let mut counts = vec![0_u32; self.scored.len()];
        for (place, row) in self.rows.iter().enumerate() {
            if place % RESPONSES_PER_CHECK == 0 {
                control.check()?;
            }
            let own = known_of(row, model);
            if !own.is_nan() && !self.at_risk(own) {
                continue;
            }
            for (rival, count) in counts.iter_mut().enumerate() {
                let value = known_of(row, rival);
                let is_missing = own.is_nan() || value.is_nan();
                let does = if is_missing { missing == Missing::Counts } else { value - own >= self.log_n };
                *count += u32::from(does);
            }
        }
        counts[model] = 0;
        Ok(counts.into_iter().max().unwrap_or(0))
    }
}
