//! The few Python literals that occur in the header of a `.npy` file.

/// A literal; floating-point numbers and the like do not occur and are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Bool(bool),
    Int(i128),
    Text(String),
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    Dict(Vec<(String, Literal)>),
}

/// Deepest nesting accepted: a structured dtype within a list within the dictionary needs four.
const MAX_DEPTH: u32 = 16;

/// The one literal that `text` consists of, or `None`.
pub(super) fn parse(text: &[u8]) -> Option<Literal> {
    let mut parser = Parser { rest: text, depth: 0 };
    let literal = parser.literal()?;
    parser.skip_space();
    // NumPy pads with spaces; some writers pad with NULs.
    parser.rest.iter().all(|&byte| byte == 0).then_some(literal)
}

struct Parser<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    fn literal(&mut self) -> Option<Literal> {
        self.skip_space();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let literal = match self.rest.first()? {
            b'{' => self.dict(),
            b'(' => self.tuple(),
            b'[' => self.sequence(b'[', b']').map(|(items, _)| Literal::List(items)),
            b'\'' | b'"' => self.text().map(Literal::Text),
            b'T' => self.word(b"True").map(|()| Literal::Bool(true)),
            b'F' => self.word(b"False").map(|()| Literal::Bool(false)),
            _ => self.int(),
        };
        self.depth -= 1;
        literal
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    fn text(&mut self) -> Option<String> {
        let (&quote, rest) = self.rest.split_first()?;
        let end = rest.iter().position(|&byte| byte == quote)?;
        let (text, rest) = rest.split_at(end);
        if text.contains(&b'\\') {
            return None;
        }
        self.rest = &rest[1..];
        String::from_utf8(text.to_vec()).ok()
    }

    fn int(&mut self) -> Option<Literal> {
        let digits = self.rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count() + 1;
        let (number, rest) = self.rest.split_at(digits);
        // Python 2 wrote long integers with a trailing L.
        self.rest = rest.strip_prefix(b"L").unwrap_or(rest);
        std::str::from_utf8(number).ok()?.parse().ok().map(Literal::Int)
    }

    fn tuple(&mut self) -> Option<Literal> {
        let (mut items, comma) = self.sequence(b'(', b')')?;
        // `(x)` is x in parentheses, `(x,)` a tuple.
        if items.len() == 1 && !comma { items.pop() } else { Some(Literal::Tuple(items)) }
    }

    fn sequence(&mut self, open: u8, close: u8) -> Option<(Vec<Literal>, bool)> {
        self.eat(open)?;
        let mut items = Vec::new();
        let mut comma = true;
        loop {
            if self.eat(close).is_some() {
                return Some((items, comma));
            }
            if !comma {
                return None;
            }
            items.push(self.literal()?);
            comma = self.eat(b',').is_some();
        }
    }

    fn dict(&mut self) -> Option<Literal> {
        self.eat(b'{')?;
        let mut entries = Vec::new();
        let mut comma = true;
        loop {
            if self.eat(b'}').is_some() {
                return Some(Literal::Dict(entries));
            }
            if !comma {
                return None;
            }
            self.skip_space();
            let key = self.text()?;
            self.eat(b':')?;
            entries.push((key, self.literal()?));
            comma = self.eat(b',').is_some();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_python_would() {
        assert_eq!(parse(b" (1,) "), Some(Literal::Tuple(vec![Literal::Int(1)])));
        assert_eq!(parse(b"(1)"), Some(Literal::Int(1)));
        assert_eq!(parse(b"()\0\0"), Some(Literal::Tuple(vec![])));
        assert_eq!(parse(b"[True, 'a']"), Some(Literal::List(vec![Literal::Bool(true), Literal::Text("a".into())])));
        for wrong in [&b"(,)"[..], b"(1 2)", b"{'a' 1}", b"'a", b"1.5", b"()x", b"", b"-", b"'\\x41'"] {
            assert_eq!(parse(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
        assert_eq!(parse("(".repeat(100_000).as_bytes()), None);
    }
}
