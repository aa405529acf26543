use super::*;
use crate::golden;
use crate::random::{Purpose, Stream};

fn run(log_probs: &LogProbs, on_policy: &[OnPolicy], n: f64, a: f64) -> Result<OffsetTournament> {
    let options = OffsetOptions { n: vec![n], a, confidence: 0.95 };
    let all = offset_tournament(log_probs, on_policy, &options, &Workers::sequential(), &Control::new())?;
    Ok(all.into_iter().next().expect("one N, one result"))
}

#[test]
fn golden_offset_tournament() {
    let Some(file) = golden::read("offset-tournament") else { return };
    for case in file["cases"].as_array().unwrap() {
        let log_probs = LogProbs::from_f64(golden::matrix(&case["logProbs"])).unwrap();
        let on_policy: Vec<OnPolicy> = case["onPolicy"]
            .as_array()
            .unwrap()
            .iter()
            .map(|matrix| {
                // The made-up values go a little above zero; only differences within a column matter.
                let lowered = |row: Vec<f64>| row.into_iter().map(|value| value - 1.0).collect();
                let rows = golden::matrix(matrix).into_iter().map(lowered).collect();
                OnPolicy::alike(LogProbs::from_f64(rows).unwrap())
            })
            .collect();
        let (n, a) = (case["N"].as_f64().unwrap(), case["a"].as_f64().unwrap());
        let result = run(&log_probs, &on_policy, n, a).unwrap();
        assert_eq!(result.winner as u64, case["winner"].as_u64().unwrap());
        for (value, expected) in result.values.iter().zip(golden::matrix(&case["value"]).concat()) {
            assert!((value - expected).abs() < 1e-12);
        }
        for (value, expected) in result.objectives.iter().zip(golden::row(&case["objective"])) {
            assert!((value - expected).abs() < 1e-12);
        }
    }
}

fn random(models: usize, responses: usize, stream: &mut Stream) -> LogProbs {
    LogProbs::from_f64((0..models).map(|_| (0..responses).map(|_| -8.0 * stream.uniform()).collect()).collect())
        .unwrap()
}

#[test]
fn agrees_with_the_formula_written_out_with_prompts() {
    let mut stream = Stream::new(4, Purpose::Synthetic, 0);
    let log_probs = random(3, 40, &mut stream);
    // The prompts occur 20, 15 and 5 times among the held-out responses, and 3, 1 and 2 times on policy.
    let held_out: Vec<u32> = (0..40)
        .map(|i| {
            if i < 20 {
                5
            } else if i < 35 {
                9
            } else {
                1
            }
        })
        .collect();
    let labels = [5, 5, 9, 5, 1, 1];
    let sampled: Vec<LogProbs> = (0..3).map(|_| random(3, 6, &mut stream)).collect();
    let on_policy: Vec<OnPolicy> =
        sampled.iter().map(|log_probs| OnPolicy::by_prompt(log_probs.clone(), &labels, &held_out).unwrap()).collect();
    let result = run(&log_probs, &on_policy, 3.0, 0.4).unwrap();
    for a in 0..3 {
        for b in 0..3 {
            let over = |matrix: &LogProbs, i: usize| matrix.get(a, i) - matrix.get(b, i) >= 3.0_f64.ln();
            let covered = (0..40).filter(|&i| over(&log_probs, i)).count() as f64 / 40.0;
            let share = |prompt: u32| {
                let of_prompt: Vec<usize> = (0..6).filter(|&i| labels[i] == prompt).collect();
                of_prompt.iter().filter(|&&i| over(&sampled[b], i)).count() as f64 / of_prompt.len() as f64
            };
            let average = (20.0 * share(5) + 15.0 * share(9) + 5.0 * share(1)) / 40.0;
            let expected = covered - 2.0 * 3.0_f64.powf(0.4) * average;
            assert!((result.values[a * 3 + b] - expected).abs() < 1e-14);
        }
    }
}

#[test]
fn limits_by_prompt_hold_the_value_where_responses_move_together() {
    // 60 prompts, four responses held out and four drawn from the second model to each; both counts hang on the prompt.
    let labels: Vec<u32> = (0..240).map(|i| i / 4).collect();
    let mut stream = Stream::new(7, Purpose::Synthetic, 0);
    let (mut held, mut narrow) = (0, 0);
    for _ in 0..1000 {
        let hard: Vec<bool> = (0..60).map(|_| stream.uniform() < 0.4).collect();
        let mut matrix = |rate: f64| {
            let hit = |i: usize| hard[i / 4] && stream.uniform() < rate;
            let hits: Vec<f64> = (0..240).map(hit).map(|hit| if hit { -9.0 } else { -1.0 }).collect();
            LogProbs::from_f64(vec![vec![-1.0; 240], hits]).unwrap()
        };
        let (log_probs, drawn) = (matrix(0.75), matrix(0.125));
        let on_policy = OnPolicy::by_prompt(drawn, &labels, &labels).unwrap();
        let mask = indicator(&log_probs, 0, 1, 2.0);
        let count = mask.iter().map(|word| word.count_ones()).sum();
        let pair = Pair { log_probs: &log_probs, on_policy: &on_policy, a: 0, b: 1, log_n: 2.0, offset: 3.0, count };
        let mut known = Limits { tail: 0.025, known: HashMap::new() };
        let Value { value, limits } = pair.value(&mut known);
        assert!(limits.contains(value));
        // 0.3 − 3·0.05.
        held += u32::from(limits.contains(0.15));
        // Hoeffding's limits of both shares by themselves, each at half the level.
        let half = libm::sqrt(0.5 * libm::log(80.0) / 60.0);
        narrow += u32::from(limits.high - limits.low < 2.0 * (1.0 + 3.0) * half);
    }
    assert!(held >= 930, "{held} of 1000");
    assert_eq!(narrow, 1000);
}

#[test]
fn prompts_on_one_side_only_are_refused() {
    let mut stream = Stream::new(5, Purpose::Synthetic, 0);
    let drawn = random(2, 3, &mut stream);
    let fail = |labels: &[u32], held_out: &[u32]| OnPolicy::by_prompt(drawn.clone(), labels, held_out).unwrap_err();
    let place = |error: Error| {
        let place = error.into_fault().place;
        (place.field.unwrap(), place.response.unwrap())
    };
    assert_eq!(place(fail(&[1, 7, 2], &[1, 2])), ("onPolicy".into(), 1));
    assert_eq!(place(fail(&[1, 2, 1], &[1, 2, 3])), ("logProbs".into(), 2));
}

#[test]
fn possible_winners_and_verdicts() {
    // The second model rules a third of the data out against the first; on policy no ratio is reached.
    let spread = |n: usize| vec![vec![-1.0; n], (0..n).map(|i| if i % 3 == 0 { -9.0 } else { -1.0 }).collect()];
    let log_probs = LogProbs::from_f64(spread(600)).unwrap();
    let drawn = |n: usize| OnPolicy::alike(LogProbs::from_f64(vec![vec![-1.0; n], vec![-1.0; n]]).unwrap());
    let at = |on_policy: OnPolicy| run(&log_probs, &[on_policy.clone(), on_policy], 16.0, 0.1).unwrap();
    let clear = at(drawn(600));
    assert_eq!((clear.winner, &*clear.possible_winners, clear.verdict), (0, &[0][..], "clear"));
    let [first, second] = clear.objective_intervals[..] else { panic!("two models") };
    assert!(first.high < second.low && second.contains(1.0 / 3.0) && first.contains(clear.objectives[0]));
    // With few responses drawn the offset may be anything.
    let noise = at(drawn(30));
    assert_eq!((&*noise.possible_winners, noise.verdict), (&[0, 1][..], "noise"));
    assert_eq!(at(drawn(29)).verdict, "few");
    let same = LogProbs::from_f64(vec![vec![-1.0; 100], vec![-1.0; 100]]).unwrap();
    assert_eq!(run(&same, &[drawn(100), drawn(100)], 16.0, 0.1).unwrap().verdict, "tied");
}

#[test]
fn same_bits_at_every_number_of_threads() {
    let mut stream = Stream::new(5, Purpose::Synthetic, 0);
    let log_probs = random(6, 100, &mut stream);
    let on_policy: Vec<OnPolicy> = (0..6).map(|_| OnPolicy::alike(random(6, 50, &mut stream))).collect();
    let options = OffsetOptions { n: vec![2.0, 16.0], a: 0.1, confidence: 0.95 };
    let run = |threads| {
        let workers = Workers::new(Some(threads)).unwrap();
        offset_tournament(&log_probs, &on_policy, &options, &workers, &Control::new()).unwrap()
    };
    assert!([2, 3, 8].into_iter().all(|threads| run(threads) == run(1)));
}

#[test]
fn shapes_and_options_are_checked() {
    let mut stream = Stream::new(6, Purpose::Synthetic, 0);
    let log_probs = random(2, 5, &mut stream);
    let good = OnPolicy::alike(random(2, 5, &mut stream));
    let bad = OnPolicy::alike(random(3, 5, &mut stream));
    assert_eq!(run(&log_probs, std::slice::from_ref(&good), 4.0, 0.1).unwrap_err().code, Code::ShapeMismatch);
    let error = run(&log_probs, &[good.clone(), bad], 4.0, 0.1).unwrap_err();
    assert_eq!((error.code, error.place.model), (Code::ShapeMismatch, Some(1)));
    let both = [good.clone(), good];
    assert_eq!(run(&log_probs, &both, 4.0, f64::NAN).unwrap_err().place.field.as_deref(), Some("a"));
    assert!(run(&log_probs, &both, 0.5, 0.1).is_err());
    assert!(OnPolicy::by_prompt(random(2, 5, &mut stream), &[1], &[1]).is_err());
}
