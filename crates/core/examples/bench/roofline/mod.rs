//! What this machine can do at most, measured: comparisons, arithmetic and memory traffic per second.
//!
//! Each figure is the best of several short runs of the plainest loop that does nothing else, on data that lies where
//! the figure says. A kernel that does better than its roof has found a way to do less work, not a faster machine.

mod arithmetic;
mod compares;
mod traffic;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde::Serialize;

/// One measured limit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Roof {
    /// What is counted: `compares-f32` (pairs of elements, one subtraction and both comparisons), `flops-f64`
    /// (additions and multiplications), `bytes-512K` (read, from that much memory), …
    name: String,
    /// Instruction set: `avx512`, `avx2` or `portable` (what the compiler makes of plain loops for the baseline).
    instructions: &'static str,
    /// Threads that ran at once, each on data of its own.
    threads: usize,
    /// How many a second, over all threads.
    per_second: f64,
}

/// A loop to measure: runs once over its data and returns how many units that was.
pub(crate) type Loop = Box<dyn FnMut() -> f64 + Send>;

/// A loop by name, made anew for every thread.
pub(crate) struct Subject {
    name: String,
    instructions: &'static str,
    make: fn(bytes: usize) -> Loop,
    bytes: usize,
}

/// Measures all limits at one thread and at all threads of the machine.
pub(crate) fn measure(quick: bool) -> Vec<Roof> {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let mut numbers_of_threads = vec![1];
    numbers_of_threads.extend([2, all].into_iter().filter(|&threads| threads > 1 && threads <= all));
    numbers_of_threads.dedup();
    let time = Duration::from_millis(if quick { 10 } else { 60 });
    let repeats = if quick { 2 } else { 7 };
    let subjects: Vec<Subject> =
        [compares::subjects(), arithmetic::subjects(), traffic::subjects(quick)].into_iter().flatten().collect();
    let mut roofs = Vec::new();
    for &threads in &numbers_of_threads {
        for subject in &subjects {
            let per_second = (0..repeats).map(|_| rate(subject, threads, time)).fold(0.0, f64::max);
            let Subject { name, instructions, .. } = subject;
            roofs.push(Roof { name: name.clone(), instructions, threads, per_second });
        }
    }
    roofs
}

/// Units a second that `threads` copies of the loop do together, each on its own data, started at once.
fn rate(subject: &Subject, threads: usize, time: Duration) -> f64 {
    let barrier = Barrier::new(threads);
    let one = || {
        let mut run = (subject.make)(subject.bytes);
        // Faults in the pages, fills the caches, wakes the wide units.
        run();
        barrier.wait();
        let start = Instant::now();
        let mut units = 0.0;
        while start.elapsed() < time {
            units += run();
        }
        units / start.elapsed().as_secs_f64()
    };
    if threads == 1 {
        return one();
    }
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        // A panic of a thread is a fault of this program; the sum of the others would be a wrong figure.
        runs.into_iter().map(|run| run.join().unwrap_or(f64::NAN)).sum()
    })
}
