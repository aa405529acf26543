//! Logs of inspect_ai, `.json` or `.eval`: one sample a problem and epoch, graded by scorers. And logs of OpenAI's evals, an
//! event a line.

use super::counts::flags::grade;
use super::counts::join::At;
use super::format::Format;
use super::json::Json;
use super::reading::{FileContext, Reading, Target};
use super::records::each_record;
use crate::error::{Code, Error, Result};

/// Logs of inspect_ai. A `.json` log is one object; an `.eval` archive is its header, then its samples.
pub(super) const INSPECT: Format = Format {
    name: "inspect",
    extensions: &["eval"],
    sniff: |head| {
        head.json.is_some_and(|json| {
            let log = json.get("eval").is_some_and(|eval| eval.get("task").is_some() && eval.get("model").is_some());
            let sample = json.get("epoch").is_some() && json.get("scores").is_some() && json.get("id").is_some();
            log || sample
        })
    },
    read: |input, context, reading| {
        let control = reading.control;
        let mut model = context.given.clone();
        each_record(input, control, |json, row| {
            if let Some(eval) = json.get("eval") {
                model = model.take().or_else(|| Some(eval.get("model")?.as_text()?.to_owned()));
                if json.get("status").and_then(Json::as_text).is_some_and(|status| status != "success") {
                    let place = crate::error::Place { file: Some(context.file.clone()), ..Default::default() };
                    let message = "The evaluation was not finished: its log holds some of the samples only.";
                    reading.findings.warn("WARN_UNFINISHED", message, place);
                }
            }
            match json.get("samples").and_then(Json::as_list) {
                Some(samples) => {
                    samples.iter().try_for_each(|sample| add(sample, model.as_deref(), row, context, reading))
                }
                None if json.get("scores").is_some() => add(&json, model.as_deref(), row, context, reading),
                None => Ok(()),
            }
        })
    },
};

fn counts_only(context: &FileContext) -> Error {
    let message = "This holds samples that were graded, not log-probabilities: it is input for Pass@k.";
    Error::new(Code::UnsupportedFile, message).in_file(&*context.file)
}

fn add(
    sample: &Json<'_>,
    model: Option<&str>,
    row: u64,
    context: &FileContext,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let Reading { target, findings, .. } = reading;
    let Target::Counts(counts) = target else { return Err(counts_only(context)) };
    let Some(id) = sample.get("id").and_then(Json::id) else {
        let error = Error::new(Code::MissingId, "A sample has no id.").in_file(&*context.file).at_row(row as usize);
        return findings.error(error);
    };
    let name = match model {
        Some(model) => model,
        None => context.named()?,
    };
    let model = counts.join.model(name, &[]);
    let at = At { file: &context.file, row, model, problem: &id };
    let scores = sample.get("scores").and_then(Json::as_object).unwrap_or_default();
    let chosen = counts.options.metric.clone();
    let score = match (&chosen, scores) {
        (Some(scorer), _) => scores.iter().find(|(name, _)| name == scorer).map(|(_, score)| score),
        (None, [(_, only)]) => Some(only),
        (None, []) => None,
        (None, [(first, _), (second, _), ..]) => {
            let message = format!(
                "The samples were graded by {first}, by {second}, …: say whose grade counts (--metric {first})."
            );
            return findings.error(counts.join.placed(Error::new(Code::MissingOption, message), at));
        }
    };
    let value = score.map(|score| score.get("value").unwrap_or(score));
    match value.and_then(grade) {
        Some(correct) => {
            let epoch = sample.get("epoch").and_then(Json::id);
            counts.join.add_sample(at, correct, epoch.as_deref(), findings)
        }
        None => {
            let shown = value.map_or_else(|| "missing".to_owned(), Json::show);
            let message = format!("The grade of a sample is {shown}, which says neither right nor wrong.");
            findings.error(counts.join.placed(Error::new(Code::NotAFlag, message), at))
        }
    }
}

/// Logs of OpenAI's evals: a line with the specification, then events, of which those with `correct` grade a sample.
pub(super) const OPENAI_EVALS: Format = Format {
    name: "openai-evals",
    extensions: &[],
    sniff: |head| head.json.is_some_and(|json| json.get("spec").is_some_and(|spec| spec.get("eval_name").is_some())),
    read: |input, context, reading| {
        let control = reading.control;
        let mut name = context.given.clone();
        each_record(input, control, |json, row| {
            if let Some(spec) = json.get("spec") {
                let model = spec.get("completion_fns").and_then(Json::as_list).and_then(<[_]>::first);
                name = name.take().or_else(|| Some(model?.as_text()?.to_owned()));
                return Ok(());
            }
            let correct = json.get("data").and_then(|data| data.get("correct"));
            let (Some(correct), Some(id)) = (correct, json.get("sample_id").and_then(Json::id)) else { return Ok(()) };
            let Reading { target, findings, .. } = &mut *reading;
            let Target::Counts(counts) = target else { return Err(counts_only(context)) };
            let name = match &name {
                Some(name) => name.as_str(),
                None => context.named()?,
            };
            let model = counts.join.model(name, &[]);
            let at = At { file: &context.file, row, model, problem: &id };
            match grade(correct) {
                Some(correct) => counts.join.add_sample(at, correct, None, findings),
                None => {
                    let message = format!("correct is {}, which says neither right nor wrong.", correct.show());
                    findings.error(counts.join.placed(Error::new(Code::NotAFlag, message), at))
                }
            }
        })
    },
};
