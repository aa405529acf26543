//! Parquet and Arrow files that PyArrow wrote, good and damaged (`__test__/fixtures/tables/make.py`), and ZIP archives.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use coverage_principle_core::files::json::Json;
use coverage_principle_core::files::table::{Batch, Column, Kind, Sink};
use coverage_principle_core::files::{Input, open_table};
use coverage_principle_core::{Code, Control, Result, Workers};
use proptest::prelude::*;

fn folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../__test__/fixtures/tables")).to_owned()
}

/// A file of these bytes in a folder of the test's own.
fn written(name: &str, bytes: &[u8]) -> PathBuf {
    let path = super::scratch("read-tables").join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// All columns of a table.
#[derive(Default)]
struct Whole {
    columns: Vec<Vec<Json<'static>>>,
    numbers: Vec<f64>,
    texts: Vec<String>,
    lists: Vec<Vec<f64>>,
}

impl Sink for Whole {
    fn late_column(&mut self, _: &str, _: u64, _: bool) -> Result<Option<Kind>> {
        Ok(None)
    }

    fn batch(&mut self, batch: &Batch) -> Result<()> {
        assert!(batch.columns.iter().all(|column| column.len() == batch.rows), "columns have different lengths");
        self.columns.resize(batch.columns.len(), Vec::new());
        for (column, all) in batch.columns.iter().zip(&mut self.columns) {
            match column {
                Column::Values(values) => all.extend(values.iter().cloned()),
                Column::Numbers(numbers) => self.numbers.extend(&numbers.values),
                Column::Texts(texts) => self.texts.extend((0..batch.rows).map(|row| texts.get(row).to_owned())),
                Column::Lists(lists) => {
                    let list = |row| lists.elements.values[lists.range(row)].to_vec();
                    self.lists.extend((0..batch.rows).map(list));
                }
            }
        }
        Ok(())
    }
}

/// Started once: thousands of readings share them.
static WORKERS: LazyLock<Workers> = LazyLock::new(|| Workers::new(Some(2)).unwrap());

/// The columns called `only`, or all of them, read as `kind`.
fn read(path: &Path, only: Option<&str>, kind: Kind) -> Result<(Vec<String>, Whole)> {
    let control = Control::new();
    let mut table = open_table(path, &control)?;
    let names = table.columns().to_vec();
    let wanted: Vec<Option<Kind>> =
        names.iter().map(|name| only.is_none_or(|only| only == name).then_some(kind)).collect();
    let mut whole = Whole::default();
    table.scan(&wanted, &mut whole, &WORKERS, &control)?;
    Ok((names, whole))
}

fn same(found: &Json<'_>, expected: &Json<'_>) -> bool {
    match (found, expected) {
        // Whole numbers to the last digit, others as the doubles that they are.
        (Json::Number(a), Json::Number(b)) => a == b || a.contains('.') && found.as_f64() == expected.as_f64(),
        (Json::List(a), Json::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same(&a.1, &b.1))
        }
        (a, b) => a == b,
    }
}

#[test]
fn every_value_is_the_one_that_was_written() {
    let text = std::fs::read_to_string(folder().join("rows.jsonl")).unwrap();
    let rows: Vec<Json<'_>> = text.lines().map(|line| Json::parse(line).unwrap()).collect();
    let mut files = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if !path
            .extension()
            .is_some_and(|extension| ["parquet", "arrow", "arrows"].iter().any(|known| extension == *known))
        {
            continue;
        }
        files += 1;
        let (names, whole) = read(&path, None, Kind::Any).unwrap();
        assert!(names.iter().any(|name| name == "metrics.by.name") || names.len() == 4, "{names:?}");
        for (name, column) in names.iter().zip(&whole.columns) {
            assert_eq!(column.len(), rows.len(), "{} {name}", path.display());
            for (found, row) in column.iter().zip(&rows) {
                let expected = row.at_path(name).unwrap_or(&Json::Null);
                assert!(same(found, expected), "{} {name}: {found:?}, not {expected:?}", path.display());
            }
        }
    }
    assert_eq!(files, 20);
}

#[test]
fn columns_come_as_they_are_wanted() {
    for name in ["zstd-v1.parquet", "none-v2.parquet", "lz4.arrow", "none.arrows"] {
        let path = folder().join(name);
        let numbers = read(&path, Some("f4"), Kind::Number).unwrap().1.numbers;
        for (row, &number) in numbers.iter().enumerate() {
            // Singles are widened, and what is not there is no number.
            let expected = if row % 7 == 6 { f64::NAN } else { f64::from(-(row as f32) / 3.0) };
            assert!(number == expected || number.is_nan() && expected.is_nan(), "{name}, row {row}: {number}");
        }
        let texts = read(&path, Some("big"), Kind::Text).unwrap().1.texts;
        assert_eq!((texts[0].as_str(), texts[4].as_str()), ("9223372036854775807", ""), "{name}");
        assert_eq!(read(&path, Some("model"), Kind::Text).unwrap().1.texts[1], "é1", "{name}");
        let lists = read(&path, Some("values"), Kind::List).unwrap().1.lists;
        assert_eq!((lists[0].len(), lists[5].len(), lists[8].len()), (0, 5, 0), "{name}");
        assert_eq!(lists[2][1], -0.25, "{name}");
        // The log-probabilities of a list of tokens.
        assert_eq!(read(&path, Some("tokens"), Kind::List).unwrap().1.lists[2], [0.0, -0.125], "{name}");
    }
}

#[test]
fn a_changed_byte_of_a_page_with_a_checksum_is_noticed() {
    // Without compression, nothing else notices.
    let bytes = std::fs::read(folder().join("none-v1.parquet")).unwrap();
    let (names, whole) = read(&written("whole.parquet", &bytes), None, Kind::Any).unwrap();
    let mut accepted = 0;
    // Pages come first, metadata last; headers of pages stand between them.
    for at in 4..bytes.len() / 2 {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        if let Ok((found, other)) = read(&written("changed.parquet", &changed), None, Kind::Any) {
            accepted += 1;
            assert_eq!(found, names);
            assert_eq!(other.columns, whole.columns, "byte {at} changes a value and is not noticed");
        }
    }
    // Statistics in the headers of pages say nothing that is used.
    assert!(accepted > 0);
}

#[test]
fn a_file_that_was_cut_is_never_read() {
    for name in ["zstd-v1.parquet", "none.arrow", "none.arrows", "lz4.arrow"] {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        for keep in (8..bytes.len()).step_by(97) {
            let Err(error) = read(&written("cut", &bytes[..keep]), None, Kind::Any) else {
                panic!("{name}, cut to {keep} bytes, is read");
            };
            assert!(matches!(error.code, Code::MalformedFile | Code::UnsupportedFile), "{name}: {error:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn mutated_tables_never_panic(
        name in prop::sample::select(vec![
            "none-v1.parquet", "snappy-v2.parquet", "zstd-v2.parquet", "encodings.parquet", "lengths.parquet",
            "none.arrow", "zstd.arrow", "lz4.arrows", "none.arrows",
        ]),
        kind in prop::sample::select(vec![Kind::Any, Kind::Number, Kind::Text, Kind::List]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = std::fs::read(folder().join(name)).unwrap();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let _ = read(&written("mutated", &bytes), None, kind);
    }
}

fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn content(input: &mut Input) -> Result<String> {
    let mut bytes = Vec::new();
    let mut stream = input.stream()?;
    while stream.read(&mut bytes, &Control::new())? > 0 {}
    Ok(String::from_utf8(bytes).unwrap())
}

#[test]
fn members_of_an_archive_are_inputs_of_their_own() {
    let path =
        written("many.zip", &zip_of(&[("a/x.jsonl", b"{}"), ("__MACOSX/._x", b"?"), ("y.csv", b"id,a\n1,-1\n")]));
    let mut inputs = Input::open(&path, "many.zip").unwrap();
    assert_eq!(inputs.iter().map(Input::shown).collect::<Vec<_>>(), ["many.zip/a/x.jsonl", "many.zip/y.csv"]);
    assert_eq!(content(&mut inputs[0]).unwrap().trim_end(), "{}");
    // As often as it is asked for.
    assert_eq!(content(&mut inputs[1]).unwrap(), content(&mut inputs[1]).unwrap());
    let digests: Vec<_> = inputs.iter_mut().map(|input| input.digest(&Control::new()).unwrap()).collect();
    assert_eq!(digests[0], digests[1], "the hash is of the archive");
}

#[test]
fn a_log_is_its_header_and_then_its_samples() {
    let log =
        zip_of(&[("samples/2.json", b"{\"id\":2}"), ("summaries.json", b"[]"), ("header.json", b"{\"eval\":{}}")]);
    let mut inputs = Input::open(&written("log.eval", &log), "log.eval").unwrap();
    assert_eq!(content(&mut inputs[0]).unwrap(), "{\"eval\":{}}\n{\"id\":2}\n");
    // A damaged member is an error where it is read, not an end.
    let mut damaged = log.clone();
    let at = log.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap() - 4;
    damaged[at] ^= 0xff;
    let opened = Input::open(&written("damaged.eval", &damaged), "damaged.eval");
    let read = opened.and_then(|mut inputs| inputs.iter_mut().map(content).collect::<Result<Vec<_>>>());
    assert_eq!(read.unwrap_err().code, Code::MalformedFile);
}

#[test]
fn what_is_no_data_is_refused_with_the_way_to_some() {
    for (name, entries, hint) in [
        ("book.xlsx", vec![("[Content_Types].xml", &b""[..]), ("xl/workbook.xml", b"")], "CSV"),
        ("model.pt", vec![("model/data.pkl", b""), ("model/data/0", b"")], "PyTorch"),
        ("mixed.zip", vec![("a.npy", b""), ("a.txt", b"")], "unpack"),
        ("twice.zip", vec![("a.jsonl.gz", b"\x1f\x8b\x08\0\0")], "compressed once more"),
    ] {
        let error = Input::open(&written(name, &zip_of(&entries)), name).err().unwrap();
        assert_eq!(error.code, Code::UnsupportedFile, "{name}");
        assert!(error.message.contains(hint), "{name}: {}", error.message);
        assert!(error.into_fault().place.file.is_some_and(|file| file.starts_with(name)), "{name}");
    }
}

#[test]
fn an_arrow_file_agrees_with_its_index() {
    let good = std::fs::read(folder().join("none.arrow")).unwrap();
    let found = |name: &[u8]| good.windows(name.len()).rposition(|bytes| bytes == name).unwrap();
    // The last mention of a name is in the index, as are the places of the batches behind it.
    let mut renamed = good.clone();
    renamed[found(b"unsigned")] = b'a';
    // The last batch begins there.
    let mut moved = good.clone();
    moved[found(&8392_i64.to_le_bytes())] ^= 8;
    for (name, bytes, says) in [("renamed.arrow", &renamed, "columns"), ("moved.arrow", &moved, "batches")] {
        let Err(error) = read(&written(name, bytes), None, Kind::Any) else { panic!("{name} was read") };
        assert_eq!(error.code, Code::MalformedFile);
        assert!(error.message.contains(says), "{}", error.message);
    }
}

#[test]
fn columns_that_refer_to_one_another_are_not_followed_for_ever() {
    let Err(error) = open_table(&folder().join("refused/laughs.arrows"), &Control::new()) else {
        panic!("it was read")
    };
    assert_eq!(error.code, Code::MalformedFile);
    assert!(error.message.contains("more columns"), "{}", error.message);
}

#[test]
fn a_null_list_of_parquet_has_no_elements() {
    // A level was changed so that a list that is null goes on: its rows would be one too many.
    let path = folder().join("refused/null-list-goes-on.parquet");
    let Err(error) = read(&path, Some("tokens"), Kind::List) else { panic!("it was read") };
    assert_eq!(error.code, Code::MalformedFile, "{}", error.message);
}
