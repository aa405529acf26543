//! From the log-probabilities of tokens to that of a response: which tokens are the response's, and their sum.

use super::super::findings::Findings;
use super::super::json::{Json, Reading, number};
use super::super::table::Numbers;
use crate::error::{Code, Error, Result};

/// Servers replace −∞ by this, because JSON has no infinity (vLLM's HTTP API).
const CLAMPED: f64 = -9999.0;

/// What is known of the lengths of a list of tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Lengths {
    /// Tokens of the prompt, as the row says.
    pub(in super::super) prompt: Option<u64>,
    /// Tokens of the response, as the row says in so many words (`completion_tokens`).
    pub(in super::super) response: Option<u64>,
    /// Tokens, as the row says without saying of what (`num_tokens`).
    pub(in super::super) some: Option<u64>,
    /// Tokens of the prompt, by option.
    pub(in super::super) given_prompt: Option<u64>,
    /// Tokens of the response, by option.
    pub(in super::super) given_response: Option<u64>,
}

impl Lengths {
    /// Index of the first token of the response in a list of `length`, or why it cannot be told.
    ///
    /// Lengths that do not fit the list are refused: a list as long as the completion holds no prompt that could be cut off.
    pub(in super::super) fn start(self, length: usize) -> std::result::Result<usize, String> {
        let list = length as u64;
        let prompt = self.prompt.or(self.given_prompt);
        let response = self.response.or(self.given_response);
        let start = match (prompt, response) {
            (Some(prompt), Some(response)) if prompt.checked_add(response) == Some(list) => prompt,
            (Some(_), Some(response)) if response == list => 0,
            (Some(prompt), Some(response)) => {
                return Err(format!(
                    "The list has {length} log-probabilities, which is neither {response}, the tokens of the response, nor {prompt} + {response}, those of prompt and \
                     response: what they belong to is not known."
                ));
            }
            // A count that does not say of what: it may be all tokens, or those of the response.
            (Some(prompt), None) if prompt > 0 && self.some == Some(list) => {
                return Err(format!(
                    "The list has {length} log-probabilities, as many as the row has tokens, and {prompt} are said to be the prompt's: whether the list begins with \
                     the prompt is not known. Name the count completion_tokens if it is the response's; else leave it out."
                ));
            }
            (Some(prompt), None) => prompt,
            (None, Some(response)) => list.checked_sub(response).unwrap_or(list),
            (None, None) => 0,
        };
        if start < list {
            return Ok(start as usize);
        }
        Err(format!(
            "The response is said to begin at token {start}, the list has {length}: it must have at least one token of the response."
        ))
    }
}

/// Sum of the log-probabilities of tokens `start` to the end, in double precision and in order; `None` after a fault was
/// reported: a null or non-number inside the response.
///
/// A token at −9999 exactly is taken for the −∞ that a server clamped, unless `keep_clamped`.
pub(in super::super) fn sum(
    values: &[f64],
    start: usize,
    odd: impl Fn(usize) -> Json<'static>,
    (keep_clamped, negate): (bool, bool),
    place: impl Fn(Error) -> Error,
    findings: &mut Findings,
) -> Result<Option<f64>> {
    let mut sum = 0.0;
    for (index, &value) in values.iter().enumerate().skip(start) {
        if value.is_nan() {
            let found = odd(index);
            let missing = matches!(found.number(), Reading::Missing);
            let code = match found.number() {
                Reading::Missing => Code::NullLogProb,
                Reading::Number(_) => Code::NanLogProb,
                Reading::NotANumber => Code::NotANumber,
            };
            let what = if missing { "null".to_owned() } else { found.show() };
            let message = format!(
                "Token {index} has the log-probability {what}, and it belongs to the response. Only the first token of a prompt has none: \
                 check where the response begins, and that every token of it was scored."
            );
            findings.error(place(Error::new(code, message)))?;
            return Ok(None);
        }
        let value = if negate { 0.0 - value } else { value };
        if value == CLAMPED && !keep_clamped {
            let message = format!(
                "Token {index} has log-probability −9999, by which vLLM's server replaces −∞; it is taken as −∞ (--keep-clamped to take it as it is)."
            );
            let placed = place(Error::new(Code::Internal, "")).into_fault().place;
            findings.warn("WARN_CLAMPED", message, placed);
            sum = f64::NEG_INFINITY;
        } else {
            sum += value;
        }
    }
    Ok(Some(sum))
}

/// Numbers of JSON values: NaN where one is odd.
pub(in super::super) fn numbers<'a, 'b: 'a>(values: impl Iterator<Item = Option<&'a Json<'b>>>) -> Numbers {
    let mut numbers = Numbers::default();
    for value in values {
        match value {
            Some(Json::Number(text) | Json::Text(text)) => match number(text) {
                Reading::Number(value) => numbers.push(value),
                _ => numbers.push_odd(Json::Text(text.to_string().into())),
            },
            Some(other) => numbers.push_odd(other.clone().into_owned()),
            None => numbers.push_odd(Json::Null),
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_as_long_as_the_completion_is_not_cut_by_the_prompt() {
        let row = |prompt, response| Lengths { prompt, response, ..Lengths::default() };
        assert_eq!(row(Some(2), Some(4)).start(4), Ok(0));
        assert_eq!(row(Some(2), Some(4)).start(6), Ok(2));
        assert_eq!(row(Some(2), None).start(6), Ok(2));
        assert_eq!(row(None, Some(4)).start(6), Ok(2));
        assert_eq!(row(None, None).start(6), Ok(0));
        assert!(row(Some(2), Some(4)).start(5).is_err());
        assert!(row(Some(6), None).start(6).is_err());
        assert!(row(Some(u64::MAX), Some(4)).start(3).is_err());
    }

    #[test]
    fn a_count_of_unnamed_tokens_that_is_the_length_of_the_list_is_asked_about() {
        let row = |prompt| Lengths { prompt, some: Some(6), ..Lengths::default() };
        assert!(row(Some(2)).start(6).is_err());
        assert_eq!(row(Some(2)).start(8), Ok(2));
        assert_eq!(row(None).start(6), Ok(0));
    }
}
