//! Prompt and response as a server scored them, token by token, whatever the server.

use super::json::Json;
use super::scores::tokens::numbers;
use super::table::Numbers;
use crate::content_hash::ContentHash;
use crate::error::{Code, Error, Result};

/// The tokens of one scored text.
pub(super) struct ScoredText {
    /// Log-probability of each token; the first of the text is odd.
    pub(super) tokens: Numbers,
    /// Where each token begins in the text, in code points, if known.
    pub(super) offsets: Option<Vec<u64>>,
    /// Tokens at the beginning of the text that are not in the list (SGLang's `logprob_start_len`).
    pub(super) skipped: u64,
    /// Kind and digest of what was scored: of its text, or of the ids of its tokens.
    pub(super) digest: Option<(&'static str, String)>,
}

/// The scored text of `body`, an answer with the choice `choice`.
pub(super) fn scored_text(body: &Json<'_>, choice: Option<&Json<'_>>) -> Result<ScoredText> {
    let of =
        |key: &str| body.get(key).filter(|value| **value != Json::Null).or_else(|| choice.and_then(|c| c.get(key)));
    // An echo has the actual tokens and where each begins; vLLM writes it beside prompt_logprobs.
    let prompt = of("prompt_logprobs").and_then(Json::as_list).map(<[_]>::len);
    if let Some(echo) = choice.and_then(|choice| echo(choice, body))
        && prompt.is_none_or(|prompt| prompt == echo.tokens.values.len())
    {
        return Ok(echo);
    }
    match of("prompt_logprobs") {
        Some(Json::List(entries)) => return from_vllm(entries, of("prompt_token_ids")),
        Some(flat) if flat.get("logprobs").is_some_and(|list| list.as_list().is_some()) => {
            let message = "These are flat prompt_logprobs of vLLM: set flat_logprobs to false.";
            return Err(Error::new(Code::UnsupportedFile, message));
        }
        _ => {}
    }
    if let Some(meta @ Json::Object(_)) = body.get("meta_info") {
        return from_sglang(meta);
    }
    if let Some(details @ Json::Object(_)) = body.get("details") {
        return from_tgi(details);
    }
    let message = if body.get("completion_probabilities").is_some() || body.get("probs").is_some() {
        "The server of llama.cpp gives log-probabilities of generated tokens only and ignores echo, so that a held-out response cannot be scored with it: use vLLM, SGLang or \
         lm-evaluation-harness."
    } else {
        let logprobs = choice.and_then(|choice| choice.get("logprobs"));
        if logprobs.is_some_and(|logprobs| logprobs.get("content").is_some_and(|list| list.as_list().is_some())) {
            "Chat completions have log-probabilities of generated tokens only, never of a given response: use the completions endpoint with echo, or prompt_logprobs (vLLM)."
        } else if logprobs.is_some_and(|logprobs| logprobs.get("token_logprobs").is_some()) {
            "The response has log-probabilities of generated tokens only, not of the held-out response: send echo true, or prompt_logprobs 0 (vLLM). OpenAI's own models \
             refuse that."
        } else {
            "The response has no log-probabilities: send echo true with logprobs (OpenAI-shaped), or prompt_logprobs 0 (vLLM)."
        }
    };
    Err(Error::new(Code::NoLogProbs, message))
}

/// vLLM: one entry a prompt token, each a dictionary from token id to log-probability that has the actual token and maybe
/// likelier ones. Which is the actual one is told by `prompt_token_ids`.
fn from_vllm(entries: &[Json<'_>], token_ids: Option<&Json<'_>>) -> Result<ScoredText> {
    let ids = token_ids.and_then(Json::as_list).filter(|ids| ids.len() == entries.len());
    let mut tokens = Vec::with_capacity(entries.len());
    let mut found: Vec<Option<String>> = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let own = ids.and_then(|ids| ids[index].id()).map(|id| id.into_owned());
        let Json::Object(candidates) = entry else {
            tokens.push(Some(entry));
            found.push(own);
            continue;
        };
        let actual = match (&own, &candidates[..]) {
            (Some(own), _) => candidates.iter().find(|(key, _)| key == own),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let Some((key, candidate)) = actual else {
            let message = match own {
                Some(own) => {
                    format!(
                        "Token {index} (id {own}) is not among its prompt_logprobs: the file does not belong together."
                    )
                }
                None => format!(
                    "Token {index} has {} candidates in prompt_logprobs, and prompt_token_ids, which would tell the actual one, is not there: ask the server for \
                     return_token_ids, or for prompt_logprobs 0.",
                    candidates.len()
                ),
            };
            return Err(Error::new(Code::UnknownToken, message));
        };
        tokens.push(match candidate {
            Json::Object(_) => candidate.get("logprob"),
            value => Some(value),
        });
        found.push(Some(key.to_string()));
    }
    // The first token has no entry: its text is never known and its id not always, so it does not count for the digest.
    let digest = digest_of_ids(found.iter().skip(1).map(Option::as_deref));
    Ok(ScoredText { tokens: numbers(tokens.into_iter()), offsets: None, skipped: 0, digest })
}

/// SGLang: `[logprob, token id, text]`, pairs in some versions, bare numbers when collapsed.
fn from_sglang(meta: &Json<'_>) -> Result<ScoredText> {
    let entries = meta.get("input_token_logprobs").and_then(Json::as_list).filter(|entries| !entries.is_empty());
    let entries = entries.ok_or_else(|| {
        let message =
            "The response has no input_token_logprobs: send return_logprob true and logprob_start_len 0 (the default scores the output only).";
        Error::new(Code::NoLogProbs, message)
    })?;
    let part = |index: usize| entries.iter().map(move |entry| entry.as_list().and_then(|parts| parts.get(index)));
    let first = entries.iter().map(|entry| match entry {
        Json::List(parts) => parts.first(),
        value => Some(value),
    });
    let prompt = meta.get("prompt_tokens").and_then(Json::as_count).unwrap_or(0);
    let texts = digest_of_texts(part(2).map(|text| text.and_then(Json::as_text)));
    let ids: Vec<Option<String>> = part(1).map(|id| Some(id?.id()?.into_owned())).collect();
    Ok(ScoredText {
        tokens: numbers(first),
        offsets: None,
        skipped: prompt.saturating_sub(entries.len() as u64),
        digest: texts.or_else(|| digest_of_ids(ids.iter().map(Option::as_deref))),
    })
}

/// Text Generation Inference: `details.prefill`, empty unless the launcher was told otherwise.
fn from_tgi(details: &Json<'_>) -> Result<ScoredText> {
    let prefill = details.get("prefill").and_then(Json::as_list).filter(|prefill| !prefill.is_empty());
    let prefill = prefill.ok_or_else(|| {
        let message = "The response has no prefill log-probabilities: start text-generation-launcher with --enable-prefill-logprobs (off since version 3) and send \
                       decoder_input_details true.";
        Error::new(Code::NoLogProbs, message)
    })?;
    let texts = digest_of_texts(prefill.iter().map(|entry| entry.get("text")?.as_text()));
    let ids: Vec<Option<String>> = prefill.iter().map(|entry| Some(entry.get("id")?.id()?.into_owned())).collect();
    Ok(ScoredText {
        tokens: numbers(prefill.iter().map(|entry| entry.get("logprob"))),
        offsets: None,
        skipped: 0,
        digest: texts.or_else(|| digest_of_ids(ids.iter().map(Option::as_deref))),
    })
}

/// OpenAI's completions with `echo`: the prompt's tokens, then those generated, which are dropped. `None` without an echo.
fn echo(choice: &Json<'_>, body: &Json<'_>) -> Option<ScoredText> {
    let logprobs = choice.get("logprobs")?;
    let tokens = logprobs.get("token_logprobs")?.as_list()?;
    let usage = body.get("usage");
    let generated =
        usage.and_then(|usage| usage.get("completion_tokens")).and_then(Json::as_count).unwrap_or(0) as usize;
    // Without `echo` there are as many tokens as were generated.
    if tokens.len() <= generated {
        return None;
    }
    let kept = tokens.len() - generated;
    let list = |key: &str| logprobs.get(key).and_then(Json::as_list).filter(|list| list.len() == tokens.len());
    let offsets = list("text_offset").and_then(|list| list[..kept].iter().map(Json::as_count).collect());
    Some(ScoredText {
        tokens: numbers(tokens[..kept].iter().map(Some)),
        offsets,
        skipped: 0,
        digest: list("tokens").and_then(|list| digest_of_texts(list[..kept].iter().map(Json::as_text))),
    })
}

fn digest_of_texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Option<(&'static str, String)> {
    let whole: String = texts.collect::<Option<_>>()?;
    (!whole.is_empty()).then(|| ("scored text", ContentHash::of_bytes(whole.as_bytes()).to_string()))
}

fn digest_of_ids<'a>(ids: impl Iterator<Item = Option<&'a str>>) -> Option<(&'static str, String)> {
    let mut whole = String::new();
    for id in ids {
        whole.push_str(id?);
        whole.push(' ');
    }
    (!whole.is_empty()).then(|| ("list of scored token ids", ContentHash::of_bytes(whole.as_bytes()).to_string()))
}
