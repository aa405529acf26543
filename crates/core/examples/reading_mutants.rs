//! Reads mutants of files and watches: each must be read or refused within two seconds, without a panic and in bounded
//! memory.
//!
//! `cargo run -p coverage-principle-core --example reading_mutants -- [--count 100000] [--seed 1] [--threads 2]
//! [--keep DIR --every 50] FILE…`
//!
//! Mutant i is a function of the seed, i and the files alone. What fails is written to the folder that `--keep` names (the
//! working directory if none), and so is, of every so many, what was accepted and is not as its original, beside
//! `values.jsonl`: `fuzz/compare.py` asks NumPy, PyArrow and Python's `json` and `csv` whether they see the same.

#![expect(clippy::print_stdout, reason = "a program that reports to its user")]

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coverage_principle_core::files::json::Json;
use coverage_principle_core::files::table::{Batch, Column, Kind, Sink};
use coverage_principle_core::files::{CountOptions, InputFile, ScoreOptions, open_table, read_counts, read_scores};
use coverage_principle_core::{Code, Control, LogProbs, Workers};

type Failure = Box<dyn std::error::Error>;

/// Time of its own that one mutant may take, in hundredths of a second, and the time that may pass meanwhile.
const MOST_TICKS: u64 = 200;
const MOST_WAIT: Duration = Duration::from_secs(120);

/// Memory of the process in KiB.
const MOST_MEMORY: u64 = 1 << 20;

/// What texts are spliced with.
const WORDS: [&str; 24] = [
    "\"",
    ",",
    "\t",
    "\n",
    "\r\n",
    "{",
    "}",
    "[",
    "]",
    ":",
    "null",
    "NaN",
    "-inf",
    "1e999",
    "-0",
    "\\u0000",
    "\\",
    "\"\"",
    "é",
    "__proto__",
    "id",
    "-9999.0",
    "9007199254740993",
    " ",
];

const SCORES: &str = r#"{"format": null, "transpose": false, "negate": false, "join": "exact", "ignoreHashes": false,
    "keepClamped": false, "promptTokens": null, "responseTokens": null, "filter": null, "columns": {}}"#;
const COUNTS: &str = r#"{"format": null, "transpose": false, "join": "exact", "tests": "plus", "samples": 16,
    "metric": null, "filter": null, "columns": {}}"#;

struct Settings {
    count: u64,
    seed: u64,
    threads: usize,
    keep: Option<PathBuf>,
    every: u64,
}

struct Seed {
    name: String,
    bytes: Vec<u8>,
    read: Option<Read>,
}

/// What is in a file.
#[derive(PartialEq)]
struct Read {
    models: Vec<String>,
    responses: Option<Vec<String>>,
    /// The bits of the values, model by model.
    bits: Vec<Vec<u64>>,
    /// Of a table of columns: its columns, value by value, as JSON in which texts begin with `$` and numbers are texts that
    /// begin with `#`; else `null`.
    columns: String,
}

/// What one thread is at.
#[derive(Default)]
struct Watch {
    index: AtomicU64,
    thread: AtomicU64,
    over: AtomicU64,
}

#[derive(Default)]
struct Totals {
    read: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
    failed: AtomicU64,
}

fn main() -> Result<(), Failure> {
    let (settings, files) = arguments()?;
    std::panic::set_hook(Box::new(|_| {}));
    let folder = std::env::temp_dir().join(format!("coverage-mutants-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut seeds = Vec::new();
    for file in &files {
        let name = Path::new(file).file_name().ok_or("a file has no name")?.to_string_lossy().into_owned();
        let read = read(file).ok().flatten();
        seeds.push(Seed { name, bytes: std::fs::read(file)?, read });
    }
    let kept = match &settings.keep {
        None => None,
        Some(keep) => {
            std::fs::create_dir_all(keep)?;
            Some(Mutex::new(std::fs::File::create(keep.join("values.jsonl"))?))
        }
    };
    let (totals, next, began) = (Totals::default(), AtomicU64::new(0), Instant::now());
    let watches: Vec<Watch> = (0..settings.threads).map(|_| Watch::default()).collect();
    std::thread::scope(|scope| {
        for (number, watch) in watches.iter().enumerate() {
            let (settings, seeds, totals, next, kept) = (&settings, &seeds, &totals, &next, &kept);
            let folder = folder.join(number.to_string());
            scope.spawn(move || worker(settings, seeds, &folder, watch, totals, next, kept.as_ref()));
        }
        scope.spawn(|| watchdog(&settings, &seeds, &watches));
    });
    std::fs::remove_dir_all(&folder)?;
    let count = |total: &AtomicU64| total.load(Ordering::Relaxed);
    let memory = memory();
    println!(
        "{} mutants of {} files in {:.0} s: {} read ({} of them as something else than the original), {} refused, {} failed, at most {} MiB",
        settings.count,
        seeds.len(),
        began.elapsed().as_secs_f64(),
        count(&totals.read),
        count(&totals.other),
        count(&totals.refused),
        count(&totals.failed),
        memory >> 10
    );
    if count(&totals.failed) > 0 || memory > MOST_MEMORY { Err("there were failures".into()) } else { Ok(()) }
}

fn arguments() -> Result<(Settings, Vec<String>), Failure> {
    let mut settings = Settings { count: 100_000, seed: 1, threads: 2, keep: None, every: 1 };
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if !argument.starts_with("--") {
            files.push(argument);
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
        match argument.as_str() {
            "--count" => settings.count = value.parse()?,
            "--seed" => settings.seed = value.parse()?,
            "--threads" => settings.threads = value.parse()?,
            "--every" => settings.every = value.parse()?,
            "--keep" => settings.keep = Some(value.into()),
            _ => return Err(format!("there is no {argument}").into()),
        }
    }
    if files.is_empty() { Err("give files to make mutants of".into()) } else { Ok((settings, files)) }
}

/// Whole numbers that depend on the seed and the mutant alone (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % most.max(1) as u64) as usize
    }
}

/// A few bytes changed, half of them near the end, where the metadata of many formats is; of text, also words put in, and
/// parts left out or repeated; or a cut.
fn mutant(seeds: &[Seed], seed: u64, index: u64) -> (&Seed, Vec<u8>) {
    let mut random = Random(seed.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ index.wrapping_mul(0xff51_afd7_ed55_8ccd));
    let original = &seeds[random.below(seeds.len())];
    let mut bytes = original.bytes.clone();
    let text = std::str::from_utf8(&bytes).is_ok();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let near = if random.below(2) == 0 { bytes.len().min(3000) } else { bytes.len() };
        let at = bytes.len() - 1 - random.below(near);
        let until = (at + 1 + random.below(40)).min(bytes.len());
        match random.below(if text { 9 } else { 6 }) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.below(256) as u8,
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x2c, 0x0a][random.below(8)],
            3 => bytes[at] = bytes[at].wrapping_add(1),
            4 if random.below(8) == 0 => bytes.truncate(at.max(1)),
            5 if random.below(8) == 0 => {
                let part = bytes[at..until].to_vec();
                bytes.splice(at..at, part);
            }
            6 => _ = bytes.splice(at..at, WORDS[random.below(WORDS.len())].bytes()),
            7 => _ = bytes.drain(at..until),
            8 => {
                let part = bytes[at..until].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
            _ => bytes[at] = bytes[at].wrapping_sub(1),
        }
    }
    (original, bytes)
}

fn worker(
    settings: &Settings,
    seeds: &[Seed],
    folder: &Path,
    watch: &Watch,
    totals: &Totals,
    next: &AtomicU64,
    kept: Option<&Mutex<std::fs::File>>,
) {
    let thread = std::fs::read_link("/proc/thread-self").ok();
    let number = thread.and_then(|path| path.file_name()?.to_str()?.parse().ok());
    watch.thread.store(number.unwrap_or(0), Ordering::Relaxed);
    std::fs::create_dir_all(folder).expect("a folder for mutants");
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= settings.count {
            break;
        }
        watch.index.store(index + 1, Ordering::Relaxed);
        let (original, bytes) = mutant(seeds, settings.seed, index);
        let file = folder.join(&original.name);
        std::fs::write(&file, &bytes).expect("a place for mutants");
        let path = file.display().to_string();
        match catch_unwind(AssertUnwindSafe(|| read(&path))) {
            Ok(Ok(Some(read))) => {
                totals.read.fetch_add(1, Ordering::Relaxed);
                if original.read.as_ref() != Some(&read) {
                    let other = totals.other.fetch_add(1, Ordering::Relaxed);
                    if let (Some(kept), Some(folder), 0) = (kept, &settings.keep, other % settings.every) {
                        let name = format!("{index}-{}", original.name);
                        std::fs::write(folder.join(&name), &bytes).expect("a place for mutants");
                        let Read { models, responses, bits, columns } = read;
                        let row =
                            serde_json::json!({ "file": name, "models": models, "responses": responses, "bits": bits });
                        let line = format!("{{\"read\": {row}, \"columns\": {columns}}}\n");
                        kept.lock().expect("no thread panics").write_all(line.as_bytes()).expect("a place for values");
                    }
                }
            }
            Ok(Ok(None)) => _ = totals.refused.fetch_add(1, Ordering::Relaxed),
            Ok(Err(error)) => fail(settings, totals, original, &bytes, index, &error),
            Err(panic) => {
                let message = panic.downcast_ref::<String>().map_or("panicked", String::as_str);
                fail(settings, totals, original, &bytes, index, message);
            }
        }
    }
    watch.over.store(1, Ordering::Relaxed);
}

fn fail(settings: &Settings, totals: &Totals, original: &Seed, bytes: &[u8], index: u64, what: &str) {
    totals.failed.fetch_add(1, Ordering::Relaxed);
    println!("mutant {index} of {}: {what}", original.name);
    let folder = settings.keep.clone().unwrap_or_default();
    let _ = std::fs::write(folder.join(format!("failed-{}-{index}-{}", settings.seed, original.name)), bytes);
}

/// Ends the process once a mutant takes too long, by the clock of its thread: the machine may be busy with other things.
fn watchdog(settings: &Settings, seeds: &[Seed], watches: &[Watch]) {
    let ticks = |watch: &Watch| {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", watch.thread.load(Ordering::Relaxed)));
        let fields: Vec<u64> =
            stat.unwrap_or_default().split(' ').skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
        fields.iter().sum::<u64>()
    };
    let mut since: Vec<(u64, u64, Instant)> = watches.iter().map(|_| (0, 0, Instant::now())).collect();
    while !watches.iter().all(|watch| watch.over.load(Ordering::Relaxed) == 1) {
        std::thread::sleep(Duration::from_millis(100));
        for (watch, since) in watches.iter().zip(&mut since) {
            // In this order: a watchdog that has to wait for a processor in between sees a later mutant.
            let (ticks, passed) = (ticks(watch), since.2.elapsed());
            let index = watch.index.load(Ordering::Relaxed);
            if index != since.0 || watch.over.load(Ordering::Relaxed) == 1 {
                *since = (index, ticks, Instant::now());
            } else if index > 0 && (ticks.saturating_sub(since.1) > MOST_TICKS || passed > MOST_WAIT) {
                let (original, bytes) = mutant(seeds, settings.seed, index - 1);
                fail(settings, &Totals::default(), original, &bytes, index - 1, "hangs");
                std::process::exit(1);
            }
        }
    }
}

/// What is in a file, read in every way; `None` if it is refused as scores.
fn read(path: &str) -> Result<Option<Read>, String> {
    let mut read = scores(path)?;
    counts(path)?;
    let columns = columns(Path::new(path))?;
    if let (Some(read), Some(columns)) = (&mut read, columns) {
        read.columns = columns;
    }
    Ok(read)
}

fn scores(path: &str) -> Result<Option<Read>, String> {
    let options: ScoreOptions = serde_json::from_str(SCORES).map_err(|error| error.to_string())?;
    let workers = Workers::sequential();
    let read = read_scores(&input(path), options.clone(), false, &workers, &Control::new());
    let all = typed(read_scores(&input(path), options, true, &workers, &Control::new()))?;
    let Some(read) = typed(read)? else { return Ok(None) };
    let Some(matrix) = read.log_probs else { return Ok(None) };
    if all.is_none_or(|all| all.log_probs.is_none()) {
        return Err("is read, and refused where errors are collected".to_owned());
    }
    let rows: Vec<Vec<f64>> = (0..matrix.models()).map(|model| matrix.row_f64(model)).collect();
    if !rows.iter().flatten().all(|value| *value <= LogProbs::POSITIVE_TOLERANCE) {
        return Err("has values that are no log-probabilities".to_owned());
    }
    let bits = rows.iter().map(|row| row.iter().map(|value| value.to_bits()).collect()).collect();
    Ok(Some(Read {
        models: read.models,
        responses: read.response_ids.map(|ids| ids.iter().map(str::to_owned).collect()),
        bits,
        columns: "null".to_owned(),
    }))
}

fn counts(path: &str) -> Result<(), String> {
    let options: CountOptions = serde_json::from_str(COUNTS).map_err(|error| error.to_string())?;
    let read = typed(read_counts(&input(path), options, false, &Workers::sequential(), &Control::new()))?;
    let Some(counts) = read.and_then(|read| read.counts) else { return Ok(()) };
    let both = counts.samples.iter().flatten().zip(counts.correct.iter().flatten());
    if both.into_iter().all(|(samples, correct)| correct <= samples) {
        Ok(())
    } else {
        Err("has more right samples than samples".to_owned())
    }
}

/// Every column of a table of columns, read as every kind; what it holds as whatever it is.
fn columns(path: &Path) -> Result<Option<String>, String> {
    struct All {
        equal: bool,
        values: Vec<serde_json::Value>,
    }
    impl Sink for All {
        fn late_column(&mut self, _: &str, _: u64, _: bool) -> coverage_principle_core::Result<Option<Kind>> {
            Ok(None)
        }

        fn batch(&mut self, batch: &Batch) -> coverage_principle_core::Result<()> {
            self.equal &= batch.columns.iter().all(|column| column.len() == batch.rows);
            for (column, all) in batch.columns.iter().zip(&mut self.values) {
                if let (Column::Values(values), serde_json::Value::Array(all)) = (column, all) {
                    all.extend(values.iter().map(plain));
                }
            }
            Ok(())
        }
    }
    if !path.extension().is_some_and(|extension| extension == "parquet" || extension == "arrow") {
        return Ok(None);
    }
    let control = Control::new();
    let mut content = None;
    for kind in [Kind::Any, Kind::Number, Kind::Text, Kind::List] {
        let Some(mut table) = typed(open_table(path, &control))? else { return Ok(None) };
        let names = table.columns().to_vec();
        let mut all = All { equal: true, values: vec![serde_json::Value::Array(Vec::new()); names.len()] };
        let read = typed(table.scan(&vec![Some(kind); names.len()], &mut all, &Workers::sequential(), &control))?;
        if !all.equal {
            return Err("has columns of different lengths".to_owned());
        }
        if kind == Kind::Any && read.is_some() {
            let columns = names.into_iter().map(serde_json::Value::String).zip(all.values);
            content = Some(columns.map(|(name, values)| vec![name, values]).collect::<Vec<_>>());
        }
    }
    content.map(|content| serde_json::to_string(&content).map_err(|error| error.to_string())).transpose()
}

fn plain(value: &Json<'_>) -> serde_json::Value {
    match value {
        Json::Null => serde_json::Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Number(digits) => format!("#{digits}").into(),
        Json::Text(text) => format!("${text}").into(),
        Json::List(values) => values.iter().map(plain).collect(),
        Json::Object(entries) => entries.iter().map(|(key, value)| (key.to_string(), plain(value))).collect(),
    }
}

fn input(path: &str) -> [InputFile; 1] {
    [InputFile { path: path.to_owned(), shown: None, model: None }]
}

/// What was read; `None` for an error that a file deserves.
fn typed<T>(result: coverage_principle_core::Result<T>) -> Result<Option<T>, String> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code == Code::Internal => Err(error.into_fault().message),
        Err(_) => Ok(None),
    }
}

/// The most memory that the process had, in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let entry = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    entry.and_then(|entry| entry.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
