//! lm-evaluation-harness: the `samples_<task>_<date>.jsonl` files of `--log_samples`, one model and task a file.
//!
//! `loglikelihood` and `loglikelihood_rolling` give the log-probability of the target, `multiple_choice` that of the gold
//! choice, each as it was scored: what `arguments` holds is what the model was asked, whatever the document calls it.
//! Rows are joined by `doc_id`; hashes of prompt and target, or what was asked itself, must agree between models. Of several
//! filters the first is taken, or the one asked for.

use std::path::Path;

use super::counts::Counts;
use super::counts::flags::flag;
use super::counts::join::At as CountAt;
use super::findings::Findings;
use super::format::Format;
use super::json::{Json, Reading as Number};
use super::reading::{FileContext, Target};
use super::records::each_record;
use super::scores::join::{At, Observation};
use super::scores::{Origin, Scores};
use crate::error::{Code, Error, Result};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "lm-evaluation-harness",
    extensions: &[],
    sniff: |head| head.json.is_some_and(is_row),
    read: |input, context, reading| {
        let control = reading.control;
        let model = context.named()?.to_owned();
        let mut filter = match &reading.target {
            Target::Scores(scores) => scores.options.filter.clone(),
            Target::Counts(counts) => counts.options.filter.clone(),
        };
        let asked = filter.clone();
        let mut seen = false;
        each_record(input, control, |sample, row| {
            let Some(doc) = sample.get("doc_id").and_then(Json::id).filter(|_| is_row(&sample)) else {
                let message =
                    "The row has no doc_id or no responses (resps): it is not of lm-evaluation-harness --log_samples.";
                let error = Error::new(Code::MalformedFile, message).in_file(&*context.file).at_row(row as usize);
                return reading.findings.error(error);
            };
            if let Some(own) = sample.get("filter").and_then(Json::as_text)
                && *filter.get_or_insert_with(|| own.to_owned()) != own
            {
                return Ok(());
            }
            seen = true;
            let id = match &context.task {
                Some(task) => format!("{task}:{doc}"),
                None => doc.into_owned(),
            };
            let findings = &mut reading.findings;
            match &mut reading.target {
                Target::Scores(scores) => add_score(scores, &sample, &id, &model, context, row, findings),
                Target::Counts(counts) => add_counts(counts, &sample, &id, &model, context, row, findings),
            }
        })?;
        match asked {
            Some(asked) if !seen => {
                let message = format!("No row has the filter {asked}: leave --filter out to see which there are.");
                Err(Error::new(Code::NoResponses, message).in_file(&*context.file))
            }
            _ => Ok(()),
        }
    },
};

fn is_row(row: &Json<'_>) -> bool {
    row.get("doc_id").is_some() && (row.get("filtered_resps").is_some() || row.get("resps").is_some())
}

/// What the name of a file and the results beside it say.
pub(super) struct Described {
    /// Name of the model; `None` if nothing but the path says.
    pub(super) model: Option<String>,
    /// Name of the task.
    pub(super) task: String,
}

/// Model and task of a `samples_<task>_<date>.jsonl` file. The folder is named after the repository alone, so that revisions
/// of one model share it; `results_<date>.json` beside it has the arguments the model was loaded with.
pub(super) fn describe(path: &Path) -> Result<Option<Described>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    let Some((task, date)) = task_and_date(name) else { return Ok(None) };
    let results = path.with_file_name(format!("results_{date}.json"));
    let model = match std::fs::read_to_string(&results) {
        Ok(text) => {
            let parsed = Json::parse(&text).map_err(|fault| {
                let message = format!("The JSON file beside the data is not valid: {}.", fault.message);
                Error::new(Code::MalformedFile, message).in_file(results.display().to_string())
            })?;
            model_of_results(&parsed)
        }
        Err(_) => None,
    };
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).filter(|name| !name.is_empty());
    Ok(Some(Described { model: model.or(folder.map(str::to_owned)), task: task.to_owned() }))
}

fn task_and_date(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix("samples_")?;
    let rest = rest.split_once(".jsonl")?.0;
    let (task, date) = rest.rsplit_once('_')?;
    let looks_like_date = date.len() >= 19
        && date.as_bytes().iter().enumerate().take(10).all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    (looks_like_date && !task.is_empty()).then_some((task, date))
}

fn model_of_results(results: &Json<'_>) -> Option<String> {
    let given = results.get("config").and_then(|config| config.get("model_args"));
    let argument = |name: &str| -> Option<String> {
        match given? {
            Json::Text(text) => text.split(',').find_map(|part| {
                let (key, value) = part.split_once('=')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            }),
            object => object.get(name)?.as_text().map(str::to_owned),
        }
    };
    let known = ["peft", "delta", "pretrained", "model"].into_iter().find_map(argument);
    let name =
        known.or_else(|| results.get("model_name")?.as_text().map(str::to_owned)).filter(|name| !name.is_empty())?;
    Some(match argument("revision").filter(|revision| revision != "main") {
        Some(revision) => format!("{name}@{revision}"),
        None => name,
    })
}

/// One request: what the model was asked.
#[derive(Default)]
struct Request<'a> {
    context: Option<&'a str>,
    continuation: Option<&'a str>,
    generates: bool,
}

/// What was asked of the model: `{ gen_args_0: { arg_0, arg_1 } }`, in older files a list of lists.
fn requests<'a>(sample: &'a Json<'a>) -> Vec<Request<'a>> {
    let requests: Vec<&Json<'_>> = match sample.get("arguments") {
        Some(Json::Object(entries)) => entries.iter().map(|(_, request)| request).collect(),
        Some(Json::List(list)) => list.iter().collect(),
        _ => Vec::new(),
    };
    let part = |request: &'a Json<'a>, index: usize| match request {
        Json::List(parts) => parts.get(index),
        object => object.get(["arg_0", "arg_1"][index]),
    };
    let settings = |text: &str| {
        text.starts_with('{') && ["until", "max_gen_toks", "do_sample"].iter().any(|word| text.contains(word))
    };
    requests
        .into_iter()
        .map(|request| {
            let second = part(request, 1);
            Request {
                context: part(request, 0).and_then(Json::as_text),
                continuation: second.and_then(Json::as_text).filter(|text| !settings(text)),
                // Generation settings, which newer versions write as text.
                generates: second
                    .is_some_and(|second| matches!(second, Json::Object(_)) || second.as_text().is_some_and(settings)),
            }
        })
        .collect()
}

fn add_score(
    scores: &mut Scores,
    sample: &Json<'_>,
    id: &str,
    model: &str,
    context: &FileContext,
    row: u64,
    findings: &mut Findings,
) -> Result<()> {
    let model = scores.join.model(model, context.source, Origin::LmEval);
    let at = At { source: context.source, row };
    let requests = requests(sample);
    let (score, gold) = match score(sample, &requests) {
        Ok(found) => found,
        Err(error) => {
            let error = error.in_file(&*context.file).at_row(row as usize).of_response(id);
            return findings.error(error.of_model(&*scores.join.models[model].name));
        }
    };
    let text = |key: &str| sample.get(key).and_then(Json::id);
    let (prompt, target) = (text("prompt_hash"), text("target_hash"));
    let mut texts: Vec<(&str, &str)> = Vec::new();
    if let (Some(prompt), Some(target)) = (&prompt, &target) {
        texts.extend([("prompt", &**prompt), ("target", &**target)]);
    } else if let Some(request) = requests.get(gold) {
        // Files without hashes have what was asked itself. `doc_id` is a place in a list, no name of a document.
        texts.extend(request.context.map(|text| ("context", text)));
        texts.extend(request.continuation.map(|text| ("continuation", text)));
    }
    let observation = Observation { prompt: prompt.as_deref(), texts: &texts, ..Observation::default() };
    match scores.join.response(id, model, observation, at, findings)? {
        Some(number) => {
            let score = if scores.options.negate { 0.0 - score } else { score };
            scores.join.put(model, number, score, at, findings)
        }
        None => Ok(()),
    }
}

/// Log-probability of the held-out response of one document, and which of the requests asked for it.
fn score(sample: &Json<'_>, requests: &[Request<'_>]) -> Result<(f64, usize)> {
    let first = |value: &Json<'_>| match value {
        Json::List(parts) => parts.first().cloned().unwrap_or(Json::Null).into_owned(),
        other => other.clone().into_owned(),
    };
    // `resps` is requests × repeats, `filtered_resps` requests.
    let filtered = sample.get("filtered_resps").and_then(Json::as_list);
    let mut scores: Vec<Json<'static>> = match (filtered, sample.get("resps").and_then(Json::as_list)) {
        (Some(list), _) => list.iter().map(first).collect(),
        (None, Some(list)) => list.iter().map(|repeats| first(&first(repeats))).collect(),
        (None, None) => Vec::new(),
    };
    if scores.is_empty() {
        let message = "The document has no response (filtered_resps is empty).";
        return Err(Error::new(Code::MalformedFile, message));
    }
    if requests.iter().any(|request| request.generates) {
        return Err(generated());
    }
    // Requests without a context measure how likely a choice is by itself; they are no answer to the question.
    let mut kept: Vec<usize> = (0..scores.len()).collect();
    if requests.len() == scores.len() {
        let with_context = |index: &usize| requests[*index].context.is_some_and(|context| !context.is_empty());
        if kept.iter().any(with_context) {
            kept.retain(with_context);
        }
    }
    scores = kept.iter().map(|&index| scores[index].clone()).collect();
    let gold = if scores.len() == 1 { 0 } else { gold(sample, &scores, requests, &kept)? };
    match scores[gold].number() {
        Number::Number(score) => Ok((score, kept[gold])),
        Number::Missing => Err(Error::new(Code::NullLogProb, "The log-probability is null.")),
        Number::NotANumber if matches!(scores[gold], Json::Text(_)) => Err(generated()),
        Number::NotANumber => {
            Err(Error::new(Code::NotANumber, format!("The log-probability is {}.", scores[gold].show())))
        }
    }
}

fn generated() -> Error {
    let message = "The task generates text (generate_until), whose log-probabilities lm-evaluation-harness does not save: use a loglikelihood or multiple_choice task; \
                   generated samples are input for Pass@k.";
    Error::new(Code::UnsupportedFile, message)
}

/// Which of several choices is the right one. `target` holds the index or the text, as text in either case; what was scored
/// (`arguments`) tells which, and where it does not, the row's own accuracy.
fn gold(sample: &Json<'_>, scores: &[Json<'_>], requests: &[Request<'_>], kept: &[usize]) -> Result<usize> {
    let target = sample.get("target").unwrap_or(&Json::Null);
    let mut candidates: Vec<usize> = target.as_count().map(|index| index as usize).into_iter().collect();
    candidates.retain(|&index| index < scores.len());
    if let Json::Text(text) = target {
        for (choice, own) in choice_texts(sample, requests, kept).iter().enumerate() {
            if own.as_ref().is_some_and(|own| own.trim() == text.trim()) && !candidates.contains(&choice) {
                candidates.push(choice);
            }
        }
    }
    if let [only] = candidates[..] {
        return Ok(only);
    }
    let fits: Vec<usize> = candidates.iter().copied().filter(|&choice| agrees(sample, scores, choice)).collect();
    if let [only] = fits[..] {
        return Ok(only);
    }
    let (shown, count) = (target.show(), scores.len());
    let message = if candidates.is_empty() {
        format!(
            "The target {shown} is neither the number nor the text of one of the {count} choices: the right choice cannot be told."
        )
    } else {
        format!("The target {shown} fits several of the {count} choices: the right one cannot be told.")
    };
    Err(Error::new(Code::UnknownTarget, message))
}

/// Texts of the choices: what was scored, or, where that is the same for all, what the document lists.
fn choice_texts(sample: &Json<'_>, requests: &[Request<'_>], kept: &[usize]) -> Vec<Option<String>> {
    let scored: Vec<Option<String>> = kept
        .iter()
        .map(|&index| requests.get(index).and_then(|request| request.continuation).map(str::to_owned))
        .collect();
    let distinct = scored.iter().collect::<std::collections::HashSet<_>>().len() == scored.len();
    if distinct && scored.iter().all(Option::is_some) {
        return scored;
    }
    let doc = sample.get("doc").unwrap_or(&Json::Null);
    let choices = doc.get("choices").map(|choices| choices.get("text").unwrap_or(choices)).and_then(Json::as_list);
    match choices.filter(|choices| choices.len() == kept.len()) {
        Some(choices) => choices.iter().map(|choice| choice.id().map(|id| id.into_owned())).collect(),
        None => scored,
    }
}

/// Whether the row's own accuracy is that of `choice`.
fn agrees(sample: &Json<'_>, scores: &[Json<'_>], choice: usize) -> bool {
    let Some(right) = sample.get("acc").and_then(flag) else { return false };
    let value = |score: &Json<'_>| score.as_f64().unwrap_or(f64::NEG_INFINITY);
    let mut likeliest = 0;
    for index in 1..scores.len() {
        if value(&scores[index]) > value(&scores[likeliest]) {
            likeliest = index;
        }
    }
    (likeliest == choice) == right
}

/// Adds the samples of one document.
///
/// One value of each metric is kept a document, not one a repeat. So the count is taken from a list of values where the
/// metric is one; from the mean over repeats (`pass@1`), which times n is whole; or, for an exact match, by comparing every
/// repeat that the filter kept with the target.
fn add_counts(
    counts: &mut Counts,
    sample: &Json<'_>,
    id: &str,
    model: &str,
    context: &FileContext,
    row: u64,
    findings: &mut Findings,
) -> Result<()> {
    let model = counts.join.model(model, &[]);
    let at = CountAt { file: &context.file, row, model, problem: id };
    let named: Vec<&str> =
        sample.get("metrics").and_then(Json::as_list).unwrap_or_default().iter().filter_map(Json::as_text).collect();
    let default = ["pass@1", "pass_at_1", "exact_match", "acc", "prompt_level_strict_acc"]
        .into_iter()
        .find(|name| named.contains(name))
        .or(named.first().copied());
    let metric = counts.options.metric.clone().or(default.map(str::to_owned));
    let found = match &metric {
        None => Err("The row names no metric: say which (--metric).".to_owned()),
        Some(metric) => samples_of(sample, metric),
    };
    match found {
        Ok((samples, correct)) => counts.join.add_counts(at, samples, correct, findings),
        Err(message) => findings.error(counts.join.placed(Error::new(Code::UnsupportedFile, message), at)),
    }
}

/// Number of samples and of right ones, or why they cannot be told.
fn samples_of(sample: &Json<'_>, metric: &str) -> std::result::Result<(f64, f64), String> {
    let repeats =
        sample.get("resps").and_then(Json::as_list).and_then(<[_]>::first).and_then(Json::as_list).map(<[_]>::len);
    let value = sample.get(metric).unwrap_or(&Json::Null);
    if let Json::List(values) = value {
        let flags: Option<Vec<bool>> = values.iter().map(flag).collect();
        return match flags {
            // One flag an instruction (`inst_level_strict_acc`) is not one a sample.
            Some(flags) if repeats.is_none_or(|repeats| repeats == flags.len()) && !flags.is_empty() => {
                Ok((flags.len() as f64, flags.iter().filter(|flag| **flag).count() as f64))
            }
            Some(flags) => Err(format!(
                "The metric {metric} has {} values for {} repeats: they are not one a sample. Say which metric is (--metric).",
                flags.len(),
                repeats.unwrap_or(0)
            )),
            None => Err(format!("The metric {metric} is {}, not a list of zeros and ones.", value.show())),
        };
    }
    let score = match value {
        Json::Bool(right) => f64::from(u8::from(*right)),
        other => other.as_f64().ok_or_else(|| match other {
            Json::Null => format!("The row has no metric {metric}: say which it is (--metric)."),
            odd => format!("The metric {metric} is {}, which says neither right nor wrong (--metric).", odd.show()),
        })?,
    };
    let Some(repeats) = repeats else {
        return Err("The row has no responses (resps): how many samples there are is not known.".to_owned());
    };
    let n = repeats as f64;
    if repeats == 1 && (score == 0.0 || score == 1.0) {
        return Ok((1.0, score));
    }
    let correct = (score * n).round();
    if matches!(metric, "pass@1" | "pass_at_1") && (score * n - correct).abs() < 1e-6 {
        return Ok((n, correct));
    }
    let mut kept: Vec<&Json<'_>> = Vec::new();
    for response in sample.get("filtered_resps").and_then(Json::as_list).unwrap_or_default() {
        match response {
            Json::List(inner) => kept.extend(inner),
            other => kept.push(other),
        }
    }
    match sample.get("target").and_then(Json::as_text) {
        Some(target) if metric == "exact_match" && kept.len() == repeats => {
            let right = kept.iter().filter(|kept| kept.as_text().is_some_and(|text| text.trim() == target.trim()));
            Ok((n, right.count() as f64))
        }
        _ => Err(format!(
            "lm-evaluation-harness keeps one value of {metric} for all {repeats} repeats, from which the number of right ones cannot be told: use a filter that keeps \
             every repeat (no take_first) with exact_match, or a metric that returns a list."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score_of(text: &str) -> Result<(f64, usize)> {
        let sample = Json::parse(text).unwrap();
        score(&sample, &requests(&sample))
    }

    #[test]
    fn what_was_scored_tells_an_index_from_a_text() {
        let letters = r#"{"doc_id": 0, "doc": {"choices": ["8", "2", "24", "120"]}, "target": "2", "acc": 0.0,
            "arguments": {"gen_args_0": {"arg_0": "q", "arg_1": " A"}, "gen_args_1": {"arg_0": "q", "arg_1": " B"},
                          "gen_args_2": {"arg_0": "q", "arg_1": " C"}, "gen_args_3": {"arg_0": "q", "arg_1": " D"}},
            "filtered_resps": [["-1", "True"], ["-2", "False"], ["-3", "False"], ["-4", "False"]]}"#;
        assert_eq!(score_of(letters).unwrap(), (-3.0, 2));
        let texts = letters.replace(" A", " 8").replace(" B", " 2x").replace(" C", " 24").replace("\"2\",", "\"24\",");
        assert_eq!(score_of(&texts).unwrap(), (-3.0, 2));
    }

    #[test]
    fn requests_without_a_context_are_not_the_answer() {
        let sample = r#"{"doc_id": 0, "target": "1", "arguments": [["q", " a"], ["q", " b"], ["", " a"], ["", " b"]],
            "filtered_resps": [[-1.0, true], [-2.0, false], [-0.1, true], [-0.2, false]]}"#;
        assert_eq!(score_of(sample).unwrap(), (-2.0, 1));
    }

    #[test]
    fn file_names_hold_task_and_date() {
        let found = task_and_date("samples_arc_easy_2025-01-01T00-00-00.000000.jsonl.gz");
        assert_eq!(found, Some(("arc_easy", "2025-01-01T00-00-00.000000")));
        assert_eq!(task_and_date("samples_arc_easy.jsonl"), None);
    }

    #[test]
    fn booleans_are_metrics_and_flags_of_instructions_are_no_samples() {
        let sample = Json::parse(r#"{"resps": [["t"]], "strict": true, "each": [true, true, true]}"#).unwrap();
        assert_eq!(samples_of(&sample, "strict").unwrap(), (1.0, 1.0));
        assert!(samples_of(&sample, "each").unwrap_err().contains("3 values for 1 repeats"));
    }
}
