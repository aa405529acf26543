//! From the values and levels of columns to what rows hold: numbers, texts, lists, and objects inside them.

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
        collect(node, "", &mut found);
    }
    found
}

fn collect(node: &Node, prefix: &str, found: &mut Vec<Field>) {
    let name = format!("{prefix}{}", node.name);
    match &node.content {
        Content::Group(children) if !node.repeated && !holds_list(node, children) => {
            let prefix = format!("{name}.");
            for child in children {
                collect(child, &prefix, found);
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
                found.push(Field { name, node: node.clone(), leaves, shape });
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
    /// The column of `rows` rows that `batches`, one a leaf, hold.
    pub(super) fn column(&self, kind: Kind, rows: usize, batches: &[Batch]) -> Result<Column> {
        match (self.shape, kind, batches) {
            (Shape::Value, Kind::Number, [batch]) if is_float(&batch.values) => {
                Ok(Column::Numbers(self.numbers(rows, batch)))
            }
            (Shape::Value, Kind::Text, [batch]) if self.leaves[0].is_text() => {
                self.texts(rows, batch).map(Column::Texts)
            }
            (Shape::List { there, filled }, Kind::List, [batch]) if is_float(&batch.values) => {
                self.lists(there, filled, batch).map(Column::Lists)
            }
            _ => self.any(kind, rows, batches),
        }
    }

    /// Floating-point numbers, without a detour.
    fn numbers(&self, rows: usize, batch: &Batch) -> Numbers {
        let mut numbers = Numbers { values: Vec::with_capacity(rows), odd: Vec::new() };
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
    fn texts(&self, rows: usize, batch: &Batch) -> Result<Texts> {
        let mut texts = Texts::default();
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

    fn lists(&self, there: u16, filled: u16, batch: &Batch) -> Result<Lists> {
        let mut lists = Lists::default();
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
    fn any(&self, kind: Kind, rows: usize, batches: &[Batch]) -> Result<Column> {
        let cursors = batches.iter().zip(&self.leaves).map(|(batch, leaf)| Cursor { batch, leaf, entry: 0, value: 0 });
        let mut rows_of = Rows { cursors: cursors.collect() };
        let mut column = match kind {
            Kind::Number => Column::Numbers(Numbers::default()),
            Kind::Text => Column::Texts(Texts::default()),
            Kind::List => Column::Lists(Lists::default()),
            Kind::Any => Column::Values(Vec::with_capacity(rows)),
        };
        for _ in 0..rows {
            rows_of.begin()?;
            let value = if self.node.repeated { rows_of.list(&self.node, 0)? } else { rows_of.value(&self.node, 0)? };
            match &mut column {
                Column::Numbers(numbers) => numbers.push_json(&value),
                Column::Texts(texts) => texts.push_json(&value),
                Column::Lists(lists) => lists.push_json(&value),
                Column::Values(values) => values.push(value),
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
        let batch = self.batch;
        let has_levels = self.leaf.definition > 0;
        self.entry >= if has_levels { batch.definitions.len() } else { batch.values.len() }
    }

    fn definition(&self) -> u16 {
        self.batch.definitions.get(self.entry).copied().unwrap_or(0)
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

    /// Leaves a null behind in every column of `node`, the first of which is `first`.
    fn skip(&mut self, node: &Node, first: usize) -> Result<usize> {
        let count = leaf_count(node);
        for cursor in &mut self.cursors[first..first + count] {
            if cursor.definition() == cursor.leaf.definition && cursor.leaf.definition > 0 {
                return Err(damaged("columns of one field disagree"));
            }
            cursor.take()?;
        }
        Ok(count)
    }

    /// What `node` holds, unless it is repeated.
    fn value(&mut self, node: &Node, first: usize) -> Result<Json<'static>> {
        if node.optional && self.cursors[first].definition() < node.definition {
            self.skip(node, first)?;
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
        if self.cursors[first].definition() < node.definition {
            self.skip(node, first)?;
            return Ok(Json::List(Vec::new()));
        }
        let mut elements = Vec::new();
        loop {
            elements.push(match element(node) {
                Some(inner) => self.value(inner, first)?,
                None => self.content(node, first)?,
            });
            let next = &self.cursors[first];
            if next.is_at_end() || next.repetition() != node.repetition {
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
