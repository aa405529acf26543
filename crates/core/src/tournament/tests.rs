//! The golden values, real measurements, and the plain definition.

use std::path::PathBuf;

use ndarray::{Array2, array};
use serde_json::Value;

use super::*;
use crate::{Control, LogProbs, Workers};

/// The definition, as plainly as it can be written: counts `[a][b]` for one threshold.
fn plain_counts(log_probs: &LogProbs, log_n: f64) -> Array2<u32> {
    let (models, n) = (log_probs.models(), log_probs.responses());
    let mut counts = Array2::zeros((models, models));
    for a in 0..models {
        for b in 0..models {
            for i in 0..n {
                if log_probs.get(a, i) - log_probs.get(b, i) >= log_n {
                    counts[[a, b]] += 1;
                }
            }
        }
    }
    counts
}

/// A folder of measurements that stays out of the repository; `None`, saying so, where it is missing.
fn shared(path: &str) -> Option<PathBuf> {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")).join(path);
    if file.is_file() {
        return Some(file);
    }
    #[expect(clippy::print_stderr, reason = "a test says that it skips")]
    {
        eprintln!("skipped: {} is missing", file.display());
    }
    None
}

fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|index| usize::try_from(index.as_u64().unwrap()).unwrap()).collect()
}

/// A golden number: a JSON number, or −∞ spelled as null or text.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NEG_INFINITY)
}

fn matrix(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(|row| row.as_array().unwrap().iter().map(number).collect()).collect()
}

#[test]
fn golden_tournaments() {
    let Some(file) = shared("vectors/tournament-v2.json") else { return };
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    let mut rows = Vec::new();
    assert!(!cases.is_empty());
    for case in cases {
        if !case["logProbs"].is_null() {
            rows = matrix(&case["logProbs"]);
        }
        let log_probs = LogProbs::from_f64(rows.clone()).unwrap();
        let ratios = Ratios::new(&[case["N"].as_f64().unwrap()]).unwrap();
        let workers = Workers::sequential();
        let (counts, tournaments) = tournament(&log_probs, &ratios, &workers, &Control::new()).unwrap();
        let wanted: Vec<f64> = matrix(&case["counts"]).concat();
        assert_eq!(counts.at_ratio(0).iter().map(|&count| f64::from(count)).collect::<Vec<_>>(), wanted);
        let tournament = &tournaments[0];
        assert_eq!(tournament.winner, indices(&serde_json::json!([case["winner"]]))[0]);
        assert_eq!(tournament.ranking, indices(&case["ranking"]));
        for (score, wanted) in tournament.scores.iter().zip(case["scores"].as_array().unwrap()) {
            assert!((score - wanted.as_f64().unwrap()).abs() < 1e-12);
        }
        for (reach, wanted) in tournament.log_reach.iter().zip(case["reach"].as_array().unwrap()) {
            let wanted = wanted.as_f64().unwrap();
            assert!((reach - wanted).abs() <= 1e-12 * wanted.abs(), "{reach} instead of {wanted}");
        }
        let winner = &select_winner(&log_probs, &ratios, &workers, &Control::new()).unwrap()[0];
        assert_eq!(
            (winner.winner, winner.score_count),
            (tournament.winner, tournament.score_counts[tournament.winner])
        );
    }
}

/// The float64 matrix of a `.npy` file in C order.
fn npy(path: &str) -> Option<LogProbs> {
    let bytes = std::fs::read(shared(path)?).unwrap();
    let header_len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + header_len]).unwrap();
    assert!(header.contains("'<f8'") && header.contains("'fortran_order': False"), "{header}");
    let shape = header.split("'shape': (").nth(1).unwrap().split(')').next().unwrap();
    let responses: usize = shape.split(',').nth(1).unwrap().trim().parse().unwrap();
    let values: Vec<f64> =
        bytes[10 + header_len..].as_chunks::<8>().0.iter().map(|value| f64::from_le_bytes(*value)).collect();
    Some(LogProbs::from_f64(values.chunks_exact(responses).map(<[f64]>::to_vec).collect()).unwrap())
}

/// Names of the models beside a `.npy`.
fn names(path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(shared(path).unwrap()).unwrap();
    let about: Value = serde_json::from_str(&text).unwrap();
    about["models"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn winners_on_real_measurements() {
    let ratios = Ratios::new(&[2.0, 4.0, 16.0, 64.0]).unwrap();
    let cases = [
        (
            "olmo7b_checkpoints_lambada",
            ["step541000-tokens2393B", "main (final)", "step541000-tokens2393B", "step481000-tokens2128B"],
        ),
        ("fourteen_models_sentences", ["state-spaces/mamba-2.8b-hf"; 4]),
    ];
    for (file, wanted) in cases {
        let Some(log_probs) = npy(&format!("data/{file}.npy")) else { return };
        let names = names(&format!("data/{file}.json"));
        let workers = Workers::sequential();
        let (_, tournaments) = tournament(&log_probs, &ratios, &workers, &Control::new()).unwrap();
        assert_eq!(tournaments.iter().map(|t| names[t.winner].as_str()).collect::<Vec<_>>(), wanted);
        let winners = select_winner(&log_probs, &ratios, &workers, &Control::new()).unwrap();
        assert_eq!(winners.iter().map(|w| names[w.winner].as_str()).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn where_probabilities_vanish() {
    let inf = f64::NEG_INFINITY;
    let log_probs = LogProbs::from_f64(vec![vec![-1.0, inf, -3.0], vec![inf, inf, -4.0]]).unwrap();
    let ratios = Ratios::new(&[1.0, 2.0, 4.0]).unwrap();
    let counts = counts(&log_probs, &ratios, &Workers::sequential(), &Control::new()).unwrap();
    assert_eq!(counts.at_ratio(0), array![[2, 2], [0, 1]]);
    assert_eq!(counts.at_ratio(1), array![[0, 2], [0, 0]]);
    assert_eq!(counts.at_ratio(2), array![[0, 1], [0, 0]]);
}

#[test]
fn ties_go_to_the_reach_then_to_the_mean_then_to_input_order() {
    let ratios = Ratios::new(&[1e6]).unwrap();
    let winner = |rows: Vec<Vec<f64>>| {
        let log_probs = LogProbs::from_f64(rows).unwrap();
        let (workers, control) = (Workers::sequential(), Control::new());
        let (_, tournaments) = tournament(&log_probs, &ratios, &workers, &control).unwrap();
        let alone = &select_winner(&log_probs, &ratios, &workers, &control).unwrap()[0];
        assert_eq!((alone.winner, alone.rival), (tournaments[0].winner, tournaments[0].rivals[alone.winner]));
        (tournaments[0].winner, tournaments[0].rivals.clone(), tournaments[0].margin)
    };
    // No score tells them apart; the second, of the lower mean, is never under-weighted by more than 2 nats.
    assert_eq!(winner(vec![vec![-1.0, -4.0, -1.0], vec![-3.0, -1.0, -3.0]]), (1, vec![1, 0], Some(0.0)));
    // Equal reach: the mean, then the order.
    assert_eq!(winner(vec![vec![-2.0, -2.0], vec![-1.0, -3.0]]), (0, vec![1, 0], Some(0.0)));
    assert_eq!(winner(vec![vec![-2.0, -3.5, -2.0], vec![-3.5, -2.0, -1.0]]), (1, vec![1, 0], Some(0.0)));
    assert_eq!(winner(vec![vec![-2.0], vec![-1.0], vec![-1.0]]), (1, vec![1, 0, 0], Some(0.0)));
    assert_eq!(winner(vec![vec![-2.0], vec![-2.0]]), (0, vec![1, 0], Some(0.0)));
    assert_eq!(winner(vec![vec![f64::NEG_INFINITY]]), (0, vec![0], None));
}

/// Golden values of our own, worked out by hand: three models, four responses, N = 3.
#[test]
fn scores_and_reaches_by_hand() {
    let rows = vec![vec![-1.0, -1.0, -2.0, -5.0], vec![-2.5, -1.5, -0.5, -1.0], vec![-2.0, -3.0, -2.0, -1.25]];
    let log_probs = LogProbs::from_f64(rows).unwrap();
    let ratios = Ratios::new(&[3.0]).unwrap();
    let (workers, control) = (Workers::sequential(), Control::new());
    let (counts, results) = tournament(&log_probs, &ratios, &workers, &control).unwrap();
    // log 3 = 1.0986…; differences of at least that: 0 over 1 once (1.5), 0 over 2 once (2), 1 over 0 twice (1.5, 4),
    // 1 over 2 twice (1.5, 1.5), 2 over 0 once (3.75), 2 over 1 never.
    assert_eq!(counts.at_ratio(0), array![[0, 1, 1], [2, 0, 2], [1, 0, 0]]);
    let result = &results[0];
    assert_eq!((&*result.score_counts, &*result.rivals), (&[2, 1, 2][..], &[1, 0, 1][..]));
    // Third largest against 0: −0.5 of 1, −1 of 2; second largest against 1: 0.5 of 0, −0.25 of 2; third largest against
    // 2: 0 of 0, 0.25 of 1.
    assert_eq!(result.log_reach, [-0.5, 0.5, 0.25]);
    assert_eq!(result.ranking, [1, 0, 2]);
    assert!((result.reach[1] - 1.648_721_270_700_128).abs() < 1e-15);
}

#[test]
fn blocks_extend_a_tournament_to_the_whole() {
    let rows: Vec<Vec<f64>> =
        (0..7).map(|a| (0..33).map(|i| -f64::from((a * 37 + i * 11) % 23) / 3.0).collect()).collect();
    let ratios = Ratios::new(&[1.0, 3.0]).unwrap();
    let (workers, control) = (Workers::sequential(), Control::new());
    let of = |rows: &[Vec<f64>]| LogProbs::from_f64(rows.to_vec()).unwrap();
    let whole = counts(&of(&rows), &ratios, &workers, &control).unwrap();
    for (ratio, &log_n) in ratios.log_n().iter().enumerate() {
        assert_eq!(whole.at_ratio(ratio), plain_counts(&of(&rows), log_n));
    }
    for cut in 1..7 {
        let (old, new) = (of(&rows[..cut]), of(&rows[cut..]));
        let extended = counts(&old, &ratios, &workers, &control)
            .unwrap()
            .extended(
                &counts_block(&old, &new, &ratios, &workers, &control).unwrap(),
                &counts(&new, &ratios, &workers, &control).unwrap(),
            )
            .unwrap();
        assert_eq!(extended, whole);
    }
}

#[test]
fn the_theorem_of_the_offset_tournament_wants_n_to_the_1_minus_2a_of_8() {
    let log_probs = LogProbs::from_f64(vec![vec![-1.0, -2.0], vec![-2.0, -1.0]]).unwrap();
    let on_policy = [log_probs.clone(), log_probs.clone()].map(OnPolicy::alike);
    let within = |n: f64, a: f64| {
        let options = OffsetOptions { n: vec![n], a, confidence: 0.95 };
        let (workers, control) = (Workers::sequential(), Control::new());
        offset_tournament(&log_probs, &on_policy, &options, &workers, &control).unwrap()[0].within_theorem
    };
    // √16 = 4 and √65 > 8; without an offset in the exponent, N itself.
    assert!(!within(16.0, 0.25) && within(65.0, 0.25));
    assert!(!within(7.9, 0.0) && within(8.1, 0.0));
}
