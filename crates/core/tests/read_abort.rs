//! Reading ends when it is told to, wherever it is: with the error of that, or, if it was through, with all that is there. How
//! soon, `reading_timing --abort` measures.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::parquet_file::{levels, parquet};
use super::scratch;
use coverage_principle_core::files::table::{Batch, Kind, Sink};
use coverage_principle_core::files::{InputFile, open_table, read_scores};
use coverage_principle_core::{Code, Control, Result, Workers};

const MODELS: usize = 20;
const RESPONSES: usize = 6000;

fn value(model: usize, response: usize) -> f64 {
    -1.5 - ((model * 7919 + response * 104_729) % 10_007) as f64 / 64.0
}

fn long(row: impl Fn(&str, &str, f64) -> String) -> Vec<u8> {
    let mut text = String::new();
    for model in 0..MODELS {
        for response in 0..RESPONSES {
            text += &row(&format!("m{model}"), &format!("r{response}"), value(model, response));
        }
    }
    text.into_bytes()
}

fn wide(separator: char) -> Vec<u8> {
    let mut text = "id".to_owned();
    (0..MODELS).for_each(|model| write!(text, "{separator}m{model}").unwrap());
    for response in 0..RESPONSES {
        write!(text, "\nr{response}").unwrap();
        (0..MODELS).for_each(|model| write!(text, "{separator}{}", value(model, response)).unwrap());
    }
    text.into_bytes()
}

fn matrix() -> Vec<u8> {
    (0..MODELS)
        .flat_map(|model| (0..RESPONSES).map(move |response| value(model, response)))
        .flat_map(f64::to_le_bytes)
        .collect()
}

fn npy() -> Vec<u8> {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({MODELS}, {RESPONSES}), }}");
    let header = format!("{header:<117}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &matrix()].concat()
}

fn safetensors() -> Vec<u8> {
    let values = matrix();
    let header = format!(
        r#"{{"log_probs":{{"dtype":"F64","shape":[{MODELS},{RESPONSES}],"data_offsets":[0,{}]}}}}"#,
        values.len()
    );
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &values].concat()
}

fn zip_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(bytes).unwrap();
    archive.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn folder() -> PathBuf {
    scratch("read-abort")
}

/// Calls `read` with controls that are cancelled before it, and at moments of the time that it takes.
fn stopped<T: PartialEq>(name: &str, read: impl Fn(&Control) -> Result<T> + Sync) {
    let began = Instant::now();
    let whole = read(&Control::new()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let time = began.elapsed();
    let at_once = Control::new();
    at_once.cancel();
    assert_eq!(read(&at_once).err().map(|error| error.code), Some(Code::Aborted), "{name}");
    for moment in 0..12 {
        let control = Control::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep((time * moment / 12).min(Duration::from_secs(1)));
                control.cancel();
            });
            match read(&control) {
                Ok(read) => assert!(read == whole, "{name}: something else was read"),
                Err(error) => assert_eq!(error.code, Code::Aborted, "{name}: {}", error.message),
            }
        });
    }
}

#[test]
fn every_format_ends_when_it_is_told_to() {
    let csv = long(|model, id, value| format!("{model},{id},{value}\n"));
    let csv = [b"model,id,logprob\n", &csv[..]].concat();
    let jsonl = long(|model, id, value| format!("{{\"model\":\"{model}\",\"id\":\"{id}\",\"logprob\":{value}}}\n"));
    let list = String::from_utf8(jsonl.clone()).unwrap().trim_end().replace('\n', ",");
    let bzip2 = |bytes: &[u8]| {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let xz = |bytes: &[u8]| {
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let files = [
        ("wide.csv", wide(',')),
        ("wide.tsv", wide('\t')),
        ("long.csv", csv.clone()),
        ("rows.jsonl", jsonl),
        ("list.json", format!("[{list}]").into_bytes()),
        ("matrix.npy", npy()),
        ("matrix.npz", zip_of("log_probs.npy", &npy())),
        ("matrix.safetensors", safetensors()),
        ("member.zip", zip_of("long.csv", &csv)),
        ("long.csv.gz", gzip(&csv)),
        ("long.csv.bz2", bzip2(&csv)),
        ("long.csv.xz", xz(&csv)),
        ("long.csv.zst", zstd::bulk::compress(&csv, 1).unwrap()),
        ("matrix.npy.gz", gzip(&npy())),
    ];
    let options = super::score_options("");
    for (name, bytes) in files {
        let path = folder().join(name);
        std::fs::write(&path, bytes).unwrap();
        for workers in [Workers::sequential(), Workers::new(Some(2)).unwrap()] {
            stopped(name, |control| {
                let input = InputFile { path: path.display().to_string(), shown: None, model: None };
                let read = read_scores(&[input], options.clone(), false, &workers, control)?;
                let matrix = read.log_probs.unwrap();
                Ok((0..MODELS).map(|model| matrix.row_f64(model)).collect::<Vec<_>>())
            });
        }
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn tables_in_columns_end_when_they_are_told_to() {
    struct Rows(usize);
    impl Sink for Rows {
        fn late_column(&mut self, _: &str, _: u64, _: bool) -> Result<Option<Kind>> {
            Ok(None)
        }

        fn batch(&mut self, batch: &Batch) -> Result<()> {
            self.0 += batch.rows;
            Ok(())
        }
    }
    let rows = 150_000;
    let column = || levels(&vec![0; rows], &vec![1; rows], (0, 1));
    let wide = parquet("abort", rows, &[("a", 1, 0), ("b", 1, 0)], &[column(), column()]);
    // A stream of many batches: those of a small one over and over, between its schema and its end.
    let fixture = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../__test__/fixtures/tables/none.arrows"));
    let small = std::fs::read(fixture).unwrap();
    let schema = 8 + u32::from_le_bytes(small[4..8].try_into().unwrap()) as usize;
    let (schema, batches) = small[..small.len() - 8].split_at(schema);
    let stream = folder().join("many.arrows");
    std::fs::write(&stream, [schema, &batches.repeat(400), &small[small.len() - 8..]].concat()).unwrap();
    for path in [wide, stream] {
        for workers in [Workers::sequential(), Workers::new(Some(2)).unwrap()] {
            stopped(&path.display().to_string(), |control| {
                let mut table = open_table(&path, control)?;
                let mut rows = Rows(0);
                table.scan(&vec![Some(Kind::Any); table.columns().len()], &mut rows, &workers, control)?;
                Ok(rows.0)
            });
        }
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn long_lists_come_a_few_rows_at_a_time() {
    #[derive(Default)]
    struct Most(usize, usize);
    impl Sink for Most {
        fn late_column(&mut self, _: &str, _: u64, _: bool) -> Result<Option<Kind>> {
            Ok(None)
        }

        fn batch(&mut self, batch: &Batch) -> Result<()> {
            (self.0, self.1) = (self.0.max(batch.rows), self.1 + batch.rows);
            Ok(())
        }
    }
    let (rows, length) = (3000, 400);
    let begins: Vec<u8> = (0..rows * length).map(|value| u8::from(value % length > 0)).collect();
    let path = parquet("long-lists", rows, &[("values", 2, 0)], &[levels(&begins, &vec![1; rows * length], (1, 1))]);
    let mut table = open_table(&path, &Control::new()).unwrap();
    let mut most = Most::default();
    table.scan(&[Some(Kind::List)], &mut most, &Workers::sequential(), &Control::new()).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(most.1, rows);
    assert!(most.0 * length <= 1 << 17, "{} rows of {length} values at once", most.0);
}
