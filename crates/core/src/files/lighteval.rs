//! Details of lighteval (`details_TASK_DATE.parquet`), a document a row: what was asked in `doc`, the summed
//! log-probability of each choice in `model_response.logprobs`, and `metric`. Before version 0.10 the same lay flat, as
//! `predictions`, `gold_index` and `metrics`, without an id.

use super::counts::flags::flag;
use super::counts::join::At as CountAt;
use super::findings::Findings;
use super::json::{Json, Reading as Number};
use super::reading::{FileContext, Reading, Target};
use super::scores::Origin;
use super::scores::join::{At, Observation};
use super::table::{Batch, Column, Kind, Sink, Table};
use crate::error::{Code, Error, Result};

/// Metrics that say right or wrong, best first.
const METRICS: [&str; 8] =
    ["acc", "em", "exact_match", "extractive_match", "pem", "qem", "loglikelihood_acc", "pass@1"];

/// The columns of one of the two layouts.
struct Layout {
    id: &'static str,
    task: &'static str,
    prompt: &'static str,
    gold: &'static str,
    choices: &'static str,
    scores: &'static str,
    metrics: &'static str,
    /// A column that goes with it, by which it is known.
    mark: &'static str,
}

const LAYOUTS: [Layout; 2] = [
    Layout {
        id: "doc.id",
        task: "doc.task_name",
        prompt: "doc.query",
        gold: "doc.gold_index",
        choices: "doc.choices",
        scores: "model_response.logprobs",
        metrics: "metric.",
        mark: "model_response.input_tokens",
    },
    Layout {
        id: "",
        task: "",
        prompt: "full_prompt",
        gold: "gold_index",
        choices: "choices",
        scores: "predictions",
        metrics: "metrics.",
        mark: "cont_tokens",
    },
];

fn layout(columns: &[String]) -> Option<&'static Layout> {
    let has = |name: &str| columns.iter().any(|column| column == name);
    LAYOUTS.iter().find(|layout| has(layout.gold) && has(layout.scores) && has(layout.mark))
}

/// Whether a table with these columns holds details of lighteval.
pub(super) fn is(columns: &[String]) -> bool {
    layout(columns).is_some()
}

/// Reads the details.
pub(super) fn read(table: &mut dyn Table, context: &FileContext, reading: &mut Reading<'_>) -> Result<()> {
    let Some(layout) = layout(table.columns()) else { return Ok(()) };
    let columns = table.columns();
    let at = |name: &str| columns.iter().position(|column| column == name);
    let metric = match &reading.target {
        Target::Scores(_) => None,
        Target::Counts(counts) => {
            let named = |name: &str| at(&format!("{}{name}", layout.metrics)).or_else(|| at(name));
            let found = match &counts.options.metric {
                Some(metric) => named(metric),
                None => METRICS.iter().find_map(|metric| named(metric)),
            };
            Some(found.ok_or_else(|| {
                let there: Vec<&str> = columns.iter().filter_map(|name| name.strip_prefix(layout.metrics)).collect();
                let message = format!(
                    "No metric of this file is known to say right or wrong, name it (--metric); there are: {}.",
                    there.join(", ")
                );
                Error::new(Code::MissingColumn, message).in_file(&*context.file)
            })?)
        }
    };
    let roles = [
        at(layout.id),
        at(layout.task),
        at(layout.prompt),
        at(layout.gold),
        at(layout.choices),
        at(layout.scores),
        metric,
    ];
    let mut wanted = vec![None; columns.len()];
    for (role, column) in roles.iter().enumerate() {
        if let Some(column) = column {
            wanted[*column] = Some(if role < 3 { Kind::Text } else { Kind::Any });
        }
    }
    let slots = roles.map(|column| column.map(|column| wanted[..column].iter().flatten().count()));
    let name = context.named()?.to_owned();
    let (workers, control) = (reading.workers, reading.control);
    let Reading { target, findings, .. } = reading;
    table.scan(&wanted, &mut Details { slots, context, name, target, findings }, workers, control)
}

struct Details<'a> {
    /// In a batch: id, task, prompt, gold, choices, scores, metric.
    slots: [Option<usize>; 7],
    context: &'a FileContext,
    name: String,
    target: &'a mut Target,
    findings: &'a mut Findings,
}

impl Details<'_> {
    fn text<'b>(&self, batch: &'b Batch, role: usize, row: usize) -> Option<&'b str> {
        match &batch.columns[self.slots[role]?] {
            Column::Texts(texts) => Some(texts.get(row)).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    fn value<'b>(&self, batch: &'b Batch, role: usize, row: usize) -> &'b Json<'static> {
        match self.slots[role].map(|slot| &batch.columns[slot]) {
            Some(Column::Values(values)) => &values[row],
            _ => &Json::Null,
        }
    }

    fn row(&mut self, batch: &Batch, row: usize) -> Result<()> {
        let place = batch.places.of(row);
        let own = self.text(batch, 0, row).map_or_else(|| place.to_string(), str::to_owned);
        let id = match self.text(batch, 1, row) {
            Some(task) => format!("{task}:{own}"),
            None => own,
        };
        match self.target {
            Target::Counts(counts) => {
                let model = counts.join.model(&self.name, &[]);
                let at = CountAt { file: &self.context.file, row: place, model, problem: &id };
                let metric = match self.slots[6].map(|slot| &batch.columns[slot]) {
                    Some(Column::Values(values)) => &values[row],
                    _ => &Json::Null,
                };
                if let Some(correct) = flag(metric) {
                    return counts.join.add_sample(at, correct, None, self.findings);
                }
                let message =
                    format!("The metric that says right or wrong is {}: say which it is (--metric).", metric.show());
                self.findings.error(counts.join.placed(Error::new(Code::NotAFlag, message), at))
            }
            Target::Scores(_) => {
                let found = score(self.value(batch, 5, row), self.value(batch, 3, row), self.value(batch, 4, row));
                let prompt = self.text(batch, 2, row);
                let Target::Scores(scored) = &mut *self.target else { return Ok(()) };
                let at = At { source: self.context.source, row: place };
                let score = match found {
                    Ok(score) => score,
                    Err(error) => {
                        let error = error.in_file(&*self.context.file).at_row(place as usize);
                        return self.findings.error(error.of_model(&*self.name).of_response(&*id));
                    }
                };
                let model = scored.join.model(&self.name, self.context.source, Origin::File);
                let score = if scored.options.negate { 0.0 - score } else { score };
                let texts: Vec<(&str, &str)> = prompt.map(|prompt| ("prompt", prompt)).into_iter().collect();
                let observation = Observation { texts: &texts, ..Observation::default() };
                match scored.join.response(&id, model, observation, at, self.findings)? {
                    Some(number) => scored.join.put(model, number, score, at, self.findings),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Sink for Details<'_> {
    fn late_column(&mut self, _: &str, _: u64, _: bool) -> Result<Option<Kind>> {
        Ok(None)
    }

    fn batch(&mut self, batch: &Batch) -> Result<()> {
        (0..batch.rows).try_for_each(|row| self.row(batch, row))
    }
}

/// The log-probability of the right choice.
fn score(scores: &Json<'_>, gold: &Json<'_>, choices: &Json<'_>) -> Result<f64> {
    let scores = scores.as_list().unwrap_or_default();
    if scores.is_empty() {
        let message = "The row has no log-probability: an answer that was generated is input for Pass@k.";
        return Err(Error::new(Code::NullLogProb, message));
    }
    if let Some(choices) = choices.as_list().filter(|choices| !choices.is_empty() && choices.len() != scores.len()) {
        let message = format!(
            "There are {} log-probabilities and {} choices: which belongs to which is not known.",
            scores.len(),
            choices.len()
        );
        return Err(Error::new(Code::ShapeMismatch, message));
    }
    let right = match gold.as_list() {
        Some([only]) => only.as_count(),
        Some(_) => None,
        None => gold.as_count(),
    };
    let right = right.and_then(|right| scores.get(usize::try_from(right).ok()?));
    let right = right.ok_or_else(|| {
        let message = format!(
            "The right choice is {}, which is not the number of one of the {} choices: it cannot be told.",
            gold.show(),
            scores.len()
        );
        Error::new(Code::UnknownTarget, message)
    })?;
    // Older details have a pair: the log-probability, and whether it was the greatest.
    let value = right.as_list().and_then(<[_]>::first).unwrap_or(right);
    match value.number() {
        Number::Number(value) => Ok(value),
        Number::Missing => Err(Error::new(Code::NullLogProb, "The log-probability of the right choice is null.")),
        Number::NotANumber => {
            Err(Error::new(Code::NotANumber, format!("The log-probability of the right choice is {}.", value.show())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_choice_is_the_one_that_gold_index_names() {
        let of = |scores: &str, gold: &str, choices: &str| {
            let json = |text| Json::parse(text).unwrap();
            score(&json(scores), &json(gold), &json(choices)).map_err(|error| error.code)
        };
        assert_eq!(of("[-3.5, -1.25]", "1", "[\"a\", \"b\"]"), Ok(-1.25));
        assert_eq!(of("[-3.5, -1.25]", "[0]", "[]"), Ok(-3.5));
        assert_eq!(of("[[-3.5, false], [-1.25, true]]", "[1]", "null"), Ok(-1.25));
        assert_eq!(of("[-3.5, -1.25]", "[0, 1]", "[]"), Err(Code::UnknownTarget));
        assert_eq!(of("[-3.5, -1.25]", "2", "[]"), Err(Code::UnknownTarget));
        assert_eq!(of("[-3.5, -1.25]", "0", "[\"a\"]"), Err(Code::ShapeMismatch));
        assert_eq!(of("[]", "0", "[]"), Err(Code::NullLogProb));
        assert_eq!(of("[null]", "0", "[]"), Err(Code::NullLogProb));
        assert_eq!(of("[\"x\"]", "0", "[]"), Err(Code::NotANumber));
    }

    #[test]
    fn both_layouts_are_known_by_their_columns() {
        let is = |names: &[&str]| is(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert!(is(&[
            "doc.id",
            "doc.gold_index",
            "model_response.logprobs",
            "model_response.input_tokens",
            "metric.acc"
        ]));
        assert!(is(&["full_prompt", "predictions", "cont_tokens", "gold_index"]));
        assert!(!is(&["predictions", "gold_index"]) && !is(&["id", "logprobs"]));
    }
}
