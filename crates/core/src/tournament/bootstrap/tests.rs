use proptest::prelude::*;

use super::*;
use crate::random::{Purpose, Stream};
use crate::statistics::percentile_interval;
use crate::tournament::tournament;

const NONE: f64 = f64::NEG_INFINITY;

fn run(
    log_probs: &LogProbs,
    prompts: Option<&[u32]>,
    full_counts: Option<&Counts>,
    options: &BootstrapOptions,
    threads: usize,
) -> Bootstrap {
    bootstrap(log_probs, prompts, full_counts, options, &Workers::new(Some(threads)).unwrap(), &Control::new()).unwrap()
}

/// Scores, winner and least-cross-entropy model of one replicate at one N.
type Replicate = (Vec<f64>, usize, usize);

/// The obvious way: write the resampled matrix down and run the tournament on it.
fn naive(log_probs: &LogProbs, prompts: Option<&[u32]>, seed: u64, replicate: u32, n: f64) -> Replicate {
    let responses = log_probs.responses();
    let units = units(log_probs, prompts).unwrap();
    let mut times = vec![0; responses];
    draw(&units, seed, replicate, &mut vec![0; units.count], &mut times).unwrap();
    let drawn: Vec<usize> = (0..responses).flat_map(|i| std::iter::repeat_n(i, times[i] as usize)).collect();
    let rows = (0..log_probs.models()).map(|m| drawn.iter().map(|&i| log_probs.get(m, i)).collect()).collect();
    let resampled = LogProbs::from_f64(rows).unwrap();
    let (workers, control) = (Workers::sequential(), Control::new());
    let (_, tournaments) = tournament(&resampled, &Ratios::new(&[n]).unwrap(), &workers, &control).unwrap();
    let means = mean_log_probs(&resampled, &workers, &control).unwrap();
    let models = 0..means.len();
    let pick = models.min_by(|&a, &b| compare_models((0, means[a], a), (0, means[b], b))).unwrap();
    (tournaments[0].scores.clone(), tournaments[0].winner, pick)
}

/// Holds a bootstrap against [`naive`] in everything it says.
fn check(log_probs: &LogProbs, prompts: Option<&[u32]>, options: &BootstrapOptions, result: &Bootstrap) {
    let models = log_probs.models();
    let (workers, control) = (Workers::sequential(), Control::new());
    let ratios = Ratios::new(&options.n).unwrap();
    let (_, whole) = tournament(log_probs, &ratios, &workers, &control).unwrap();
    for (at, whole) in result.tournaments.iter().zip(&whole) {
        assert_eq!((at.winner, at.runner_up), (whole.winner, whole.ranking.get(1).copied()));
        assert_eq!(at.margin.value, whole.margin);
        let all: Vec<Replicate> =
            (0..options.replicates).map(|r| naive(log_probs, prompts, options.seed, r, whole.n)).collect();
        let mut wins = vec![0; models];
        let mut picks = vec![0.0; models];
        for (_, winner, pick) in &all {
            wins[*winner] += 1;
            picks[*pick] += 1.0 / f64::from(options.replicates);
        }
        assert_eq!(at.wins, wins);
        for (share, expected) in result.cross_entropy_shares.as_ref().unwrap().iter().zip(picks) {
            assert!((share - expected).abs() < 1e-12);
        }
        for model in 0..models {
            let scores = all.iter().map(|replicate| replicate.0[model]).collect();
            let expected = at.followed.contains(&model).then(|| percentile_interval(scores, options.confidence));
            assert_eq!(at.score_intervals[model], expected);
        }
        let margins: Vec<f64> = all
            .iter()
            .map(|(scores, _, _)| {
                let others = (0..models).filter(|&model| model != whole.winner);
                others.map(|model| scores[model]).fold(f64::INFINITY, f64::min) - scores[whole.winner]
            })
            .collect();
        let unbeaten = margins.iter().filter(|&&margin| margin >= 0.0).count();
        assert_eq!(at.never_beaten_share, unbeaten as f64 / f64::from(options.replicates));
        if models > 1 {
            assert_eq!(at.margin.interval, Some(percentile_interval(margins, options.confidence)));
        }
    }
}

/// Dyadic values, so that sums are exact and ties real; duplicates and −∞ among them.
fn coarse_matrix() -> impl Strategy<Value = Vec<Vec<f64>>> {
    let value = prop_oneof![12 => (-12..=0).prop_map(|quarter| f64::from(quarter) * 0.25), 1 => Just(NONE)];
    (1..9_usize, 1..40_usize).prop_flat_map(move |(models, n)| {
        prop::collection::vec(prop::collection::vec(value.clone(), n), models).prop_map(|mut rows| {
            if rows.len() > 3 {
                rows[2] = rows[0].clone();
            }
            rows
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn is_the_tournament_on_each_resampled_matrix(
        rows in coarse_matrix(), seed in 0..1000_u64, label in 1..9_u32, single: bool,
    ) {
        #[expect(clippy::cast_possible_truncation, reason = "dyadic values are exact in single precision")]
        let log_probs = if single {
            LogProbs::from_f32(rows.iter().map(|row| row.iter().map(|&value| value as f32).collect()).collect())
        } else {
            LogProbs::from_f64(rows.clone())
        }.unwrap();
        let options = BootstrapOptions { n: vec![1.0, 1.5, 2.0], replicates: 37, seed, confidence: 0.9 };
        check(&log_probs, None, &options, &run(&log_probs, None, None, &options, 1));
        let labels: Vec<u32> = (0..log_probs.responses() as u32).map(|i| i * i % (3 * label)).collect();
        check(&log_probs, Some(&labels), &options, &run(&log_probs, Some(&labels), None, &options, 2));
    }
}

/// Models around a few centres, closer to each other than to the data, as checkpoints of one run are.
fn crowd(models: usize, responses: usize, seed: u64) -> LogProbs {
    let mut stream = Stream::new(seed, Purpose::Synthetic, 0);
    let centre: Vec<f64> = (0..responses).map(|_| -20.0 - 10.0 * stream.uniform()).collect();
    let rows = (0..models)
        .map(|m| {
            let spread = 0.2 + 2.0 * m as f64 / models as f64;
            centre.iter().map(|&value| (value + spread * stream.normal()).min(0.0)).collect()
        })
        .collect();
    LogProbs::from_f64(rows).unwrap()
}

#[test]
fn many_models_with_and_without_the_full_counts() {
    for (seed, n) in [(1, vec![1.5, 4.0]), (2, vec![1.0, 64.0])] {
        let log_probs = crowd(150, 60, seed);
        let options = BootstrapOptions { n, replicates: 40, seed, confidence: 0.95 };
        let searched = run(&log_probs, None, None, &options, 2);
        check(&log_probs, None, &options, &searched);
        let ratios = Ratios::new(&options.n).unwrap();
        let full = counts(&log_probs, &ratios, &Workers::sequential(), &Control::new()).unwrap();
        let counted = run(&log_probs, None, Some(&full), &options, 1);
        check(&log_probs, None, &options, &counted);
        assert_eq!(searched, counted);
        assert!(searched.tournaments.iter().all(|at| at.followed.len() == 16 && at.reason.is_some()));
    }
}

#[test]
fn same_bits_at_every_number_of_threads() {
    for models in [5, 90] {
        let log_probs = crowd(models, 300, 3);
        let options = BootstrapOptions { replicates: 100, ..Default::default() };
        let first = run(&log_probs, None, None, &options, 1);
        for threads in [2, 3, 8] {
            assert_eq!(run(&log_probs, None, None, &options, threads), first);
        }
    }
}

#[test]
fn identity_weights_give_the_mean_log_likelihood_to_the_bit() {
    let log_probs = crowd(3, 9001, 4);
    let means = mean_log_probs(&log_probs, &Workers::sequential(), &Control::new()).unwrap();
    for set in Loops::available() {
        for (model, mean) in means.iter().enumerate() {
            let sums = set.weighted_sums(&log_probs, model, &vec![[1.0; GROUP]; 9001]);
            assert_eq!(sums.map(|sum| sum / 9001.0), [*mean; GROUP]);
        }
    }
}

#[test]
fn masks_that_are_not_kept_give_the_same() {
    let log_probs = crowd(12, 200, 5);
    let (workers, control) = (Workers::sequential(), Control::new());
    let ratios = Ratios::new(&[2.0]).unwrap();
    let full = counts(&log_probs, &ratios, &workers, &control).unwrap();
    let means = mean_log_probs(&log_probs, &workers, &control).unwrap();
    let units = units(&log_probs, None).unwrap();
    let options = BootstrapOptions::default();
    let loops = Loops::best();
    let sampler = Sampler { log_probs: &log_probs, units: &units, options: &options, loops, with_means: false };
    let kept = Contest::new(&log_probs, ratios.log_n()[0], Field::from_counts(&full, 0, &means));
    let mut anew = Contest::new(&log_probs, ratios.log_n()[0], Field::from_counts(&full, 0, &means));
    anew.forget_masks();
    let (draws, outcomes) = sampler.play(1, [&kept, &anew].into_iter(), &control).unwrap();
    assert_eq!(outcomes[0].scores, outcomes[1].scores);
    assert_eq!(outcomes[0].winners, outcomes[1].winners);
    assert!(draws.cross_entropy_picks.is_none());
}

#[test]
fn ties_are_broken_alike_whether_means_are_worked_out_for_all_or_on_demand() {
    // At a huge N nobody is uncovered: every replicate is a tie of all models.
    let log_probs = crowd(7, 50, 6);
    let (workers, control) = (Workers::sequential(), Control::new());
    let ratios = Ratios::new(&[1e30]).unwrap();
    let full = counts(&log_probs, &ratios, &workers, &control).unwrap();
    let means = mean_log_probs(&log_probs, &workers, &control).unwrap();
    let units = units(&log_probs, None).unwrap();
    let options = BootstrapOptions::default();
    let contest = Contest::new(&log_probs, ratios.log_n()[0], Field::from_counts(&full, 0, &means));
    let play = |with_means| {
        let loops = Loops::best();
        let sampler = Sampler { log_probs: &log_probs, units: &units, options: &options, loops, with_means };
        sampler.play(2, [&contest].into_iter(), &control).unwrap().1.remove(0).winners
    };
    assert_eq!(play(true), play(false));
}

#[test]
fn misfits_are_errors() {
    let log_probs = crowd(3, 20, 7);
    let fail = |prompts: Option<&[u32]>, full: Option<&Counts>, options: &BootstrapOptions| {
        bootstrap(&log_probs, prompts, full, options, &Workers::sequential(), &Control::new()).unwrap_err()
    };
    let fine = BootstrapOptions::default();
    assert_eq!(fail(Some(&[1, 2]), None, &fine).code, Code::ShapeMismatch);
    let other = Counts::new(20, ndarray::Array3::zeros((4, 2, 2))).unwrap();
    assert_eq!(fail(None, Some(&other), &fine).code, Code::ShapeMismatch);
    let field = |options: &BootstrapOptions| fail(None, None, options).place.field.unwrap();
    assert_eq!(field(&BootstrapOptions { replicates: 0, ..fine.clone() }), "replicates");
    assert_eq!(field(&BootstrapOptions { confidence: 1.5, ..fine.clone() }), "confidence");
    assert_eq!(field(&BootstrapOptions { n: vec![], ..fine }), "N");
    assert!(serde_json::from_str::<BootstrapOptions>(r#"{"replicas": 3}"#).is_err());
}

#[test]
fn an_abort_stops_it() {
    let control = Control::new();
    control.cancel();
    let result =
        bootstrap(&crowd(3, 20, 8), None, None, &BootstrapOptions::default(), &Workers::sequential(), &control);
    assert_eq!(result.unwrap_err().code, Code::Aborted);
}
