//! `eval_results.json` of evalplus and of BigCodeBench: samples by problem, each with the status of its tests.
//!
//! Older files of evalplus list `[status, details]` by test set, newer ones an object a sample (`base_status`, `plus_status`).
//! A sample passes the extended tests only if it passes the base tests, too. BigCodeBench writes one `status` a sample.

use super::counts::flags::flag;
use super::counts::join::At;
use super::format::Format;
use super::json::Json;
use super::options::Tests;
use super::reading::{FileContext, Reading, Target};
use super::records::each_record;
use crate::error::{Code, Error, Place, Result};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "evalplus",
    extensions: &[],
    sniff: |head| {
        head.json.and_then(|json| json.get("eval")).and_then(Json::as_object).is_some_and(|tasks| {
            !tasks.is_empty()
                && tasks
                    .iter()
                    .all(|(_, task)| samples_of(task).is_ok_and(|samples| !samples.is_empty()) || is_task(task))
        })
    },
    read: |input, context, reading| {
        let control = reading.control;
        each_record(input, control, |results, row| {
            for (id, task) in results.get("eval").and_then(Json::as_object).unwrap_or_default() {
                add(id, task, row, context, reading)?;
            }
            Ok(())
        })
    },
};

/// Whether a value is a problem of one of the shapes, whatever the words in it.
fn is_task(task: &Json<'_>) -> bool {
    match task {
        Json::List(samples) => {
            samples.iter().all(|sample| sample.get("base_status").is_some() || sample.get("status").is_some())
        }
        object => object.get("base").is_some(),
    }
}

/// How one sample fared.
struct Sample {
    base: bool,
    /// `None` where the extended tests were not run.
    plus: Option<bool>,
}

fn add(id: &str, task: &Json<'_>, row: u64, context: &FileContext, reading: &mut Reading<'_>) -> Result<()> {
    let Reading { target, findings, .. } = reading;
    let Target::Counts(counts) = target else {
        let message = "This holds samples that were checked, not log-probabilities: it is input for Pass@k.";
        return Err(Error::new(Code::UnsupportedFile, message).in_file(&*context.file));
    };
    let model = counts.join.model(context.named()?, &[]);
    let at = At { file: &context.file, row, model, problem: id };
    let samples = match samples_of(task) {
        Ok(samples) if !samples.is_empty() => samples,
        Ok(_) => {
            let error = Error::new(Code::MalformedFile, "The problem has no evaluated sample.");
            return findings.error(counts.join.placed(error, at));
        }
        Err(odd) => {
            let message = format!("The status of a sample is {odd}, which says neither pass nor fail.");
            return findings.error(counts.join.placed(Error::new(Code::NotAFlag, message), at));
        }
    };
    let tests = counts.options.tests;
    let with_plus = samples.iter().filter(|sample| sample.plus.is_some()).count();
    if tests == Tests::Plus && with_plus > 0 && with_plus < samples.len() {
        let message = "Some samples were run on the extended tests and some were not: evaluate again.";
        return findings.error(counts.join.placed(Error::new(Code::MalformedFile, message), at));
    }
    if tests == Tests::Plus && with_plus == 0 && task_has_base(task) {
        let place = Place { file: Some(context.file.clone()), model_name: context.model.clone(), ..Place::default() };
        findings.warn("WARN_BASE_TESTS_ONLY", "The samples were run on the base tests only, so these decide.", place);
    }
    let passes = |sample: &&Sample| sample.base && (tests == Tests::Base || sample.plus != Some(false));
    let correct = samples.iter().filter(passes).count();
    counts.join.add_counts(at, samples.len() as f64, correct as f64, findings)
}

/// Whether the problem is one of evalplus, which has two sets of tests.
fn task_has_base(task: &Json<'_>) -> bool {
    task.get("base").is_some()
        || task.as_list().and_then(<[_]>::first).is_some_and(|sample| sample.get("base_status").is_some())
}

/// The samples of a problem, or a status that says neither pass nor fail.
fn samples_of(task: &Json<'_>) -> std::result::Result<Vec<Sample>, String> {
    let status = |value: Option<&Json<'_>>| match value {
        None => Err("missing".to_owned()),
        Some(value) => flag(value).ok_or_else(|| value.show()),
    };
    let optional = |value: Option<&Json<'_>>| match value {
        None | Some(Json::Null) => Ok(None),
        value => status(value).map(Some),
    };
    if let Json::List(samples) = task {
        return samples
            .iter()
            .map(|sample| match sample.get("base_status") {
                base @ Some(_) => Ok(Sample { base: status(base)?, plus: optional(sample.get("plus_status"))? }),
                None => Ok(Sample { base: status(sample.get("status"))?, plus: None }),
            })
            .collect();
    }
    // `[status, details]` a sample, or the status alone.
    let list = |key: &str| -> std::result::Result<Vec<bool>, String> {
        let entries = task.get(key).and_then(Json::as_list).unwrap_or_default();
        entries.iter().map(|entry| status(Some(entry.as_list().and_then(<[_]>::first).unwrap_or(entry)))).collect()
    };
    let (base, plus) = (list("base")?, list("plus")?);
    if !plus.is_empty() && plus.len() != base.len() {
        return Err(format!("missing: {} samples have base tests, {} extended ones", base.len(), plus.len()));
    }
    Ok(base.into_iter().enumerate().map(|(index, base)| Sample { base, plus: plus.get(index).copied() }).collect())
}
