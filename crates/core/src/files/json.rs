//! JSON as Python writes it, with nothing lost: every digit of a number is kept (ids may have more than a double holds),
//! bare `NaN` and `Infinity` are numbers, and a key that occurs twice in one object is an error, not the last one wins.

use std::borrow::Cow;
use std::fmt::Write;

pub use super::json_cursor::Cursor;

/// A JSON value. Texts are borrowed from the input where they hold no escape.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as it is written, `NaN`, `Infinity` and `-Infinity` included.
    Number(Cow<'a, str>),
    /// A string.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Json<'a>>),
    /// An object; keys are distinct and keep their order.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Why a text is no JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// Byte of the text at which it was noticed.
    pub at: usize,
}

impl<'a> Json<'a> {
    /// Reads one value that fills the whole of `text`, white space aside.
    ///
    /// # Errors
    /// What is wrong with `text`.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(text);
        let value = cursor.value()?;
        cursor.end()?;
        Ok(value)
    }

    /// The value of `key`; `None` if there is none or this is no object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value of the first of `keys` that is there and not null.
    #[must_use]
    pub fn first(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().filter_map(|key| self.get(key)).find(|value| **value != Json::Null)
    }

    /// The value at a dotted path: the key of that name, else, part by part, that of an object inside.
    #[must_use]
    pub fn at_path(&self, path: &str) -> Option<&Self> {
        if let Some(value) = self.get(path) {
            return Some(value);
        }
        path.match_indices('.').find_map(|(dot, _)| self.get(&path[..dot])?.at_path(&path[dot + 1..]))
    }

    /// The entries of an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(Cow<'a, str>, Self)]> {
        if let Self::Object(entries) = self { Some(entries) } else { None }
    }

    /// The elements of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(elements) = self { Some(elements) } else { None }
    }

    /// The characters of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The truth value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number that the value stands for: a number, or a text that is one.
    #[must_use]
    pub fn number(&self) -> Reading {
        match self {
            Self::Null => Reading::Missing,
            Self::Number(text) => number(text),
            Self::Text(text) => number(text),
            _ => Reading::NotANumber,
        }
    }

    /// The number, if the value is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        if let Reading::Number(value) = self.number() { Some(value) } else { None }
    }

    /// The whole number from 0 on, if the value is one.
    #[must_use]
    pub fn as_count(&self) -> Option<u64> {
        // Above 2⁵³ not every whole number is a double: nothing that is counted here is as large.
        self.as_f64().filter(|value| (0.0..9e15).contains(value) && value.fract() == 0.0).map(|value| value as u64)
    }

    /// A text or number as an id, digit by digit; a number that is whole is written without its `.0`.
    #[must_use]
    pub fn id(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => (!text.is_empty()).then(|| Cow::Borrowed(&**text)),
            Self::Number(text) => number_as_id(text).map(Cow::Borrowed),
            _ => None,
        }
    }

    /// The value, independent of what it was read from.
    #[must_use]
    pub fn into_owned(self) -> Json<'static> {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Number(text) => Json::Number(Cow::Owned(text.into_owned())),
            Self::Text(text) => Json::Text(Cow::Owned(text.into_owned())),
            Self::List(elements) => Json::List(elements.into_iter().map(Json::into_owned).collect()),
            Self::Object(entries) => Json::Object(
                entries.into_iter().map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned())).collect(),
            ),
        }
    }

    /// The whole value as text that is the same for equal values.
    pub(super) fn whole(&self) -> String {
        fn write(value: &Json<'_>, into: &mut String) {
            match value {
                Json::Null => into.push_str("null"),
                Json::Bool(value) => _ = write!(into, "{value}"),
                Json::Number(digits) => into.push_str(digits),
                Json::Text(text) => _ = write!(into, "{text:?}"),
                Json::List(elements) => {
                    into.push('[');
                    elements.iter().for_each(|element| {
                        write(element, into);
                        into.push(',');
                    });
                    into.push(']');
                }
                Json::Object(entries) => {
                    into.push('{');
                    entries.iter().for_each(|(key, value)| {
                        _ = write!(into, "{key:?}:");
                        write(value, into);
                        into.push(',');
                    });
                    into.push('}');
                }
            }
        }
        let mut text = String::new();
        write(self, &mut text);
        text
    }

    /// The value in a few words, for messages: no control character, no more than 60 characters.
    #[must_use]
    pub fn show(&self) -> String {
        let mut text = String::new();
        self.write_short(&mut text);
        shorten(&text)
    }

    fn write_short(&self, into: &mut String) {
        if into.len() > 400 {
            return;
        }
        match self {
            Self::Null => into.push_str("null"),
            Self::Bool(value) => _ = write!(into, "{value}"),
            Self::Number(text) => into.push_str(text),
            Self::Text(text) => _ = write!(into, "\"{}\"", text.chars().take(80).collect::<String>()),
            Self::List(elements) => {
                into.push('[');
                for (index, element) in elements.iter().take(20).enumerate() {
                    into.push_str(if index > 0 { "," } else { "" });
                    element.write_short(into);
                }
                into.push_str(if elements.len() > 20 { ",…]" } else { "]" });
            }
            Self::Object(entries) => {
                into.push('{');
                for (index, (key, value)) in entries.iter().take(20).enumerate() {
                    _ = write!(into, "{}\"{key}\":", if index > 0 { "," } else { "" });
                    value.write_short(into);
                }
                into.push('}');
            }
        }
    }
}

/// At most 60 characters of `text`, control characters replaced: what may be shown on a terminal.
#[must_use]
pub fn shorten(text: &str) -> String {
    let clean = |text: &str| text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>();
    match text.char_indices().nth(60) {
        None => clean(text),
        Some(_) => clean(&text.chars().take(57).collect::<String>()) + "…",
    }
}

/// What a text says of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// A decimal number, or one of the spellings of ±∞ and NaN.
    Number(f64),
    /// Nothing, or one of the spellings of nothing.
    Missing,
    /// Something else.
    NotANumber,
}

/// The number that a text or a cell of a table stands for: decimal, or `nan`, `inf`, `-Infinity`, … in any case.
#[must_use]
pub fn number(text: &str) -> Reading {
    // `parse` takes more than decimals only where a letter other than an exponent comes in, which is looked at below.
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        // What a double cannot hold is not the infinity that it would become.
        return text.parse().ok().filter(|value: &f64| value.is_finite()).map_or(Reading::NotANumber, Reading::Number);
    }
    let is = |words: &[&str], text: &str| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["inf", "infinity"], digits) {
        return Reading::Number(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if is(&["nan"], text) {
        return Reading::Number(f64::NAN);
    }
    if is(&["", "null", "none", "na", "n/a"], text) { Reading::Missing } else { Reading::NotANumber }
}

/// A number as an id: its digits as they stand, but `5.0` is `5`; `None` for NaN and infinities.
#[must_use]
pub fn number_as_id(text: &str) -> Option<&str> {
    match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0') => Some(whole),
        _ => text.ends_with(|c: char| c.is_ascii_digit()).then_some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_arrive_with_every_digit() {
        let text = r#" {"id": 170141183460469231731687303715884105727, "x": [-1.5e-3, null, true, NaN, -Infinity], "é\n\ud83d\ude00": {}} "#;
        let value = Json::parse(text).unwrap();
        assert_eq!(value.get("id").unwrap().id().unwrap(), "170141183460469231731687303715884105727");
        let list = value.get("x").unwrap().as_list().unwrap();
        assert_eq!(list[0].as_f64(), Some(-0.0015));
        assert_eq!(list[1].number(), Reading::Missing);
        assert_eq!(list[4].as_f64(), Some(f64::NEG_INFINITY));
        assert!(list[3].as_f64().unwrap().is_nan());
        assert!(value.get("é\n😀").is_some());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(5000);
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            "-",
            "+1",
            ".5",
            "1e",
            "tru",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "1 2",
            "{\"a\" 1}",
            "{a:1}",
            "nan",
            "'a'",
            "\"\u{1}\"",
            &deep,
        ] {
            assert!(Json::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn repeated_keys_are_refused_in_small_and_large_objects() {
        for keys in [2, 15, 16, 17, 40] {
            let mut text: Vec<String> = (0..keys).map(|key| format!("\"k{key}\":{key}")).collect();
            assert!(Json::parse(&format!("{{{}}}", text.join(","))).is_ok());
            text.push("\"k1\":0".to_owned());
            let fault = Json::parse(&format!("{{{}}}", text.join(","))).unwrap_err();
            assert!(fault.message.contains("\"k1\" occurs twice"), "{}", fault.message);
        }
    }

    #[test]
    fn numbers_as_python_spells_them() {
        assert_eq!(number(" -inf "), Reading::Number(f64::NEG_INFINITY));
        assert_eq!(number("+Infinity"), Reading::Number(f64::INFINITY));
        assert_eq!(number("-1.5E3"), Reading::Number(-1500.0));
        assert_eq!(number(".5"), Reading::Number(0.5));
        assert_eq!(number("None"), Reading::Missing);
        for text in ["0x10", "1_000", "1,5", "constructor", "1e", "-", ".", "--1", "infinite", "-1e400"] {
            assert_eq!(number(text), Reading::NotANumber, "{text}");
        }
    }

    #[test]
    fn ids_keep_their_digits() {
        assert_eq!(number_as_id("9007199254740993"), Some("9007199254740993"));
        assert_eq!(number_as_id("5.0"), Some("5"));
        assert_eq!(number_as_id("5.10"), Some("5.10"));
        assert_eq!(number_as_id("NaN"), None);
    }

    #[test]
    fn dotted_paths_prefer_the_key_of_that_name() {
        let value = Json::parse(r#"{"a": {"b": {"c": 1}, "b.c": 2}, "x.y": 3}"#).unwrap();
        assert_eq!(value.at_path("a.b.c").unwrap().as_f64(), Some(2.0));
        assert_eq!(value.at_path("x.y").unwrap().as_f64(), Some(3.0));
        assert!(value.at_path("a.z").is_none());
    }

    #[test]
    fn nothing_that_is_shown_can_steer_a_terminal() {
        assert_eq!(Json::Text("a\u{1b}[31m".into()).show(), "\"a\u{fffd}[31m\"");
        assert!(Json::Text("x".repeat(1000).into()).show().chars().count() <= 60);
    }
}
