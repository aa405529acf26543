//! Every instruction set against the plain definition.

use proptest::prelude::*;

use super::*;
use crate::random::{Purpose, Stream};

/// `#{i : a[i] − b[i] ≥ log N}`, the definition.
fn plain(a: &[f64], b: &[f64], log_n: f64) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a - b >= log_n)).sum()
}

/// Log-probabilities in which ties, differences of exactly log N and −∞ are common.
fn log_prob() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -8.0..0.0f64,
        2 => (0..12u32, 0..3u32).prop_map(|(k, l)| -(f64::from(k) * 2.0f64.ln() + f64::from(l) * 1.5f64.ln())),
        1 => (0..5u32).prop_map(|k| -f64::from(k)),
        1 => Just(f64::NEG_INFINITY),
    ]
}

fn matrices() -> impl Strategy<Value = Vec<Vec<f64>>> {
    (1..9usize, prop_oneof![1..40usize, 500..530usize, 1000..1100usize])
        .prop_flat_map(|(models, n)| prop::collection::vec(prop::collection::vec(log_prob(), n), models))
}

fn ratios() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![Just(1.0), Just(2.0), Just(1.5), Just(4.0), 1.0..50.0f64], 1..5)
}

fn check(log_probs: &LogProbs, ratios: &Ratios, workers: &Workers) {
    let rows: Vec<Vec<f64>> = (0..log_probs.models()).map(|model| log_probs.row_f64(model)).collect();
    let models = rows.len();
    let control = Control::new();
    let cut = models / 2;
    let halves = (cut > 0).then(|| {
        let part = |range: std::ops::Range<usize>| log_probs.select_models(&range.collect::<Vec<_>>()).unwrap();
        (part(0..cut), part(cut..models))
    });
    for isa in Isa::available() {
        let counts = square(log_probs, ratios, isa, workers, &control).unwrap();
        for (counts, &log_n) in counts.outer_iter().zip(ratios.log_n()) {
            for ((a, b), &count) in counts.indexed_iter() {
                assert_eq!(count, plain(&rows[a], &rows[b], log_n), "{isa:?} {a} over {b} at {log_n}");
            }
        }
        let Some((upper, lower)) = &halves else { continue };
        let (down, up) = rectangle(upper, lower, ratios, isa, workers, &control).unwrap();
        for (level, counts) in counts.outer_iter().enumerate() {
            for a in 0..cut {
                for b in cut..models {
                    assert_eq!(down[[level, a, b - cut]], counts[[a, b]]);
                    assert_eq!(up[[level, b - cut, a]], counts[[b, a]]);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_path_counts_as_the_definition(rows in matrices(), ratios in ratios()) {
        let ratios = Ratios::new(&ratios).unwrap();
        check(&LogProbs::from_f64(rows.clone()).unwrap(), &ratios, &Workers::sequential());
        #[expect(clippy::cast_possible_truncation, reason = "single precision is what is tested")]
        let single = rows.iter().map(|row| row.iter().map(|&value| value as f32).collect()).collect();
        check(&LogProbs::from_f32(single).unwrap(), &ratios, &Workers::sequential());
    }
}

/// Rows of one run, as uneven as training makes them: near each other, with a few elements that are impossible or far
/// below all other rows.
fn checkpoints(models: u32, responses: u32) -> Vec<Vec<f64>> {
    let mut stream = Stream::new(5, Purpose::Data, 0);
    let ends: Vec<[f64; 2]> = (0..responses).map(|_| [-9.0 * stream.uniform(), -9.0 * stream.uniform()]).collect();
    let mut rows: Vec<Vec<f64>> = (0..models)
        .map(|model| {
            let share = f64::from(model) / f64::from(models);
            let mixed = ends.iter().map(|[from, to]| from + share * (to - from));
            mixed.map(|value| (value + 0.3 * stream.normal()).min(0.0)).collect()
        })
        .collect();
    for (at, value) in [f64::NEG_INFINITY, -200.0, -1e300, -201.0, f64::NEG_INFINITY].into_iter().enumerate() {
        rows[at % 3][700 * (at / 2)] = value;
    }
    rows
}

#[test]
fn rows_of_one_run_at_many_budgets() {
    let rows = checkpoints(7, 5000);
    #[expect(clippy::cast_possible_truncation, reason = "single precision is what is tested")]
    let single = rows.iter().map(|row| row.iter().map(|&value| (value as f32).max(f32::MIN)).collect()).collect();
    let matrices = [LogProbs::from_f64(rows).unwrap(), LogProbs::from_f32(single).unwrap()];
    let many: Vec<f64> = (1..=40).map(|step| 1.25f64.powi(step)).collect();
    // One grid from its unit and from later on; several grids; thresholds that nothing but the outsiders passes; 1.
    for ratios in [
        &[2.0][..],
        &[16.0],
        &[2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0],
        &[64.0, 512.0, 4096.0],
        &[2.0, 3.0, 4.0, 4.6, 5.7],
        &[3.0, 5.0, 7.0],
        // So near each other that one element is close to both; more than are counted together, whatever they are.
        &[2.0, 2.000_1, 2.000_2, 7.0],
        &[2.0, 3.0, 4.0, 5.0, 7.0, 8.0, 11.0, 13.0, 16.0, 17.0, 19.0, 23.0, 32.0],
        &[1.0, 1e3, 1e6, 1e80],
        &[1.01],
        // What few differences reach is looked at by itself, once and again.
        &many,
    ] {
        let ratios = Ratios::new(ratios).unwrap();
        for log_probs in &matrices {
            check(log_probs, &ratios, &Workers::sequential());
        }
    }
}

#[test]
fn differences_all_around_a_threshold_are_told_apart() {
    // Steps of a fraction of a code on both sides of each threshold, in both directions; one row far below sets the scale.
    let many: Vec<f64> = (2..=30).map(|step| 1.4f64.powi(step)).collect();
    for ratios in
        [&[16.0][..], &[3.0, 5.0, 7.0], &[2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0], &[2.0, 2.9, 3.7, 9.1], &many]
    {
        let ratios = Ratios::new(ratios).unwrap();
        let mut stream = Stream::new(7, Purpose::Data, 0);
        let upper: Vec<f64> = (0..6000).map(|_| -1.0 - stream.uniform()).collect();
        let step = |at: usize| ((at / 2) as f64 - 1500.0) * 1e-6;
        let levels = ratios.log_n();
        let lower = upper.iter().enumerate().map(|(at, value)| value - levels[at % levels.len()] - step(at)).collect();
        let far = upper.iter().map(|value| value - 12.0).collect();
        let mut rows = vec![upper, lower, far];
        for at in (0..6000).step_by(3) {
            let (upper, lower) = (rows[0][at], rows[1][at]);
            (rows[0][at], rows[1][at]) = (lower, upper);
        }
        check(&LogProbs::from_f64(rows.clone()).unwrap(), &ratios, &Workers::sequential());
        #[expect(clippy::cast_possible_truncation, reason = "single precision is what is tested")]
        let single = rows.iter().map(|row| row.iter().map(|&value| value as f32).collect()).collect();
        check(&LogProbs::from_f32(single).unwrap(), &ratios, &Workers::sequential());
    }
}

#[test]
fn what_is_merely_close_to_one_ratio_may_pass_the_next() {
    // At one response the rows differ by a little more than both thresholds, elsewhere not at all; one row far below sets the scale.
    let upper = vec![-1.0; 600];
    let mut lower = upper.clone();
    lower[300] -= 2.0f64.ln() * (1.0 + 1e-6);
    let far = vec![-13.0; 600];
    let log_probs = LogProbs::from_f64(vec![upper, lower, far]).unwrap();
    check(&log_probs, &Ratios::new(&[2.0, 2.000_000_5, 2.1]).unwrap(), &Workers::sequential());
}

#[test]
fn what_lies_far_below_counts_where_nothing_else_does() {
    // Rows so near each other that no difference of codes reaches a threshold; three elements lie outside the codes.
    let mut stream = Stream::new(6, Purpose::Data, 0);
    let mut rows: Vec<Vec<f64>> = (0..3).map(|_| (0..5000).map(|_| -1.0 - 0.01 * stream.uniform()).collect()).collect();
    (rows[0][5], rows[1][700], rows[2][1400]) = (f64::NEG_INFINITY, -500.0, -7.5);
    let log_probs = LogProbs::from_f64(rows).unwrap();
    for ratios in [&[64.0, 512.0, 4096.0][..], &[1e3], &[2.0]] {
        check(&log_probs, &Ratios::new(ratios).unwrap(), &Workers::sequential());
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn rows_of_one_run_are_counted_on_planes() {
    use super::planes::PlanesPanel;

    if !Isa::Avx512Popcount.is_available() {
        return;
    }
    // How many responses are left to the comparisons.
    let left_out = |rows: &[Vec<f64>], n: f64| {
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let panel =
            PlanesPanel::new(&rows, 0..rows[0].len(), &[n.ln()], &Workers::sequential(), &Control::new()).unwrap();
        panel.map(|(_, left_out)| left_out.len())
    };
    // The impossible ones and those far below all others, and the few that would make codes coarser for all.
    assert!(left_out(&checkpoints(7, 5000), 16.0).is_some_and(|count| (3..=5000 / 64).contains(&count)));
    // A threshold far below the spread of the rows has no place in fixed point.
    assert_eq!(left_out(&checkpoints(7, 5000), 1.000_001), None);
    // Nor have rows with many impossible responses.
    let mut sparse = checkpoints(7, 5000);
    sparse.iter_mut().for_each(|row| row.iter_mut().step_by(10).for_each(|value| *value = f64::NEG_INFINITY));
    assert_eq!(left_out(&sparse, 16.0), None);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn rows_of_one_run_are_counted_on_words() {
    use super::words::WordsPanel;

    if !Isa::Avx2.is_available() {
        return;
    }
    let left_out = |rows: &[Vec<f64>], n: f64| {
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let panel =
            WordsPanel::new(&rows, 0..rows[0].len(), &[n.ln()], &Workers::sequential(), &Control::new()).unwrap();
        panel.map(|(_, left_out)| left_out.len())
    };
    // By rounding, the one that the range is measured at may be among them.
    assert!(left_out(&checkpoints(7, 5000), 16.0).is_some_and(|count| (3..=5000 / 64 + 1).contains(&count)));
    assert_eq!(left_out(&checkpoints(7, 5000), 1.000_001), None);
    let mut sparse = checkpoints(7, 5000);
    sparse.iter_mut().for_each(|row| row.iter_mut().step_by(10).for_each(|value| *value = f64::NEG_INFINITY));
    assert_eq!(left_out(&sparse, 16.0), None);
}

#[test]
fn many_models_and_blocks_at_any_number_of_threads() {
    let value = |a: usize, i: usize| -(((a * 7919 + i * 104_729) % 1009) as f64) / 200.0;
    let rows: Vec<Vec<f64>> = (0..70).map(|a| (0..2500).map(|i| value(a, i)).collect()).collect();
    let log_probs = LogProbs::from_f64(rows).unwrap();
    let ratios = Ratios::new(&[3.0, 1.0, 3.0]).unwrap();
    for threads in [1, 2, 3] {
        check(&log_probs, &ratios, &Workers::new(Some(threads)).unwrap());
    }
}

#[test]
fn mixed_precisions_count_as_the_wider_one() {
    let upper = LogProbs::from_f32(vec![vec![-0.1, -2.5, f32::NEG_INFINITY]]).unwrap();
    let lower = LogProbs::from_f64(vec![vec![f64::from(-0.1f32) - 2.0f64.ln(), -0.5, -1.0]]).unwrap();
    let ratios = Ratios::new(&[2.0]).unwrap();
    let (down, up) = rectangle(&upper, &lower, &ratios, Isa::best(), &Workers::sequential(), &Control::new()).unwrap();
    let (a, b) = (upper.row_f64(0), lower.row_f64(0));
    assert_eq!((down[[0, 0, 0]], up[[0, 0, 0]]), (plain(&a, &b, 2.0f64.ln()), plain(&b, &a, 2.0f64.ln())));
}
