use proptest::prelude::*;

use super::*;
use crate::random::{Purpose, Stream};
use crate::tournament::{counts, tournament};

const NONE: f64 = f64::NEG_INFINITY;

/// The obvious way: write the resampled matrix down and count on it; the winner of the replicate.
fn naive(
    log_probs: &LogProbs,
    prompts: Option<&[u32]>,
    (replicate, seed): (u32, u64),
    n: f64,
    candidates: &[usize],
) -> usize {
    let responses = log_probs.responses();
    let units = units(log_probs, prompts).unwrap();
    let mut times = vec![0; units.count];
    Draws::new(units.count).unwrap().times(seed, replicate, &mut times);
    let unit = |i: usize| units.of_response.as_ref().map_or(i, |of_response| of_response[i] as usize);
    let drawn: Vec<usize> = (0..responses).flat_map(|i| std::iter::repeat_n(i, times[unit(i)] as usize)).collect();
    let rows = (0..log_probs.models()).map(|m| drawn.iter().map(|&i| log_probs.get(m, i)).collect()).collect();
    let resampled = LogProbs::from_f64(rows).unwrap();
    let ratios = Ratios::new(&[n]).unwrap();
    let (_, tournaments) = tournament(&resampled, &ratios, &Workers::sequential(), &Control::new()).unwrap();
    let scores = &tournaments[0].score_counts;
    (0..candidates.len()).min_by_key(|&place| scores[candidates[place]]).unwrap()
}

/// Holds the wins among `keep` of the ranking against [`naive`].
fn check(log_probs: &LogProbs, prompts: Option<&[u32]>, seed: u64, keep: usize, threads: usize) {
    let replicates = 37;
    let (workers, control) = (Workers::new(Some(threads)).unwrap(), Control::new());
    let ratios = Ratios::new(&[1.0, 1.5, 2.0]).unwrap();
    let (counts, whole) = tournament(log_probs, &ratios, &workers, &control).unwrap();
    let contests: Vec<Resampled> = (whole.iter().enumerate())
        .map(|(ratio, result)| Resampled {
            ratio,
            candidates: result.ranking[..keep.min(result.ranking.len())].to_vec(),
        })
        .collect();
    let found = resampled_wins(log_probs, prompts, &counts, &ratios, &contests, (replicates, seed), &workers, &control)
        .unwrap();
    for (wins, contest) in found.wins.iter().zip(&contests) {
        let mut expected = vec![0; contest.candidates.len()];
        for replicate in 0..replicates {
            let n = ratios.n()[contest.ratio];
            expected[naive(log_probs, prompts, (replicate, seed), n, &contest.candidates)] += 1;
        }
        assert_eq!(*wins, expected);
    }
}

/// Dyadic values, so that ties are real; duplicates and −∞ among them.
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
        rows in coarse_matrix(), seed in 0..1000_u64, label in 1..9_u32, keep in 1..9_usize, single: bool,
    ) {
        #[expect(clippy::cast_possible_truncation, reason = "dyadic values are exact in single precision")]
        let log_probs = if single {
            LogProbs::from_f32(rows.iter().map(|row| row.iter().map(|&value| value as f32).collect()).collect())
        } else {
            LogProbs::from_f64(rows.clone())
        }.unwrap();
        check(&log_probs, None, seed, keep, 1);
        let labels: Vec<u32> = (0..log_probs.responses() as u32).map(|i| i * i % (3 * label)).collect();
        check(&log_probs, Some(&labels), seed, keep, 2);
    }
}

fn crowd(models: usize, responses: usize, seed: u64) -> LogProbs {
    let mut stream = Stream::new(seed, Purpose::Synthetic, 0);
    let rows = (0..models).map(|_| (0..responses).map(|_| -6.0 * stream.uniform()).collect());
    LogProbs::from_f64(rows.collect()).unwrap()
}

#[test]
fn masks_made_anew_give_the_same() {
    let log_probs = crowd(5, 300, 3);
    let ratios = Ratios::new(&[2.0]).unwrap();
    let counts = counts(&log_probs, &ratios, &Workers::sequential(), &Control::new()).unwrap();
    let draws = Draws::new(300).unwrap();
    let mut block = Block::new(300, Loops::best());
    (0..20).for_each(|replicate| block.draw(&draws, 1, replicate));
    let contest = || Contest::new(&log_probs, ratios.log_n()[0], &counts, 0, &[3, 1, 0, 2, 4], Some(20));
    let mut anew = contest();
    anew.forget_masks();
    let kept = contest().play(&block, &Control::new()).unwrap();
    assert_eq!(anew.play(&block, &Control::new()).unwrap(), kept);
    assert!(kept.iter().any(|&winner| winner != kept[0]));
}

/// Score by score as they are defined, for pairs that count here and there and nearly everywhere, and for multiplicities far
/// beyond the planes.
#[test]
fn few_responses_and_many_repeats_give_the_winner_of_the_definition() {
    let log_probs = crowd(6, 2000, 5);
    let mut stream = Stream::new(6, Purpose::Synthetic, 0);
    let mut draws: Vec<Vec<u32>> = (0..21)
        .map(|_| (0..2000).map(|_| stream.below(10).saturating_sub(7) as u32 * stream.below(7) as u32).collect())
        .collect();
    let mut winners_seen = std::collections::BTreeSet::new();
    for many in [1, 40, 90_000] {
        let mut block = Block::new(2000, Loops::best());
        for times in &mut draws {
            times[stream.below(2000) as usize] = many;
            block.push(times);
        }
        for n in [1.5, 60.0, 200.0] {
            let ratios = Ratios::new(&[n]).unwrap();
            let counts = counts(&log_probs, &ratios, &Workers::sequential(), &Control::new()).unwrap();
            let candidates = [4, 2, 0, 1, 5, 3];
            let found = Contest::new(&log_probs, ratios.log_n()[0], &counts, 0, &candidates, None);
            let score = |model: usize, times: &[u32]| -> u64 {
                let against = |rival: usize| {
                    let hit = |&i: &usize| log_probs.get(rival, i) - log_probs.get(model, i) >= ratios.log_n()[0];
                    (0..2000).filter(hit).map(|i| u64::from(times[i])).sum()
                };
                (0..6).map(against).max().unwrap()
            };
            let wanted = draws.iter().map(|times| (0..6).min_by_key(|&place| score(candidates[place], times)).unwrap());
            let wanted: Vec<usize> = wanted.collect();
            assert_eq!(found.play(&block, &Control::new()).unwrap(), wanted, "{many} times, N = {n}");
            winners_seen.extend(wanted);
        }
    }
    assert!(winners_seen.len() > 2);
}

/// Of rivals and candidates that are far apart most are left out, and the winners are those of all.
#[test]
fn what_never_decides_is_left_out() {
    let mut stream = Stream::new(8, Purpose::Synthetic, 0);
    let shared: Vec<f64> = (0..40_000).map(|_| -20.0 - 6.0 * stream.uniform()).collect();
    // The further from model 4 the noisier.
    let noise = |model: u32| 0.4 + 0.1 * f64::from(model.abs_diff(4) / 2);
    let rows = (0..12).map(|model| shared.iter().map(|value| value + noise(model) * stream.normal()).collect());
    let log_probs = LogProbs::from_f64(rows.collect()).unwrap();
    let ratios = Ratios::new(&[2.0]).unwrap();
    let (counts, whole) = tournament(&log_probs, &ratios, &Workers::sequential(), &Control::new()).unwrap();
    let candidates = &whole[0].ranking;
    let contest = |replicates| Contest::new(&log_probs, ratios.log_n()[0], &counts, 0, candidates, replicates);
    let (some, all) = (contest(Some(30)), contest(None));
    assert_eq!(all.pairs(), 12 * 12);
    assert!((4..60).contains(&some.pairs()), "{}", some.pairs());
    let draws = Draws::new(40_000).unwrap();
    let mut block = Block::new(40_000, Loops::best());
    (0..30).for_each(|replicate| block.draw(&draws, 1, replicate));
    let winners = some.play(&block, &Control::new()).unwrap();
    assert_eq!(winners, all.play(&block, &Control::new()).unwrap());
    assert!(winners.iter().any(|&winner| winner != winners[0]));
}

#[test]
fn misfits_and_aborts_are_errors() {
    let log_probs = crowd(3, 20, 7);
    let ratios = Ratios::new(&[2.0]).unwrap();
    let fine = counts(&log_probs, &ratios, &Workers::sequential(), &Control::new()).unwrap();
    let contests = [Resampled { ratio: 0, candidates: vec![0, 1] }];
    let run = |prompts: Option<&[u32]>, counts: &Counts, replicates: u32, control: &Control| {
        let workers = Workers::sequential();
        resampled_wins(&log_probs, prompts, counts, &ratios, &contests, (replicates, 0), &workers, control)
    };
    let control = Control::new();
    assert!(run(None, &fine, 10, &control).is_ok());
    assert_eq!(run(Some(&[1, 2]), &fine, 10, &control).unwrap_err().code, Code::ShapeMismatch);
    let other = Counts::new(20, ndarray::Array3::zeros((4, 2, 2))).unwrap();
    assert_eq!(run(None, &other, 10, &control).unwrap_err().code, Code::ShapeMismatch);
    assert_eq!(run(None, &fine, 0, &control).unwrap_err().place.field.as_deref(), Some("replicates"));
    control.cancel();
    assert_eq!(run(None, &fine, 10, &control).unwrap_err().code, Code::Aborted);
}

#[test]
fn the_default_costs_less_than_the_tournament_or_next_to_nothing() {
    assert_eq!(affordable_replicates(25, 4000, 2), 1000);
    assert_eq!(affordable_replicates(256, 16_384, 1), 949);
    assert_eq!(affordable_replicates(256, 16_384, 4), 1000);
    assert_eq!(affordable_replicates(100, 100_000, 4), 252);
    assert_eq!(affordable_replicates(10, 100_000, 4), 121);
    assert_eq!(affordable_replicates(50, 1_000_000, 4), 0);
}
