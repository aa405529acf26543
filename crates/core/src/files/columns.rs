//! Filling columns with cells of text and values of JSON.

use super::json::{Json, Reading, number};
use super::table::{Column, Kind, Lists, Numbers, Texts};

/// Names under which an object in a list of tokens holds its log-probability.
const TOKEN_KEYS: [&str; 4] = ["logprob", "log_prob", "logp", "lp"];

/// Leaves what stands before `count`.
fn cut(odd: &mut Vec<(usize, Json<'static>)>, count: usize) {
    odd.truncate(odd.partition_point(|(at, _)| *at < count));
}

impl Numbers {
    /// Adds a number; NaN is kept as what is odd.
    #[inline]
    pub fn push(&mut self, value: f64) {
        if value.is_nan() {
            self.push_odd(Json::Number("NaN".into()));
        } else {
            self.values.push(value);
        }
    }

    /// Adds what is no number.
    pub fn push_odd(&mut self, value: Json<'static>) {
        self.odd.push((self.values.len(), value));
        self.values.push(f64::NAN);
    }

    /// Leaves the first `count` numbers.
    fn truncate(&mut self, count: usize) {
        self.values.truncate(count);
        cut(&mut self.odd, count);
    }

    /// Adds what a text says.
    #[inline]
    pub fn push_text(&mut self, text: &str) {
        match number(text) {
            Reading::Number(value) => self.push(value),
            Reading::Missing => self.push_odd(Json::Null),
            Reading::NotANumber => self.push_odd(Json::Text(text.to_owned().into())),
        }
    }

    /// Adds what a JSON value says.
    pub fn push_json(&mut self, value: &Json<'_>) {
        match value {
            Json::Number(text) | Json::Text(text) => self.push_text(text),
            other => self.push_odd(other.clone().into_owned()),
        }
    }

    /// What stands at row `index` instead of a number, given that its value is NaN.
    #[must_use]
    pub fn odd_at(&self, index: usize) -> &Json<'static> {
        self.odd.binary_search_by_key(&index, |(at, _)| *at).map_or(&Json::Null, |found| &self.odd[found].1)
    }
}

impl Lists {
    /// Ends the list of one row.
    pub fn end(&mut self) {
        self.ends.push(self.elements.values.len());
    }

    /// Adds what is no list.
    pub fn push_odd(&mut self, value: Json<'static>) {
        self.odd.push((self.ends.len(), value));
        self.end();
    }

    /// Adds a list written as text, as tables hold it: `[-1, -2.5]`, with commas or, as numpy prints, with spaces.
    pub fn push_text(&mut self, text: &str) {
        let inner = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let Some(inner) = inner else {
            return self.push_odd(if text.trim().is_empty() { Json::Null } else { Json::Text(text.to_owned().into()) });
        };
        if inner.contains(['{', '[', '(']) {
            return match Json::parse(text) {
                Ok(value) => self.push_json(&value),
                Err(_) => self.push_odd(Json::Text(text.to_owned().into())),
            };
        }
        for element in inner.split(|c: char| c == ',' || c.is_whitespace()).filter(|element| !element.is_empty()) {
            self.elements.push_text(element.trim_matches(['"', '\'']));
        }
        self.end();
    }

    /// Adds a JSON list of numbers, or of objects that hold a token's log-probability.
    pub fn push_json(&mut self, value: &Json<'_>) {
        match value {
            Json::List(elements) => {
                for element in elements {
                    let inner = TOKEN_KEYS.iter().find_map(|key| element.get(key));
                    self.elements.push_json(inner.unwrap_or(element));
                }
                self.end();
            }
            Json::Text(text) => self.push_text(text),
            other => self.push_odd(other.clone().into_owned()),
        }
    }

    /// Where the list of row `index` lies among the elements.
    #[must_use]
    pub fn range(&self, index: usize) -> std::ops::Range<usize> {
        (if index == 0 { 0 } else { self.ends[index - 1] })..self.ends[index]
    }

    /// What stands at row `index` instead of a list; `None` if it has one.
    #[must_use]
    pub fn odd_at(&self, index: usize) -> Option<&Json<'static>> {
        self.odd.binary_search_by_key(&index, |(at, _)| *at).ok().map(|found| &self.odd[found].1)
    }
}

impl Texts {
    /// What stands at row `index` instead of a text.
    #[must_use]
    pub fn odd_at(&self, index: usize) -> Option<&Json<'static>> {
        self.odd.binary_search_by_key(&index, |(at, _)| *at).ok().map(|found| &self.odd[found].1)
    }

    /// Adds what a JSON value says.
    pub fn push_json(&mut self, value: &Json<'_>) {
        match (value.id(), value) {
            (Some(text), _) => self.push(&text),
            (None, Json::Bool(value)) => self.push(if *value { "true" } else { "false" }),
            (None, other) => self.push_odd(other.clone().into_owned()),
        }
    }
}

impl Column {
    /// An empty column.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Number => Self::Numbers(Numbers::default()),
            Kind::Text => Self::Texts(Texts::default()),
            Kind::List => Self::Lists(Lists::default()),
            Kind::Any => Self::Values(Vec::new()),
        }
    }

    /// How it is read.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Numbers(_) => Kind::Number,
            Self::Texts(_) => Kind::Text,
            Self::Lists(_) => Kind::List,
            Self::Values(_) => Kind::Any,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.values.len(),
            Self::Texts(texts) => texts.ends.len(),
            Self::Lists(lists) => lists.ends.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// Leaves the first `rows` rows.
    pub fn truncate(&mut self, rows: usize) {
        match self {
            Self::Numbers(numbers) => numbers.truncate(rows),
            Self::Texts(texts) => {
                texts.ends.truncate(rows);
                texts.bytes.truncate(texts.ends.last().copied().unwrap_or(0));
                cut(&mut texts.odd, rows);
            }
            Self::Lists(lists) => {
                lists.ends.truncate(rows);
                lists.elements.truncate(lists.ends.last().copied().unwrap_or(0));
                cut(&mut lists.odd, rows);
            }
            Self::Values(values) => values.truncate(rows),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a cell of a text table.
    #[inline]
    pub fn push_cell(&mut self, cell: &str) {
        match self {
            Self::Numbers(numbers) => numbers.push_text(cell),
            Self::Texts(texts) if cell.is_empty() => texts.push_odd(Json::Null),
            Self::Texts(texts) => texts.push(cell),
            Self::Lists(lists) => lists.push_text(cell),
            Self::Values(values) if cell.is_empty() => values.push(Json::Null),
            Self::Values(values) => {
                let nested = cell.starts_with(['[', '{']).then(|| Json::parse(cell).ok()).flatten();
                values.push(nested.map_or_else(|| Json::Text(cell.to_owned().into()), Json::into_owned));
            }
        }
    }

    /// Adds a JSON value.
    pub fn push_json(&mut self, value: &Json<'_>) {
        match self {
            Self::Numbers(numbers) => numbers.push_json(value),
            Self::Texts(texts) => texts.push_json(value),
            Self::Lists(lists) => lists.push_json(value),
            Self::Values(values) => values.push(value.clone().into_owned()),
        }
    }
}
