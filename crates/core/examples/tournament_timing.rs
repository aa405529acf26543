//! Times the tournament on a matrix of one's own: every instruction set, precisions, several N, threads, the winner.
//!
//! `cargo run --release -p coverage-principle-core --example tournament_timing -- matrix.npy [REPEATS]`, where the file
//! holds little-endian float32 in C order, models in rows. Prints the least of REPEATS (default 5) in milliseconds.

#![expect(clippy::print_stdout, reason = "a program that reports to its user")]

use std::time::Instant;

use coverage_principle_core::tournament::{Ratios, counts_using, select_winner, tournament};
use coverage_principle_core::{Control, Isa, LogProbs, Workers};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give a .npy file")?;
    let repeats: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let rows = read(&path)?;
    let (models, responses) = (rows.len(), rows[0].len());
    println!("{models} models, {responses} responses");
    let double = LogProbs::from_f64(rows.iter().map(|row| row.iter().copied().map(f64::from).collect()).collect())?;
    let single = LogProbs::from_f32(rows)?;
    let pairs = (models * (models - 1) / 2 * responses) as f64;

    let one = Ratios::new(&[4.0])?;
    let eight = Ratios::new(&[4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0])?;
    for (name, log_probs, budgets, threads) in [
        ("f32, one N", &single, &one, 1),
        ("f64, one N", &double, &one, 1),
        ("f32, eight N", &single, &eight, 1),
        ("f32, one N, two threads", &single, &one, 2),
    ] {
        let workers = Workers::new(Some(threads))?;
        for instructions in Isa::available() {
            let least =
                least_ms(repeats, || counts_using(instructions, log_probs, budgets, &workers, &Control::new()))?;
            println!("{name}, {instructions:?}: {least:.2} ms, {:.2} pair elements/ns", pairs / least / 1e6);
        }
    }
    let four = Ratios::new(&[2.0, 4.0, 16.0, 64.0])?;
    let workers = Workers::new(Some(1))?;
    let least = least_ms(repeats, || counts_using(Isa::best(), &single, &four, &workers, &Control::new()))?;
    println!("f32, N = 2, 4, 16, 64, counts: {least:.2} ms");
    let least = least_ms(repeats, || tournament(&single, &four, &workers, &Control::new()))?;
    println!("f32, N = 2, 4, 16, 64, with reaches: {least:.2} ms");
    for n in [4.0, 16.0, 64.0] {
        let budgets = Ratios::new(&[n])?;
        for threads in [1, 2] {
            let workers = Workers::new(Some(threads))?;
            let winner = &select_winner(&single, &budgets, &workers, &Control::new())?[0];
            let least = least_ms(repeats, || select_winner(&single, &budgets, &workers, &Control::new()))?;
            println!(
                "winner at N = {n}, {threads} threads: {least:.2} ms, model {}, score {}, pairs {:.3}%, elements {:.3}%",
                winner.winner,
                winner.score_count,
                100.0 * winner.pairs_looked_at as f64 / winner.pairs_total as f64,
                100.0 * winner.elements_looked_at as f64 / winner.elements_total as f64,
            );
        }
    }
    Ok(())
}

fn least_ms<T>(
    repeats: usize,
    run: impl Fn() -> coverage_principle_core::Result<T>,
) -> coverage_principle_core::Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..repeats {
        let start = Instant::now();
        std::hint::black_box(run()?);
        least = least.min(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(least)
}

fn read(path: &str) -> Result<Vec<Vec<f32>>, Failure> {
    let bytes = std::fs::read(path)?;
    let header_len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + header_len])?;
    let columns = header.split("'shape': (").nth(1).and_then(|rest| rest.split([',', ')']).nth(1));
    let columns: usize = columns.ok_or("no shape")?.trim().parse()?;
    if !header.contains("'<f4'") || !header.contains("'fortran_order': False") {
        return Err(format!("want little-endian float32 in C order, not {header}").into());
    }
    let values: Vec<f32> =
        bytes[10 + header_len..].as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
    Ok(values.chunks_exact(columns).map(<[f32]>::to_vec).collect())
}
