//! Reading JSON from its text.

use std::borrow::Cow;
use std::collections::HashSet;

use super::decimal::decimal;
use super::json::{Fault, Json, shorten};

/// Objects and lists inside one another that are followed; deeper ones are no data.
const MAX_DEPTH: usize = 128;

/// Keys of an object above which a hash set, not a loop, looks for repeated ones.
const MANY_KEYS: usize = 16;

/// A place in a text that is being read.
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// The beginning of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The byte the cursor stands at.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Passes white space and returns the byte after it, which is not passed; 0 at the end.
    #[inline]
    pub fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    /// Passes white space and `byte`.
    ///
    /// # Errors
    /// Something else stands there.
    #[inline]
    pub fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek() == byte {
            self.at += 1;
            return Ok(());
        }
        Err(self.fault(format!("{} is missing", byte as char)))
    }

    /// Whether `byte` comes next; passes it if so.
    #[inline]
    pub fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    /// Whether `text` comes next; passes it if so.
    #[inline]
    pub(super) fn pass(&mut self, text: &str) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(text.as_bytes());
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// Passes a number that is written plainly, and returns it; `None` if another way of writing it has to be understood.
    #[inline]
    pub(super) fn decimal(&mut self) -> Option<f64> {
        let (value, length) = decimal(&self.text.as_bytes()[self.at..])?;
        self.at += length;
        Some(value)
    }

    /// Nothing but white space is left.
    ///
    /// # Errors
    /// Something is left.
    pub fn end(&mut self) -> Result<(), Fault> {
        if self.peek() == 0 && self.at == self.text.len() {
            return Ok(());
        }
        Err(self.fault("something follows the end of the value".to_owned()))
    }

    /// A fault at this place.
    #[must_use]
    pub fn fault(&self, message: String) -> Fault {
        let message = if self.at >= self.text.len() { format!("the text ends early, {message}") } else { message };
        Fault { message, at: self.at }
    }

    /// Reads a value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn value(&mut self) -> Result<Json<'a>, Fault> {
        match self.peek() {
            b'"' => Ok(Json::Text(self.string()?)),
            b'{' => self.object(),
            b'[' => self.list(),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => Ok(Json::Number(Cow::Borrowed(self.number()?))),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, Fault> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.fault("no value begins here".to_owned()));
        }
        self.at += word.len();
        Ok(value)
    }

    /// Reads a number as it is written.
    ///
    /// # Errors
    /// None stands there.
    #[inline]
    pub fn number(&mut self) -> Result<&'a str, Fault> {
        self.peek();
        let bytes = &self.text.as_bytes()[self.at..];
        for word in ["NaN", "Infinity", "-Infinity"] {
            if bytes.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(word);
            }
        }
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let start = usize::from(bytes.first() == Some(&b'-'));
        let whole = digits(start);
        if whole == 0 || (whole > 1 && bytes[start] == b'0') {
            return Err(self.fault("no value begins here".to_owned()));
        }
        let mut length = start + whole;
        if bytes.get(length) == Some(&b'.') {
            let fraction = digits(length + 1);
            if fraction == 0 {
                return Err(self.fault("a number has no digit after its point".to_owned()));
            }
            length += 1 + fraction;
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            if exponent == 0 {
                return Err(self.fault("a number has no digit in its exponent".to_owned()));
            }
            length += 1 + sign + exponent;
        }
        let text = &self.text[self.at..self.at + length];
        self.at += length;
        Ok(text)
    }

    /// Reads a string.
    ///
    /// # Errors
    /// None stands there, or it has no end or an escape that is none.
    #[inline]
    pub fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.expect(b'"')?;
        let bytes = self.text.as_bytes();
        let start = self.at;
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
                }
                Some(b'\\') => return self.escaped(start),
                Some(0..0x20) => return Err(self.fault("a string holds a control character".to_owned())),
                Some(_) => self.at += 1,
                None => return Err(self.fault("in the middle of a string".to_owned())),
            }
        }
    }

    /// Goes on with a string that began at `start` and has its first escape here.
    fn escaped(&mut self, start: usize) -> Result<Cow<'a, str>, Fault> {
        let mut text = self.text[start..self.at].to_owned();
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => {
                    let escape = bytes.get(self.at + 1).copied().unwrap_or(0);
                    let plain = match escape {
                        b'"' | b'\\' | b'/' => escape as char,
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        b'u' => {
                            text.push(self.code_point()?);
                            continue;
                        }
                        _ => return Err(self.fault("a string has an escape that is none".to_owned())),
                    };
                    text.push(plain);
                    self.at += 2;
                }
                Some(0..0x20) => return Err(self.fault("a string holds a control character".to_owned())),
                Some(_) => {
                    let run =
                        bytes[self.at..].iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
                    let end = self.at + run.count();
                    text.push_str(&self.text[self.at..end]);
                    self.at = end;
                }
                None => return Err(self.fault("in the middle of a string".to_owned())),
            }
        }
    }

    /// Reads `\uXXXX`, or two of them that are a pair. Half a pair stands for no character.
    fn code_point(&mut self) -> Result<char, Fault> {
        let first = self.unit()?;
        if (0xd800..0xdc00).contains(&first) && self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            let before = self.at;
            let second = self.unit()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or('\u{fffd}'))
    }

    fn unit(&mut self) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(self.at + 2..self.at + 6).unwrap_or_default();
        if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(self.fault("a string has an escape that is none".to_owned()));
        }
        self.at += 6;
        Ok(digits.iter().fold(0, |code, &digit| code * 16 + (digit as char).to_digit(16).unwrap_or(0)))
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault(format!("lists and objects lie more than {MAX_DEPTH} deep inside one another")));
        }
        Ok(())
    }

    fn list(&mut self) -> Result<Json<'a>, Fault> {
        self.enter()?;
        let mut elements = Vec::new();
        if !self.accept(b']') {
            loop {
                elements.push(self.value()?);
                if !self.accept(b',') {
                    break;
                }
            }
            self.expect(b']')?;
        }
        self.depth -= 1;
        Ok(Json::List(elements))
    }

    fn object(&mut self) -> Result<Json<'a>, Fault> {
        self.enter()?;
        let mut entries: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
        let mut seen = HashSet::new();
        if !self.accept(b'}') {
            loop {
                self.peek();
                let key = self.string()?;
                if entries.len() == MANY_KEYS {
                    seen.extend(entries.iter().map(|(name, _)| name.clone()));
                }
                let repeated = if entries.len() < MANY_KEYS {
                    entries.iter().any(|(name, _)| *name == key)
                } else {
                    !seen.insert(key.clone())
                };
                if repeated {
                    return Err(self.repeated(&key));
                }
                self.expect(b':')?;
                entries.push((key, self.value()?));
                if !self.accept(b',') {
                    break;
                }
            }
            self.expect(b'}')?;
        }
        self.depth -= 1;
        Ok(Json::Object(entries))
    }

    /// The fault of a key that an object has twice.
    #[must_use]
    pub fn repeated(&self, key: &str) -> Fault {
        self.fault(format!(
            "the key \"{}\" occurs twice in one object, and which value counts is not known",
            shorten(key)
        ))
    }
}
