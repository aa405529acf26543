//! What the columns of an Arrow file are.

use super::damaged;
use super::flat::Flat;
use crate::error::{Code, Error, Result};

/// Columns inside one another that are followed.
const MAX_DEPTH: usize = 24;

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Null,
    Flag,
    /// Whole numbers of as many bytes.
    Int {
        bytes: usize,
        signed: bool,
    },
    Half,
    Single,
    Double,
    /// Whole numbers of as many bytes, with a point this many digits from the right.
    Decimal {
        bytes: usize,
        scale: u32,
    },
    /// Bytes, text or not, behind offsets of 4 or 8 bytes.
    Bytes {
        wide: bool,
        text: bool,
    },
    /// Bytes, text or not, found by views.
    Views {
        text: bool,
    },
    Fixed(usize),
    List {
        wide: bool,
    },
    FixedList(usize),
    Struct,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) children: Vec<Field>,
    /// Where its values are numbers of values elsewhere: the name of those, and what the numbers are.
    pub(super) dictionary: Option<(i64, Type)>,
}

/// The columns that a schema message tells of.
pub(super) fn fields(schema: Flat<'_>) -> Result<Vec<Field>> {
    if schema.int16(0)? != 0 {
        return Err(Error::new(
            Code::UnsupportedFile,
            "the Arrow file has the byte order of another machine: write it as Parquet.",
        ));
    }
    // Columns may refer to one and the same description, and those to one another: no more are followed than have a place.
    let mut left = schema.length() / 4;
    schema.tables(1)?.into_iter().map(|table| field(table, 0, &mut left)).collect()
}

fn field(table: Flat<'_>, depth: usize, left: &mut usize) -> Result<Field> {
    *left = left.checked_sub(1).ok_or_else(|| damaged("it claims more columns than its metadata holds"))?;
    if depth > MAX_DEPTH {
        return Err(Error::new(
            Code::UnsupportedFile,
            format!("the Arrow file has more than {MAX_DEPTH} columns inside one another."),
        ));
    }
    let name = table.text(0)?;
    let kind = kind(table.byte(2)?, table.table(3)?).map_err(|error| {
        if error.code == Code::UnsupportedFile {
            let message = format!("column '{name}': {}", error.message);
            error.saying(message)
        } else {
            error
        }
    })?;
    let children =
        table.tables(5)?.into_iter().map(|table| field(table, depth + 1, left)).collect::<Result<Vec<_>>>()?;
    let expected = match kind {
        Type::List { .. } | Type::FixedList(_) => Some(1),
        Type::Struct => None,
        _ => Some(0),
    };
    if expected.is_some_and(|expected| expected != children.len()) {
        return Err(damaged("a column has parts that it cannot have"));
    }
    let dictionary = match table.table(4)? {
        None => None,
        Some(encoding) => {
            let index = encoding.table(1)?.map_or(Ok(Type::Int { bytes: 4, signed: true }), int)?;
            Some((encoding.int64(0)?, index))
        }
    };
    Ok(Field { name, kind, children, dictionary })
}

fn int(table: Flat<'_>) -> Result<Type> {
    let bytes = match table.int32(0, 0)? {
        8 => 1,
        16 => 2,
        32 => 4,
        64 => 8,
        _ => return Err(damaged("a column has whole numbers of no known width")),
    };
    Ok(Type::Int { bytes, signed: table.byte(1)? != 0 })
}

fn length(value: i32) -> Result<usize> {
    usize::try_from(value).map_err(|_| damaged("a column has values of negative length"))
}

fn kind(code: u8, table: Option<Flat<'_>>) -> Result<Type> {
    let table = table.ok_or_else(|| damaged("a column is of no type"))?;
    let instant = |bytes| Ok(Type::Int { bytes, signed: true });
    match code {
        1 => Ok(Type::Null),
        2 => int(table),
        3 => Ok(match table.int16(0)? {
            0 => Type::Half,
            1 => Type::Single,
            2 => Type::Double,
            _ => return Err(damaged("a column has numbers of no known precision")),
        }),
        4 => Ok(Type::Bytes { wide: false, text: false }),
        5 => Ok(Type::Bytes { wide: false, text: true }),
        6 => Ok(Type::Flag),
        7 => {
            let scale = u32::try_from(table.int32(1, 0)?).ok().filter(|&scale| scale <= 38);
            let bytes = length(table.int32(2, 128)?)? / 8;
            match (scale, bytes) {
                (Some(scale), 4 | 8 | 16) => Ok(Type::Decimal { bytes, scale }),
                _ => Err(Error::new(Code::UnsupportedFile, "it holds decimals of no common width: write float64.")),
            }
        }
        // Days or milliseconds, and times of day: by the unit, which the field has first.
        8 => instant(if table.int16(0)? == 0 && table.has(0)? { 4 } else { 8 }),
        9 => instant(length(table.int32(1, 32)?)? / 8),
        10 | 18 => instant(8),
        12 => Ok(Type::List { wide: false }),
        13 => Ok(Type::Struct),
        15 => Ok(Type::Fixed(length(table.int32(0, 0)?)?)),
        16 => Ok(Type::FixedList(length(table.int32(0, 0)?)?)),
        17 => Ok(Type::List { wide: false }),
        19 => Ok(Type::Bytes { wide: true, text: false }),
        20 => Ok(Type::Bytes { wide: true, text: true }),
        21 => Ok(Type::List { wide: true }),
        23 => Ok(Type::Views { text: false }),
        24 => Ok(Type::Views { text: true }),
        _ => {
            Err(Error::new(Code::UnsupportedFile, "it is of a type that is not read here: write the table as Parquet."))
        }
    }
}
