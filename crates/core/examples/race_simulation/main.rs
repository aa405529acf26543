//! Races by simulation: how often the model taken is wrong, and how much is scored, beside the plain method.
//!
//! `cargo run --release -p coverage-principle-core --example race_simulation -- [options] MATRIX.npy…`: the files hold
//! little-endian float64 in C order, models in rows. Prints the table of docs/racing.md, a row a cell; seeds are fixed.
//!
//! - `--runs 2000`, `--plain-runs 200`: races of a cell, and how many of their orders the plain method is run on.
//! - `--only TEXT`: the cells whose key (`olmo drawn M=10 n=20000 N=4 e=0.01`, say) holds the text; may be given again.
//! - `--log FILE`: outcomes are appended to it, and what it holds is not run again: so a simulation can be cut in parts, and
//!   the logs of several machines be joined.
//! - `--seconds S`: nothing is begun after so long, and the table is of what there is.
//! - `--threads T`: races at once; by default as many as there are cores.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod outcomes;
mod prototype;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use coverage_principle_core::race::{Race, RaceOptions, RaceVerdict};
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::statistics::log_n;
use coverage_principle_core::{Control, Workers};
use outcomes::{Method, Outcome, Outcomes};
use prototype::Prototype;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const DELTA: f64 = 0.05;

/// Pairs asked for at once, as by a scorer with so many requests in flight.
const IN_FLIGHT: usize = 64;

/// Orders that the plain method goes through at once: it keeps the limits it has found.
const PLAIN_AT_ONCE: u64 = 10;

const FAILED: &str = "a thread has failed";

/// One list of log-probabilities, and what is asked of it.
struct Cell<'a> {
    name: &'a str,
    rows: &'a [Vec<f64>],
    n: f64,
    tolerance: f64,
    /// The scores over the whole list.
    scores: Vec<usize>,
}

impl Cell<'_> {
    fn key(&self) -> String {
        let (models, responses) = (self.rows.len(), self.rows[0].len());
        format!("{} M={models} n={responses} N={} e={}", self.name, self.n, self.tolerance)
    }

    /// Responses by which a score may exceed the least.
    fn tolerated(&self) -> f64 {
        self.tolerance * self.rows[0].len() as f64
    }

    fn outcome(&self, winner: usize, share: f64) -> Outcome {
        let least = self.scores.iter().copied().min().unwrap_or(0) as f64;
        Outcome { is_wrong: self.scores[winner] as f64 > least + self.tolerated(), share }
    }
}

/// What one thread does at a time: some orders of one cell.
struct Task {
    cell: usize,
    method: Method,
    seeds: Vec<u64>,
}

struct Arguments {
    runs: u64,
    plain_runs: u64,
    only: Vec<String>,
    log: Option<String>,
    until: Option<Instant>,
    threads: usize,
    files: Vec<String>,
}

impl Arguments {
    fn read() -> Result<Self, Failure> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut read =
            Self { runs: 2000, plain_runs: 200, only: Vec::new(), log: None, until: None, threads, files: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--runs" => read.runs = value()?.parse()?,
                "--plain-runs" => read.plain_runs = value()?.parse()?,
                "--only" => read.only.push(value()?),
                "--log" => read.log = Some(value()?),
                "--seconds" => read.until = Some(Instant::now() + Duration::from_secs_f64(value()?.parse()?)),
                "--threads" => read.threads = value()?.parse()?,
                option if option.starts_with("--") => return Err(format!("there is no option {option}").into()),
                _ => read.files.push(argument),
            }
        }
        Ok(read)
    }

    fn is_wanted(&self, key: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| key.contains(only.as_str()))
    }
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read()?;
    let mut lists = Vec::new();
    for file in &arguments.files {
        let name = std::path::Path::new(file).file_stem().and_then(|name| name.to_str()).unwrap_or(file);
        let rows = read(file)?;
        if rows.len() == 10 {
            lists.push((format!("{name} interpolated"), between(&rows, 100)));
            lists.push((format!("{name} drawn"), drawn(&rows, 20_000)));
            lists.push((format!("{name} interpolated, drawn"), drawn(&between(&rows, 100), 20_000)));
        }
        lists.push((name.to_owned(), rows));
    }
    let mut cells = Vec::new();
    for (name, rows) in &lists {
        for n in [2.0, 3.3, 4.0, 16.0] {
            for tolerance in [0.0, 0.01, 0.02] {
                let mut cell = Cell { name, rows, n, tolerance, scores: Vec::new() };
                if arguments.is_wanted(&cell.key()) {
                    cell.scores = scores(rows, log_n(n));
                    cells.push(cell);
                }
            }
        }
    }
    let keys = cells.iter().map(Cell::key).collect();
    let known = Outcomes::open(keys, arguments.log.as_deref())?;
    let tasks = tasks(&cells, &arguments, &known);
    let outcomes = Mutex::new(known);
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), Failure> {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if arguments.until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            let found = task.run(&cells[task.cell])?;
            outcomes.lock().map_err(|_| FAILED)?.add(task.cell, task.method, &found)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.max(1)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(FAILED.into())))
    })?;
    println!("{}", outcomes.into_inner().map_err(|_| FAILED)?.table());
    Ok(())
}

/// All that is left to do: races by seed first, so that all cells are equally far whenever it ends.
fn tasks(cells: &[Cell<'_>], arguments: &Arguments, known: &Outcomes) -> Vec<Task> {
    let left = |cell: usize, method, seeds: std::ops::Range<u64>| {
        let seeds: Vec<u64> = seeds.filter(|&seed| !known.has(cell, method, seed)).collect();
        (!seeds.is_empty()).then_some(Task { cell, method, seeds })
    };
    let plain = (0..arguments.plain_runs).step_by(PLAIN_AT_ONCE as usize).flat_map(|from| {
        let until = arguments.plain_runs.min(from + PLAIN_AT_ONCE);
        (0..cells.len()).filter_map(move |cell| left(cell, Method::Plain, from..until))
    });
    let races = (0..arguments.runs)
        .flat_map(|seed| (0..cells.len()).filter_map(move |cell| left(cell, Method::Race, seed..seed + 1)));
    plain.chain(races).collect()
}

impl Task {
    fn run(&self, cell: &Cell<'_>) -> Result<Vec<(u64, Outcome)>, Failure> {
        match self.method {
            Method::Race => self.seeds.iter().map(|&seed| Ok((seed, one_race(cell, seed)?))).collect(),
            Method::Plain => {
                let (models, responses) = (cell.rows.len(), cell.rows[0].len());
                let mut prototype = Prototype::new(responses, models, DELTA);
                let first: Vec<u32> = (0..u32::try_from(responses)?).collect();
                let runs = self.seeds.iter().map(|&seed| {
                    let mut order = first.clone();
                    Stream::new(seed, Purpose::Race, 0).shuffle(&mut order);
                    let (winner, share) = prototype.run(cell.rows, &order, log_n(cell.n), cell.tolerated());
                    (seed, cell.outcome(winner, share))
                });
                Ok(runs.collect())
            }
        }
    }
}

/// One race to its end.
fn one_race(cell: &Cell<'_>, seed: u64) -> Result<Outcome, Failure> {
    let (workers, control) = (Workers::sequential(), Control::new());
    let mut race = Race::new(RaceOptions {
        models: u32::try_from(cell.rows.len())?,
        responses: u32::try_from(cell.rows[0].len())?,
        n: cell.n,
        delta: DELTA,
        tolerance: cell.tolerance,
        settle: false,
        seed,
    })?;
    loop {
        let pairs = race.next(IN_FLIGHT);
        if pairs.is_empty() {
            break;
        }
        let values: Vec<f64> =
            pairs.iter().map(|pair| cell.rows[pair.model as usize][pair.response as usize]).collect();
        race.add(&pairs, &values, &workers, &control)?;
    }
    let state = race.state();
    match (state.verdict, state.winner) {
        (RaceVerdict::Open | RaceVerdict::Unknown, _) | (_, None) => Err("a race ended undecided".into()),
        (_, Some(winner)) => Ok(cell.outcome(winner as usize, state.share)),
    }
}

/// The scores over the whole list.
fn scores(rows: &[Vec<f64>], log_n: f64) -> Vec<usize> {
    let count = |a: &[f64], b: &[f64]| a.iter().zip(b).filter(|(a, b)| *a - *b >= log_n).count();
    rows.iter().map(|b| rows.iter().map(|a| count(a, b)).max().unwrap_or(0)).collect()
}

/// As many models on the lines between neighbours.
fn between(rows: &[Vec<f64>], models: usize) -> Vec<Vec<f64>> {
    (0..models)
        .map(|model| {
            let at = model as f64 * (rows.len() - 1) as f64 / (models - 1) as f64;
            let first = (at.floor() as usize).min(rows.len() - 2);
            let weight = at - first as f64;
            rows[first].iter().zip(&rows[first + 1]).map(|(a, b)| a * (1.0 - weight) + b * weight).collect()
        })
        .collect()
}

/// As many responses drawn from the list with replacement, the same for all models.
fn drawn(rows: &[Vec<f64>], responses: usize) -> Vec<Vec<f64>> {
    let mut stream = Stream::new(1, Purpose::Synthetic, 0);
    let places: Vec<usize> = (0..responses).map(|_| stream.below(rows[0].len() as u64) as usize).collect();
    rows.iter().map(|row| places.iter().map(|&place| row[place]).collect()).collect()
}

fn read(path: &str) -> Result<Vec<Vec<f64>>, Failure> {
    let bytes = std::fs::read(path)?;
    let header_len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + header_len])?;
    let columns = header.split("'shape': (").nth(1).and_then(|rest| rest.split([',', ')']).nth(1));
    let columns: usize = columns.ok_or("no shape")?.trim().parse()?;
    if !header.contains("'<f8'") || !header.contains("'fortran_order': False") {
        return Err(format!("want little-endian float64 in C order, not {header}").into());
    }
    let values: Vec<f64> =
        bytes[10 + header_len..].as_chunks::<8>().0.iter().map(|value| f64::from_le_bytes(*value)).collect();
    Ok(values.chunks_exact(columns).map(<[f64]>::to_vec).collect())
}
