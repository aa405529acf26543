//! Saved answers of inference servers (vLLM, SGLang, OpenAI-shaped, TGI) and of vLLM's offline API, bare or inside a record
//! of the user's or of a batch runner, in which prompt and held-out response were scored together.
//!
//! Where the response begins is told, in this order, by `prompt_tokens` (or `prompt_len`) in the user's record, by
//! `response_tokens` (or `response_len`), by the text of the prompt alone (`context`) with `text_offset`, or by options.
//! Answers are joined by the id that the user gave, never by one that a server made up; without one, by what was scored.

use super::findings::Findings;
use super::format::Format;
use super::json::Json;
use super::reading::{FileContext, Target};
use super::records::each_record;
use super::scored::{ScoredText, scored_text};
use super::scores::join::{At, Observation};
use super::scores::{Origin, Scores, tokens};
use crate::error::{Code, Error, Result};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "responses",
    extensions: &[],
    sniff: |head| head.json.is_some_and(|row| body_of(row, 0).is_some()),
    read: |input, context, reading| {
        let control = reading.control;
        let name = context.named()?.to_owned();
        let Target::Scores(scores) = &mut reading.target else {
            let message = "These are answers of an inference server, not samples that were checked: say of each whether it is right.";
            return Err(Error::new(Code::UnsupportedFile, message).in_file(&*context.file));
        };
        let model = scores.join.model(&name, context.source, Origin::File);
        let findings = &mut reading.findings;
        each_record(input, control, |record, row| add(&record, row, model, context, scores, findings))
    },
};

/// The answer itself: the row, or what it holds as `response`, `body`, `output` or `result`.
fn body_of<'b, 'a>(row: &'b Json<'a>, level: usize) -> Option<&'b Json<'a>> {
    if is_body(row) {
        return Some(row);
    }
    if level > 4 {
        return None;
    }
    ["response", "body", "output", "result"].iter().find_map(|key| {
        let inner = row.get(key)?;
        body_of(inner.as_list().and_then(<[_]>::first).unwrap_or(inner), level + 1)
    })
}

fn is_body(row: &Json<'_>) -> bool {
    let has = |value: Option<&Json<'_>>, keys: &[&str]| {
        value.is_some_and(|value| keys.iter().any(|key| value.get(key).is_some()))
    };
    let choice = row.get("choices").and_then(Json::as_list).and_then(<[_]>::first);
    row.get("prompt_logprobs").is_some()
        || row.get("completion_probabilities").is_some()
        || has(choice, &["logprobs", "text", "message", "prompt_logprobs"])
        || has(row.get("meta_info"), &["prompt_tokens", "input_token_logprobs"])
        || has(row.get("details"), &["prefill", "tokens"])
}

fn add(
    record: &Json<'_>,
    row: u64,
    model: usize,
    context: &FileContext,
    scores: &mut Scores,
    findings: &mut Findings,
) -> Result<()> {
    let own = record_id(record);
    let placed = |error: Error| error.in_file(&*context.file).at_row(row as usize);
    let body = body_of(record, 0);
    let failure = record.first(&["error"]).or_else(|| body?.first(&["error"]));
    if failure
        .is_some_and(|error| matches!(error, Json::Object(_)) || error.as_text().is_some_and(|text| !text.is_empty()))
    {
        let message = "The server answered with an error instead of a response: send this request again.";
        let error = placed(Error::new(Code::MalformedFile, message));
        return findings.error(error.of_response(own.unwrap_or_else(|| row.to_string())));
    }
    let Some(body) = body else {
        return findings
            .error(placed(Error::new(Code::MalformedFile, "The row holds no response of an inference server.")));
    };
    let choices = body.get("choices").and_then(Json::as_list).unwrap_or_default();
    let several = choices.len() > 1;
    for index in 0..choices.len().max(1) {
        let choice = choices.get(index);
        let id_of = |id: &str| match choice.filter(|_| several) {
            Some(choice) => {
                format!("{id}#{}", choice.get("index").and_then(Json::id).unwrap_or_else(|| index.to_string().into()))
            }
            None => id.to_owned(),
        };
        let own = own.as_deref().map(id_of);
        let place = |error: Error| {
            let error = placed(error).of_model(&*scores.join.models[model].name);
            if let Some(id) = &own { error.of_response(&**id) } else { error }
        };
        let scored = match scored_text(body, choice) {
            Ok(scored) => scored,
            Err(error) => {
                findings.error(place(error))?;
                continue;
            }
        };
        let start = match start(record, &scored, scores) {
            Ok(start) => start,
            Err(message) => {
                findings.error(place(Error::new(Code::ResponseSlice, message)))?;
                continue;
            }
        };
        let odd = |index: usize| scored.tokens.odd_at(index).clone();
        let flags = (scores.options.keep_clamped, scores.options.negate);
        let Some(total) = tokens::sum(&scored.tokens.values, start, odd, flags, place, findings)? else { continue };
        let Some(id) = own.or_else(|| scored.digest.as_ref().map(|(_, digest)| digest.clone())) else {
            let message = "The response has no id, and neither text nor token ids that could stand for one: add an id to each record.";
            findings.error(placed(Error::new(Code::MissingId, message)))?;
            continue;
        };
        let prompt = record.first(&["prompt_id", "promptId", "prompt_hash"]).and_then(Json::id);
        let texts: Vec<(&str, &str)> = scored.digest.iter().map(|(kind, digest)| (*kind, digest.as_str())).collect();
        let count = (scored.tokens.values.len() - start) as u64;
        let observation =
            Observation { tokens: Some(count), prompt: prompt.as_deref(), texts: &texts, ..Observation::default() };
        let at = At { source: context.source, row };
        if let Some(number) = scores.join.response(&id, model, observation, at, findings)? {
            scores.join.put(model, number, total, at, findings)?;
        }
    }
    Ok(())
}

/// Ids that a server makes up are different for every model and join nothing.
fn record_id(record: &Json<'_>) -> Option<String> {
    const MADE_UP: [&str; 6] = ["cmpl", "chatcmpl", "resp", "batch_req", "vllm", "gen"];
    let made_up =
        |id: &str| MADE_UP.iter().any(|begin| id.strip_prefix(begin).is_some_and(|rest| rest.starts_with(['-', '_'])));
    ["custom_id", "id", "example_id", "response_id", "doc_id", "request_id", "index"]
        .iter()
        .filter_map(|key| record.get(key)?.id())
        .find(|id| !made_up(id))
        .map(|id| id.into_owned())
}

/// Index of the first token of the response, or why it cannot be told.
fn start(record: &Json<'_>, scored: &ScoredText, scores: &Scores) -> std::result::Result<usize, String> {
    let length = scored.tokens.values.len() as u64;
    let given = |keys: &[&str]| record.first(keys).and_then(Json::as_count);
    let prompt = given(&["prompt_tokens", "prompt_len", "prompt_length", "promptTokens", "promptLength"]);
    let response = given(&["response_tokens", "response_len", "response_length", "responseTokens", "responseLength"]);
    let text = record.first(&["context", "prompt_text"]).and_then(Json::as_text);
    let skipped = scored.skipped;
    let options = &scores.options;
    let start = match (prompt, response, text, &scored.offsets) {
        (Some(prompt), _, _, _) => prompt.checked_sub(skipped),
        (None, Some(response), _, _) => length.checked_sub(response),
        (None, None, Some(text), Some(offsets)) => return start_by_offset(text, offsets),
        _ => match (options.prompt_tokens, options.response_tokens) {
            (Some(prompt), _) => prompt.checked_sub(skipped),
            (None, Some(response)) => length.checked_sub(response),
            (None, None) => {
                return Err("Where the response begins is not known: add prompt_tokens or response_tokens to each record, or the text of the prompt alone as context \
                            (where the server gives text_offset), or pass --prompt-tokens."
                    .to_owned());
            }
        },
    };
    match start {
        Some(start) if start < length => Ok(start as usize),
        _ => {
            let later = if skipped > 0 { ", or the server was told to start later (logprob_start_len)" } else { "" };
            Err(format!(
                "The response would not begin inside the {length} tokens that were scored: prompt_tokens or response_tokens do not fit this response{later}."
            ))
        }
    }
}

/// Servers count code points.
fn start_by_offset(prompt: &str, offsets: &[u64]) -> std::result::Result<usize, String> {
    let boundary = prompt.chars().count() as u64;
    match offsets.iter().position(|&offset| offset >= boundary) {
        None => Err("The scored text is not longer than the prompt: there is no token of a response.".to_owned()),
        Some(start) if offsets[start] == boundary => Ok(start),
        Some(_) => Err("A token reaches across the end of the prompt, so that the response has no log-probability of its own: score prompt and response tokenised \
                        separately, and give prompt_tokens."
            .to_owned()),
    }
}
