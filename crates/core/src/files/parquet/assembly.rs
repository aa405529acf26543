//! From the values and levels of columns to what rows hold: numbers, texts, lists, and objects inside them.

use super::agreement::Group;
use super::column::Batch;
use super::damaged;
use super::metadata::{Content, Logical, Node, Physical};
use super::values::Values;
use crate::error::{Code, Error, Result};
use crate::files::json::Json;
use crate::files::table::{Column, Kind, Lists, Numbers, Texts};

/// A column as readers of tables see it: a value a row, a list a row, or something deeper.
pub(super) struct Field {
    /// Names from the outermost group to the value or list, with dots between.
    pub(super) name: String,
    node: Node,
    pub(super) leaves: Vec<Leaf>,
    shape: Shape,
    /// Groups around it that may be null, outermost first.
    pub(super) groups: Vec<Group>,
}

/// A column with values that a field is made of.
pub(super) struct Leaf {
    /// Among all columns of the file.
    pub(super) index: usize,
    pub(super) physical: Physical,
    /// Levels of a value that is there.
    pub(super) definition: u16,
    pub(super) repetition: u16,
    logical: Logical,
}

impl Leaf {
    /// Whether its values are bytes that are to be read as text.
    fn is_text(&self) -> bool {
        matches!(self.physical, Physical::Bytes) && matches!(self.logical, Logical::Plain | Logical::Text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Value,
    /// A list of values; the definition levels of a list that is there, and of one that has an element.
    List {
        there: u16,
        filled: u16,
    },
    Deeper,
}

/// The fields of a schema.
pub(super) fn fields(nodes: &[Node]) -> Vec<Field> {
    let mut found = Vec::new();
    for node in nodes {
        collect(node, "", &[], &mut 0, &mut found);
    }
    found
}

fn collect(node: &Node, prefix: &str, around: &[Group], next_group: &mut usize, found: &mut Vec<Field>) {
    let name = format!("{prefix}{}", node.name);
    match &node.content {
        Content::Group(children) if !node.repeated && !holds_list(node, children) => {
            let prefix = format!("{name}.");
            let mut groups = around.to_vec();
            if node.optional {
                groups.push(Group { id: *next_group, level: node.definition });
                *next_group += 1;
            }
            for child in children {
                collect(child, &prefix, &groups, next_group, found);
            }
        }
        _ => {
            let mut leaves = Vec::new();
            leaves_of(node, &mut leaves);
            let shape = match leaves.as_slice() {
                [leaf] if leaf.repetition == 0 => Shape::Value,
                [leaf] if leaf.repetition == 1 && element_is_value(node) => {
                    let repeated = repeated_level(node);
                    Shape::List { there: repeated - 1, filled: repeated }
                }
                _ => Shape::Deeper,
            };
            // A group without values says nothing.
            if !leaves.is_empty() {
                found.push(Field { name, node: node.clone(), leaves, shape, groups: around.to_vec() });
            }
        }
    }
}

/// Whether a group is there for the sake of the one repeated field in it.
fn holds_list(node: &Node, children: &[Node]) -> bool {
    matches!(children, [child] if child.repeated) || node.logical == Logical::Wrapper
}

fn leaves_of(node: &Node, found: &mut Vec<Leaf>) {
    match &node.content {
        Content::Leaf { index, physical } => found.push(Leaf {
            index: *index,
            physical: *physical,
            definition: node.definition,
            repetition: node.repetition,
            logical: node.logical,
        }),
        Content::Group(children) => children.iter().for_each(|child| leaves_of(child, found)),
    }
}

/// The definition level at which the first list under `node`, or `node` itself, has an element.
fn repeated_level(node: &Node) -> u16 {
    match &node.content {
        _ if node.repeated => node.definition,
        Content::Group(children) => children.first().map_or(node.definition, repeated_level),
        Content::Leaf { .. } => node.definition,
    }
}

/// Whether the elements of the list that `node` holds are values, not objects of one field.
fn element_is_value(node: &Node) -> bool {
    match (&node.content, node.repeated) {
        (Content::Leaf { .. }, _) => true,
        (Content::Group(_), true) => matches!(element(node), Some(Node { content: Content::Leaf { .. }, .. })),
        (Content::Group(children), false) => children.first().is_some_and(element_is_value),
    }
}

/// The element inside the repeated `node`, where that is a group of its own around it; by the rules of the format, which
/// tell it from an object with one field.
fn element(node: &Node) -> Option<&Node> {
    match &node.content {
        Content::Group(children) => match children.as_slice() {
            [child] if node.name != "array" && !node.name.ends_with("_tuple") && !child.repeated => Some(child),
            _ => None,
        },
        Content::Leaf { .. } => None,
    }
}

impl Field {
    /// The column of `rows` rows that `batches`, one a leaf, hold. `room` is one that is of no use any more.
    pub(super) fn column(&self, kind: Kind, rows: usize, batches: &[Batch], room: Option<Column>) -> Result<Column> {
        let mut room = room.filter(|room| room.kind() == kind).unwrap_or_else(|| Column::new(kind));
        room.truncate(0);
        match (self.shape, room, batches) {
            (Shape::Value, Column::Numbers(numbers), [batch]) if is_float(&batch.values) => {
                Ok(Column::Numbers(self.numbers(rows, batch, numbers)))
            }
            (Shape::Value, Column::Texts(texts), [batch]) if self.leaves[0].is_text() => {
                self.texts(rows, batch, texts).map(Column::Texts)
            }
            (Shape::List { there, filled }, Column::Lists(lists), [batch]) if is_float(&batch.values) => {
                self.lists(there, filled, batch, lists).map(Column::Lists)
            }
            (_, room, _) => self.any(rows, batches, room),
        }
    }

    /// Floating-point numbers, without a detour.
    fn numbers(&self, rows: usize, batch: &Batch, mut numbers: Numbers) -> Numbers {
        if batch.definitions.is_empty() && numbers.extend_plain(&batch.values) {
            return numbers;
        }
        let mut next = 0;
        for row in 0..rows {
            if batch.definitions.get(row).is_none_or(|&level| level == self.leaves[0].definition) {
                numbers.push(float(&batch.values, next));
                next += 1;
            } else {
                numbers.push_odd(Json::Null);
            }
        }
        numbers
    }

    /// Texts, without a detour.
    fn texts(&self, rows: usize, batch: &Batch, mut texts: Texts) -> Result<Texts> {
        if let (Values::Bytes(bytes, ends), true) = (&batch.values, batch.definitions.is_empty()) {
            // Each is text if all together are and none ends within a character.
            let all = std::str::from_utf8(bytes).ok().filter(|all| ends.iter().all(|&end| all.is_char_boundary(end)));
            texts.bytes.push_str(all.ok_or_else(no_text)?);
            texts.ends.extend_from_slice(ends);
            return Ok(texts);
        }
        let mut next = 0;
        for row in 0..rows {
            if batch.definitions.get(row).is_none_or(|&level| level == self.leaves[0].definition) {
                texts.push(std::str::from_utf8(batch.values.bytes(next)).map_err(|_| no_text())?);
                next += 1;
            } else {
                texts.push_odd(Json::Null);
            }
        }
        Ok(texts)
    }

    fn lists(&self, there: u16, filled: u16, batch: &Batch, mut lists: Lists) -> Result<Lists> {
        let mut next = 0;
        let count = batch.repetitions.len();
        for (entry, &repetition) in batch.repetitions.iter().enumerate() {
            let level = batch.definitions[entry];
            let ends = entry + 1 == count || batch.repetitions[entry + 1] == 0;
            if level < filled && !(repetition == 0 && ends) {
                return Err(damaged("a list that is null or empty goes on"));
            }
            if level < there {
                lists.push_odd(Json::Null);
                continue;
            }
            if level == self.leaves[0].definition {
                lists.elements.push(float(&batch.values, next));
                next += 1;
            } else if level >= filled {
                lists.elements.push_odd(Json::Null);
            }
            if ends {
                lists.end();
            }
        }
        Ok(lists)
    }

    /// Whatever rows hold, value by value.
    fn any(&self, rows: usize, batches: &[Batch], mut column: Column) -> Result<Column> {
        let cursors = batches.iter().zip(&self.leaves).map(|(batch, leaf)| Cursor { batch, leaf, entry: 0, value: 0 });
        let mut rows_of = Rows { cursors: cursors.collect() };
        for _ in 0..rows {
            rows_of.begin()?;
            let value = if self.node.repeated { rows_of.list(&self.node, 0)? } else { rows_of.value(&self.node, 0)? };
            match &mut column {
                Column::Values(values) => values.push(value),
                column => column.push_json(&value),
            }
        }
        Ok(column)
    }
}

fn is_float(values: &Values) -> bool {
    matches!(values, Values::Singles(_) | Values::Doubles(_))
}

fn float(values: &Values, index: usize) -> f64 {
    match values {
        Values::Singles(values) => f64::from(values[index]),
        Values::Doubles(values) => values[index],
        _ => f64::NAN,
    }
}

impl Numbers {
    /// Adds floating-point numbers; `false`, with nothing done, if one is NaN.
    fn extend_plain(&mut self, values: &Values) -> bool {
        let before = self.values.len();
        match values {
            Values::Singles(values) => self.values.extend(values.iter().map(|&value| f64::from(value))),
            Values::Doubles(values) => self.values.extend_from_slice(values),
            _ => return false,
        }
        if self.values[before..].iter().fold(false, |any, value| any | value.is_nan()) {
            self.values.truncate(before);
            return false;
        }
        true
    }
}

/// Rows put together again from their columns, each read at its own pace.
struct Rows<'a> {
    cursors: Vec<Cursor<'a>>,
}

struct Cursor<'a> {
    batch: &'a Batch,
    leaf: &'a Leaf,
    entry: usize,
    value: usize,
}

impl Cursor<'_> {
    fn is_at_end(&self) -> bool {
        let Batch { definitions, values, .. } = self.batch;
        self.entry >= if definitions.is_empty() { values.len() } else { definitions.len() }
    }

    fn definition(&self) -> u16 {
        self.batch.definitions.get(self.entry).copied().unwrap_or(self.leaf.definition)
    }

    fn repetition(&self) -> u16 {
        self.batch.repetitions.get(self.entry).copied().unwrap_or(0)
    }

    /// The value at hand, or null, which is left behind.
    fn take(&mut self) -> Result<Json<'static>> {
        if self.is_at_end() {
            return Err(damaged("columns of one field disagree"));
        }
        let present = self.definition() == self.leaf.definition;
        self.entry += 1;
        if !present {
            return Ok(Json::Null);
        }
        self.value += 1;
        json(&self.batch.values, self.value - 1, self.leaf.logical, self.leaf.physical)
    }
}

impl Rows<'_> {
    /// Fails unless all columns are where a row begins.
    fn begin(&self) -> Result<()> {
        if self.cursors.iter().all(|cursor| !cursor.is_at_end() && cursor.repetition() == 0) {
            return Ok(());
        }
        Err(damaged("columns of one field disagree"))
    }

    /// Whether `node`, the first of whose columns is `first`, is there: in all of its columns, or in none of them, each of
    /// which then leaves a null behind.
    fn is_there(&mut self, node: &Node, first: usize) -> Result<bool> {
        let cursors = &mut self.cursors[first..first + leaf_count(node)];
        let there = |cursor: &Cursor<'_>| !cursor.is_at_end() && cursor.definition() >= node.definition;
        let count = cursors.iter().filter(|cursor| there(cursor)).count();
        if count == cursors.len() {
            return Ok(true);
        }
        if count > 0 {
            return Err(damaged("columns of one field disagree"));
        }
        cursors.iter_mut().try_for_each(|cursor| cursor.take().map(drop))?;
        Ok(false)
    }

    /// Whether the list `node` goes on: in all of its columns, or in none of them.
    fn goes_on(&self, node: &Node, first: usize) -> Result<bool> {
        let cursors = &self.cursors[first..first + leaf_count(node)];
        let goes_on = |cursor: &&Cursor<'_>| !cursor.is_at_end() && cursor.repetition() >= node.repetition;
        let count = cursors.iter().filter(goes_on).count();
        // What goes on has an element, and belongs to this list, not to one inside it.
        let element =
            |cursor: &Cursor<'_>| cursor.repetition() == node.repetition && cursor.definition() >= node.definition;
        match count {
            0 => Ok(false),
            _ if count == cursors.len() && cursors.iter().all(element) => Ok(true),
            _ => Err(damaged("columns of one field disagree")),
        }
    }

    /// What `node` holds, unless it is repeated.
    fn value(&mut self, node: &Node, first: usize) -> Result<Json<'static>> {
        if node.optional && !self.is_there(node, first)? {
            return Ok(Json::Null);
        }
        self.content(node, first)
    }

    fn content(&mut self, node: &Node, first: usize) -> Result<Json<'static>> {
        match &node.content {
            Content::Leaf { .. } => self.cursors[first].take(),
            Content::Group(children) => match children.as_slice() {
                [child] if child.repeated => self.list(child, first),
                children => {
                    let mut object = Vec::with_capacity(children.len());
                    let mut first = first;
                    for child in children.iter().filter(|child| leaf_count(child) > 0) {
                        let value = if child.repeated { self.list(child, first) } else { self.value(child, first) };
                        object.push((child.name.clone().into(), value?));
                        first += leaf_count(child);
                    }
                    Ok(Json::Object(object))
                }
            },
        }
    }

    /// The elements of the repeated `node`.
    fn list(&mut self, node: &Node, first: usize) -> Result<Json<'static>> {
        if !self.is_there(node, first)? {
            return Ok(Json::List(Vec::new()));
        }
        let mut elements = Vec::new();
        loop {
            elements.push(match element(node) {
                Some(inner) => self.value(inner, first)?,
                None => self.content(node, first)?,
            });
            if !self.goes_on(node, first)? {
                return Ok(Json::List(elements));
            }
        }
    }
}

fn leaf_count(node: &Node) -> usize {
    match &node.content {
        Content::Leaf { .. } => 1,
        Content::Group(children) => children.iter().map(leaf_count).sum(),
    }
}

/// The value at `index`, with every digit.
fn json(values: &Values, index: usize, logical: Logical, physical: Physical) -> Result<Json<'static>> {
    let number = |text: String| Json::Number(text.into());
    Ok(match (values, logical) {
        (Values::Flags(flags), _) => Json::Bool(flags[index]),
        (Values::Ints(ints), Logical::Decimal(scale)) => number(decimal(i128::from(ints[index]), scale)),
        #[expect(clippy::cast_possible_truncation, reason = "written in 32 bits")]
        (Values::Ints(ints), Logical::Unsigned) if physical == Physical::Int32 => {
            number((ints[index] as i32).cast_unsigned().to_string())
        }
        (Values::Ints(ints), Logical::Unsigned) => number(ints[index].cast_unsigned().to_string()),
        (Values::Ints(ints), _) => number(ints[index].to_string()),
        (Values::Singles(values), _) => number(digits(f64::from(values[index]))),
        (Values::Doubles(values), _) => number(digits(values[index])),
        (Values::Bytes(..), Logical::Decimal(scale)) => {
            let bytes = values.bytes(index);
            if bytes.len() > 16 {
                return Err(Error::new(
                    Code::UnsupportedFile,
                    "it holds decimals of more than 16 bytes: write float64.",
                ));
            }
            let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1_i128 } else { 0 };
            number(decimal(bytes.iter().fold(sign, |value, &byte| value << 8 | i128::from(byte)), scale))
        }
        (Values::Bytes(..), Logical::Float16) => match values.bytes(index).first_chunk::<2>() {
            Some(&bytes) => number(digits(half::f16::from_le_bytes(bytes).to_f64())),
            None => return Err(damaged("a number of 16 bits has another length")),
        },
        (Values::Bytes(..), Logical::Uuid) => {
            let hex: String = values.bytes(index).iter().map(|byte| format!("{byte:02x}")).collect();
            Json::Text(hex.into())
        }
        (Values::Bytes(..), _) if physical == Physical::Int96 => {
            return Err(Error::new(Code::UnsupportedFile, "it holds dates, not text or numbers."));
        }
        (Values::Bytes(..), _) => match std::str::from_utf8(values.bytes(index)) {
            Ok(text) => Json::Text(text.to_owned().into()),
            Err(_) => return Err(no_text()),
        },
    })
}

fn no_text() -> Error {
    Error::new(Code::UnsupportedFile, "it holds bytes that are no UTF-8 text.")
}

/// A number as JSON readers here take it: shortest digits that give it again.
pub(in crate::files) fn digits(value: f64) -> String {
    match value {
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        value => format!("{value:?}"),
    }
}

/// `value` with the point `scale` digits from its right end.
pub(in crate::files) fn decimal(value: i128, scale: u32) -> String {
    if scale == 0 {
        return value.to_string();
    }
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale as usize + 1);
    let (whole, part) = digits.split_at(digits.len() - scale as usize);
    format!("{}{whole}.{part}", if value < 0 { "-" } else { "" })
}
