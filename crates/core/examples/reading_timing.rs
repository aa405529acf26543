//! Times the readers on files of one's own, and how soon they stop when told to.
//!
//! `cargo run --release -p coverage-principle-core --example reading_timing -- [--threads T] [--repeats R] [--abort] FILE…`
//! prints, for each file, the least of R (default 3) in milliseconds, the values read, their sum, and the most memory that
//! the process took beyond what it had. With `--abort` it stops the reading at 40 moments spread over its time instead, and
//! prints the longest wait until it was over.

#![expect(clippy::print_stdout, reason = "a program that reports to its user")]

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use coverage_principle_core::files::{InputFile, JoinMode, ScoreColumns, ScoreOptions, ScoresRead, read_scores};
use coverage_principle_core::{Code, Control, Workers};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let (mut threads, mut repeats, mut abort, mut files) = (None, 3, false, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--threads" => threads = Some(arguments.next().ok_or("--threads needs a number")?.parse()?),
            "--repeats" => repeats = arguments.next().ok_or("--repeats needs a number")?.parse()?,
            "--abort" => abort = true,
            _ => files.push(argument),
        }
    }
    let workers = Workers::new(threads)?;
    for file in files {
        let resident = memory("VmRSS:");
        let (mut least, mut read) = (Duration::MAX, None);
        for _ in 0..repeats {
            drop(read.take());
            let start = Instant::now();
            read = Some(scores(&file, &workers, &Control::new())?);
            least = least.min(start.elapsed());
        }
        let (values, sum) = read.as_ref().map_or((0, 0.0), content);
        println!(
            "{file}: {:.1} ms, {values} values, sum {sum}, {} MiB beyond {} MiB of f64",
            least.as_secs_f64() * 1e3,
            memory("VmHWM:").saturating_sub(resident) >> 10,
            (values * 8) >> 20
        );
        drop(read);
        if abort {
            println!("{file}: stopped at the latest after {:.1} ms", longest_wait(&file, &workers, least)?);
        }
    }
    Ok(())
}

fn scores(file: &str, workers: &Workers, control: &Control) -> coverage_principle_core::Result<ScoresRead> {
    let options = ScoreOptions {
        format: None,
        transpose: false,
        negate: false,
        join: JoinMode::Exact,
        ignore_hashes: false,
        keep_clamped: false,
        prompt_tokens: None,
        response_tokens: None,
        filter: None,
        columns: ScoreColumns::default(),
    };
    let input = InputFile { path: file.to_owned(), shown: None, model: None };
    read_scores(&[input], options, false, workers, control)
}

fn content(read: &ScoresRead) -> (usize, f64) {
    let Some(matrix) = &read.log_probs else { return (0, 0.0) };
    let sum = (0..matrix.models()).flat_map(|model| matrix.row_f64(model)).sum();
    (matrix.models() * matrix.responses(), sum)
}

/// The longest time, in milliseconds, from a cancellation to its error.
fn longest_wait(file: &str, workers: &Workers, whole: Duration) -> Result<f64, Failure> {
    let mut longest = Duration::ZERO;
    for moment in 0..40 {
        let control = Control::new();
        let (send, ended) = channel();
        std::thread::scope(|scope| -> Result<(), Failure> {
            scope.spawn(|| {
                let code = scores(file, workers, &control).err().map(|error| error.code);
                // The receiver outlives this thread.
                let _ = send.send((Instant::now(), code));
            });
            std::thread::sleep(whole * moment / 40);
            let told = Instant::now();
            control.cancel();
            let (end, code) = ended.recv()?;
            if code.is_some_and(|code| code != Code::Aborted) {
                return Err("the reading failed".into());
            }
            longest = longest.max(end.saturating_duration_since(told));
            Ok(())
        })?;
    }
    Ok(longest.as_secs_f64() * 1e3)
}

/// An entry of `/proc/self/status` in KiB; 0 where there is none.
fn memory(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let entry = status.lines().find_map(|line| line.strip_prefix(name));
    entry.and_then(|entry| entry.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
