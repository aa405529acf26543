//! Puts log-probabilities from any number of files together into one matrix, by model name and response id, never by line.

use std::collections::HashMap;

use super::super::findings::Findings;
use super::super::ids::Ids;
use super::super::options::JoinMode;
use super::super::table::Texts;
use super::duplicate::{self, Origin};
use super::joined::Joined;
use super::judge::{self, Shape};
use super::parts::name_by_parts;
use crate::content_hash::ContentHash;
use crate::error::{Code, Error, Place, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;

/// No number: of tokens, of a prompt.
pub(super) const NONE: u32 = u32::MAX;

/// Responses that are gone through between two looks at whether to stop.
pub(super) const STEP: usize = 1 << 16;

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct At {
    /// Number of the source.
    pub(in super::super) source: usize,
    /// One-based line, or zero-based record.
    pub(in super::super) row: u64,
}

/// What a row says of a response besides log-probabilities.
#[derive(Clone, Copy, Default)]
pub(in super::super) struct Observation<'a> {
    /// Tokens of the response.
    pub(in super::super) tokens: Option<u64>,
    /// Equal ids mean the same prompt.
    pub(in super::super) prompt: Option<&'a str>,
    /// Id of the response, where the row is of one of its reasonings.
    pub(in super::super) answer: Option<&'a str>,
    /// What was scored: kind of text (`prompt`, `response`, …) and the text or its hash.
    pub(in super::super) texts: &'a [(&'a str, &'a str)],
}

/// What is known of a response.
#[derive(Clone, Copy)]
pub(super) struct Facts {
    pub(super) tokens: u32,
    pub(super) prompt: u32,
    /// Response that this is a reasoning of.
    pub(super) answer: u32,
    /// Model the facts are from.
    model: u32,
}

impl Facts {
    /// Of a response that `model` is the first to have.
    fn none(model: usize) -> Self {
        Self { tokens: NONE, prompt: NONE, answer: NONE, model: model as u32 }
    }
}

/// One model.
pub(in super::super) struct Model {
    pub(in super::super) name: String,
    /// What the name is made of, column by column, where several columns tell models apart.
    pub(in super::super) parts: Vec<(String, String)>,
    pub(in super::super) source: usize,
    pub(in super::super) origin: Origin,
    /// Named by the user as a model, and so none to be doubted.
    pub(in super::super) certain: bool,
    /// By number of the response; NaN where there is none.
    pub(in super::super) values: Vec<f64>,
    count: usize,
    /// The response read last, and the model that came after this one: both tend to repeat.
    last: usize,
    next: usize,
    /// First value above zero.
    pub(in super::super) positive: Option<(At, usize)>,
    /// How many of the first values were counted while they were at hand, and as what.
    seen: (usize, Shape),
}

impl Model {
    /// What its values are.
    pub(super) fn shape(&self, control: &Control) -> Result<Shape> {
        let (seen, shape) = self.seen;
        if seen == self.values.len() { Ok(shape) } else { Shape::of(&self.values, control) }
    }
}

/// Log-probabilities of any number of models and files in the making.
pub(in super::super) struct ScoreJoin {
    mode: JoinMode,
    ignore_hashes: bool,
    /// Signs were changed on the way in.
    pub(in super::super) negated: bool,
    pub(in super::super) ids: Ids,
    pub(super) facts: Vec<Facts>,
    pub(super) prompts: Ids,
    /// Responses whose reasonings are read.
    pub(super) answers: Ids,
    /// Digest of a text of a response, by number of the response and kind of text.
    texts: HashMap<(u32, u32), u64>,
    kinds: Vec<String>,
    pub(in super::super) models: Vec<Model>,
    by_name: HashMap<String, usize>,
    /// The response and the model read last.
    last: (usize, usize),
    pub(super) same_tokens: bool,
    /// Paths of the files, by number of the source.
    pub(in super::super) files: Vec<String>,
}

impl ScoreJoin {
    pub(in super::super) fn new(mode: JoinMode, ignore_hashes: bool, negated: bool) -> Self {
        Self {
            mode,
            ignore_hashes,
            negated,
            ids: Ids::new(),
            facts: Vec::new(),
            prompts: Ids::new(),
            answers: Ids::new(),
            texts: HashMap::new(),
            kinds: Vec::new(),
            models: Vec::new(),
            by_name: HashMap::new(),
            last: (0, 0),
            same_tokens: true,
            files: Vec::new(),
        }
    }

    /// Whether nothing was read yet.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.models.is_empty() && self.ids.len() == 0
    }

    /// The model called `name`, a new one if need be. Models have the order in which they are first named.
    pub(in super::super) fn model(&mut self, name: &str, source: usize, origin: Origin) -> usize {
        let last = self.last.1;
        if let Some(model) = self.models.get(last) {
            if model.name == name {
                return last;
            }
            if self.models[model.next].name == name {
                return model.next;
            }
        }
        if let Some(&index) = self.by_name.get(name) {
            self.models[last].next = index;
            return index;
        }
        let index = self.models.len();
        self.by_name.insert(name.to_owned(), index);
        self.models.push(Model {
            name: name.to_owned(),
            parts: Vec::new(),
            source,
            origin,
            certain: false,
            values: Vec::new(),
            count: 0,
            last: 0,
            next: 0,
            positive: None,
            seen: Default::default(),
        });
        index
    }

    /// The number of the response with this id as `model` scored it; `None` after a fault was reported.
    #[inline]
    pub(in super::super) fn response(
        &mut self,
        id: &str,
        model: usize,
        observation: Observation<'_>,
        at: At,
        findings: &mut Findings,
    ) -> Result<Option<usize>> {
        let number = self.response_known(id, model, self.next_response(model));
        let Observation { tokens, prompt, answer, texts } = observation;
        if (tokens.is_some() || prompt.is_some() || answer.is_some() || !texts.is_empty())
            && !self.agree(number, model, observation, at, findings)?
        {
            return Ok(None);
        }
        Ok(Some(number))
    }

    /// The number of the response that `model` most likely has next.
    #[inline]
    pub(super) fn next_response(&self, model: usize) -> usize {
        self.models[model].last + usize::from(self.models[model].count > 0)
    }

    /// [`ScoreJoin::response`] for row `row` of `ids`, which says nothing of the response but its id; `guess` is looked at
    /// first.
    #[inline]
    pub(super) fn response_of(&mut self, ids: &Texts, row: usize, model: usize, guess: usize) -> usize {
        if self.ids.is(guess, ids.bytes_of(row)) {
            self.last = (guess, model);
            return guess;
        }
        self.response_known(ids.get(row), model, guess)
    }

    /// [`ScoreJoin::response_of`] for each row of `ids`, all of them of `model`.
    pub(super) fn responses_of(&mut self, ids: &Texts, model: usize) -> Vec<usize> {
        let mut numbers = Vec::with_capacity(ids.ends.len());
        self.ids.numbers(ids, self.next_response(model), &mut numbers);
        self.facts.resize(self.ids.len(), Facts::none(model));
        if let Some(&last) = numbers.last() {
            self.last = (last, model);
        }
        numbers
    }

    fn response_known(&mut self, id: &str, model: usize, guess: usize) -> usize {
        let (number, new) = self.ids.number(id, [guess, self.last.0]);
        self.last = (number, model);
        if new {
            self.facts.push(Facts::none(model));
        }
        number
    }

    /// Adds log-probabilities, none of them NaN, of the responses that follow those `model` has; `at` says where each
    /// stands.
    pub(super) fn extend(&mut self, model: usize, values: &[f64], negate: bool, at: impl Fn(usize) -> At) {
        let column = &mut self.models[model];
        let before = column.values.len();
        if negate {
            column.values.extend(values.iter().map(|value| 0.0 - value));
        } else {
            column.values.extend_from_slice(values);
        }
        column.count += values.len();
        column.last = column.values.len().saturating_sub(1);
        let new = &column.values[before..];
        let (seen, shape) = &mut column.seen;
        let counted = *seen == before;
        if counted {
            shape.add(new);
            *seen += new.len();
        }
        if column.positive.is_none()
            && !(counted && shape.positive == 0)
            && let Some(row) = new.iter().position(|&value| value > LogProbs::POSITIVE_TOLERANCE)
        {
            column.positive = Some((at(row), before + row));
        }
    }

    /// Whether the observation is about the same text as those of the same id before it.
    fn agree(
        &mut self,
        number: usize,
        model: usize,
        observation: Observation<'_>,
        at: At,
        findings: &mut Findings,
    ) -> Result<bool> {
        for (kind, text) in observation.texts {
            let kind_number = self.kinds.iter().position(|known| known == kind).unwrap_or_else(|| {
                self.kinds.push((*kind).to_owned());
                self.kinds.len() - 1
            });
            let hash = ContentHash::of_bytes(text.as_bytes()).to_bytes();
            let digest = u64::from_le_bytes(hash[..8].try_into().unwrap_or_default());
            let known = *self.texts.entry((number as u32, kind_number as u32)).or_insert(digest);
            if known != digest && !self.ignore_hashes {
                let before = self.facts[number].model as usize;
                let error = if before == model {
                    duplicate::other_text(self.ids.get(number), kind, &self.models[model].name)
                } else {
                    let message = format!(
                        "The {kind} is not the same as that of this id under model {}: score the same data with the same prompts in the same \
                         order, give each response an id of its own that does not depend on the row, or say that the difference does not matter \
                         (--ignore-hashes).",
                        self.models[before].name
                    );
                    Error::new(Code::MismatchedResponse, message)
                };
                findings.error(self.placed(error, at, model, number))?;
                return Ok(false);
            }
        }
        let facts = &mut self.facts[number];
        if let (Some(prompt), NONE) = (observation.prompt, facts.prompt) {
            facts.prompt = self.prompts.number(prompt, [usize::MAX; 2]).0 as u32;
        }
        if let (Some(answer), NONE) = (observation.answer, facts.answer) {
            facts.answer = self.answers.number(answer, [usize::MAX; 2]).0 as u32;
        }
        if let Some(tokens) = observation.tokens {
            let tokens = tokens.min(u64::from(NONE) - 1) as u32;
            if facts.tokens == NONE {
                facts.tokens = tokens;
            } else if facts.tokens != tokens {
                let message = format!(
                    "The response has {tokens} tokens here and {} under {}: with one tokenizer, something was truncated, or an end-of-sequence token was scored for one and not for the other.",
                    facts.tokens, self.models[facts.model as usize].name
                );
                self.same_tokens = false;
                findings.warn("WARN_TOKEN_COUNTS", message, self.place(at, model, number));
            }
        }
        Ok(true)
    }

    /// Adds the log-probability, in nats, of a response under a model.
    #[inline]
    pub(in super::super) fn put(
        &mut self,
        model: usize,
        number: usize,
        value: f64,
        at: At,
        findings: &mut Findings,
    ) -> Result<()> {
        if value.is_nan() {
            let error = Error::new(
                Code::NanLogProb,
                "The log-probability is NaN: score the response again, or drop it for every model.",
            );
            return findings.error(self.placed(error, at, model, number));
        }
        let column = &mut self.models[model];
        if number == column.values.len() {
            column.values.push(value);
        } else if number > column.values.len() {
            column.values.resize(number, f64::NAN);
            column.values.push(value);
        } else if column.values[number].is_nan() {
            column.values[number] = value;
        } else {
            let before = column.values[number];
            let error = duplicate::error(column, before, value, at, &self.files);
            return findings.error(self.placed(error, at, model, number));
        }
        column.count += 1;
        column.last = number;
        if value > LogProbs::POSITIVE_TOLERANCE && column.positive.is_none() {
            column.positive = Some((at, number));
        }
        Ok(())
    }

    /// Forgets the response that was met first after all others, as if no row had been about it; `false` if `number` is not
    /// that one.
    pub(super) fn forget(&mut self, number: usize) -> bool {
        if number + 1 != self.ids.len() {
            return false;
        }
        self.ids.pop();
        self.facts.pop();
        self.texts.retain(|(response, _), _| *response as usize != number);
        for model in &mut self.models {
            let had = model.values.get(number).is_some_and(|value| !value.is_nan());
            model.count -= usize::from(had);
            model.values.truncate(number);
            // One of those that were counted may be gone.
            model.seen.0 = usize::MAX;
            model.last = model.last.min(number.saturating_sub(1));
            model.positive = model.positive.filter(|(_, response)| *response != number);
        }
        self.last.0 = 0;
        true
    }

    /// The id of a response.
    pub(super) fn id(&self, number: usize) -> &str {
        self.ids.get(number)
    }

    /// The place of a value.
    pub(in super::super) fn place(&self, at: At, model: usize, number: usize) -> Place {
        self.placed(Error::new(Code::Internal, ""), at, model, number).into_fault().place
    }

    /// `error`, placed at a value.
    pub(in super::super) fn placed(&self, error: Error, at: At, model: usize, number: usize) -> Error {
        let error = error.at_row(at.row as usize).of_model(&*self.models[model].name).of_response(self.ids.get(number));
        match self.files.get(at.source) {
            Some(file) => error.in_file(&**file),
            None => error,
        }
    }

    /// The matrix; `None` if there is none, after the reason was reported. Responses are sorted by id, so that the order of
    /// rows in the files does not matter.
    pub(in super::super) fn finish(
        mut self,
        findings: &mut Findings,
        workers: &Workers,
        control: &Control,
    ) -> Result<Option<Joined>> {
        judge::columns(&mut self, findings, workers, control)?;
        self.check_reasonings(findings)?;
        if self.models.is_empty() || self.ids.len() == 0 {
            if !findings.failed() {
                findings.error(Error::new(Code::NoResponses, "The input holds no scored response."))?;
            }
            return Ok(None);
        }
        let all = self.ids.len();
        let complete = self.models.iter().all(|model| model.count == all);
        let order = self.ids.sorted(workers, control)?;
        let order = if complete {
            order
        } else {
            let has = |model: &Model, number: usize| model.values.get(number).is_some_and(|value| !value.is_nan());
            let mut shared: Vec<usize> = Vec::with_capacity(all);
            for (index, number) in order.into_iter().enumerate() {
                if index % STEP == 0 {
                    control.check()?;
                }
                if self.models.iter().all(|model| has(model, number)) {
                    shared.push(number);
                }
            }
            if self.mode == JoinMode::Exact {
                self.report_missing(findings)?;
                return Ok(None);
            }
            if shared.is_empty() {
                let message = "No response was scored by all models: check that the files are of the same task and use the same ids.";
                findings.error(Error::new(Code::NoResponses, message))?;
                return Ok(None);
            }
            let message =
                format!("{} of {all} responses were left out: not every model scored them.", all - shared.len());
            findings.warn("WARN_RESPONSES_LEFT_OUT", message, Place::default());
            shared
        };
        if findings.failed() {
            return Ok(None);
        }
        name_by_parts(&mut self.models);
        self.gather(&order, workers, control).map(Some)
    }

    fn report_missing(&self, findings: &mut Findings) -> Result<()> {
        let all = self.ids.len();
        for model in self.models.iter().filter(|model| model.count < all) {
            let lacks = |number: &usize| model.values.get(*number).is_none_or(|value| value.is_nan());
            let missing: Vec<&str> = (0..all).filter(lacks).take(4).map(|number| self.ids.get(number)).collect();
            let some = missing[..missing.len().min(3)].join(", ") + if missing.len() > 3 { ", …" } else { "" };
            let message = format!(
                "{} of {all} responses were not scored by this model ({}): score them, or compare on the responses that all models have (--shared).",
                all - model.count,
                super::super::json::shorten(&some)
            );
            let error = Error::new(Code::MissingResponse, message).of_model(&*model.name).of_response(missing[0]);
            let error = match self.files.get(model.source) {
                Some(file) => error.in_file(&**file),
                None => error,
            };
            findings.error(error)?;
        }
        Ok(())
    }
}
