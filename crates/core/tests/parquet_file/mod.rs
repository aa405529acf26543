//! Parquet files of doubles with levels of one's own, right or wrong.

use std::path::PathBuf;

/// Thrift's compact protocol, as far as a footer needs it.
#[derive(Default)]
struct Thrift {
    bytes: Vec<u8>,
    last: u8,
}

const LIST: u8 = 9;
const STRUCT: u8 = 12;

impl Thrift {
    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn field(&mut self, id: u8, kind: u8) -> &mut Self {
        self.bytes.push((id - self.last) << 4 | kind);
        self.last = id;
        self
    }

    fn int(&mut self, id: u8, value: usize) -> &mut Self {
        self.field(id, 6).varint(2 * value as u64);
        self
    }

    fn text(&mut self, id: u8, text: &str) -> &mut Self {
        self.field(id, 8).varint(text.len() as u64);
        self.bytes.extend(text.bytes());
        self
    }

    fn inner(&mut self, id: u8, inner: &Thrift) -> &mut Self {
        self.field(id, STRUCT).bytes.extend(inner.ended());
        self
    }

    fn list(&mut self, id: u8, elements: &[Thrift]) -> &mut Self {
        assert!(elements.len() < 15);
        self.field(id, LIST).bytes.push((elements.len() as u8) << 4 | STRUCT);
        elements.iter().for_each(|element| self.bytes.extend(element.ended()));
        self
    }

    fn ended(&self) -> Vec<u8> {
        [&self.bytes[..], &[0]].concat()
    }
}

/// A field of the schema: name, repetition (0 required, 1 optional, 2 repeated), fields below (0: doubles).
pub(crate) type Element = (&'static str, usize, usize);

/// Repetition and definition level of each value, and the greatest that both may be. What is there counts up from −1.
pub(crate) struct Levels {
    repetitions: Vec<u8>,
    definitions: Vec<u8>,
    most: (u8, u8),
}

/// Levels of a column, and the greatest that they may be.
pub(crate) fn levels(repetitions: &[u8], definitions: &[u8], most: (u8, u8)) -> Levels {
    Levels { repetitions: repetitions.to_vec(), definitions: definitions.to_vec(), most }
}

/// A Parquet file called `name` of one row group with these columns.
pub(crate) fn parquet(name: &str, rows: usize, schema: &[Element], columns: &[Levels]) -> PathBuf {
    let mut file = b"PAR1".to_vec();
    let mut chunks = Vec::new();
    for column in columns {
        let mut page = Vec::new();
        for (levels, most) in [(&column.repetitions, column.most.0), (&column.definitions, column.most.1)] {
            if most > 0 {
                // Runs of one.
                page.extend((2 * levels.len() as u32).to_le_bytes());
                levels.iter().for_each(|&level| page.extend([2, level]));
            }
        }
        let there = column.definitions.iter().filter(|&&level| level == column.most.1).count();
        (0..there).for_each(|index| page.extend((-1.0 - index as f64).to_le_bytes()));
        let values = column.definitions.len();
        let (mut of_data, mut header) = (Thrift::default(), Thrift::default());
        of_data.int(1, values).int(2, 0).int(3, 3).int(4, 3);
        header.int(1, 0).int(2, page.len()).int(3, page.len()).inner(5, &of_data);
        let start = file.len();
        file.extend(header.ended());
        file.extend(page);
        let (mut data, mut chunk) = (Thrift::default(), Thrift::default());
        data.int(1, 5).int(4, 0).int(5, values).int(7, file.len() - start).int(9, start);
        chunk.inner(3, &data);
        chunks.push(chunk);
    }
    let root = [(
        "schema",
        0,
        schema
            .iter()
            .scan(0, |inner, &(_, _, below)| {
                let top = *inner == 0;
                *inner = if top { below } else { *inner - 1 + below };
                Some(usize::from(top))
            })
            .sum(),
    )];
    let elements = root.iter().chain(schema).map(|&(name, repetition, below)| {
        let mut element = Thrift::default();
        if below == 0 {
            element.int(1, 5);
        }
        element.int(3, repetition).text(4, name);
        if below > 0 {
            element.int(5, below);
        }
        element
    });
    let (mut group, mut footer) = (Thrift::default(), Thrift::default());
    group.list(1, &chunks).int(3, rows);
    footer.int(1, 1).list(2, &elements.collect::<Vec<_>>()).int(3, rows).list(4, &[group]);
    let footer = footer.ended();
    file.extend(&footer);
    file.extend((footer.len() as u32).to_le_bytes());
    file.extend(b"PAR1");
    let folder = super::scratch("read-levels");
    let path = folder.join(format!("{name}.parquet"));
    std::fs::write(&path, file).unwrap();
    path
}
