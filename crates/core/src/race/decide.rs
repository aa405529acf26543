//! What a race decides as responses become known, block by block.

use super::account::Block;
use super::contender::{Contender, Standing};
use super::{Race, RaceExit, index, known_of};
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;

/// Looks at whether someone is out, over the whole list.
const LOOKS: u32 = 400;

/// Part of the list that is gone through before the first bet: opponents and rivals are chosen by it.
const WARM_UP: u32 = 200;

/// Responses that the warm-up has at least.
const LEAST_WARM_UP: u32 = 16;

impl Race {
    /// Responses gone through before the first bet.
    fn warm_up(&self) -> u32 {
        (self.options.responses / WARM_UP).max(LEAST_WARM_UP)
    }

    /// Goes on as far as all that is needed is known, block by block.
    pub(super) fn advance(&mut self, workers: &Workers, control: &Control) -> Result<()> {
        let n = self.options.responses;
        let look = n.div_ceil(LOOKS);
        while !self.is_done() {
            control.check()?;
            let until = n.min(self.seen + look);
            self.complete = self.complete.max(self.seen);
            while self.complete < until && self.is_complete(self.complete as usize) {
                self.complete += 1;
            }
            if self.complete < until {
                break;
            }
            // A block is gone through as a whole, or not at all.
            self.go_through(Block { responses: n, from: self.seen, len: (until - self.seen) as usize }, workers)?;
        }
        self.ascertain(workers, control)
    }

    fn is_complete(&self, place: usize) -> bool {
        let missing = |model: usize| known_of(&self.rows[place], model).is_nan();
        self.needed(place).iter().enumerate().all(|(word, &needed)| {
            let mut bits = needed;
            while bits != 0 {
                if missing(64 * word + bits.trailing_zeros() as usize) {
                    return false;
                }
                bits &= bits - 1;
            }
            true
        })
    }

    /// One block: bets, who is out, counts, and the choices for the next one.
    fn go_through(&mut self, block: Block, workers: &Workers) -> Result<()> {
        let words = self.words();
        let control = Control::new();
        let mut contenders = std::mem::take(&mut self.contenders);
        let levels = self.levels;
        workers.for_each_chunk(&mut contenders, 1, &control, |_, chunk| {
            for contender in chunk {
                self.write_hits(block, contender);
                if block.from > 0 {
                    contender.thin_rivals(block, words, 1.0 / levels.rival);
                }
            }
            Ok(())
        })?;
        let mut against: Vec<_> =
            contenders.iter_mut().map(|contender| (contender.model, contender.opponent.take(), false)).collect();
        workers.for_each_chunk(&mut against, 1, &control, |place, chunk| {
            for (_, opponent, shown) in chunk {
                let Some(against) = opponent else { continue };
                if let Some(opponent) = contenders.iter().find(|other| other.model == against.model) {
                    *shown = contenders[place].contest(against, opponent, block, words, 1.0 / levels.candidate);
                }
            }
            Ok(())
        })?;
        let tolerance = self.options.tolerance * f64::from(self.options.responses);
        if self.within.is_none() && self.nominations.bet(block, words, &contenders, tolerance) {
            self.within = self.nominations.now.as_ref().map(|nominee| nominee.model);
        }
        let mut shown = vec![false; self.scored.len()];
        for (contender, (model, opponent, out)) in contenders.iter_mut().zip(against) {
            contender.opponent = opponent;
            shown[model] = out;
        }
        self.seen += u32::try_from(block.len).unwrap_or(u32::MAX);
        self.leave(&mut contenders, &shown);
        contenders.iter_mut().for_each(|contender| contender.count(block.len, words));
        if self.seen >= self.warm_up() && contenders.len() > 1 {
            self.choose(&mut contenders, tolerance);
        }
        self.contenders = contenders;
        for model in 0..self.scored.len() {
            let is_in = self.contenders.iter().any(|contender| contender.model == model) || self.may_decide(model);
            if !is_in && self.out_at[model].is_none() {
                self.out_at[model] = Some(self.seen);
            }
        }
        Ok(())
    }

    /// Takes out who is shown not to be best; one always stays.
    fn leave(&mut self, contenders: &mut Vec<Contender>, shown: &[bool]) {
        let mut left = contenders.len();
        let seen = self.seen;
        contenders.retain(|contender| {
            if !shown[contender.model] || left == 1 {
                return true;
            }
            left -= 1;
            self.exits[contender.model] = contender.opponent.as_ref().map(|opponent| RaceExit {
                responses: seen,
                opponent: index(opponent.model),
                rival: index(contender.worst),
            });
            false
        });
    }

    /// Chooses opponents and the nominee for what comes next.
    fn choose(&mut self, contenders: &mut [Contender], tolerance: f64) {
        let rivals: Vec<Vec<usize>> =
            contenders.iter().map(|contender| contender.rivals.iter().map(|&(rival, _)| rival).collect()).collect();
        let standings: Vec<Standing<'_>> = contenders
            .iter()
            .zip(&rivals)
            .map(|(contender, rivals)| Standing { model: contender.model, score: contender.score_high(), rivals })
            .collect();
        contenders.iter_mut().for_each(|contender| contender.choose_opponent(self.seen, &standings));
        if tolerance > 0.0 && self.within.is_none() {
            let responses = f64::from(self.options.responses);
            self.nominations.reconsider(self.seen, contenders, tolerance, responses, self.levels.nominee);
        }
    }

    /// Which rivals count against the contender on the responses of a block.
    fn write_hits(&self, block: Block, contender: &mut Contender) {
        let words = self.words();
        let hits = &mut contender.hits;
        for side in [&mut hits.low, &mut hits.high] {
            side.clear();
            side.resize(block.len * words, 0);
        }
        for at in 0..block.len {
            let row = &self.rows[block.from as usize + at];
            let own = known_of(row, contender.model);
            if !own.is_nan() && !self.at_risk(own) {
                continue;
            }
            for &(rival, _) in &contender.rivals {
                let value = known_of(row, rival);
                let (word, bit) = (at * words + rival / 64, 1u64 << (rival % 64));
                let unknown = own.is_nan() || value.is_nan();
                if value - own >= self.log_n {
                    hits.low[word] |= bit;
                }
                if unknown || value - own >= self.log_n {
                    hits.high[word] |= bit;
                }
            }
        }
    }
}
