//! One JSON object whose keys are problems and whose values are lists of samples: the logs of Hugging Face's `code_eval` and
//! of the bigcode harness, KernelBench, APPS; and the reports of SWE-bench, which list problems by how they ended.

use super::counts::flags::flag;
use super::counts::join::At;
use super::format::Format;
use super::json::Json;
use super::reading::{FileContext, Reading, Target};
use super::records::each_record;
use super::wrappers::ROWS;
use crate::error::{Code, Error, Result};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "problems",
    extensions: &[],
    sniff: |head| head.json.is_some_and(|json| is_dictionary(json) || resolved(json).is_some()),
    read: |input, context, reading| {
        let control = reading.control;
        each_record(input, control, |problems, row| {
            if let Some((right, others)) = resolved(&problems) {
                for (ids, correct) in [(right, true), (others, false)] {
                    for id in ids {
                        add(&id, &[Ok(correct)], None, row, context, reading)?;
                    }
                }
                return Ok(());
            }
            for (id, samples) in problems.as_object().unwrap_or_default() {
                let flags: Vec<_> = flags_of(samples).unwrap_or_default();
                add(id, &flags, ids_of(samples).as_deref(), row, context, reading)?;
            }
            Ok(())
        })
    },
};

/// A flag, or what says neither right nor wrong.
type Flag = std::result::Result<bool, String>;

/// Rows under a key, each of which names a problem of its own, are no samples of one problem.
fn is_dictionary(json: &Json<'_>) -> bool {
    const PROBLEMS: [&str; 5] = ["task_id", "problem_id", "question_id", "instance_id", "id"];
    let other_problems = |key: &str, value: &Json<'_>| {
        let own = |sample: &Json<'_>| sample.first(&PROBLEMS).and_then(Json::id).is_some_and(|own| own != key);
        ROWS.contains(&key) || value.as_list().is_some_and(|samples| samples.iter().any(own))
    };
    json.as_object().is_some_and(|entries| {
        !entries.is_empty()
            && entries.iter().all(|(key, value)| flags_of(value).is_some() && !other_problems(key, value))
    })
}

/// The fields of a sample that say whether it is right.
const FIELDS: [&str; 5] = ["passed", "correctness", "correct", "resolved", "success"];

/// One flag a sample; `None` if the value is no list of samples of a known shape.
fn flags_of(value: &Json<'_>) -> Option<Vec<Flag>> {
    let list = value.as_list().filter(|list| !list.is_empty())?;
    let read = |value: &Json<'_>| flag(value).ok_or_else(|| value.show());
    // APPS: for each sample the results of its tests, then their metadata; a result below zero is an error.
    if let [Json::List(tests), ..] = list
        && !tests.is_empty()
        && list.iter().all(|sample| {
            sample
                .as_list()
                .is_some_and(|tests| tests.iter().all(|test| test.as_bool().is_some() || test.as_f64().is_some()))
        })
    {
        return Some(list.iter().map(tests_of).collect());
    }
    list.iter()
        .map(|sample| {
            // `code_eval`: pairs of the sample's number and its result.
            let sample = match sample.as_list() {
                Some([Json::Number(_), result @ Json::Object(_)]) => result,
                Some(_) => return None,
                None => sample,
            };
            let found = FIELDS.iter().find_map(|field| sample.get(field))?;
            Some(read(found))
        })
        .collect()
}

/// Whether one sample passes all its tests: `true`, `false`, or a negative number for an error.
fn tests_of(sample: &Json<'_>) -> Flag {
    let tests = sample.as_list().unwrap_or_default();
    if tests.is_empty() {
        return Err("an empty list of tests".to_owned());
    }
    let mut all = true;
    for test in tests {
        all &= match (flag(test), test.as_f64()) {
            (Some(passed), _) => passed,
            (None, Some(code)) if code < 0.0 => false,
            _ => return Err(test.show()),
        };
    }
    Ok(all)
}

/// Ids of the samples, where all have one.
fn ids_of(samples: &Json<'_>) -> Option<Vec<String>> {
    let list = samples.as_list()?;
    let id = |sample: &Json<'_>| {
        let result = sample.as_list().and_then(|pair| pair.get(1)).unwrap_or(sample);
        Some(result.first(&["completion_id", "sample_id"])?.id()?.into_owned())
    };
    list.iter().map(id).collect()
}

fn add(
    id: &str,
    flags: &[Flag],
    samples: Option<&[String]>,
    row: u64,
    context: &FileContext,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let Reading { target, findings, .. } = reading;
    let Target::Counts(counts) = target else {
        let message = "This holds samples that were checked, not log-probabilities: it is input for Pass@k.";
        return Err(Error::new(Code::UnsupportedFile, message).in_file(&*context.file));
    };
    let model = counts.join.model(context.named()?, &[]);
    let at = At { file: &context.file, row, model, problem: id };
    for (index, flag) in flags.iter().enumerate() {
        match flag {
            Ok(correct) => {
                let sample = samples.map(|samples| samples[index].as_str());
                counts.join.add_sample(at, *correct, sample, findings)?;
            }
            Err(odd) => {
                let message = format!("The result of a sample is {odd}, which says neither right nor wrong.");
                findings.error(counts.join.placed(Error::new(Code::NotAFlag, message), at))?;
            }
        }
    }
    Ok(())
}

/// The report of SWE-bench: instances that were resolved, and the others that were submitted.
fn resolved(json: &Json<'_>) -> Option<(Vec<String>, Vec<String>)> {
    let ids = |key: &str| -> Option<Vec<String>> {
        json.get(key)?.as_list()?.iter().map(|id| id.id().map(|id| id.into_owned())).collect()
    };
    let right = ids("resolved_ids").or_else(|| ids("resolved"))?;
    let all = ids("submitted_ids").or_else(|| ids("submitted")).or_else(|| {
        let mut all = right.clone();
        ["unresolved_ids", "error_ids", "empty_patch_ids"]
            .iter()
            .for_each(|key| all.extend(ids(key).unwrap_or_default()));
        (all.len() > right.len()).then_some(all)
    })?;
    let known: std::collections::HashSet<&String> = right.iter().collect();
    let others = all.iter().filter(|id| !known.contains(id)).cloned().collect();
    Some((right, others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Option<Vec<Flag>> {
        flags_of(&Json::parse(text).unwrap())
    }

    #[test]
    fn each_shape_gives_a_flag_a_sample() {
        let code_eval = r#"[[0, {"passed": true, "completion_id": 0}], [1, {"passed": false, "completion_id": 1}]]"#;
        assert_eq!(flags(code_eval), Some(vec![Ok(true), Ok(false)]));
        assert_eq!(ids_of(&Json::parse(code_eval).unwrap()), Some(vec!["0".to_owned(), "1".to_owned()]));
        assert_eq!(flags(r#"[{"correctness": true}, {"correctness": false}]"#), Some(vec![Ok(true), Ok(false)]));
        assert_eq!(flags("[[true, true], [-2], [true, false]]"), Some(vec![Ok(true), Ok(false), Ok(false)]));
        assert_eq!(flags(r#"[{"passed": "maybe"}]"#), Some(vec![Err("\"maybe\"".to_owned())]));
        for other in ["[1, 2]", r#"[{"id": 1}]"#, "{}", "[]", r#"[["a"]]"#] {
            assert_eq!(flags(other), None, "{other}");
        }
    }

    #[test]
    fn reports_of_swe_bench_list_problems_by_their_end() {
        let report =
            Json::parse(r#"{"submitted_ids": ["a", "b", "c"], "resolved_ids": ["b"], "error_ids": ["c"]}"#).unwrap();
        assert_eq!(resolved(&report), Some((vec!["b".into()], vec!["a".into(), "c".into()])));
    }
}
