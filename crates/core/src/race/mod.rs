//! Scoring no further than it takes to decide: the tournament's winner from part of the log-probabilities.
//!
//! The responses at hand are a finite list that is gone through in random order, so that what is not yet scored is a sample
//! without replacement, and what is claimed is claimed of the whole list, whatever it is: a wrong decision has probability
//! at most δ over the order. A model is scored on a response as long as it may be best (a candidate) or may decide the
//! score of one that may be; as a rival only where the candidate is unlikely enough that a rival can count at all. How
//! candidates and rivals leave stands in `contender` and `nominee`, the bets they rest on in `account`.
//!
//! A race asks ([`Race::next`]) and is told ([`Race::add`]), in any order; what it decides depends on the values alone, never
//! on when they came or how many threads there were.

mod account;
mod bytes;
mod contender;
mod decide;
mod nominee;
mod options;
mod status;
mod surety;

pub use options::RaceOptions;
pub use status::{RaceExit, RaceModel, RaceState, RaceVerdict};

use contender::Contender;
use nominee::Nominations;
use options::Levels;
use surety::Surety;

use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::order;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::random::{Purpose, Stream};
use crate::statistics::log_n;

/// One response to be scored under one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RacePair {
    /// Index of the response.
    pub response: u32,
    /// Index of the model.
    pub model: u32,
}

/// What is known and asked of one response, in the order of scoring.
#[derive(Clone, Debug)]
struct Row {
    /// Log-probabilities by model, NaN where not known; empty before the first.
    values: Vec<f64>,
    /// Models asked for, as bits; empty before the first.
    asked: Vec<u64>,
    /// Models that it cannot be scored under, as bits; empty before the first.
    lost: Vec<u64>,
}

/// A race; see the module.
#[derive(Clone, Debug)]
pub struct Race {
    options: RaceOptions,
    log_n: f64,
    levels: Levels,
    /// The response at each place of the order, and the reverse.
    order: Vec<u32>,
    place_of: Vec<u32>,
    rows: Vec<Row>,
    scored: Vec<u32>,
    retired: Vec<bool>,
    contenders: Vec<Contender>,
    nominations: Nominations,
    exits: Vec<Option<RaceExit>>,
    out_at: Vec<Option<u32>>,
    /// Whether a nominee is within the tolerance.
    within: Option<usize>,
    surety: Surety,
    /// Responses gone through.
    seen: u32,
    /// Places from `seen` on of which all that is needed is known.
    complete: u32,
}

impl Race {
    /// A race about to begin.
    ///
    /// # Errors
    /// [`Code::TooFewModels`], [`Code::NoResponses`], [`Code::InvalidOption`].
    pub fn new(options: RaceOptions) -> Result<Self> {
        options.check()?;
        let (models, responses) = (options.models as usize, options.responses as usize);
        let mut order: Vec<u32> = (0..options.responses).collect();
        Stream::new(options.seed, Purpose::Race, 0).shuffle(&mut order);
        let mut place_of = vec![0; responses];
        for (place, &response) in (0..).zip(&order) {
            place_of[response as usize] = place;
        }
        Ok(Self {
            log_n: log_n(options.n),
            levels: options.levels(),
            order,
            place_of,
            rows: vec![Row { values: Vec::new(), asked: Vec::new(), lost: Vec::new() }; responses],
            scored: vec![0; models],
            retired: vec![false; models],
            contenders: (0..models).map(|model| Contender::new(model, models)).collect(),
            nominations: Nominations::default(),
            exits: vec![None; models],
            out_at: vec![None; models],
            within: None,
            surety: Surety::Bets,
            seen: 0,
            complete: 0,
            options,
        })
    }

    /// The options it was started with.
    #[must_use]
    pub fn options(&self) -> &RaceOptions {
        &self.options
    }

    /// Up to `count` pairs to be scored next, none twice; fewer where others have to be known first, none when all is done
    /// or waits. Candidates come before the rivals that their values may call for.
    pub fn next(&mut self, count: usize) -> Vec<RacePair> {
        let mut pairs = Vec::new();
        if self.is_done() {
            return pairs;
        }
        for place in self.seen as usize..self.rows.len() {
            let needed = self.needed(place);
            let row = &mut self.rows[place];
            row.asked.resize(needed.len(), 0);
            for (word, needed) in needed.into_iter().enumerate() {
                let mut open = needed & !row.asked[word];
                while open != 0 {
                    let model = 64 * word + open.trailing_zeros() as usize;
                    open &= open - 1;
                    if row.values.get(model).is_some_and(|value| !value.is_nan()) {
                        continue;
                    }
                    if pairs.len() == count {
                        return pairs;
                    }
                    row.asked[word] |= 1 << (model % 64);
                    pairs.push(RacePair { response: self.order[place], model: index(model) });
                }
            }
        }
        pairs
    }

    /// Pairs that were asked for and will not be answered: they will be asked for again.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for a pair that does not exist.
    pub fn release(&mut self, pairs: &[RacePair]) -> Result<()> {
        for pair in pairs {
            let (place, model) = self.find(*pair)?;
            if let Some(word) = self.rows[place].asked.get_mut(model / 64) {
                *word &= !(1 << (model % 64));
            }
        }
        Ok(())
    }

    /// Takes log-probabilities in, asked for or not, and decides as far as they allow: all of them or, where one is wrong,
    /// none.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless there is one value a pair; [`Code::InvalidOption`] for a pair that does not exist;
    /// [`Code::NanLogProb`], [`Code::PositiveLogProb`]; [`Code::DuplicateResponse`] for a value other than the one known;
    /// [`Code::Aborted`], the values being taken in and decided on with the next call.
    pub fn add(&mut self, pairs: &[RacePair], values: &[f64], workers: &Workers, control: &Control) -> Result<()> {
        if pairs.len() != values.len() {
            let message = format!("There are {} values for {} pairs.", values.len(), pairs.len());
            return Err(Error::new(Code::ShapeMismatch, message));
        }
        let places = pairs.iter().map(|pair| self.find(*pair)).collect::<Result<Vec<_>>>()?;
        for (&(place, model), &value) in places.iter().zip(values) {
            self.check(place, model, value)?;
        }
        let (models, mut taken) = (self.scored.len(), Vec::with_capacity(places.len()));
        for (at, (&(place, model), &value)) in places.iter().zip(values).enumerate() {
            let known = known_of(&self.rows[place], model);
            if known.is_nan() {
                self.rows[place].values.resize(models, f64::NAN);
                self.rows[place].values[model] = value;
                self.scored[model] += 1;
            } else if known != value {
                // One pair given twice in this call: back to how it was before.
                let error = self.duplicate(place, model, known, value);
                self.take_back(&places[..at], &taken);
                return Err(error);
            }
            taken.push(known.is_nan());
        }
        self.advance(workers, control)
    }

    fn take_back(&mut self, places: &[(usize, usize)], taken: &[bool]) {
        for (&(place, model), _) in places.iter().zip(taken).filter(|(_, taken)| **taken) {
            self.rows[place].values[model] = f64::NAN;
            self.scored[model] -= 1;
        }
    }

    /// Models that can be scored no more, as when a checkpoint's server is gone: what is missing of them is taken at its
    /// worst.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for a model that does not exist; as [`Race::add`].
    pub fn retire(&mut self, models: &[u32], workers: &Workers, control: &Control) -> Result<()> {
        for &model in models {
            if model >= self.options.models {
                return Err(Error::option("models", format!("There is no model number {model}.")));
            }
        }
        models.iter().for_each(|&model| self.retired[model as usize] = true);
        self.advance(workers, control)
    }

    /// Pairs that cannot be scored, as where a response is too long for a model: they are taken at their worst. One whose
    /// log-probability is known stays as it is.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for a pair that does not exist; as [`Race::add`].
    pub fn lose(&mut self, pairs: &[RacePair], workers: &Workers, control: &Control) -> Result<()> {
        let places = pairs.iter().map(|pair| self.find(*pair)).collect::<Result<Vec<_>>>()?;
        let words = self.words();
        for (place, model) in places {
            let row = &mut self.rows[place];
            if known_of(row, model).is_nan() {
                row.lost.resize(words, 0);
                row.lost[model / 64] |= 1 << (model % 64);
            }
        }
        self.advance(workers, control)
    }

    /// The race of these models and `models` more over the same responses in the same order, which knows what this one
    /// knows.
    ///
    /// # Errors
    /// As [`Race::new`] and [`Race::add`].
    pub fn joined(&self, models: u32, workers: &Workers, control: &Control) -> Result<Self> {
        let too_many = || Error::new(Code::TooLarge, "There are too many models for one race.");
        let all = self.options.models.checked_add(models).ok_or_else(too_many)?;
        let mut joined = Self::new(RaceOptions { models: all, ..self.options.clone() })?;
        let (pairs, values) = self.known();
        joined.add(&pairs, &values, workers, control)?;
        joined.lose(&self.lost(), workers, control)?;
        joined.retire(&self.retired_models(), workers, control)?;
        Ok(joined)
    }

    fn retired_models(&self) -> Vec<u32> {
        (0..self.options.models).filter(|&model| self.retired[model as usize]).collect()
    }

    /// All pairs that are scored, by response, and their log-probabilities.
    #[must_use]
    pub fn known(&self) -> (Vec<RacePair>, Vec<f64>) {
        let (mut pairs, mut values) = (Vec::new(), Vec::new());
        for response in 0..self.options.responses {
            let row = &self.rows[self.place_of[response as usize] as usize];
            for (model, &value) in row.values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
                pairs.push(RacePair { response, model: index(model) });
                values.push(value);
            }
        }
        (pairs, values)
    }

    /// All pairs that cannot be scored, by response.
    fn lost(&self) -> Vec<RacePair> {
        let models = self.options.models;
        (0..self.options.responses)
            .flat_map(|response| (0..models).map(move |model| RacePair { response, model }))
            .filter(|pair| is_lost(&self.rows[self.place_of[pair.response as usize] as usize], pair.model as usize))
            .collect()
    }

    /// Whether nothing is left to be scored: decided, or all responses gone through.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let decided = self.within.is_some() || self.contenders.len() == 1;
        self.seen == self.options.responses || (decided && !self.options.settle)
    }

    /// Where the race stands.
    #[must_use]
    pub fn state(&self) -> RaceState {
        let (verdict, winner) = self.verdict();
        let possible_winners = match &self.surety {
            Surety::Overruled(best) => best.clone(),
            Surety::Bets | Surety::Exact => self.standing().iter().map(|contender| contender.model).collect(),
        };
        let share = |count: u32| (self.seen > 0).then(|| f64::from(count) / f64::from(self.seen));
        let models = (0..self.scored.len()).map(|model| {
            let contender = self.contenders.iter().find(|contender| contender.model == model);
            RaceModel {
                candidate: contender.is_some(),
                rival: self.may_decide(model),
                scored: self.scored[model],
                score: contender.and_then(|contender| share(contender.score_high())),
                worst_rival: contender.filter(|_| self.seen > 0).map(|contender| index(contender.worst)),
                exit: self.exits[model],
                out_at: self.out_at[model],
                retired: self.retired[model],
            }
        });
        let scored = self.scored.iter().map(|&count| u64::from(count)).sum();
        let pairs = u64::from(self.options.models) * u64::from(self.options.responses);
        RaceState {
            verdict,
            winner: winner.map(index),
            exact: self.surety != Surety::Bets,
            possible_winners: possible_winners.into_iter().map(index).collect(),
            models: models.collect(),
            responses: self.seen,
            scored,
            share: scored as f64 / pairs as f64,
            done: self.is_done(),
        }
    }

    /// Contenders by rising score.
    fn standing(&self) -> Vec<&Contender> {
        let mut standing: Vec<&Contender> = self.contenders.iter().collect();
        order::values_by_key(&mut standing, |contender| (contender.score_high(), contender.model));
        standing
    }

    /// The verdict, and the model to take.
    fn verdict(&self) -> (RaceVerdict, Option<usize>) {
        if let Surety::Overruled(best) = &self.surety {
            return self.of_equal(best);
        }
        let standing = self.standing();
        let best = standing[0];
        if standing.len() == 1 {
            return (RaceVerdict::Winner, Some(best.model));
        }
        if let Some(model) = self.within {
            return (RaceVerdict::Within, Some(model));
        }
        if self.seen < self.options.responses {
            return (RaceVerdict::Open, None);
        }
        // All is known of those that are left, but for what can be had no more.
        let least = best.score_high();
        let possible: Vec<_> = standing.iter().filter(|contender| contender.score_low() <= least).collect();
        if possible.len() > 1 && possible.iter().any(|contender| contender.score_low() != contender.score_high()) {
            return (RaceVerdict::Unknown, None);
        }
        self.of_equal(&possible.iter().map(|contender| contender.model).collect::<Vec<_>>())
    }

    /// The verdict on models that share the least score: of several the one of the greatest mean log-probability is taken.
    fn of_equal(&self, equal: &[usize]) -> (RaceVerdict, Option<usize>) {
        let mean = |model: usize| self.rows.iter().map(|row| known_of(row, model)).sum::<f64>();
        let first = equal.iter().copied().reduce(|best, model| if mean(model) > mean(best) { model } else { best });
        (if equal.len() == 1 { RaceVerdict::Winner } else { RaceVerdict::Tied }, first)
    }

    /// Whether `model` may be the worst rival of some other contender.
    fn may_decide(&self, model: usize) -> bool {
        self.contenders.iter().any(|contender| contender.model != model && contender.may_be_worst(model))
    }

    /// Place and model of a pair.
    fn find(&self, pair: RacePair) -> Result<(usize, usize)> {
        let (response, model) = (pair.response as usize, pair.model as usize);
        match self.place_of.get(response) {
            Some(&place) if model < self.scored.len() => Ok((place as usize, model)),
            _ => Err(Error::option("pairs", format!("The race has no response {response} under model {model}."))),
        }
    }

    fn check(&self, place: usize, model: usize, value: f64) -> Result<()> {
        let response = self.order[place] as usize;
        let refuse = |code, message: String| Err(Error::new(code, message).at_model(model).at_response(response));
        if (self.retired[model] || is_lost(&self.rows[place], model)) && known_of(&self.rows[place], model) != value {
            // What was decided rests on its absence.
            return refuse(Code::InvalidOption, "What was given up is scored after all: begin the race anew.".into());
        }
        if value.is_nan() {
            return refuse(Code::NanLogProb, "A log-probability is NaN: score the response again.".into());
        }
        if value > LogProbs::POSITIVE_TOLERANCE {
            return refuse(Code::PositiveLogProb, format!("A log-probability is {value}, above zero."));
        }
        let known = known_of(&self.rows[place], model);
        if !known.is_nan() && known != value {
            return Err(self.duplicate(place, model, known, value));
        }
        Ok(())
    }

    fn duplicate(&self, place: usize, model: usize, known: f64, value: f64) -> Error {
        let message = format!("A response is scored twice under one model, as {known} and as {value}: which is right?");
        Error::new(Code::DuplicateResponse, message).at_model(model).at_response(self.order[place] as usize)
    }

    /// Whether a rival can count against a model of this log-probability at all.
    fn at_risk(&self, value: f64) -> bool {
        LogProbs::POSITIVE_TOLERANCE - value >= self.log_n
    }

    /// The models needed at a place as far as can be told, as bits: contenders, and the rivals of those at risk.
    fn needed(&self, place: usize) -> Vec<u64> {
        let mut needed = vec![0; self.words()];
        let row = &self.rows[place];
        for contender in &self.contenders {
            needed[contender.model / 64] |= 1u64 << (contender.model % 64);
            if self.at_risk(known_of(row, contender.model)) {
                needed.iter_mut().zip(&contender.rival_bits).for_each(|(needed, rivals)| *needed |= rivals);
            }
        }
        for (model, _) in self.retired.iter().enumerate().filter(|(_, retired)| **retired) {
            needed[model / 64] &= !(1u64 << (model % 64));
        }
        needed.iter_mut().zip(&row.lost).for_each(|(needed, lost)| *needed &= !lost);
        needed
    }

    fn words(&self) -> usize {
        self.scored.len().div_ceil(64)
    }
}

/// What is known of a model at a place, NaN where nothing is.
fn known_of(row: &Row, model: usize) -> f64 {
    row.values.get(model).copied().unwrap_or(f64::NAN)
}

/// Whether a place cannot be scored under a model.
fn is_lost(row: &Row, model: usize) -> bool {
    row.lost.get(model / 64).is_some_and(|word| word >> (model % 64) & 1 == 1)
}

/// An index as it is handed out; models and responses are counted in 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "no more models than a u32 counts")]
fn index(index: usize) -> u32 {
    index as u32
}

#[cfg(test)]
mod tests;
