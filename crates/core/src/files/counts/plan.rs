//! Which column of a table of samples or counts holds what. It is settled before the first value.

use super::super::json::shorten;
use super::super::options::CountOptions;
use super::super::reading::FileContext;
use super::super::roles::{CHECKPOINT_NAMES, Columns, MODEL_NAMES, normalise};
use super::super::table::{Kind, Table};
use crate::error::{Code, Error, Result};

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
const SAMPLES: [&str; 6] = ["n", "numsamples", "nsamples", "samplecount", "numgenerations", "ngenerations"];
/// Numbers of samples or of tests, the name does not say.
const TOTALS: [&str; 3] = ["total", "numtotal", "count"];
/// Numbers of right samples.
const RIGHT: [&str; 6] = ["c", "numcorrect", "ncorrect", "correctcount", "numcorrectsamples", "numsolved"];
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
    /// Flags, or lists of flags.
    Flags { column: usize, name: String, reward: bool },
    /// A column a model, with flags, or numbers of right samples out of the number that is given.
    Wide(Vec<(usize, String)>),
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
                columns.find(&PROBLEMS).or(within).or_else(|| columns.find(&IDS))
            }
        };
        let Some(id) = id else {
            let message = "There is no column of problem ids (id, task_id): samples are counted by problem; say which it is (--column id=…)";
            return Err(columns.missing(message));
        };
        let task = task.filter(|&task| task != id && WITHIN_TASK.contains(&columns.normalised(id)));
        let model = match &chosen.model {
            Some(name) => vec![columns.named(name)?],
            None => {
                let mut found: Vec<usize> = columns.all(&MODEL_NAMES).into_iter().take(1).collect();
                found.extend(columns.all(&CHECKPOINT_NAMES));
                found.extend(columns.all(&["temperature"]));
                found
            }
        };
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
        let flags_of = |column: usize| Values::Flags {
            column,
            name: names[column].clone(),
            reward: ["reward", "rewards", "score", "scores"].contains(&columns.normalised(column)),
        };
        if let Some(name) = &chosen.passed {
            return Ok(flags_of(columns.named(name)?));
        }
        if let (Some(samples), Some(correct)) = (&chosen.samples, &chosen.correct) {
            return Ok(Values::Counts { samples: columns.named(samples)?, correct: columns.named(correct)? });
        }
        let flags = columns.find(&FLAGS);
        let samples = columns.find(&SAMPLES);
        let correct = columns.find(&RIGHT);
        let right = correct.or_else(|| samples.and_then(|_| columns.find(&["correct", "passes", "numpassed"])));
        if let (Some(samples), Some(correct)) = (samples, right) {
            return Ok(Values::Counts { samples, correct });
        }
        if let Some(flags) = flags {
            return Ok(flags_of(flags));
        }
        let totals = columns.find(&TOTALS);
        if let (Some(samples), Some(correct)) = (totals, correct) {
            return Ok(Values::Counts { samples, correct });
        }
        if let (Some(total), Some(passed)) = (totals.or(samples), columns.find(&PASSED)) {
            let (total, passed) = (shorten(&names[total]), shorten(&names[passed]));
            let message = format!(
                "{passed} of {total} could be samples that are right, or unit tests that one sample passed: if they are samples, say so (--column samples={total} --column \
                 correct={passed}); else name the column that says whether the sample is right (--column passed=…)"
            );
            let Error { message, place, .. } = columns.missing(&message);
            return Err(Error { code: Code::AmbiguousColumn, message, place });
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
            Values::Flags { column, .. } => vec![*column],
            Values::Wide(models) => models.iter().map(|(model, _)| *model).collect(),
        };
        for column in values {
            wanted[column] = Some(Kind::Any);
        }
        wanted
    }
}
