//! How often the hot loops allocate, held against a committed snapshot: a count is exact where a timer is not, and a
//! stray allocation in an inner loop shows as a changed line. What is counted is what more of the same work allocates,
//! so that what is set up around a loop can change freely. `UPDATE_SNAPSHOTS=1 cargo test --lib allocations`
//! writes the file anew.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write;
use std::path::Path;

use coverage_principle_core::linear::train::{Procedure, train};
use coverage_principle_core::linear::{Constraint, Model, Policy, TestTimeModel};
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::tournament::{Ratios, counts_using};
use coverage_principle_core::{Control, Isa, Workers};

use super::hot_loops::{Bootstrap, HORIZON, PROMPTS, features, matrix, responses, training};

/// The system's allocator, counting what the present thread asks for.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count_one() {
    // A thread that is being torn down has no counter any more, and nothing that is counted.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations of `run` on this thread.
fn allocations<T>(run: impl FnOnce() -> T) -> u64 {
    let before = ALLOCATIONS.get();
    let result = run();
    let after = ALLOCATIONS.get();
    drop(result);
    after - before
}

fn tournament_allocations(models: usize, responses: usize, budgets: &[f64]) -> u64 {
    let (matrix, budgets) = (matrix(models, responses), Ratios::new(budgets).unwrap());
    let workers = Workers::sequential();
    // The plain loops, because every machine has them.
    allocations(|| counts_using(Isa::Baseline, &matrix, &budgets, &workers, &Control::new()).unwrap())
}

fn bootstrap_allocations(replicates: u32) -> u64 {
    let bootstrap = Bootstrap::of(8, 500);
    allocations(|| bootstrap.run(replicates))
}

const DIM: usize = 12;

fn training_allocations(procedure: Procedure, batch_size: usize, steps: usize) -> u64 {
    let (task, options) = training(DIM, procedure, batch_size, steps);
    allocations(|| train(task, options, &Workers::sequential(), &Control::new()).unwrap())
}

fn test_time_allocations(count: usize) -> u64 {
    let responses = responses(count);
    let model = Model::new(features(DIM), vec![0.01; DIM]).unwrap();
    let policy = TestTimeModel::new(model, 0.1, Constraint::default()).unwrap();
    allocations(|| policy.log_probs(&responses, &Workers::sequential(), &Control::new()).unwrap())
}

fn sampling_allocations(count: usize) -> u64 {
    let model = Model::new(features(DIM), vec![0.01; DIM]).unwrap();
    let (mut walker, mut stream) = (model.walker(), Stream::new(4, Purpose::Synthetic, 0));
    let mut tokens = Vec::with_capacity(HORIZON);
    allocations(|| {
        for index in 0..count {
            tokens.clear();
            walker.sample(index % PROMPTS, HORIZON, &mut stream, &mut tokens);
        }
    })
}

/// What more of the same allocates: the loop itself, without what is set up around it.
fn further(of: impl Fn(usize) -> u64, from: usize, to: usize) -> u64 {
    of(to) - of(from)
}

#[test]
fn hot_loops_allocate_what_the_snapshot_says() {
    let normalized = Procedure::NormalizedSgd { lambda: Some(0.5) };
    let lines = [
        ("tournament, 49,000 further responses", further(|n| tournament_allocations(16, n, &[16.0]), 1000, 50_000)),
        ("tournament, 48 further models", further(|models| tournament_allocations(models, 1000, &[16.0]), 16, 64)),
        ("bootstrap, 640 further replicates", further(|n| bootstrap_allocations(u32::try_from(n).unwrap()), 64, 704)),
        ("sequence SGD, 1,000 further steps", further(|t| training_allocations(Procedure::Sgd, 1, t), 100, 1100)),
        (
            "sequence SGD, K = 16, 1,000 further steps",
            further(|t| training_allocations(Procedure::Sgd, 16, t), 100, 1100),
        ),
        (
            "normalized SGD, K = 16, 1,000 further steps",
            further(|t| training_allocations(normalized, 16, t), 100, 1100),
        ),
        ("token SGD, 1,000 further steps", further(|t| training_allocations(Procedure::TokenSgd, 1, t), 100, 1100)),
        ("test-time training, 14 further responses", further(test_time_allocations, 50, 64)),
        ("responses drawn, 1,000 further", further(sampling_allocations, 100, 1100)),
    ];
    let mut found = String::new();
    for (what, count) in lines {
        writeln!(found, "{what}: {count}").unwrap();
    }
    let snapshot = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/allocations.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(snapshot, &found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(snapshot).unwrap();
    assert_eq!(found, expected, "if this is meant, write the snapshot anew with UPDATE_SNAPSHOTS=1");
}
