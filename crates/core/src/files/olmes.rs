//! Predictions of OLMES (DataDecide, OLMo): one document a row, with the summed logits of each choice in `model_output` and
//! the right one in `label`. lm-evaluation-harness 0.3 `--write_out` is alike: `logit_0`, `logit_1`, …, and `truth`.

use super::counts::flags::flag;
use super::counts::join::At as CountAt;
use super::format::Format;
use super::json::{Json, Reading as Number};
use super::reading::{FileContext, Reading, Target};
use super::records::each_record;
use super::scores::Origin;
use super::scores::join::{At, Observation};
use crate::error::{Code, Error, Result};

/// Predictions of OLMES.
pub(super) const OLMES: Format = Format {
    name: "olmes",
    extensions: &[],
    sniff: |head| {
        head.json.is_some_and(|row| {
            row.get("label").is_some()
                && row
                    .get("model_output")
                    .and_then(Json::as_list)
                    .and_then(<[_]>::first)
                    .is_some_and(|choice| choice.get("sum_logits").is_some())
        })
    },
    read: |input, context, reading| {
        let control = reading.control;
        each_record(input, control, |row, place| {
            let choices = row.get("model_output").and_then(Json::as_list).unwrap_or_default();
            let scores: Vec<Option<&Json<'_>>> = choices.iter().map(|choice| choice.get("sum_logits")).collect();
            let metrics = row.get("metrics").unwrap_or(&Json::Null);
            // `acc_raw` says whether the choice of the greatest sum, which is what was scored, is right.
            let default = ["acc_raw", "exact_match", "pass_at_1", "acc"];
            add(&row, &scores, row.get("label"), metrics, &default, place, context, reading)
        })
    },
};

/// `*_write_out_info.json` of lm-evaluation-harness up to 0.3.
pub(super) const WRITE_OUT: Format = Format {
    name: "write-out",
    extensions: &[],
    sniff: |head| head.json.is_some_and(|row| row.get("logit_0").is_some() && row.get("doc_id").is_some()),
    read: |input, context, reading| {
        let control = reading.control;
        each_record(input, control, |row, place| {
            let scores: Vec<Option<&Json<'_>>> =
                (0..).map_while(|choice| row.get(&format!("logit_{choice}")).map(Some)).collect();
            let truth = row.get("truth");
            add(&row, &scores, truth, &row, &["acc", "exact_match", "em"], place, context, reading)
        })
    },
};

#[expect(clippy::too_many_arguments, reason = "one row, what it holds, and where it goes")]
fn add(
    row: &Json<'_>,
    scores: &[Option<&Json<'_>>],
    gold: Option<&Json<'_>>,
    metrics: &Json<'_>,
    default: &[&str],
    place: u64,
    context: &FileContext,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let placed = |error: Error| error.in_file(&*context.file).at_row(place as usize);
    let Some(own) = row.first(&["native_id", "doc_id"]).and_then(Json::id) else {
        let message = "The row has neither native_id nor doc_id: every row needs an id.";
        return reading.findings.error(placed(Error::new(Code::MissingId, message)));
    };
    let id = match row.get("task_name").and_then(Json::id).or_else(|| context.task.as_deref().map(Into::into)) {
        Some(task) => format!("{task}:{own}"),
        None => own.into_owned(),
    };
    let findings = &mut reading.findings;
    match &mut reading.target {
        Target::Counts(counts) => {
            let model = counts.join.model(context.named()?, &[]);
            let at = CountAt { file: &context.file, row: place, model, problem: &id };
            let chosen = counts.options.metric.clone();
            let found = match &chosen {
                Some(metric) => metrics.get(metric),
                None => metrics.first(default),
            };
            match found.and_then(flag) {
                Some(correct) => counts.join.add_sample(at, correct, None, findings),
                None => {
                    let shown = found.map_or_else(|| "missing".to_owned(), Json::show);
                    let message =
                        format!("The metric that says right or wrong is {shown}: say which it is (--metric).");
                    findings.error(counts.join.placed(Error::new(Code::NotAFlag, message), at))
                }
            }
        }
        Target::Scores(scored) => {
            let model = scored.join.model(context.named()?, context.source, Origin::File);
            let name = scored.join.models[model].name.clone();
            let placed = |error: Error| placed(error).of_model(&*name).of_response(&*id);
            let index = match (gold.and_then(Json::as_count), scores.len()) {
                // One choice is the target itself, whatever `truth` holds.
                (_, 1) if gold.is_none_or(|gold| gold.as_count().is_none_or(|index| index > 0)) => 0,
                (Some(index), count) if (index as usize) < count => index as usize,
                (_, count) => {
                    let shown = gold.map_or_else(|| "missing".to_owned(), Json::show);
                    let message = format!(
                        "The right choice is {shown}, which is not the number of one of the {count} choices: it cannot be told."
                    );
                    return findings.error(placed(Error::new(Code::UnknownTarget, message)));
                }
            };
            let value = scores[index].unwrap_or(&Json::Null);
            let error = match value.number() {
                Number::Number(score) => {
                    let at = At { source: context.source, row: place };
                    let score = if scored.options.negate { 0.0 - score } else { score };
                    let texts: Vec<(&str, &str)> = row
                        .get("task_hash")
                        .and_then(Json::as_text)
                        .map(|hash| ("task_hash", hash))
                        .into_iter()
                        .collect();
                    let observation = Observation { texts: &texts, ..Observation::default() };
                    return match scored.join.response(&id, model, observation, at, findings)? {
                        Some(number) => scored.join.put(model, number, score, at, findings),
                        None => Ok(()),
                    };
                }
                Number::Missing => Error::new(Code::NullLogProb, "The log-probability of the right choice is null."),
                Number::NotANumber => Error::new(
                    Code::NotANumber,
                    format!("The log-probability of the right choice is {}.", value.show()),
                ),
            };
            findings.error(placed(error))
        }
    }
}
