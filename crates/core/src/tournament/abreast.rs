//! Who of several models with the least score has the smallest reach, many rivals at a time.
//!
//! What rivals have at the responses where a model is exposed lies far apart: each value is a miss of the caches. Here all
//! of them are copied, for all those models together and a little below the smallest reach that is expected, so that at each
//! response the values of many rivals lie side by side. Every reach is then found in the copy.

use super::kernel::{ABREAST, Abreast, Countable, Kernel};
use super::pair::Exposed;
use super::ranking::compare_means;
use super::reach::{ReachFinder, Start, above, log_ratio};
use super::search::{Best, Field, Search};
use crate::error::Result;
use crate::order;

/// Bytes that the copy may take, and as many for the lists of where models are exposed; and one in how many of the matrix's
/// columns it may be of.
const MOST_BYTES: usize = 64 << 20;
const COLUMNS: usize = 3;
/// How far below a first guess the smallest reach may lie, as a share of log N (and of a nat for N below e).
const MARGIN: f64 = 1.0 / 32.0;
/// Models looked at between two looks at how much memory that took.
const LOOKED_AT: usize = 256;
/// Models that one task finds the reaches of.
const REACH_TASK: usize = 4;
/// Rivals that the guess is made from.
const GUESS: usize = 32;

/// Some rivals at some responses, `[response][rival]`; beyond the last rival −∞, which counts against nobody.
struct Panel<'a, T> {
    rivals: &'a [usize],
    values: Vec<Abreast<T>>,
}

/// A model, and where it is exposed.
struct Contender<T> {
    model: usize,
    /// Indices into the responses of the panels.
    places: Vec<u32>,
    own: Vec<T>,
}

impl<T: Countable> Search<'_, T> {
    /// Of all models that share the least score, `first` and those of `open` that do, the one that ranks first; `None` if the
    /// copy would take too much memory.
    pub(super) fn settle_abreast(
        &self,
        first: Best,
        open: &[usize],
        found: &Field,
        elements: &mut u64,
    ) -> Result<Option<Best>> {
        let k = first.score;
        let order = self.rivals_to_meet(first.model, &found.fresh());
        let some = &order[..order.len().min(GUESS)];
        let finder = ReachFinder::new(self.rows, self.kernel);
        let guess = finder.find(first.model, k, some, Start::at(found.log_n), self.control)?;
        *elements += (some.len() * self.greatest.len()) as u64;
        let floor = guess - MARGIN * found.log_n.max(1.0);
        if guess == f64::NEG_INFINITY {
            return Ok(None);
        }
        let models: Vec<usize> = std::iter::once(first.model).chain(open.iter().copied()).collect();
        let Some((contenders, responses)) = self.exposed_above(floor, &models)? else { return Ok(None) };
        let mut rivals: Vec<usize> = (0..self.rows.len()).collect();
        order::indices_by_key(&mut rivals, |rival| (std::cmp::Reverse(found.strength[rival]), rival));
        let panels = self.workers.map(rivals.len().div_ceil(ABREAST), self.control, |task| {
            let rivals = &rivals[task * ABREAST..rivals.len().min((task + 1) * ABREAST)];
            Ok(Panel::new(self.rows, rivals, &responses))
        })?;
        let reach = |contender: &Contender<T>, enough: f64| {
            let start = Start { at_least: floor, enough, log_n: found.log_n };
            contender.reach(&panels, k, start, &self.kernel)
        };
        let (own, looked_at) = reach(&contenders[0], f64::INFINITY);
        *elements += looked_at;
        let mut smallest = own.unwrap_or(f64::INFINITY);
        // Whoever exceeds the first one's is out, whatever the others come to.
        let others = &contenders[1..];
        let reaches = self.workers.map(others.len().div_ceil(REACH_TASK), self.control, |task| {
            let some = &others[task * REACH_TASK..others.len().min((task + 1) * REACH_TASK)];
            Ok(some.iter().map(|contender| reach(contender, smallest)).collect::<Vec<_>>())
        })?;
        let mut best = first.model;
        for (contender, (log_reach, looked_at)) in others.iter().zip(reaches.into_iter().flatten()) {
            *elements += looked_at;
            let model = contender.model;
            let Some(mut log_reach) = log_reach else { continue };
            if log_reach <= floor {
                // Below the copy.
                log_reach = self.reach(model, k, found, elements)?;
            }
            let key = |model: usize| (self.known_mean(model), model);
            if log_reach < smallest || log_reach == smallest && compare_means(key(model), key(best)).is_lt() {
                (best, smallest) = (model, log_reach);
            }
        }
        if best == first.model {
            return Ok(Some(first));
        }
        // The rival behind the score: the first of several.
        let contender = contenders.iter().find(|contender| contender.model == best);
        let rival = contender.and_then(|each| each.rival_behind(k, &panels, found.log_n, &self.kernel, elements));
        Ok(Some(Best { model: best, score: k, rival: rival.unwrap_or(best) }))
    }

    /// Where each of `models` is exposed above a log ratio, and the responses at which any is.
    #[expect(clippy::type_complexity, reason = "two lists")]
    fn exposed_above(&self, log_ratio: f64, models: &[usize]) -> Result<Option<(Vec<Contender<T>>, Vec<u32>)>> {
        let front = self.front(above(log_ratio));
        let (len, rivals) = (self.greatest.len(), self.rows.len().next_multiple_of(ABREAST));
        let (mut exposed, mut places) = (Vec::with_capacity(models.len()), 0);
        for models in models.chunks(LOOKED_AT) {
            let found = self.workers.map(models.len(), self.control, |at| Ok(front.exposed(self.rows[models[at]])))?;
            for found in found {
                let Some(found) = found else { return Ok(None) };
                places += found.places.len();
                exposed.push(found);
            }
            if places * (size_of::<u32>() + size_of::<T>()) > MOST_BYTES {
                return Ok(None);
            }
        }
        let mut wanted = vec![false; len];
        exposed
            .iter()
            .flat_map(|exposed: &Exposed<T>| &exposed.places)
            .for_each(|&place| wanted[place as usize] = true);
        let responses: Vec<u32> =
            (0..).zip(&wanted).filter(|&(_, &wanted)| wanted).map(|(response, _)| response).collect();
        if responses.len() * COLUMNS > len || responses.len() * rivals * size_of::<T>() > MOST_BYTES {
            return Ok(None);
        }
        let mut numbers = vec![0; len];
        for (number, &response) in (0..).zip(&responses) {
            numbers[response as usize] = number;
        }
        let contenders = models.iter().zip(exposed).map(|(&model, Exposed { mut places, .. })| {
            let own = places.iter().map(|&place| self.rows[model][place as usize]).collect();
            places.iter_mut().for_each(|place| *place = numbers[*place as usize]);
            Contender { model, places, own }
        });
        Ok(Some((contenders.collect(), responses)))
    }
}

impl<'a, T: Countable> Panel<'a, T> {
    fn new(rows: &[&[T]], rivals: &'a [usize], responses: &[u32]) -> Self {
        let mut values = vec![Abreast([T::NEG_INFINITY; ABREAST]); responses.len()];
        // So few at a time that what is written stays in the first-level cache.
        for (values, responses) in values.chunks_mut(ABREAST).zip(responses.chunks(ABREAST)) {
            for (lane, &rival) in rivals.iter().enumerate() {
                let row = rows[rival];
                for (values, &response) in values.iter_mut().zip(responses) {
                    values.0[lane] = row[response as usize];
                }
            }
        }
        Self { rivals, values }
    }

    /// How often each rival counts against a contender with these thresholds, itself left out.
    fn count(&self, contender: &Contender<T>, thresholds: &[T], kernel: &Kernel<T>) -> [u32; ABREAST] {
        let mut counts = [0; ABREAST];
        kernel.count_abreast(&self.values, &contender.places, thresholds, &mut counts);
        if let Some(own) = self.rivals.iter().position(|&rival| rival == contender.model) {
            counts[own] = 0;
        }
        counts
    }
}

impl<T: Countable> Contender<T> {
    fn thresholds(&self, log_n: f64, kernel: &Kernel<T>) -> Vec<T> {
        let mut thresholds = vec![T::INFINITY; self.own.len()];
        kernel.write_thresholds(&self.own, log_n, &mut thresholds);
        thresholds
    }

    /// As [`ReachFinder::find`] over all rivals, where `start.at_least` is what the places are exposed above; and how many
    /// elements were compared. `None` if its score is greater than `count`.
    fn reach(&self, panels: &[Panel<'_, T>], count: u32, start: Start, kernel: &Kernel<T>) -> (Option<f64>, u64) {
        let (mut reach, mut elements) = (start.at_least, 0);
        let mut thresholds = self.thresholds(above(reach), kernel);
        let mut between = Vec::new();
        for panel in panels {
            elements += (panel.rivals.len() * self.places.len()) as u64;
            let mut counts = panel.count(self, &thresholds, kernel);
            while let Some(lane) = counts.iter().position(|&each| each > count) {
                between.clear();
                let mut reaching = 0;
                for (&place, &own) in self.places.iter().zip(&self.own) {
                    let ratio = log_ratio(panel.values[place as usize].0[lane].into(), own.into());
                    if ratio >= start.log_n {
                        reaching += 1;
                    } else if ratio > reach {
                        between.push(ratio);
                    }
                }
                let Some(place) = (count as usize).checked_sub(reaching) else { return (None, elements) };
                let (next, _) = order::split_greatest(&mut between, place);
                // Adding 0 makes one zero of the two.
                reach = next + 0.0;
                if reach > start.enough {
                    return (Some(reach), elements);
                }
                thresholds = self.thresholds(above(reach), kernel);
                counts = panel.count(self, &thresholds, kernel);
            }
        }
        (Some(reach), elements)
    }

    /// The first rival that counts so many times.
    fn rival_behind(
        &self,
        score: u32,
        panels: &[Panel<'_, T>],
        log_n: f64,
        kernel: &Kernel<T>,
        elements: &mut u64,
    ) -> Option<usize> {
        let thresholds = self.thresholds(log_n, kernel);
        let counted = panels.iter().flat_map(|panel| {
            *elements += (panel.rivals.len() * self.places.len()) as u64;
            panel.rivals.iter().copied().zip(panel.count(self, &thresholds, kernel))
        });
        counted.filter(|&(rival, count)| rival != self.model && count == score).map(|(rival, _)| rival).min()
    }
}

#[cfg(test)]
mod tests {
    use super::super::kernel::slices;
    use super::super::{Ratios, tournament};
    use super::*;
    use crate::isa::Isa;
    use crate::log_probs::{LogProbs, Rows};
    use crate::parallel::Workers;
    use crate::progress::Control;
    use crate::random::{Purpose, Stream};

    /// Of many models with one score the first in the ranking, and the rival behind its score, on every instruction set: also
    /// where its reach is far below that of the one that the search came upon.
    #[test]
    fn the_first_of_equals_is_that_of_the_ranking() {
        let (mut settled, mut far, mut too_large) = (0, 0, 0);
        for (seed, models, responses, noise) in [(1, 150, 900, 0.3), (2, 70, 2500, 0.2), (3, 130, 400, 1.0)] {
            let mut stream = Stream::new(seed, Purpose::Data, 0);
            let ends: Vec<Vec<f64>> =
                (0..2).map(|_| (0..responses).map(|_| -4.0 * stream.uniform()).collect()).collect();
            let mut rows: Vec<Vec<f64>> = (0..models)
                .map(|model| {
                    let share = f64::from(model) / f64::from(models);
                    let mixed = ends[0].iter().zip(&ends[1]).map(|(from, to)| (1.0 - share) * from + share * to);
                    // Dyadic, so that reaches are equal, too.
                    mixed.map(|value| ((value + noise * stream.normal()).min(0.0) * 64.0).round() / 64.0).collect()
                })
                .collect();
            let (workers, control) = (Workers::sequential(), Control::new());
            let ratios = Ratios::new(&[1.0, 4.0, 12.0, 30.0, 100.0, 1e4]).unwrap();
            let alone = LogProbs::from_f64(rows.clone()).unwrap();
            let (_, tournaments) = tournament(&alone, &ratios, &workers, &control).unwrap();
            // Winners anew with a greater mean and, as they gain where they are ahead, the same reach.
            for winner in tournaments.iter().map(|each| each.winner) {
                let behind = |at: &usize| rows.iter().map(|row| row[*at]).fold(f64::MIN, f64::max) - rows[winner][*at];
                let below = (0..responses).filter(|&at| rows[winner][at] < -0.5);
                let ahead = below.min_by(|one, other| behind(one).total_cmp(&behind(other))).unwrap();
                let mut copy = rows[winner].clone();
                copy[ahead] += 1.0 / 64.0;
                rows.push(copy);
            }
            let log_probs = LogProbs::from_f64(rows).unwrap();
            let Rows::F64(rows) = log_probs.rows() else { unreachable!() };
            let (_, tournaments) = tournament(&log_probs, &ratios, &workers, &control).unwrap();
            for isa in Isa::available() {
                let rows = slices(rows);
                let mut search = Search::new(&rows, isa, &workers, &control).unwrap();
                for (wanted, &log_n) in tournaments.iter().zip(ratios.log_n()) {
                    let (first, field) = search.search(log_n).unwrap();
                    let open: Vec<usize> = (0..rows.len())
                        .filter(|&model| model != first.model && field.bounds[model] <= first.score)
                        .collect();
                    let mut elements = 0;
                    let Some(best) = search.settle_abreast(first, &open, &field, &mut elements).unwrap() else {
                        too_large += 1;
                        continue;
                    };
                    assert_eq!(
                        (best.model, best.score, best.rival),
                        (wanted.winner, wanted.score_counts[wanted.winner], wanted.rivals[wanted.winner]),
                        "{isa:?}, N = {}",
                        wanted.n
                    );
                    assert!(elements > 0);
                    settled += usize::from(!open.is_empty());
                    let gap = wanted.log_reach[first.model] - wanted.log_reach[best.model];
                    far += usize::from(gap > MARGIN * log_n.max(1.0));
                }
            }
        }
        // Each instruction set settles as many.
        assert!(settled > 3 * Isa::available().len() && far > 0 && too_large > 0, "{settled}, {far}, {too_large}");
    }
}
