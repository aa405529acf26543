//! What to take over several N where the winner alone is looked for: the model whose score is, at its worst N, least above
//! the least score there; of several the one that ranks first at the first N.
//!
//! The searches for the winners give the least scores, and a lower bound of every model's score at each N. The winner at the
//! first N is so far above the least scores elsewhere; a model that is shown to be farther at some N is out. A few rivals
//! swept over all leave few models, which are taken through their rivals one by one, and with each that is closer the
//! limit falls.

use super::kernel::Countable;
use super::ranking::Standing;
use super::search::{Best, Field, SWEEP_PAYS, Search};
use super::winner::Found;
use crate::error::Result;
use crate::order;

/// A model that has been taken through all its rivals at every N.
struct Measured {
    model: usize,
    /// By how many responses its score is above the least one at its worst N.
    distance: u32,
    /// Its score at the first N.
    score: u32,
    /// Its log reach there, once it was asked for.
    log_reach: Option<f64>,
}

impl<T: Countable> Search<'_, T> {
    /// The model to take, by how many responses it is above the least score at its worst N, and how many elements were
    /// compared to find it. `found` are the searches at each N, the first the one that ranks equals.
    pub(super) fn closest(&mut self, found: &[Found]) -> Result<(usize, u32, u64)> {
        let winner = found[0].best.model;
        let mut elements = 0;
        if found.iter().all(|found| found.best.model == winner) {
            return Ok((winner, 0, 0));
        }
        let mut bounds: Vec<Vec<u32>> = found.iter().map(|found| found.field.bounds.clone()).collect();
        let Some(mut best) = self.measure(winner, found, &bounds, None, &mut elements)? else {
            return Ok((winner, 0, elements));
        };
        // The winner ranks first: where it is as close as can be, nobody is taken before it.
        let mut open: Vec<usize> = if best.distance == 0 { Vec::new() } else { (0..self.rows.len()).collect() };
        open.retain(|&model| model != winner);
        for (found, bounds) in found.iter().zip(&mut bounds) {
            self.thin(found, best.distance, bounds, &mut open, &mut elements)?;
        }
        let at_least = |model: usize| {
            let above = found.iter().zip(&bounds).map(|(found, bounds)| bounds[model].saturating_sub(found.best.score));
            above.max().unwrap_or(0)
        };
        let mut open: Vec<(u32, usize)> = open.into_iter().map(|model| (at_least(model), model)).collect();
        order::values_by_key(&mut open, |&each| each);
        for (at_least, model) in open {
            if at_least > best.distance {
                break;
            }
            let Some(mut other) = self.measure(model, found, &bounds, Some(best.distance), &mut elements)? else {
                continue;
            };
            if other.distance < best.distance || self.ranks_before(&mut other, &mut best, &found[0], &mut elements)? {
                best = other;
            }
        }
        Ok((best.model, best.distance, elements))
    }

    /// Sweeps the strongest rivals at one N over the models that are open, as long as that pays, and leaves those that may
    /// be `within` so many responses of the least score.
    fn thin(
        &self,
        found: &Found,
        within: u32,
        bounds: &mut Vec<u32>,
        open: &mut Vec<usize>,
        elements: &mut u64,
    ) -> Result<()> {
        let mut field = self.begun(found, Some(within));
        field.open = std::mem::take(open);
        field.bounds = std::mem::take(bounds);
        let limit = found.best.score.saturating_add(within);
        field.open.retain(|&model| field.bounds[model] <= limit);
        let mut rivals: Vec<usize> = (0..self.rows.len()).collect();
        order::indices_by_key(&mut rivals, |rival| std::cmp::Reverse(field.strength[rival]));
        for rival in rivals {
            let before = field.open.len();
            self.sweep(rival, &mut field)?;
            field.open.retain(|&model| field.bounds[model] <= limit);
            if (before - field.open.len()) * SWEEP_PAYS < before || field.open.is_empty() {
                break;
            }
        }
        *elements += field.elements;
        (*open, *bounds) = (field.open, field.bounds);
        Ok(())
    }

    /// How far a model is above the least scores; `None` as soon as it is known to be farther than `within`.
    fn measure(
        &self,
        model: usize,
        found: &[Found],
        bounds: &[Vec<u32>],
        within: Option<u32>,
        elements: &mut u64,
    ) -> Result<Option<Measured>> {
        let mut measured = Measured { model, distance: 0, score: 0, log_reach: None };
        for (at, (found, bounds)) in found.iter().zip(bounds).enumerate() {
            let least = found.best.score;
            let mut field = self.begun(found, within);
            field.bounds[model] = bounds[model];
            if model != found.best.model {
                self.meet_all(model, &self.front(field.log_n), &mut field)?;
            }
            *elements += field.elements;
            let distance = field.bounds[model].saturating_sub(least);
            if within.is_some_and(|within| distance > within) {
                return Ok(None);
            }
            measured.distance = measured.distance.max(distance);
            if at == 0 {
                measured.score = field.bounds[model];
            }
        }
        Ok(Some(measured))
    }

    /// A field in which nobody has met, at the N of a search, whose limit is `within` so many responses of its least score.
    fn begun(&self, found: &Found, within: Option<u32>) -> Field {
        let mut field = Field::new(self.rows.len(), found.field.log_n);
        field.strength.clone_from(&found.field.strength);
        field.best = within.map(|within| Best { score: found.best.score.saturating_add(within), ..found.best });
        field
    }

    /// Whether of two that are as close the one ranks before the other at the first N.
    fn ranks_before(&self, one: &mut Measured, other: &mut Measured, at: &Found, elements: &mut u64) -> Result<bool> {
        if one.distance != other.distance {
            return Ok(false);
        }
        if one.score == other.score {
            for each in [&mut *one, &mut *other] {
                if each.log_reach.is_none() {
                    each.log_reach = Some(self.reach(each.model, each.score, &at.field, elements)?);
                }
            }
        }
        let standing = |each: &Measured| Standing {
            score: each.score,
            log_reach: each.log_reach.unwrap_or(0.0),
            mean: self.known_mean(each.model),
            model: each.model,
        };
        Ok(standing(one).compare(&standing(other)).is_lt())
    }
}
