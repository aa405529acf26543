//! Reading any number of files together: what each is, whose it is, and what comes of them.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use super::counts::join::{At as CountAt, CountJoin, SampleCounts};
use super::counts::{self, Counts};
use super::detect::detect;
use super::findings::{Finding, Findings};
use super::format::Format;
use super::helm;
use super::id_list::IdList;
use super::input::Input;
use super::json::shorten;
use super::lighteval;
use super::lm_eval;
use super::matrices::{self, StoredMatrix};
use super::names::{names_of, whole_of_shards};
use super::options::{CountOptions, InputFile, ScoreOptions};
use super::scores::join::ScoreJoin;
use super::scores::reasonings::Reasonings;
use super::scores::{self, Scores};
use super::table::Table;
use crate::error::{Code, Error, Result};
use crate::log_probs::{LogProbs, Rows};
use crate::parallel::Workers;
use crate::progress::Control;

/// What is known of a file before its contents.
#[derive(Clone, Debug)]
pub struct FileContext {
    /// The file, as messages call it.
    pub file: String,
    /// Name of the model, as the caller gave it.
    pub given: Option<String>,
    /// Name of the model for a file that does not say: the given one, or what tells its path from the others; `None` if
    /// nothing does.
    pub model: Option<String>,
    /// Number of files that are read together.
    pub inputs: usize,
    /// Number of this file among the sources.
    pub source: usize,
    /// Put before ids, where files of several tasks are read together.
    pub task: Option<String>,
}

impl FileContext {
    /// Name of the model for a file that does not say.
    ///
    /// # Errors
    /// [`Code::DuplicateModel`] if nothing tells the file from another.
    pub fn named(&self) -> Result<&str> {
        self.model.as_deref().ok_or_else(|| {
            let message = "Nothing in the paths tells this file from another one, and both need the name of a model: name them, NAME=PATH.";
            Error::new(Code::DuplicateModel, message).in_file(&*self.file)
        })
    }
}

/// All that is read together, and how.
pub struct Reading<'a> {
    /// Threads.
    pub workers: &'a Workers,
    /// Progress and abort.
    pub control: &'a Control,
    /// Faults and oddities.
    pub findings: Findings,
    /// What is being put together.
    pub target: Target,
    pub(super) matrices: Vec<StoredMatrix>,
    pub(super) sources: Vec<Source>,
}

/// What files are read for.
pub enum Target {
    /// Log-probabilities.
    Scores(Box<Scores>),
    /// Counts of right samples.
    Counts(Box<Counts>),
}

/// A file that was read.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// The file, as the caller named it.
    pub file: String,
    /// Its format.
    pub format: &'static str,
    /// Element type of arrays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// BLAKE3 of its bytes, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
    /// What its first line says of how it came to be, where `score` wrote it: a JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

/// Log-probabilities as a file of arrays holds them, models × responses.
pub struct Matrix {
    /// The values; not yet checked, unless they are `legal`.
    pub rows: Rows,
    /// All values are known to be log-probabilities; if not, nothing is known of them.
    pub legal: bool,
    /// Names of the models, if the file or the JSON beside it has them.
    pub models: Option<Vec<String>>,
    /// Ids of the responses.
    pub ids: Option<Vec<String>>,
    /// Ids of the prompts, one a response.
    pub prompt_ids: Option<Vec<String>>,
    /// Tokens of each response.
    pub token_counts: Option<Vec<u64>>,
    /// Element type in the file.
    pub dtype: String,
}

/// Counts of right samples as a file of arrays holds them, models × problems.
pub struct CountMatrix {
    /// Row after row; every one lies within ±2⁵³.
    pub values: Vec<i64>,
    /// Models, problems.
    pub shape: [usize; 2],
    /// Names of the models, if known.
    pub models: Option<Vec<String>>,
    /// Ids of the problems, if known.
    pub problems: Option<Vec<String>>,
    /// Samples of each problem, if known.
    pub samples: Option<u64>,
}

impl Reading<'_> {
    /// Takes a matrix of log-probabilities.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] for names and ids that do not fit, and for more unnamed models than responses, which is what a
    /// matrix looks like whose responses are in rows.
    pub fn add_matrix(&mut self, context: &FileContext, matrix: Matrix) -> Result<()> {
        let Target::Scores(scores) = &self.target else {
            let message = "These are log-probabilities, not counts of right samples.";
            return Err(Error::new(Code::UnsupportedFile, message).in_file(&*context.file));
        };
        self.sources[context.source].dtype = Some(matrix.dtype.clone());
        let stored = matrices::named(matrix, context, scores.options.transpose)?;
        self.matrices.push(stored);
        Ok(())
    }

    /// Takes a matrix of counts.
    ///
    /// # Errors
    /// [`Code::MissingOption`] if the number of samples is not known, [`Code::ShapeMismatch`], and as for any counts.
    pub fn add_counts(&mut self, context: &FileContext, matrix: CountMatrix) -> Result<()> {
        let Target::Counts(counts) = &mut self.target else {
            let message =
                "These are whole numbers, not log-probabilities: counts of right samples are input for Pass@k.";
            return Err(Error::new(Code::UnsupportedFile, message).in_file(&*context.file));
        };
        let [models, problems] = matrix.shape;
        let stem = context.named()?;
        let names = matrices::model_names(matrix.models, models, context, stem)?;
        if models > problems && models > 1 && names.1 && !counts.options.transpose {
            return Err(matrices::tall(models, problems, "problems").in_file(&*context.file));
        }
        let samples = counts.options.samples.map(u64::from).or(matrix.samples).ok_or_else(|| {
            let message =
                "How many samples each problem has is not known: say so (--samples), or in a JSON file beside the matrix (samples_per_problem).";
            Error::new(Code::MissingOption, message).in_file(&*context.file)
        })?;
        for (row, name) in names.0.iter().enumerate() {
            self.control.check()?;
            let model = counts.join.model(name, &[]);
            for problem in 0..problems {
                let id = matrix.problems.as_ref().map_or_else(|| problem.to_string(), |ids| ids[problem].clone());
                let at = CountAt { file: &context.file, row: row as u64, model, problem: &id };
                let correct = matrix.values[row * problems + problem] as f64;
                counts.join.add_counts(at, samples as f64, correct, &mut self.findings)?;
            }
        }
        Ok(())
    }

    /// Reads a table, whatever its columns mean.
    ///
    /// # Errors
    /// As reading in general.
    pub fn table(&mut self, table: &mut dyn Table, context: &FileContext) -> Result<()> {
        let mut names: Vec<&String> = table.columns().iter().collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("The column {} is there twice: names must be distinct.", shorten(twice[0]));
            return Err(Error::new(Code::MalformedFile, message).in_file(&*context.file));
        }
        let chosen = match &self.target {
            Target::Scores(scores) => {
                scores.options.columns.log_prob.is_some() || scores.options.columns.models.is_some()
            }
            Target::Counts(counts) => {
                counts.options.columns.passed.is_some() || counts.options.columns.models.is_some()
            }
        };
        if !chosen && lighteval::is(table.columns()) {
            return lighteval::read(table, context, self);
        }
        match self.target {
            Target::Scores(_) => scores::read_table(table, context, self),
            Target::Counts(_) => counts::read_table(table, context, self),
        }
    }

    /// Reads all files into the target. What is wrong with one of them is reported; where errors are collected, the others
    /// are read all the same.
    fn read(&mut self, inputs: &[InputFile], format: Option<&str>) -> Result<()> {
        let sizes = inputs.iter().map(|input| std::fs::metadata(&input.path).map_or(0, |file| file.len()));
        self.control.start(sizes.sum());
        let mut files = Vec::new();
        for input in inputs {
            self.control.check()?;
            let shown = input.shown.as_deref().unwrap_or(&input.path);
            let opened = Input::open(Path::new(&input.path), shown);
            match opened.map_err(|error| named(error, shown)) {
                Ok(opened) => files.extend(opened.into_iter().map(|file| (file, input.model.clone()))),
                Err(error) => self.findings.error(error)?,
            }
        }
        let mut planned: Vec<(Input, Option<String>, &'static Format)> = Vec::new();
        for (mut file, given) in files {
            match detect(&mut file, format, self.control).map_err(|error| named(error, file.shown())) {
                Ok(format) => planned.push((file, given, format)),
                Err(error) => self.findings.error(error)?,
            }
        }
        let contexts = self.contexts(&planned)?;
        for ((mut file, _, format), context) in planned.into_iter().zip(contexts) {
            let shown = file.shown().to_owned();
            let read = (format.read)(&mut file, &context, self);
            if let Err(error) = read.and_then(|()| {
                self.sources[context.source].blake3 = Some(file.digest(self.control)?.blake3);
                Ok(())
            }) {
                self.findings.error(named(error, &shown))?;
            }
            self.control.check()?;
        }
        Ok(())
    }

    /// Names and tasks of all files.
    fn contexts(&mut self, planned: &[(Input, Option<String>, &'static Format)]) -> Result<Vec<FileContext>> {
        let names = names_by_path(planned);
        let mut contexts = Vec::new();
        for (index, ((file, given, format), by_path)) in planned.iter().zip(names).enumerate() {
            let by_path = given
                .clone()
                .or_else(|| helm::model_of_path(file.name()).filter(|_| format.name == "helm"))
                .or(by_path);
            let described =
                (format.name == lm_eval::FORMAT.name).then(|| lm_eval::describe(file.path())).transpose()?;
            let (model, task) = match described.flatten() {
                Some(file) => (given.clone().or(file.model).or(by_path), Some(file.task)),
                None => (by_path, None),
            };
            let manifest = file.manifest().map(str::to_owned);
            let file = file.shown().to_owned();
            self.sources.push(Source { file: file.clone(), format: format.name, dtype: None, blake3: None, manifest });
            let given = given.clone();
            contexts.push(FileContext { file, given, model, inputs: planned.len(), source: index, task });
        }
        self.one_file_a_model(planned, &contexts)?;
        let tasks: std::collections::HashSet<_> = contexts.iter().map(|context| context.task.clone()).collect();
        if tasks.len() < 2 {
            contexts.iter_mut().for_each(|context| context.task = None);
        }
        if let Target::Scores(scores) = &mut self.target {
            scores.join.files = self.sources.iter().map(|source| source.file.clone()).collect();
        }
        Ok(contexts)
    }

    /// Formats of one model a file: two files of one model and task are two runs, of which one is meant.
    fn one_file_a_model(
        &mut self,
        planned: &[(Input, Option<String>, &'static Format)],
        contexts: &[FileContext],
    ) -> Result<()> {
        let mut seen = HashMap::<_, (&str, _)>::new();
        for ((file, _, format), context) in planned.iter().zip(contexts) {
            let (true, Some(model)) = (["lm-evaluation-harness", "responses"].contains(&format.name), &context.model)
            else {
                continue;
            };
            let shards = whole_of_shards(file.name());
            if let Some((other, of)) = seen.insert((model, &context.task), (&context.file, shards))
                && (shards.is_none() || shards != of)
            {
                let message = format!(
                    "This file and {other} seem to be of the same model (two revisions of a repository share a folder): name them, NAME=PATH."
                );
                let error = Error::new(Code::DuplicateModel, message).in_file(&*context.file).of_model(&**model);
                self.findings.error(error)?;
            }
        }
        Ok(())
    }
}

/// A name for each file that has none: what tells its path from the others; of a format with one problem a file, that of its
/// folder; of shards of one table, what their names begin with.
fn names_by_path(planned: &[(Input, Option<String>, &'static Format)]) -> Vec<Option<String>> {
    let mut paths: Vec<&str> = Vec::new();
    let mut places = Vec::new();
    for (file, given, format) in planned {
        let folder = (format.name == "multipl-e").then(|| file.name().rsplit_once(['/', '\\'])).flatten();
        let shards = whole_of_shards(file.name());
        let path = folder.map(|(folder, _)| folder).or(shards).unwrap_or(file.name());
        let known =
            folder.or(shards.map(|shards| (shards, ""))).and_then(|_| paths.iter().position(|known| *known == path));
        places.push(match (given, known) {
            (Some(_), _) => None,
            (None, Some(place)) => Some(place),
            (None, None) => {
                paths.push(path);
                Some(paths.len() - 1)
            }
        });
    }
    let names = names_of(&paths);
    places.into_iter().map(|place| names[place?].clone()).collect()
}

/// The error, in `file` unless it knows better; messages are composed of parts, so the capital comes last.
fn named(error: Error, file: &str) -> Error {
    let mut rest = error.message.chars();
    let message = rest.next().map(|first| first.to_uppercase().collect::<String>() + rest.as_str());
    let error = error.saying(message.unwrap_or_default());
    if error.place.file.is_none() && error.code != Code::Aborted { error.in_file(file) } else { error }
}

/// Log-probabilities from files, with what was noticed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScoresRead {
    /// The values; `None` after errors that were collected.
    #[serde(skip)]
    pub log_probs: Option<LogProbs>,
    /// Names of the models.
    pub models: Vec<String>,
    /// Number of the source of each model.
    pub model_sources: Vec<usize>,
    /// Ids of the responses.
    pub response_ids: Option<IdList>,
    /// Ids of the prompts.
    pub prompt_ids: Option<Vec<String>>,
    /// Tokens of each response.
    pub token_counts: Option<Vec<u64>>,
    /// The files.
    pub sources: Vec<Source>,
    /// Faults and oddities.
    pub findings: Vec<Finding>,
}

/// Counts from files, with what was noticed.
#[derive(Serialize)]
pub struct CountsRead {
    /// The counts.
    #[serde(flatten)]
    pub counts: Option<SampleCounts>,
    /// The files.
    pub sources: Vec<Source>,
    /// Faults and oddities.
    pub findings: Vec<Finding>,
}

/// Reads log-probabilities of any number of files into one matrix. With `collect`, errors in the input are findings.
///
/// # Errors
/// The first error in the input, unless they are collected; [`Code::Aborted`].
pub fn read_scores(
    inputs: &[InputFile],
    options: ScoreOptions,
    collect: bool,
    workers: &Workers,
    control: &Control,
) -> Result<ScoresRead> {
    read_columns(inputs, options, false, collect, workers, control).map(|(read, _)| read)
}

/// Reads log-probabilities of answers: rows that name a reasoning are of the answer given that reasoning (or of both
/// together), and responses have several; then the response of each column is told, and ids are those of responses.
/// Rows without are of the answer altogether.
///
/// # Errors
/// The first error in the input; [`Code::Aborted`].
pub fn read_answers(
    inputs: &[InputFile],
    options: ScoreOptions,
    workers: &Workers,
    control: &Control,
) -> Result<(ScoresRead, Option<Vec<u32>>)> {
    let (mut read, reasonings) = read_columns(inputs, options, true, false, workers, control).map_err(|mut error| {
        if error.code == Code::DuplicateResponse {
            error.message.push_str(
                " If the rows are of several reasonings, each row needs an id of its reasoning: a column reasoningId, or name it (--answers-column reasoning=…).",
            );
        }
        error
    })?;
    Ok(match reasonings {
        None => (read, None),
        Some(reasonings) => {
            read.response_ids = Some(reasonings.ids.into());
            read.prompt_ids = reasonings.prompt_ids;
            read.token_counts = None;
            (read, Some(reasonings.of_response))
        }
    })
}

fn read_columns(
    inputs: &[InputFile],
    options: ScoreOptions,
    reasonings: bool,
    collect: bool,
    workers: &Workers,
    control: &Control,
) -> Result<(ScoresRead, Option<Reasonings>)> {
    let join = ScoreJoin::new(options.join, options.ignore_hashes, options.negate);
    let format = options.format.clone();
    let target = Target::Scores(Box::new(Scores { options, reasonings, join }));
    let findings = Findings::new(collect);
    let mut reading = Reading { workers, control, findings, target, matrices: Vec::new(), sources: Vec::new() };
    reading.read(inputs, format.as_deref())?;
    let Reading { target, matrices, sources, mut findings, .. } = reading;
    let Target::Scores(scores) = target else {
        return Err(Error::new(Code::Internal, "Log-probabilities became counts."));
    };
    let joined = matrices::finish(scores.join, matrices, &mut findings, workers, control)?;
    if joined.is_none() && !findings.failed() {
        return Err(Error::new(Code::Internal, "Nothing was read, and no fault was found."));
    }
    let findings = findings.into_list();
    Ok(match joined {
        Some(joined) => {
            let read = ScoresRead {
                log_probs: Some(joined.log_probs),
                models: joined.models,
                model_sources: joined.sources,
                response_ids: joined.ids,
                prompt_ids: joined.prompt_ids,
                token_counts: joined.token_counts,
                sources,
                findings,
            };
            (read, joined.reasonings)
        }
        None => {
            let read = ScoresRead {
                log_probs: None,
                models: Vec::new(),
                model_sources: Vec::new(),
                response_ids: None,
                prompt_ids: None,
                token_counts: None,
                sources,
                findings,
            };
            (read, None)
        }
    })
}

/// Reads how many samples of each problem are right.
///
/// # Errors
/// As [`read_scores`].
pub fn read_counts(
    inputs: &[InputFile],
    options: CountOptions,
    collect: bool,
    workers: &Workers,
    control: &Control,
) -> Result<CountsRead> {
    let join = CountJoin::new(options.join);
    let format = options.format.clone();
    let target = Target::Counts(Box::new(Counts { options, join }));
    let findings = Findings::new(collect);
    let mut reading = Reading { workers, control, findings, target, matrices: Vec::new(), sources: Vec::new() };
    reading.read(inputs, format.as_deref())?;
    let Reading { target, sources, mut findings, .. } = reading;
    let Target::Counts(counts) = target else {
        return Err(Error::new(Code::Internal, "Counts became log-probabilities."));
    };
    let counts = counts.join.finish(&mut findings, workers, control)?;
    Ok(CountsRead { counts, sources, findings: findings.into_list() })
}
