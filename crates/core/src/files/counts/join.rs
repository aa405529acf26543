//! Puts counts from any number of files together, by model name and problem id, never by line.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::super::findings::Findings;
use super::super::ids::Ids;
use super::super::json::shorten;
use super::super::options::JoinMode;
use super::super::scores::parts::name_of_parts;
use crate::error::{Code, Error, Place, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// Where a count was found.
#[derive(Clone, Copy)]
pub(in super::super) struct At<'a> {
    pub(in super::super) file: &'a str,
    pub(in super::super) row: u64,
    /// Number of the model.
    pub(in super::super) model: usize,
    /// Id of the problem.
    pub(in super::super) problem: &'a str,
}

#[derive(Clone, Copy, Default)]
struct Count {
    samples: u64,
    correct: u64,
    /// The counts came at once, not sample by sample.
    whole: bool,
}

struct Model {
    name: String,
    parts: Vec<(String, String)>,
    counts: HashMap<usize, Count>,
}

/// Counts of any number of models and files in the making.
pub(in super::super) struct CountJoin {
    mode: JoinMode,
    models: Vec<Model>,
    by_name: HashMap<String, usize>,
    problems: Ids,
    /// Samples that have an id, by model, problem and hash of the id, with whether they were right.
    seen: HashMap<(usize, usize, u64), bool>,
    state: RandomState,
}

/// Counts of right samples, models × problems.
#[derive(Debug, serde::Serialize)]
pub struct SampleCounts {
    /// Names of the models.
    pub models: Vec<String>,
    /// Ids of the problems.
    pub problems: Vec<String>,
    /// Samples of each problem, a row a model.
    pub samples: Vec<Vec<u64>>,
    /// Right samples of each problem, a row a model.
    pub correct: Vec<Vec<u64>>,
}

impl CountJoin {
    pub(in super::super) fn new(mode: JoinMode) -> Self {
        Self {
            mode,
            models: Vec::new(),
            by_name: HashMap::new(),
            problems: Ids::new(),
            seen: HashMap::new(),
            state: RandomState::new(),
        }
    }

    /// The model called `name`, a new one if need be; `parts` are the columns that the name is made of.
    pub(in super::super) fn model(&mut self, name: &str, parts: &[(String, String)]) -> usize {
        if let Some(&model) = self.by_name.get(name) {
            return model;
        }
        self.by_name.insert(name.to_owned(), self.models.len());
        self.models.push(Model { name: name.to_owned(), parts: parts.to_vec(), counts: HashMap::new() });
        self.models.len() - 1
    }

    /// `error`, placed where `at` says.
    pub(in super::super) fn placed(&self, error: Error, at: At<'_>) -> Error {
        error.in_file(at.file).at_row(at.row as usize).of_model(&*self.models[at.model].name).of_response(at.problem)
    }

    /// Adds one sample of a problem; `sample` is its id among them, if it has one.
    pub(in super::super) fn add_sample(
        &mut self,
        at: At<'_>,
        correct: bool,
        sample: Option<&str>,
        findings: &mut Findings,
    ) -> Result<()> {
        let problem = self.problems.number(at.problem, [usize::MAX; 2]).0;
        if let Some(sample) = sample {
            let known = self.seen.insert((at.model, problem, self.state.hash_one(sample)), correct);
            if let Some(before) = known {
                if before == correct {
                    let message = format!(
                        "Sample {} of the problem is there twice with one result, as when a run is resumed: it is counted once.",
                        shorten(sample)
                    );
                    let place = self.placed(Error::new(Code::DuplicateProblem, ""), at).into_fault().place;
                    findings.warn("WARN_REPEATED_SAMPLE", message, place);
                    return Ok(());
                }
                let message = format!(
                    "Sample {} of the problem is there twice, once right and once wrong: keep one, or give the samples ids of their own.",
                    shorten(sample)
                );
                return findings.error(self.placed(Error::new(Code::DuplicateProblem, message), at));
            }
        }
        let count = self.models[at.model].counts.entry(problem).or_default();
        if count.whole {
            return findings.error(self.repeated(at));
        }
        count.samples += 1;
        count.correct += u64::from(correct);
        Ok(())
    }

    /// Adds all samples of a problem.
    pub(in super::super) fn add_counts(
        &mut self,
        at: At<'_>,
        samples: f64,
        correct: f64,
        findings: &mut Findings,
    ) -> Result<()> {
        let legal = |count: f64| (0.0..=f64::from(u32::MAX)).contains(&count) && count.fract() == 0.0;
        if !legal(samples) || !legal(correct) || correct > samples {
            let message = format!(
                "{correct} of {samples} samples cannot be right: both must be whole numbers, the first no greater than the second."
            );
            return findings.error(self.placed(Error::new(Code::InvalidCount, message), at));
        }
        if samples == 0.0 {
            let message = "The problem has no sample: leave it out, or sample again.";
            return findings.error(self.placed(Error::new(Code::InvalidCount, message), at));
        }
        let problem = self.problems.number(at.problem, [usize::MAX; 2]).0;
        if self.models[at.model].counts.contains_key(&problem) {
            return findings.error(self.repeated(at));
        }
        let count = Count { samples: samples as u64, correct: correct as u64, whole: true };
        self.models[at.model].counts.insert(problem, count);
        Ok(())
    }

    /// Forgets a problem that was met first after all others and of which no model has more than one row; `false` if it is
    /// none of those, or the only one.
    pub(super) fn forget(&mut self, problem: &str) -> bool {
        let last = self.problems.len().saturating_sub(1);
        let once = |model: &Model| model.counts.get(&last).is_none_or(|count| count.whole || count.samples == 1);
        if last == 0 || self.problems.get(last) != problem || !self.models.iter().all(once) {
            return false;
        }
        self.problems.pop();
        self.seen.retain(|(_, number, _), _| *number != last);
        for model in &mut self.models {
            model.counts.remove(&last);
        }
        true
    }

    fn repeated(&self, at: At<'_>) -> Error {
        let message = "The problem occurs twice for this model: keep one; or, if the rows are of several checkpoints or tasks, name the column that tells them apart \
                       (--column model=…, --column id=…) or the files (NAME=PATH).";
        self.placed(Error::new(Code::DuplicateProblem, message), at)
    }

    /// The counts, problems sorted by id; `None` after a fault was reported.
    pub(in super::super) fn finish(
        mut self,
        findings: &mut Findings,
        workers: &Workers,
        control: &Control,
    ) -> Result<Option<SampleCounts>> {
        if self.problems.len() == 0 {
            let message = "The input holds no sample: check that the evaluation has finished.";
            findings.error(Error::new(Code::NoResponses, message))?;
            return Ok(None);
        }
        self.name_by_parts();
        let all = self.problems.sorted(workers, control)?;
        let mut shared: Vec<usize> = Vec::with_capacity(all.len());
        for problem in &all {
            control.check()?;
            if self.models.iter().all(|model| model.counts.contains_key(problem)) {
                shared.push(*problem);
            }
        }
        if shared.len() < all.len() {
            if self.mode == JoinMode::Exact || shared.is_empty() {
                self.report_missing(&all, findings)?;
                return Ok(None);
            }
            let message = format!(
                "{} of {} problems were left out: not every model has samples of them.",
                all.len() - shared.len(),
                all.len()
            );
            findings.warn("WARN_PROBLEMS_LEFT_OUT", message, Place::default());
        }
        if findings.failed() {
            return Ok(None);
        }
        let of = |field: fn(&Count) -> u64| {
            let row = |model: &Model| shared.iter().map(|problem| model.counts.get(problem).map_or(0, field)).collect();
            self.models.iter().map(row).collect()
        };
        Ok(Some(SampleCounts {
            problems: shared.iter().map(|&problem| self.problems.get(problem).to_owned()).collect(),
            samples: of(|count| count.samples),
            correct: of(|count| count.correct),
            models: self.models.into_iter().map(|model| model.name).collect(),
        }))
    }

    /// Names of several parts are shortened by those that all models share.
    fn name_by_parts(&mut self) {
        let Some(first) = self.models.first().map(|model| model.parts.clone()) else { return };
        if first.len() < 2 || self.models.len() < 2 || self.models.iter().any(|m| m.parts.len() != first.len()) {
            return;
        }
        let differs = |column: usize| self.models.iter().any(|model| model.parts[column] != first[column]);
        let kept: Vec<usize> = (0..first.len()).filter(|&column| column == 0 || differs(column)).collect();
        let names: Vec<String> =
            self.models.iter().map(|model| name_of_parts(kept.iter().map(|&column| &model.parts[column]))).collect();
        if names.iter().collect::<std::collections::HashSet<_>>().len() == names.len() {
            self.models.iter_mut().zip(names).for_each(|(model, name)| model.name = name);
        }
    }

    fn report_missing(&self, all: &[usize], findings: &mut Findings) -> Result<()> {
        for model in &self.models {
            let missing: Vec<&str> = all
                .iter()
                .filter(|problem| !model.counts.contains_key(problem))
                .map(|&problem| self.problems.get(problem))
                .collect();
            if missing.is_empty() {
                continue;
            }
            let some = missing[..missing.len().min(3)].join(", ") + if missing.len() > 3 { ", …" } else { "" };
            let message = format!(
                "{} of {} problems have no sample of this model ({}): sample them, or compare on the problems that all models have (--shared).",
                missing.len(),
                all.len(),
                shorten(&some)
            );
            let error = Error::new(Code::MissingProblem, message).of_model(&*model.name).of_response(missing[0]);
            findings.error(error)?;
        }
        Ok(())
    }
}
