//! MultiPL-E's `*.results.json`: one problem a file, with a status for each of its programs.

use super::counts::join::At;
use super::format::Format;
use super::json::Json;
use super::reading::Target;
use super::records::each_record;
use crate::error::{Code, Error};

/// Statuses of a program that was run and is wrong.
const WRONG: [&str; 6] = ["exception", "syntaxerror", "timeout", "error", "fail", "failed"];

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "multipl-e",
    extensions: &[],
    sniff: |head| {
        head.json.is_some_and(|json| {
            json.get("name").is_some()
                && json.get("results").and_then(Json::as_list).is_some_and(|programs| {
                    !programs.is_empty() && programs.iter().all(|program| program.get("exit_code").is_some())
                })
        })
    },
    read: |input, context, reading| {
        let control = reading.control;
        each_record(input, control, |json, row| {
            let findings = &mut reading.findings;
            let Target::Counts(counts) = &mut reading.target else {
                let message = "This holds programs that were run, not log-probabilities: it is input for Pass@k.";
                return Err(Error::new(Code::UnsupportedFile, message).in_file(&*context.file));
            };
            let Some(problem) = json.get("name").and_then(Json::id) else {
                let error = Error::new(Code::MissingId, "The file has no name of a problem.").in_file(&*context.file);
                return findings.error(error);
            };
            let model = counts.join.model(context.named()?, &[]);
            let at = At { file: &context.file, row, model, problem: &problem };
            let programs = json.get("results").and_then(Json::as_list).unwrap_or_default();
            let mut correct = 0;
            for program in programs {
                let status = program.get("status").and_then(Json::as_text).unwrap_or("").to_lowercase();
                let exit_code = program.get("exit_code").and_then(Json::as_f64);
                // MultiPL-E counts a program as right if it is OK and ends with 0.
                if status == "ok" {
                    correct += usize::from(exit_code == Some(0.0));
                } else if !WRONG.contains(&status.as_str()) {
                    let message = format!(
                        "The status of a program is {}, which is not known.",
                        program.get("status").unwrap_or(&Json::Null).show()
                    );
                    return findings.error(counts.join.placed(Error::new(Code::NotAFlag, message), at));
                }
            }
            counts.join.add_counts(at, programs.len() as f64, correct as f64, findings)
        })
    },
};
