//! Five hot loops, each run once by a test of its own that `scripts/instructions.mjs` runs under callgrind: it counts the
//! instructions in [`measured`] alone, which no neighbour of the machine changes. Run without it they check what comes out.

use std::fmt::Write;
use std::hint::black_box;

use coverage_principle_core::files::{InputFile, read_scores};
use coverage_principle_core::linear::train::{Procedure, train};
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::tournament::{Ratios, counts, select_winner};
use coverage_principle_core::{Control, Isa, Workers};

use super::hot_loops::{Bootstrap, matrix, training};

/// What is counted. Its name is what callgrind is told.
#[inline(never)]
fn measured<T>(run: impl FnOnce() -> T) -> T {
    black_box(run())
}

#[test]
#[ignore = "for scripts/instructions.mjs"]
#[expect(clippy::print_stdout, reason = "the script reads it")]
fn isa() {
    println!("isa={}", serde_json::to_string(&Isa::best()).unwrap());
}

#[test]
#[ignore = "for scripts/instructions.mjs"]
fn counting() {
    let (matrix, ratios) = (matrix(64, 4096), Ratios::new(&[16.0]).unwrap());
    let counts = measured(|| counts(&matrix, &ratios, &Workers::sequential(), &Control::new()).unwrap());
    assert!(counts.array().iter().any(|&count| count > 0));
}

#[test]
#[ignore = "for scripts/instructions.mjs"]
fn winner() {
    let (matrix, ratios) = (matrix(250, 2000), Ratios::new(&[16.0]).unwrap());
    let winners = measured(|| select_winner(&matrix, &ratios, &Workers::sequential(), &Control::new()).unwrap());
    assert_eq!(winners.len(), 1);
}

#[test]
#[ignore = "for scripts/instructions.mjs"]
fn bootstrap() {
    let bootstrap = Bootstrap::of(20, 2000);
    let wins = measured(|| bootstrap.run(200));
    assert_eq!(wins.replicates, 200);
}

#[test]
#[ignore = "for scripts/instructions.mjs"]
fn sequence_sgd() {
    let (task, options) = training(64, Procedure::Sgd, 1, 1000);
    let trained = measured(|| train(task, options, &Workers::sequential(), &Control::new()).unwrap());
    assert!(trained.theta.iter().all(|value| value.is_finite()));
}

#[test]
#[ignore = "for scripts/instructions.mjs"]
fn reading_csv() {
    let mut stream = Stream::new(5, Purpose::Synthetic, 0);
    let mut text = "id,a,b,c,d,e,f,g,h\n".to_owned();
    for row in 0..2000 {
        write!(text, "prompt-{row}").unwrap();
        (0..8).for_each(|_| write!(text, ",{}", -20.0 * stream.uniform()).unwrap());
        text.push('\n');
    }
    let path = super::scratch("instructions").join("wide.csv");
    std::fs::write(&path, text).unwrap();
    let input = [InputFile { path: path.to_str().unwrap().to_owned(), shown: None, model: None }];
    let options = super::score_options("");
    let read = measured(|| read_scores(&input, options, false, &Workers::sequential(), &Control::new()).unwrap());
    assert_eq!(read.log_probs.unwrap().responses(), 2000);
}
