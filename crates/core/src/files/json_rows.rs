//! Lines of JSON, an object each, as rows of columns.

use std::collections::HashMap;

use super::json::{Cursor, Fault, Json};
use super::json_table::{each_leaf, object_needed};
use super::records::{no_json, parse};
use super::table::{Batch, Column, Kind, Places};
use super::text::Block;
use crate::error::Result;
use crate::progress::Control;

/// Which fields there are, and which go where.
#[derive(Clone)]
pub(super) struct Shape {
    /// Of each wanted column.
    pub(super) kinds: Vec<Kind>,
    /// By dotted path: its place among the wanted columns, or that it is known and not wanted.
    pub(super) leaves: HashMap<String, Option<usize>>,
    /// Top-level keys in the order of the first rows, for guessing which comes next.
    pub(super) keys: Vec<(String, Option<usize>)>,
    places: HashMap<String, usize>,
}

impl Shape {
    pub(super) fn new(columns: &[String], wanted: &[Option<Kind>]) -> Self {
        let mut shape = Self { kinds: Vec::new(), leaves: HashMap::new(), keys: Vec::new(), places: HashMap::new() };
        for (name, kind) in columns.iter().zip(wanted) {
            shape.add(name, *kind);
        }
        shape
    }

    pub(super) fn add(&mut self, name: &str, kind: Option<Kind>) {
        let slot = kind.map(|kind| {
            self.kinds.push(kind);
            self.kinds.len() - 1
        });
        self.leaves.insert(name.to_owned(), slot);
        self.places.insert(name.to_owned(), self.keys.len());
        self.keys.push((name.to_owned(), slot));
    }
}

/// Rows in the making.
pub(super) struct RowsOf {
    pub(super) columns: Vec<Column>,
    pub(super) places: Vec<u64>,
    /// Columns that the shape does not know, and where they are first met.
    pub(super) late: Vec<(String, u64, bool)>,
}

impl RowsOf {
    pub(super) fn new(shape: &Shape) -> Self {
        Self { columns: shape.kinds.iter().copied().map(Column::new).collect(), places: Vec::new(), late: Vec::new() }
    }

    pub(super) fn into_batch(self) -> Batch {
        Batch { columns: self.columns, rows: self.places.len(), places: Places::Each(self.places) }
    }

    /// Ends the row at `place`: columns without a value get null.
    pub(super) fn end_row(&mut self, place: u64) {
        self.places.push(place);
        for column in &mut self.columns {
            if column.len() < self.places.len() {
                column.push_json(&Json::Null);
            }
        }
    }

    /// Adds the fields of an object inside a row, or of a row.
    pub(super) fn fields(&mut self, value: &Json<'_>, path: &str, level: usize, place: u64, shape: &Shape) {
        let row = self.places.len();
        each_leaf(value, path, level, &mut |path, leaf, nested| match shape.leaves.get(path) {
            Some(Some(slot)) if self.columns[*slot].len() == row => self.columns[*slot].push_json(leaf),
            Some(_) => {}
            // A null or an empty object says nothing of what the field is.
            None if matches!(leaf, Json::Null | Json::Object(_)) => {}
            None => self.late.push((path.to_owned(), place, nested)),
        });
    }

    /// Reads a row from its text, and notes its form.
    fn line(
        &mut self,
        text: &str,
        place: u64,
        shape: &Shape,
        seen: &mut [u64],
        form: &mut LineForm,
    ) -> std::result::Result<(), Fault> {
        let mut cursor = Cursor::new(text);
        cursor.expect(b'{')?;
        form.clear();
        let (mut guess, mut ended) = (0, 0);
        let mut unknown: Vec<String> = Vec::new();
        if !cursor.accept(b'}') {
            loop {
                cursor.peek();
                let key = cursor.string()?;
                cursor.expect(b':')?;
                let known = match shape.keys.get(guess) {
                    Some((name, _)) if *name == *key => Some(guess),
                    _ => shape.places.get(&*key).copied(),
                };
                let repeated = match known {
                    Some(index) => std::mem::replace(&mut seen[index], place + 1) == place + 1,
                    None if unknown.iter().any(|name| *name == *key) => true,
                    None => {
                        unknown.push(key.to_string());
                        false
                    }
                };
                if repeated {
                    return Err(cursor.repeated(&key));
                }
                guess = known.unwrap_or(guess) + 1;
                cursor.peek();
                form.add(&text[ended..cursor.at()], known);
                self.value(&mut cursor, &key, known, place, shape)?;
                ended = cursor.at();
                if !cursor.accept(b',') {
                    break;
                }
            }
            cursor.expect(b'}')?;
        }
        cursor.end()?;
        form.end(&text[ended..]);
        self.end_row(place);
        Ok(())
    }

    /// Reads a row that has the form of one before it; `false`, with nothing added, if it has not or is no JSON.
    fn line_of(&mut self, form: &LineForm, text: &str, place: u64, shape: &Shape) -> bool {
        let (rows, late) = (self.places.len(), self.late.len());
        let (mut cursor, mut begun) = (Cursor::new(text), 0);
        let read = form.values.iter().all(|&(end, key)| {
            let start = std::mem::replace(&mut begun, end);
            cursor.pass(&form.text[start..end])
                && self.value(&mut cursor, &shape.keys[key].0, Some(key), place, shape).is_ok()
        });
        if read && text[cursor.at()..] == *form.last {
            self.end_row(place);
            return true;
        }
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
        self.late.truncate(late);
        false
    }

    /// Reads the value of a field of a row; `known` is the place of its key in the shape.
    #[inline]
    fn value(
        &mut self,
        cursor: &mut Cursor<'_>,
        key: &str,
        known: Option<usize>,
        place: u64,
        shape: &Shape,
    ) -> std::result::Result<(), Fault> {
        let slot = known.and_then(|index| shape.keys[index].1);
        match (slot.map(|slot| &mut self.columns[slot]), cursor.peek()) {
            (Some(Column::Numbers(numbers)), b'-' | b'0'..=b'9') => match cursor.decimal() {
                Some(value) => numbers.values.push(value),
                None => numbers.push_text(cursor.number()?),
            },
            (Some(Column::Texts(texts)), b'"') => match cursor.string()? {
                empty if empty.is_empty() => texts.push_odd(Json::Null),
                text => texts.push(&text),
            },
            (None, b'"') if known.is_some() => _ = cursor.string()?,
            (column, next) => {
                let value = cursor.value()?;
                match column {
                    Some(column) if next != b'{' || matches!(column, Column::Values(_)) => column.push_json(&value),
                    _ => self.fields(&value, key, 1, place, shape),
                }
            }
        }
        Ok(())
    }
}

/// What stands before, between and behind the values of a line. Lines of one writer mostly have the same, and then their
/// keys need not be looked at again.
#[derive(Default)]
struct LineForm {
    /// What stands before the values, end to end.
    text: String,
    /// Of each value: where the text before it ends, and the place of its key in the shape.
    values: Vec<(usize, usize)>,
    last: String,
    /// A line whose keys are not all known has no form, nor has one that was not read to its end.
    whole: bool,
    keys: usize,
}

impl LineForm {
    fn clear(&mut self) {
        self.text.clear();
        self.values.clear();
        (self.whole, self.keys) = (false, 0);
    }

    fn add(&mut self, before: &str, key: Option<usize>) {
        self.text.push_str(before);
        self.keys += 1;
        self.values.extend(key.map(|key| (self.text.len(), key)));
    }

    fn end(&mut self, last: &str) {
        last.clone_into(&mut self.last);
        self.whole = self.values.len() == self.keys;
    }
}

/// The rows of a block of lines.
pub(super) fn lines(block: &Block, shape: &Shape, file: &str, control: &Control) -> Result<RowsOf> {
    let mut rows = RowsOf::new(shape);
    // By key: one more than the place of the row that had it last.
    let mut seen = vec![0; shape.keys.len()];
    let mut form = LineForm::default();
    for (index, line) in block.text.split('\n').enumerate() {
        if index % 1024 == 0 {
            control.check()?;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let place = block.line + index as u64;
        if form.whole && rows.line_of(&form, line, place, shape) {
            continue;
        }
        if let Err(fault) = rows.line(line, place, shape, &mut seen, &mut form) {
            // A row that is JSON, but no object, gets the message that is right for it.
            object_needed(&parse(line, place, file)?, place, file)?;
            return Err(no_json(line, &fault, place, file));
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_of_the_form_of_another_is_no_excuse_for_a_fault() {
        let shape = Shape::new(&["a".to_owned(), "b".to_owned()], &[Some(Kind::Number), Some(Kind::Text)]);
        let read = |text: &str| {
            let block = Block { text: text.to_owned(), line: 1 };
            lines(&block, &shape, "f", &Control::new()).map(|rows| format!("{:?}", rows.columns))
        };
        for fault in
            ["{\"a\":01,\"b\":\"x\"}", "{\"a\":1,\"b\":\"x\"}}", "{\"a\":1,\"a\":\"x\"}", "{\"a\":1,\"b\":\"x\""]
        {
            assert_eq!(read(&format!("{{\"a\":1,\"b\":\"x\"}}\n{fault}")).unwrap_err().place.row, Some(2), "{fault}");
        }
        let same = "{\"a\":-1.5,\"b\":\"x\"}\n{\"a\":-2,\"b\":\"y\"}\n";
        assert_eq!(read(same).unwrap(), read("{\"a\":-1.5,\"b\":\"x\"}\n{\"b\":\"y\", \"a\":-2}").unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn lines_of_one_form_are_read_as_all_others(
            rows in prop::collection::vec(
                (
                    prop::sample::select(vec![
                        "{\"id\": ", "{\"id\":", " { \"id\" : ", "{\"new\": 1, \"id\": ", "{\"\\u0069d\": ", "{",
                    ]),
                    prop::sample::select(vec!["\"r\"", "7", "\"\"", "null", "\"\\n\"", "9007199254740993", "\"id\": 2"]),
                    prop::sample::select(vec![", \"x\": ", ",\"x\":", ", \"x\": {\"y\": ", ", \"id\": "]),
                    prop::sample::select(vec![
                        "-1.5", "-0.1234567890123456789", "\"-2\"", "[-1, null]", "NaN", "{}", "01", "1e-2", "true", "-1.",
                    ]),
                    prop::sample::select(vec!["}", "}}", " }", "}\r", ", \"z\": \"é\"}", "", "} x"]),
                ),
                1..8,
            ),
            kinds in prop::collection::vec(prop::option::of(prop::sample::select(
                vec![Kind::Number, Kind::Text, Kind::List, Kind::Any])), 4),
            calm in any::<bool>(),
        ) {
            // Half of the cases have lines of one writer.
            let (head, .., between, _, tail) = rows[0];
            let written: Vec<String> = rows.iter().map(|&(own_head, id, own_between, value, own_tail)| {
                let (head, between, tail) = if calm { (head, between, tail) } else { (own_head, own_between, own_tail) };
                format!("{head}{id}{between}{value}{tail}")
            }).collect();
            let names = ["id", "x", "x.y", "z"].map(str::to_owned);
            let shape = Shape::new(&names, &kinds);
            // The obvious way: every line for itself.
            let (mut expected, mut fault) = (RowsOf::new(&shape), None);
            for (index, line) in written.iter().enumerate() {
                let mut seen = vec![0; names.len()];
                if expected.line(line, index as u64 + 1, &shape, &mut seen, &mut LineForm::default()).is_err() {
                    fault = Some(index + 1);
                    break;
                }
            }
            match lines(&Block { text: written.join("\n"), line: 1 }, &shape, "f", &Control::new()) {
                Ok(read) => {
                    prop_assert_eq!(fault, None);
                    prop_assert_eq!(format!("{:?}", read.columns), format!("{:?}", expected.columns));
                    prop_assert_eq!((read.places, read.late), (expected.places, expected.late));
                }
                Err(error) => prop_assert_eq!(error.place.row, fault),
            }
        }
    }
}
