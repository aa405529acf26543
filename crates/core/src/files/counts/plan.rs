//! Which column of a table of samples or counts holds what. It is settled before the first value.

use super::super::json::shorten;
use super::super::options::CountOptions;
use super::super::reading::FileContext;
use super::super::roles::{CHECKPOINT_NAMES, Columns, MODEL_NAMES, normalise, words};
use super::super::table::{Kind, Table};
use crate::error::Result;

/// Ids of problems, which beat a bare id: that may be of the sample.
const PROBLEMS: [&str; 9] =
    ["problemid", "taskid", "questionid", "origdsetidx", "instanceid", "exampleid", "docid", "problem", "nativeid"];
/// Ids where there is no better.
const IDS: [&str; 10] = ["id", "uid", "key", "idx", "index", "question", "task", "prompt", "name", "uuid"];
/// Ids that count within a task.
const WITHIN_TASK: [&str; 6] = ["idx", "index", "question", "docid", "problemid", "questionid"];
/// What tells the samples of one problem apart.
const SAMPLES_OF: [&str; 15] = [
    "completionid",
    "sampleidx",
    "sampleid",
    "sampleindex",
    "samplenumber",
    "sampleno",
    "seed",
    "attempt",
    "attemptid",
    "epoch",
    "repeat",
    "repeatidx",
    "rollout",
    "rolloutid",
    "generationid",
];
/// Numbers of samples, and so named.
const SAMPLES: [&str; 14] = [
    "n",
    "numsamples",
    "nsamples",
    "samplecount",
    "numberofsamples",
    "totalsamples",
    "numgenerations",
    "ngenerations",
    "numcompletions",
    "ncompletions",
    "numattempts",
    "nattempts",
    "numtrials",
    "ntrials",
];
/// Numbers of samples, or the samples themselves.
const SAMPLES_OR_NUMBER: [&str; 5] = ["samples", "generations", "completions", "attempts", "trials"];
/// Numbers of samples or of tests, the name does not say.
const TOTALS: [&str; 3] = ["total", "numtotal", "count"];
/// Numbers of right samples.
const RIGHT: [&str; 12] = [
    "c",
    "numcorrect",
    "ncorrect",
    "correctcount",
    "numcorrectsamples",
    "correctsamples",
    "numright",
    "numsolved",
    "nsolved",
    "numsuccess",
    "numsuccesses",
    "nsuccess",
];
/// Numbers of right samples or of passed tests.
const PASSED: [&str; 5] = ["passes", "numpassed", "npassed", "passcount", "passedcount"];
/// Right or wrong, of a sample or of a list of them.
const FLAGS: [&str; 26] = [
    "correct",
    "iscorrects",
    "iscorrect",
    "corrects",
    "passed",
    "pass",
    "success",
    "resolved",
    "correctness",
    "results",
    "gradedlist",
    "scores",
    "rewards",
    "score",
    "reward",
    "acc",
    "accuracy",
    "exactmatch",
    "em",
    "status",
    "result",
    "outcome",
    "verdict",
    "iscorrectlist",
    "passedlist",
    "solved",
];
/// Right is what is not one of these: columns of their names hold the opposite of flags.
const OPPOSITES: [&str; 20] = [
    "failed",
    "fail",
    "fails",
    "failure",
    "failures",
    "error",
    "errors",
    "incorrect",
    "wrong",
    "timeout",
    "timeouts",
    "timedout",
    "exception",
    "crashed",
    "invalid",
    "truncated",
    "unresolved",
    "unsolved",
    "rejected",
    "skipped",
];
/// The most that a score can be.
const MOST: [&str; 7] = ["maxscore", "maxpoints", "maxreward", "maximumscore", "fullscore", "outof", "totalpoints"];
/// Columns that go with samples and say nothing of them.
const ALONGSIDE: [&str; 16] = [
    "completion",
    "response",
    "answer",
    "target",
    "solution",
    "text",
    "output",
    "subject",
    "dataset",
    "category",
    "split",
    "level",
    "difficulty",
    "source",
    "url",
    "",
];

/// What each column of a table is. Columns are numbers into the table's list.
pub(super) struct Plan {
    pub(super) id: (usize, String),
    /// Put before ids.
    pub(super) task: Option<usize>,
    pub(super) model: Vec<(String, usize)>,
    /// One of them is a name, not only a step.
    pub(super) names_model: bool,
    known: Vec<String>,
    /// Columns that together are the id of a sample.
    pub(super) sample: Vec<usize>,
    pub(super) values: Values,
}

/// Where the counts stand.
pub(super) enum Values {
    /// Number of samples and of right ones.
    Counts { samples: usize, correct: usize },
    /// Flags, or lists of flags; `others` may be flags, too, and then say the same.
    Flags { column: usize, name: String, reward: bool, others: Vec<(usize, String)>, out_of: Option<OutOf> },
    /// A column a model, with flags, or numbers of right samples out of the number that is given.
    Wide(Vec<(usize, String)>),
}

/// What a number in the column of flags may be out of.
pub(super) struct OutOf {
    pub(super) column: usize,
    pub(super) name: String,
    /// If it is a number, then of samples; else it may be one of tests.
    pub(super) samples: bool,
}

impl Plan {
    pub(super) fn new(table: &dyn Table, context: &FileContext, options: &CountOptions) -> Result<Self> {
        let names = table.columns();
        let columns = Columns::new(names, &context.file);
        let chosen = &options.columns;
        let task = columns.find(&["task", "taskname", "benchmark"]);
        let id = match &chosen.id {
            Some(name) => Some(columns.named(name)?),
            None => {
                let within = task.and_then(|_| columns.find(&WITHIN_TASK));
                match columns.only(&PROBLEMS, "id")?.or(within) {
                    Some(id) => Some(id),
                    None => columns.only(&IDS, "id")?,
                }
            }
        };
        let Some(id) = id else {
            let message = "There is no column of problem ids (id, task_id): samples are counted by problem; say which it is (--column id=…)";
            return Err(columns.missing(message));
        };
        let task = task.filter(|&task| task != id && WITHIN_TASK.contains(&columns.normalised(id)));
        let mut model = columns.models(chosen.model.as_deref())?;
        if chosen.model.is_none() {
            model.extend(columns.all(&["temperature"]));
        }
        let sample = match &chosen.sample {
            Some(name) => vec![columns.named(name)?],
            None => columns.all(&SAMPLES_OF).into_iter().filter(|&column| column != id).collect(),
        };
        let mut plan = Self {
            id: (id, names[id].clone()),
            task,
            names_model: chosen.model.is_some() || model.iter().any(|&m| MODEL_NAMES.contains(&columns.normalised(m))),
            known: names.iter().map(|name| normalise(name)).collect(),
            model: model.into_iter().map(|column| (names[column].clone(), column)).collect(),
            sample,
            values: Values::Wide(Vec::new()),
        };
        plan.values = plan.values(names, &columns, options, &|column| table.is_nested(column))?;
        Ok(plan)
    }

    fn values(
        &self,
        names: &[String],
        columns: &Columns<'_>,
        options: &CountOptions,
        nested: &dyn Fn(usize) -> bool,
    ) -> Result<Values> {
        let chosen = &options.columns;
        if let Some(models) = &chosen.models {
            let found = models.iter().map(|name| Ok((columns.named(name)?, name.clone()))).collect::<Result<_>>()?;
            return Ok(Values::Wide(found));
        }
        let flags_of = |column: usize, others: Vec<(usize, String)>| Values::Flags {
            column,
            name: names[column].clone(),
            reward: ["reward", "rewards", "score", "scores"].contains(&columns.normalised(column)),
            others,
            out_of: None,
        };
        if let Some(name) = &chosen.passed {
            return Ok(flags_of(columns.named(name)?, Vec::new()));
        }
        if let (Some(samples), Some(correct)) = (&chosen.samples, &chosen.correct) {
            return Ok(Values::Counts { samples: columns.named(samples)?, correct: columns.named(correct)? });
        }
        let flags = columns.only(&FLAGS, "passed")?;
        let samples = columns.find(&SAMPLES);
        let correct = columns.find(&RIGHT);
        let of_samples = ["correct", "passes", "numpassed", "npassed", "passcount", "passedcount"];
        let right = correct.or_else(|| samples.and_then(|_| columns.find(&of_samples)));
        if let (Some(samples), Some(correct)) = (samples, right) {
            return Ok(Values::Counts { samples, correct });
        }
        if let Some(flags) = flags {
            if let Some(most) = columns.find(&MOST) {
                let message = format!(
                    "Column {} holds points out of those of {}: how many of them are right is not said. Save whether each sample is, and name that column \
                     (--column passed=…)",
                    shorten(&names[flags]),
                    shorten(&names[most])
                );
                return Err(columns.ambiguous(&message));
            }
            let others = columns.all(&FLAGS).into_iter().filter(|&other| other != flags);
            let mut values = flags_of(flags, others.map(|other| (other, names[other].clone())).collect());
            if let Values::Flags { out_of: of, .. } = &mut values {
                *of = out_of(names, columns, flags);
            }
            return Ok(values);
        }
        let totals = columns.find(&TOTALS).or_else(|| columns.find(&SAMPLES_OR_NUMBER));
        if let (Some(samples), Some(correct)) = (totals, correct) {
            return Ok(Values::Counts { samples, correct });
        }
        if let (Some(total), Some(passed)) = (totals.or(samples), columns.find(&PASSED)) {
            let (total, passed) = (shorten(&names[total]), shorten(&names[passed]));
            let message = format!(
                "{passed} of {total} could be samples that are right, or unit tests that one sample passed: if they are samples, say so (--column samples={total} --column \
                 correct={passed}); else name the column that says whether the sample is right (--column passed=…)"
            );
            return Err(columns.ambiguous(&message));
        }
        let free: Vec<(usize, String)> = (0..names.len())
            .filter(|column| {
                !self.takes(*column) && !nested(*column) && !ALONGSIDE.contains(&columns.normalised(*column))
            })
            .map(|column| (column, names[column].clone()))
            .collect();
        let one_sample = ["completion", "solution", "generation", "generations", "samples", "output", "response"];
        if free.is_empty() || columns.find(&one_sample).is_some() || !self.model.is_empty() {
            let message = "There are neither counts (n and c) nor flags (correct, passed, is_corrects): evaluate the samples first, or say which column it is (--column passed=…)";
            return Err(columns.missing(message));
        }
        for (_, name) in &free {
            let whole = normalise(name);
            let last = words(name).pop().unwrap_or_default();
            let message = if OPPOSITES.contains(&&*whole) || OPPOSITES.contains(&&*last) {
                format!(
                    "Column {} seems to say of samples that they are wrong: name the column that says that they are right (--column passed=…), or those that are \
                     models (--column models=A,B)",
                    shorten(name)
                )
            } else if whole.contains("pass@") {
                format!(
                    "Column {} seems to hold estimates of Pass@k, from which samples cannot be had back: give the samples, or how many there are and how many are right \
                     (n and c)",
                    shorten(name)
                )
            } else {
                continue;
            };
            return Err(columns.ambiguous(&message));
        }
        Ok(Values::Wide(free))
    }

    /// Whether a column that is met late says of which model or sample a row is, and no other column does under that name.
    pub(super) fn would_count(&self, name: &str) -> bool {
        let name = normalise(name);
        !self.known.contains(&name)
            && [&MODEL_NAMES[..], &CHECKPOINT_NAMES, &SAMPLES_OF, &PROBLEMS]
                .iter()
                .any(|names| names.contains(&name.as_str()))
    }

    fn takes(&self, column: usize) -> bool {
        self.id.0 == column
            || self.task == Some(column)
            || self.sample.contains(&column)
            || self.model.iter().any(|(_, model)| *model == column)
    }

    /// How each of `count` columns is to be read.
    pub(super) fn wanted(&self, count: usize) -> Vec<Option<Kind>> {
        let mut wanted = vec![None; count];
        let texts = self.model.iter().map(|(_, model)| *model).chain(self.sample.iter().copied()).chain(self.task);
        for column in texts.chain([self.id.0]) {
            wanted[column] = Some(Kind::Text);
        }
        let values: Vec<usize> = match &self.values {
            Values::Counts { samples, correct } => vec![*samples, *correct],
            Values::Flags { column, others, out_of, .. } => {
                let out_of = out_of.as_ref().map(|out_of| out_of.column);
                others.iter().map(|(other, _)| *other).chain([*column]).chain(out_of).collect()
            }
            Values::Wide(models) => models.iter().map(|(model, _)| *model).collect(),
        };
        for column in values {
            wanted[column] = Some(Kind::Any);
        }
        wanted
    }
}

/// What numbers of `flags`, if they are called right ones, may be out of. Where passed tests stand beside them, a total is of
/// those.
fn out_of(names: &[String], columns: &Columns<'_>, flags: usize) -> Option<OutOf> {
    if columns.normalised(flags) != "correct" {
        return None;
    }
    let of = |column: usize, samples: bool| OutOf { column, name: names[column].clone(), samples };
    let samples = columns.find(&SAMPLES_OR_NUMBER).map(|column| of(column, true));
    let total = || columns.find(&TOTALS).filter(|_| columns.find(&PASSED).is_none()).map(|column| of(column, false));
    samples.or_else(total)
}
