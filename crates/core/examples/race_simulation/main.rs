//! Races by simulation: how often the model taken is wrong, and how much is scored, beside the plain method.
//!
//! `cargo run --release -p coverage-principle-core --example race_simulation -- [--runs 2000] [--only TEXT] MATRIX.npy…`:
//! the files hold little-endian float64 in C order, models in rows. Prints the table of docs/racing.md, a row a cell. Seeds
//! are fixed.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod prototype;

use coverage_principle_core::race::{Race, RaceOptions, RaceVerdict};
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::statistics::log_n;
use coverage_principle_core::{Control, Workers};
use prototype::Prototype;

type Failure = Box<dyn std::error::Error>;

const DELTA: f64 = 0.05;

/// Pairs asked for at once, as by a scorer with so many requests in flight.
const IN_FLIGHT: usize = 64;

/// One list of log-probabilities, and what is asked of it.
struct Cell<'a> {
    name: String,
    rows: &'a [Vec<f64>],
    n: f64,
    tolerance: f64,
}

/// What came of the runs of a cell.
#[derive(Clone, Copy, Default)]
struct Tally {
    runs: f64,
    wrong: f64,
    share: f64,
    shares_squared: f64,
}

impl Tally {
    fn add(&mut self, wrong: bool, share: f64) {
        self.runs += 1.0;
        self.wrong += f64::from(u8::from(wrong));
        self.share += share;
        self.shares_squared += share * share;
    }

    fn cells(&self) -> String {
        let mean = self.share / self.runs;
        format!("{:.4} | {mean:.3}", self.wrong / self.runs)
    }
}

fn main() -> Result<(), Failure> {
    let (mut runs, mut plain_runs, mut only, mut files) = (2000, 200, None, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--runs" => runs = value()?.parse()?,
            "--plain-runs" => plain_runs = value()?.parse()?,
            "--only" => only = Some(value()?),
            _ => files.push(argument),
        }
    }
    println!("| list | M | n | N | within | wrong | scored | plain: wrong | scored |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for file in &files {
        let name = std::path::Path::new(file).file_stem().and_then(|name| name.to_str()).unwrap_or(file);
        let rows = read(file)?;
        let mut lists = vec![(name.to_owned(), rows.clone())];
        if rows.len() == 10 {
            lists.push((format!("{name} interpolated"), between(&rows, 100)));
            lists.push((format!("{name} drawn"), drawn(&rows, 20_000)));
            lists.push((format!("{name} interpolated, drawn"), drawn(&between(&rows, 100), 20_000)));
        }
        for (name, rows) in &lists {
            for n in [2.0, 3.3, 4.0, 16.0] {
                for tolerance in [0.0, 0.01, 0.02] {
                    let cell = Cell { name: name.clone(), rows, n, tolerance };
                    let key = format!("{name} M={} n={} N={n} e={tolerance}", rows.len(), rows[0].len());
                    if only.as_ref().is_none_or(|only| key.contains(only.as_str())) {
                        simulate(&cell, runs, plain_runs)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Runs one cell and prints its row.
fn simulate(cell: &Cell<'_>, runs: u64, plain_runs: u64) -> Result<(), Failure> {
    let (models, responses) = (cell.rows.len(), cell.rows[0].len());
    let scores = scores(cell.rows, log_n(cell.n));
    let least = scores.iter().copied().min().unwrap_or(0) as f64;
    let tolerance = cell.tolerance * responses as f64;
    let is_wrong = |model: usize| scores[model] as f64 > least + tolerance;
    let (mut race, mut plain) = (Tally::default(), Tally::default());
    let mut prototype = Prototype::new(responses, models, DELTA);
    for seed in 0..runs {
        let (winner, share) = one_race(cell, seed)?;
        race.add(is_wrong(winner), share);
        if seed < plain_runs {
            let mut order: Vec<u32> = (0..u32::try_from(responses)?).collect();
            Stream::new(seed, Purpose::Race, 0).shuffle(&mut order);
            let outcome = prototype.run(cell.rows, &order, log_n(cell.n), tolerance);
            plain.add(is_wrong(outcome.winner), outcome.share);
        }
    }
    let deviation = (race.shares_squared / race.runs - (race.share / race.runs).powi(2)).max(0.0).sqrt();
    println!(
        "| {} | {models} | {responses} | {} | {} | {} ± {deviation:.3} | {} |",
        cell.name,
        cell.n,
        cell.tolerance,
        race.cells(),
        plain.cells()
    );
    Ok(())
}

/// One race to its end: the model taken, and the share of all pairs that were scored.
fn one_race(cell: &Cell<'_>, seed: u64) -> Result<(usize, f64), Failure> {
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
        (_, Some(winner)) => Ok((winner as usize, state.share)),
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
