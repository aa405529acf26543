//! What the footer of a Parquet file says: its columns, and where their values lie.

use super::damaged;
use super::thrift::{Kind, Reader};
use crate::error::{Code, Error, Result};

/// Groups inside one another that are followed.
const MAX_DEPTH: usize = 24;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Physical {
    Boolean,
    Int32,
    Int64,
    Int96,
    Float,
    Double,
    Bytes,
    /// Bytes, as many for every value.
    Fixed(usize),
}

/// What values mean, where that is more than how they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logical {
    Plain,
    Text,
    Unsigned,
    Float16,
    Uuid,
    /// A whole number, with this many of its digits behind the point.
    Decimal(u32),
    /// A list, or a map, whose only field is repeated.
    Wrapper,
}

/// A node of the schema.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    /// Definition and repetition level at which the node is there.
    pub(super) definition: u16,
    pub(super) repetition: u16,
    pub(super) optional: bool,
    pub(super) repeated: bool,
    pub(super) logical: Logical,
    pub(super) content: Content,
}

impl Node {
    /// Whether each column with values below is in a list.
    fn lists_of_leaves(&self, found: &mut Vec<bool>) {
        match &self.content {
            Content::Leaf { .. } => found.push(self.repetition > 0),
            Content::Group(children) => children.iter().for_each(|child| child.lists_of_leaves(found)),
        }
    }
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Values: the index of the column among all that have values.
    Leaf {
        index: usize,
        physical: Physical,
    },
    Group(Vec<Node>),
}

/// Where the values of one column of one row group lie.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    pub(super) codec: i64,
    pub(super) values: u64,
    pub(super) start: u64,
    pub(super) length: u64,
}

/// Some rows of the file: a chunk for each column with values.
#[derive(Clone, Debug, Default)]
pub(super) struct RowGroup {
    pub(super) rows: u64,
    pub(super) chunks: Vec<Chunk>,
}

/// The footer.
#[derive(Debug)]
pub(super) struct Metadata {
    /// Top-level fields.
    pub(super) fields: Vec<Node>,
    /// Columns with values.
    pub(super) leaves: usize,
    pub(super) rows: u64,
    pub(super) groups: Vec<RowGroup>,
}

/// One element of the schema, which is written in depth-first order.
#[derive(Debug, Default)]
struct Element {
    physical: Option<i64>,
    length: i64,
    repetition: i64,
    name: String,
    children: u64,
    converted: Option<i64>,
    scale: i64,
    logical: Option<Logical>,
}

impl Metadata {
    /// Reads a footer; `length` is that of the file.
    pub(super) fn read(bytes: &[u8], length: u64) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let (mut elements, mut groups, mut rows) = (Vec::new(), Vec::new(), None);
        let mut encrypted = false;
        reader.structure(Kind::Struct, |reader, field, kind| {
            match field {
                2 => reader.list(kind, |reader, kind| {
                    elements.push(element(reader, kind)?);
                    Ok(())
                })?,
                3 => rows = Some(reader.count(kind)?),
                4 => reader.list(kind, |reader, kind| {
                    groups.push(row_group(reader, kind)?);
                    Ok(())
                })?,
                8 => {
                    encrypted = true;
                    return Ok(false);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if encrypted {
            return Err(Error::new(Code::UnsupportedFile, "the Parquet file is encrypted: write it without."));
        }
        let mut elements = elements.into_iter();
        let root = elements.next().ok_or_else(|| damaged("its schema is empty"))?;
        let mut leaves = 0;
        let fields = children(&mut elements, root.children, (0, 0), 0, &mut leaves)?;
        if elements.next().is_some() {
            return Err(damaged("its schema has fields that belong to nothing"));
        }
        let rows = rows.ok_or_else(|| damaged("it does not say how many rows it has"))?;
        let metadata = Self { fields, leaves, rows, groups };
        metadata.check(length)?;
        Ok(metadata)
    }

    fn check(&self, length: u64) -> Result<()> {
        let mut rows = 0_u64;
        let mut in_lists = Vec::with_capacity(self.leaves);
        self.fields.iter().for_each(|field| field.lists_of_leaves(&mut in_lists));
        for group in &self.groups {
            rows = rows.checked_add(group.rows).ok_or_else(|| damaged("it claims too many rows"))?;
            if group.chunks.len() != self.leaves {
                return Err(damaged("a row group has more or fewer columns than the schema"));
            }
            for (chunk, in_lists) in group.chunks.iter().zip(&in_lists) {
                // A row has one value, or null, unless there are lists, each of which has at least one level.
                if chunk.values < group.rows || (!in_lists && chunk.values > group.rows) {
                    return Err(damaged("a column has more or fewer values than its row group has rows"));
                }
                if chunk.start.checked_add(chunk.length).is_none_or(|end| end > length) {
                    return Err(damaged("a column lies beyond the end of the file: it may be cut short"));
                }
            }
        }
        if rows != self.rows {
            return Err(damaged("its row groups have more or fewer rows than it says"));
        }
        Ok(())
    }
}

fn element(reader: &mut Reader<'_>, kind: Kind) -> Result<Element> {
    let mut element = Element::default();
    reader.structure(kind, |reader, field, kind| {
        match field {
            1 => element.physical = Some(reader.int(kind)?),
            2 => element.length = reader.int(kind)?,
            3 => element.repetition = reader.int(kind)?,
            4 => element.name = reader.text(kind)?,
            5 => element.children = reader.count(kind)?,
            6 => element.converted = Some(reader.int(kind)?),
            7 => element.scale = reader.int(kind)?,
            10 => element.logical = logical(reader, kind)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(element)
}

fn logical(reader: &mut Reader<'_>, kind: Kind) -> Result<Option<Logical>> {
    let mut found = None;
    reader.structure(kind, |reader, field, kind| {
        found = match field {
            1 | 4 | 12 => Some(Logical::Text),
            2 | 3 => Some(Logical::Wrapper),
            5 => {
                let mut scale = 0;
                reader.structure(kind, |reader, field, kind| {
                    if field == 1 {
                        scale = reader.int(kind)?;
                    }
                    Ok(field == 1)
                })?;
                found = Some(Logical::Decimal(scale_of(scale)?));
                return Ok(true);
            }
            10 => {
                let mut signed = true;
                reader.structure(kind, |reader, field, kind| {
                    if field == 2 {
                        signed = reader.bool(kind)?;
                    }
                    Ok(field == 2)
                })?;
                found = (!signed).then_some(Logical::Unsigned);
                return Ok(true);
            }
            14 => Some(Logical::Uuid),
            15 => Some(Logical::Float16),
            _ => None,
        };
        Ok(false)
    })?;
    Ok(found)
}

fn scale_of(scale: i64) -> Result<u32> {
    u32::try_from(scale).ok().filter(|&scale| scale <= 38).ok_or_else(|| damaged("a decimal has a scale of no sense"))
}

/// The next `count` nodes, with all that is below them.
fn children(
    elements: &mut std::vec::IntoIter<Element>,
    count: u64,
    (definition, repetition): (u16, u16),
    depth: usize,
    leaves: &mut usize,
) -> Result<Vec<Node>> {
    if depth > MAX_DEPTH {
        return Err(Error::new(
            Code::UnsupportedFile,
            format!("the Parquet file has more than {MAX_DEPTH} groups inside one another."),
        ));
    }
    let mut nodes = Vec::new();
    for _ in 0..count {
        let element = elements.next().ok_or_else(|| damaged("its schema ends early"))?;
        let (optional, repeated) = match element.repetition {
            0 => (false, false),
            1 => (true, false),
            2 => (false, true),
            _ => return Err(damaged("a field is neither required, optional nor repeated")),
        };
        let definition = definition + u16::from(optional || repeated);
        let repetition = repetition + u16::from(repeated);
        let logical = element.logical.map_or_else(|| converted(&element), Ok)?;
        let content = match element.physical {
            Some(physical) if element.children == 0 => {
                *leaves += 1;
                Content::Leaf { index: *leaves - 1, physical: physical_of(physical, element.length)? }
            }
            Some(_) => return Err(damaged("a field has both values and fields")),
            None => Content::Group(children(elements, element.children, (definition, repetition), depth + 1, leaves)?),
        };
        nodes.push(Node { name: element.name, definition, repetition, optional, repeated, logical, content });
    }
    Ok(nodes)
}

/// What the older way of saying it says.
fn converted(element: &Element) -> Result<Logical> {
    Ok(match element.converted {
        Some(0 | 4 | 19) => Logical::Text,
        Some(1..=3) => Logical::Wrapper,
        Some(5) => Logical::Decimal(scale_of(element.scale)?),
        Some(11..=14) => Logical::Unsigned,
        _ => Logical::Plain,
    })
}

fn physical_of(code: i64, length: i64) -> Result<Physical> {
    Ok(match code {
        0 => Physical::Boolean,
        1 => Physical::Int32,
        2 => Physical::Int64,
        3 => Physical::Int96,
        4 => Physical::Float,
        5 => Physical::Double,
        6 => Physical::Bytes,
        7 => {
            let length = usize::try_from(length).ok().filter(|length| (1..=1 << 20).contains(length));
            Physical::Fixed(length.ok_or_else(|| damaged("a column has values of no sensible length"))?)
        }
        _ => return Err(damaged("a column has values of no known type")),
    })
}

fn row_group(reader: &mut Reader<'_>, kind: Kind) -> Result<RowGroup> {
    let mut group = RowGroup::default();
    reader.structure(kind, |reader, field, kind| {
        match field {
            1 => reader.list(kind, |reader, kind| {
                group.chunks.push(chunk(reader, kind)?);
                Ok(())
            })?,
            3 => group.rows = reader.count(kind)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(group)
}

fn chunk(reader: &mut Reader<'_>, kind: Kind) -> Result<Chunk> {
    let mut chunk = Chunk::default();
    let (mut data, mut dictionary, mut elsewhere, mut encrypted, mut described) = (0, None, false, false, false);
    reader.structure(kind, |reader, field, kind| {
        match field {
            1 => elsewhere = !reader.binary(kind)?.is_empty(),
            3 => {
                described = true;
                reader.structure(kind, |reader, field, kind| {
                    match field {
                        4 => chunk.codec = reader.int(kind)?,
                        5 => chunk.values = reader.count(kind)?,
                        7 => chunk.length = reader.count(kind)?,
                        9 => data = reader.count(kind)?,
                        11 => dictionary = Some(reader.count(kind)?),
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?;
            }
            8 | 9 => {
                encrypted = true;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if elsewhere || encrypted || !described {
        let message = "a column of the Parquet file lies in another file or is encrypted: write it as one file.";
        return Err(Error::new(Code::UnsupportedFile, message));
    }
    // Some writers give 0 where there is no dictionary.
    chunk.start = dictionary.filter(|&at| at > 0 && at < data).unwrap_or(data);
    Ok(chunk)
}
