use super::*;
use crate::error::Code;
use crate::profile::{CoverageProfileOptions, LogRatios};
use crate::random::{Purpose, Stream};
use crate::selection::{SelectionOptions, Verdict};
use crate::statistics::{Interval, log_pmf};
use crate::{Control, LogProbs, Workers};

const NONE: f64 = f64::NEG_INFINITY;

fn draws(rows: Vec<Vec<f64>>, reasonings: usize) -> AnswerDraws {
    let responses = rows[0].len() / reasonings;
    let of_response: Vec<u32> = (0..rows[0].len()).map(|column| u32::try_from(column / reasonings).unwrap()).collect();
    AnswerDraws::sampled(&LogProbs::from_f64(rows).unwrap(), &of_response, responses, None).unwrap()
}

fn estimates(draws: &AnswerDraws) -> AnswerEstimates {
    AnswerEstimates::new(draws, 0.95, &Workers::sequential(), &Control::new()).unwrap()
}

fn profile_options(n: &[f64]) -> CoverageProfileOptions {
    CoverageProfileOptions { n: n.to_vec(), ..CoverageProfileOptions::default() }
}

fn selection_options(best_of: Vec<u32>, n: Vec<f64>) -> SelectionOptions {
    SelectionOptions { best_of, n, replicates: None, seed: 0, confidence: 0.95, counts: false }
}

fn profiles(models: &AnswerDraws, reference: &AnswerDraws, prompts: Option<&[u32]>, n: &[f64]) -> AnswerProfiles {
    let (workers, control) = (Workers::sequential(), Control::new());
    answer_profiles(models, reference, None, prompts, &profile_options(n), &workers, &control).unwrap()
}

/// A reasoning that leads to the answer, with probability 0.9, or hardly does: so often that the mean is `p`.
fn log_weight(p: f64, stream: &mut Stream) -> f64 {
    if stream.uniform() < (p - 0.01) / 0.89 { 0.9_f64.ln() } else { 0.01_f64.ln() }
}

#[test]
fn estimates_are_those_of_the_definition() {
    let mut stream = Stream::new(1, Purpose::Synthetic, 0);
    let weights: Vec<Vec<f64>> = (0..30).map(|_| (0..7).map(|_| stream.uniform()).collect()).collect();
    let found = estimates(&draws(vec![weights.concat().iter().map(|w| w.ln()).collect()], 7));
    let row = &found.rows[0];
    for (i, w) in weights.iter().enumerate() {
        let mean = w.iter().sum::<f64>() / 7.0;
        assert!((row.log_probs[i] - mean.ln()).abs() < 1e-13);
        let variance = w.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / 6.0;
        assert!((row.standard_errors[i] - (variance / 7.0).sqrt() / mean).abs() < 1e-13);
        let left_out = (0..7).map(|s| ((7.0 * mean - w[s]) / 6.0).ln()).sum::<f64>() / 7.0;
        assert!((row.biases[i] - 6.0 * (left_out - mean.ln())).abs() < 1e-12 && row.biases[i] < 0.0);
        assert!(row.lower[i] < row.log_probs[i] && row.log_probs[i] < row.upper[i] && row.upper[i] < 0.0);
    }
    assert!(found.reasonings == (7, 7) && (found.tail - 0.005).abs() < 1e-15);
}

#[test]
fn what_cannot_be_known_is_not_a_number() {
    // One reasoning; none that leads to the answer; one of three that does.
    let one = &estimates(&draws(vec![vec![-1.0, NONE]], 1)).rows[0];
    assert_eq!(one.log_probs, [-1.0, NONE]);
    assert!(one.standard_errors.iter().chain(&one.biases).all(|value| value.is_nan()));
    let three = &estimates(&draws(vec![vec![NONE, NONE, NONE, NONE, -0.3, NONE]], 3)).rows[0];
    assert_eq!((three.log_probs[0], three.lower[0]), (NONE, NONE));
    // Nothing seen in three says little about what is to be seen.
    assert!(three.upper[0] > 0.5_f64.ln() && three.upper[0] < 0.0);
    assert!((three.log_probs[1] - (-0.3 - 3.0_f64.ln())).abs() < 1e-15 && three.biases[1].is_nan());
    let told = three.monte_carlo();
    assert_eq!((told.unreached, told.unknown_bias, told.bias), (1, 2, None));
    assert!(told.standard_error.is_some());
}

#[test]
fn values_as_they_are_have_no_monte_carlo_in_them() {
    let matrix = LogProbs::from_f64(vec![vec![-1.0, NONE, -0.25]]).unwrap();
    let exact = AnswerDraws::exact(&matrix, None).unwrap();
    let found = estimates(&exact);
    let row = &found.rows[0];
    assert_eq!((&row.lower, &row.upper), (&row.log_probs, &row.log_probs));
    assert_eq!((row.log_probs.as_slice(), found.tail), ([-1.0, NONE, -0.25].as_slice(), 0.0));
    let turned = AnswerDraws::exact(&matrix, Some(&[2, 0, 1])).unwrap();
    assert_eq!(estimates(&turned).rows[0].log_probs, [NONE, -0.25, -1.0]);
    assert_eq!(AnswerDraws::exact(&matrix, Some(&[2, 0, 2])).unwrap_err().code, Code::MissingResponse);
    let teacher = AnswerDraws::exact(&LogProbs::from_f64(vec![vec![-0.5; 3]]).unwrap(), None).unwrap();
    let result = profiles(&exact, &teacher, None, &[1.0, 2.0]);
    let at = &result.models[0].coverage;
    assert_eq!((at[0].count, at[1].count, at[1].undecided), (2, 1, 0));
    assert!(at.iter().all(|at| at.interval == at.sampling_interval));
    assert!(result.models[0].cross_entropy.reason.as_ref().unwrap().contains("is infinite"));
}

#[test]
fn limits_of_a_response_hold_whatever_the_weights_are() {
    let mut stream = Stream::new(2, Purpose::MonteCarlo, 0);
    let responses = 4000;
    for (p, reasonings) in [(0.5, 4), (0.05, 16), (0.012, 64)] {
        let row = (0..responses * reasonings).map(|_| log_weight(p, &mut stream)).collect();
        let found =
            AnswerEstimates::new(&draws(vec![row], reasonings), 0.5, &Workers::sequential(), &Control::new()).unwrap();
        let broken = |holds: &dyn Fn(usize) -> bool| (0..responses).filter(|&i| !holds(i)).count() as f64;
        let row = &found.rows[0];
        // A tail of 0.05 each; four standard errors of a share of 4,000.
        let allowed = 4000.0 * 0.05 + 4.0 * (4000.0_f64 * 0.05 * 0.95).sqrt();
        assert!(broken(&|i| row.lower[i] <= f64::ln(p)) <= allowed);
        assert!(broken(&|i| row.upper[i] >= f64::ln(p)) <= allowed);
    }
}

/// Kinds of responses: how often they come, and the probability of the answer under the reference and two models.
const KINDS: [(f64, [f64; 3]); 3] = [(0.6, [0.5, 0.5, 0.45]), (0.25, [0.5, 0.2, 0.5]), (0.15, [0.6, 0.02, 0.6])];

/// Log-probabilities of the reference and the models, and the kind of each response.
fn drawn(responses: usize, reasonings: usize, per_prompt: usize, stream: &mut Stream) -> Vec<Vec<f64>> {
    let mut rows = vec![Vec::new(); 3];
    let mut kind = 0;
    for response in 0..responses {
        if response % per_prompt == 0 {
            let uniform = stream.uniform();
            kind = if uniform < 0.6 { 0 } else { 1 + usize::from(uniform > 0.85) };
        }
        for (row, p) in rows.iter_mut().zip(KINDS[kind].1) {
            row.extend((0..reasonings).map(|_| log_weight(p, stream)));
        }
    }
    rows
}

#[test]
fn intervals_hold_the_truth_where_those_of_the_responses_alone_do_not() {
    let runs: u32 = 60;
    for (responses, per_prompt) in [(400, 1), (600, 4)] {
        let labels: Vec<u32> = (0..responses).map(|i| i / per_prompt).collect();
        let prompts = (per_prompt > 1).then_some(&labels[..]);
        let (mut held, mut alone) = ([0; 2], [0; 2]);
        for run in 0..runs {
            let mut stream = Stream::new(3, Purpose::MonteCarlo, u64::from(run));
            let mut rows = drawn(responses as usize, 32, per_prompt as usize, &mut stream);
            let reference = draws(vec![rows.remove(0)], 32);
            let result = profiles(&draws(rows, 32), &reference, prompts, &[2.0, 4.0]);
            let model = &result.models[0];
            for (k, (at, truth)) in model.coverage.iter().zip([0.4, 0.15]).enumerate() {
                held[k] += u32::from(at.interval.contains(truth));
                alone[k] += u32::from(at.sampling_interval.contains(truth));
                assert!(at.interval.low <= at.value && at.value <= at.interval.high && at.undecided > 0);
            }
        }
        assert!(held.iter().all(|&held| held >= runs * 94 / 100), "{held:?} of {runs}");
        // Noise of the reasonings moves a share of the ratios near N across it: responses alone do not know of that.
        assert!(per_prompt > 1 || alone[0] < runs / 2, "{alone:?} of {runs}");
    }
}

#[test]
fn possible_winners_hold_the_best_and_rule_out_with_enough_reasonings() {
    let options = selection_options(vec![], vec![2.0, 6.0]);
    let run = |reasonings: usize, index: u64| {
        let rows = drawn(600, reasonings, 1, &mut Stream::new(4, Purpose::MonteCarlo, index));
        select_by_answers(&draws(rows, reasonings), None, &options, &Workers::sequential(), &Control::new()).unwrap()
    };
    let mut false_clear = 0;
    for index in 0..40 {
        for at in &run(8, index).tournaments {
            // The reference and the second model are equally good at N = 6: none is ever ahead by that much.
            let best = at.possible_winners.iter().any(|&model| model != 1);
            assert!(best && at.possible_winners[0] == at.tournament.winner);
            false_clear += usize::from(at.tournament.n == 6.0 && at.verdict == Verdict::Clear);
        }
    }
    assert_eq!(false_clear, 0);
    let many = run(400, 0);
    assert_eq!((many.reasonings, many.exact, many.monte_carlo.len()), ([400, 400], false, 3));
    for at in &many.tournaments {
        assert!(!at.possible_winners.contains(&1), "{at:?}");
        let truth = if at.tournament.n == 2.0 { 0.4 } else { 0.15 };
        let interval = at.score_intervals[1];
        assert!(interval.contains(truth) && interval.low > 0.05, "{interval:?}");
        assert!(at.score_intervals.iter().zip(&at.tournament.scores).all(|(i, &score)| i.contains(score)));
    }
}

#[test]
fn limits_of_all_pairs_are_those_of_exact_binomial_limits() {
    // Two models, exact: the second is under-weighted on 30 of 100, the first on 5.
    let row = |bad: std::ops::Range<usize>| (0..100).map(|i| if bad.contains(&i) { -5.0 } else { -1.0 }).collect();
    let exact = AnswerDraws::exact(&LogProbs::from_f64(vec![row(0..5), row(10..40)]).unwrap(), None).unwrap();
    let options = selection_options(vec![], vec![2.0]);
    let result = select_by_answers(&exact, None, &options, &Workers::sequential(), &Control::new()).unwrap();
    let at = &result.tournaments[0];
    let exact = |count| crate::statistics::clopper_pearson(count, 100, 0.95);
    assert_eq!(at.score_intervals, [exact(5), exact(30)]);
    assert_eq!((&at.possible_winners, at.verdict, at.sharing), (&vec![0], Verdict::Clear, 1));
    assert_eq!((&at.undecided, result.exact, result.reasonings), (&vec![0, 0], true, [0, 0]));
    // By twenty prompts the same counts are too few to tell.
    let labels: Vec<u32> = (0..100).map(|i| i / 5).collect();
    let exact = AnswerDraws::exact(&LogProbs::from_f64(vec![row(0..5), row(10..40)]).unwrap(), None).unwrap();
    let by_prompts =
        select_by_answers(&exact, Some(&labels), &options, &Workers::sequential(), &Control::new()).unwrap();
    assert_eq!((by_prompts.prompts, by_prompts.tournaments[0].verdict), (Some(20), Verdict::Few));
    assert_eq!(by_prompts.tournaments[0].possible_winners, [0, 1]);
}

#[test]
fn reasonings_of_a_proposal_are_weighed() {
    // Two reasonings, drawn with 0.8 and 0.2; the model takes them with 0.1 and 0.9 and answers with 0.5 and 0.2.
    let (q, joint) = ([0.8_f64, 0.2], [0.05_f64, 0.18]);
    let mut stream = Stream::new(5, Purpose::MonteCarlo, 0);
    let drawn: Vec<usize> = (0..40_000).map(|_| usize::from(stream.uniform() >= 0.8)).collect();
    let row = |of: [f64; 2]| LogProbs::from_f64(vec![drawn.iter().map(|&r| of[r].ln()).collect()]).unwrap();
    let of_response = vec![0; drawn.len()];
    let sampled = AnswerDraws::sampled(&row(joint), &of_response, 1, Some(&row(q))).unwrap();
    let found = estimates(&sampled);
    assert!((found.rows[0].log_probs[0] - 0.23_f64.ln()).abs() < 5.0 * found.rows[0].standard_errors[0]);
    assert!(found.rows[0].standard_errors[0] < 0.02 && found.has_proposal);
    // Weights may be of any size: nothing bounds the probability but 1.
    assert_eq!(found.rows[0].upper[0], 0.0);
    assert!(found.rows[0].lower[0] > 0.2_f64.ln() && found.rows[0].lower[0] < 0.23_f64.ln());
    let never = row([1.0, 0.0]);
    let error = AnswerDraws::sampled(&row(joint), &of_response, 1, Some(&never)).unwrap_err();
    assert_eq!((error.code, error.place.field.as_deref()), (Code::InvalidOption, Some("proposal")));
}

#[test]
fn columns_may_come_in_any_order_and_number() {
    let rows = [[-1.0, -2.0, -3.0, -0.5, -0.25]];
    let of = |columns: [usize; 5]| {
        let row = columns.iter().map(|&column| rows[0][column]).collect();
        let labels: Vec<u32> = columns.iter().map(|&column| [0, 1, 0, 1, 1][column]).collect();
        AnswerDraws::sampled(&LogProbs::from_f64(vec![row]).unwrap(), &labels, 2, None).unwrap()
    };
    let (one, other) = (of([0, 1, 2, 3, 4]), of([1, 3, 0, 4, 2]));
    assert_eq!(one.reasonings(), (2, 3));
    assert_eq!(estimates(&one), estimates(&other));
    assert!((estimates(&one).rows[0].log_probs[0] - f64::ln((f64::exp(-1.0) + f64::exp(-3.0)) / 2.0)).abs() < 1e-15);
}

#[test]
fn same_bits_at_every_number_of_threads() {
    let rows = drawn(300, 5, 1, &mut Stream::new(6, Purpose::Synthetic, 0));
    let sampled = draws(rows, 5);
    let options = selection_options(vec![16], vec![2.0]);
    let run = |threads| {
        let workers = Workers::new(Some(threads)).unwrap();
        select_by_answers(&sampled, None, &options, &workers, &Control::new()).unwrap()
    };
    let first = serde_json::to_string(&run(1)).unwrap();
    for threads in [2, 3, 8] {
        assert_eq!(serde_json::to_string(&run(threads)).unwrap(), first);
    }
}

#[test]
fn the_whole_bounds_the_answers() {
    let ratios = LogRatios::new(vec![f64::INFINITY, 3.0, 0.5, 0.5, -1.0, NONE]).unwrap();
    // The definition on a fine grid of t.
    let plain = |log_n: f64| {
        let at = |t: f64| ratios.count_at_least(log_n + t.ln()) as f64 / 6.0 / (1.0 - t);
        (1..200_000).map(|k| at(f64::from(k) / 200_000.0)).fold(1.0, f64::min)
    };
    for log_n in [0.0, 0.6, 1.0, 2.0, 3.0, 3.5, 9.0] {
        let bound = bound_from_whole(&ratios, log_n);
        assert!(bound <= plain(log_n) && plain(log_n) - bound < 1e-4, "{log_n}: {bound} {}", plain(log_n));
    }
    // The counterexample to Cov_N(answer) ≤ Cov_N(whole): one answer, two reasonings, one of them hardly known.
    let whole = LogRatios::new(vec![(0.5_f64 / 1e-6).ln(), (0.5_f64 / 0.24).ln()]).unwrap();
    let answer: f64 = 1.0 / (1e-6 + 0.24);
    assert!(answer > 4.0 && whole.count_at_least(4.0_f64.ln()) == 1 && bound_from_whole(&whole, 4.0_f64.ln()) >= 1.0);
}

#[test]
fn what_does_not_belong_together_is_an_error() {
    let matrix = LogProbs::from_f64(vec![vec![-1.0, -2.0], vec![-1.0, -3.0]]).unwrap();
    let code = |labels: &[u32], responses| AnswerDraws::sampled(&matrix, labels, responses, None).unwrap_err().code;
    assert_eq!(code(&[0], 1), Code::ShapeMismatch);
    assert_eq!(code(&[0, 2], 2), Code::ShapeMismatch);
    assert_eq!(code(&[0, 0], 2), Code::MissingResponse);
    let exact = AnswerDraws::exact(&matrix, None).unwrap();
    let (workers, control) = (Workers::sequential(), Control::new());
    let profile = |reference: &AnswerDraws, prompts: Option<&[u32]>, options: &CoverageProfileOptions| {
        answer_profiles(&exact, reference, None, prompts, options, &workers, &control).unwrap_err().code
    };
    let one = AnswerDraws::exact(&matrix.select_models(&[0]).unwrap(), None).unwrap();
    assert_eq!(profile(&exact, None, &profile_options(&[2.0])), Code::ShapeMismatch);
    assert_eq!(profile(&one, Some(&[1]), &profile_options(&[2.0])), Code::ShapeMismatch);
    assert_eq!(profile(&one, None, &profile_options(&[0.5])), Code::InvalidOption);
    let select = |draws: &AnswerDraws, n: Vec<f64>| {
        let options = selection_options(vec![], n);
        select_by_answers(draws, None, &options, &workers, &control).unwrap_err().code
    };
    assert_eq!((select(&one, vec![2.0]), select(&exact, vec![])), (Code::TooFewModels, Code::InvalidOption));
    let cancelled = Control::new();
    cancelled.cancel();
    assert_eq!(AnswerEstimates::new(&exact, 0.95, &workers, &cancelled).unwrap_err().code, Code::Aborted);
}

#[test]
fn means_of_logarithms_are_corrected_and_have_no_interval() {
    let mut stream = Stream::new(7, Purpose::MonteCarlo, 0);
    let mut of = |p: f64, reasonings: usize| {
        draws(vec![(0..800 * reasonings).map(|_| log_weight(p, &mut stream)).collect()], reasonings)
    };
    let (some, many) = (of(0.3, 20), of(0.3, 200));
    let result = profiles(&some, &many, None, &[2.0]);
    let model = &result.models[0];
    let (truth, bias) = (-f64::ln(0.3), model.monte_carlo.bias.unwrap());
    let plain = model.cross_entropy.value.unwrap() - bias;
    let corrected = model.cross_entropy.value.unwrap();
    // What the jackknife says on average, over how many of twenty reasonings lead to the answer.
    let (q, total) = (0.29 / 0.89, |k: f64| 0.9 * k + 0.01 * (20.0 - k));
    let expected: f64 = (1..20_u32)
        .map(|k| {
            let (count, sum) = (f64::from(k), total(f64::from(k)));
            let left_out = count * ((sum - 0.9) / 19.0).ln() + (20.0 - count) * ((sum - 0.01) / 19.0).ln();
            log_pmf(20, u64::from(k), q).exp() * 19.0 * (left_out / 20.0 - (sum / 20.0).ln())
        })
        .sum();
    assert!((bias - expected).abs() < 0.006, "{bias} {expected}");
    // The bias itself is −0.0556 (by the same sum of logarithms); 0.012 is a standard error of the mean over responses.
    assert!(plain - truth > 0.02 && (corrected - truth).abs() < 0.04, "{plain} {corrected} {truth}");
    let reason = model.cross_entropy.reason.as_ref().unwrap();
    assert!(model.cross_entropy.interval.is_none() && reason.contains("not drawn") && reason.contains("jackknife"));
    assert!(model.kl.value.unwrap().abs() < 0.06 && model.kl.interval.is_none());
    let single = profiles(&of(0.3, 1), &many, None, &[2.0]);
    assert!(single.models[0].kl.reason.as_ref().unwrap().contains("is not known for 800 of 800"));
}

#[test]
fn what_may_and_what_must_count_are_those_of_a_plain_loop() {
    let mut rows = drawn(150, 400, 1, &mut Stream::new(8, Purpose::Synthetic, 0));
    rows.truncate(2);
    let both = estimates(&draws(rows.clone(), 400));
    let (a, b) = (&both.rows[0], &both.rows[1]);
    let count = |above: &[f64], below: &[f64]| {
        above.iter().zip(below).filter(|(above, below)| *above - *below >= 1.5_f64.ln()).count()
    };
    let (may, must) = (count(&a.upper, &b.lower), count(&a.lower, &b.upper));
    let limits = |count: usize| crate::statistics::clopper_pearson(count as u64, 150, 0.95);
    let high = (limits(may).high / (1.0 - both.misleads())).min(1.0);
    let low = ((limits(must).low - both.misleads()) / (1.0 - both.misleads())).max(0.0);
    assert!(must < may && may < 150 && low > 0.0, "{must} {may}");
    let same = |interval: Interval| (interval.low - low).abs() < 1e-12 && (interval.high - high).abs() < 1e-12;
    let profile = profiles(&draws(vec![rows[1].clone()], 400), &draws(vec![rows[0].clone()], 400), None, &[1.5]);
    let at = &profile.models[0].coverage[0];
    assert!(same(at.interval) && at.undecided == may - must, "{at:?}");
    let options = selection_options(vec![], vec![1.5]);
    let selected =
        select_by_answers(&draws(rows, 400), None, &options, &Workers::sequential(), &Control::new()).unwrap();
    let at = &selected.tournaments[0];
    assert!(same(at.score_intervals[1]) && at.undecided[1] == may - must, "{at:?}");
}

#[test]
fn the_choice_of_a_rival_and_several_n_are_paid_for() {
    // Of 400 responses 11 stand against the second model and 22 against the third, none against the first.
    let row = |against: usize| (0..400).map(|i| if i < against { -9.0 } else { -1.0 }).collect::<Vec<f64>>();
    let exact = AnswerDraws::exact(&LogProbs::from_f64(vec![row(0), row(11), row(22)]).unwrap(), None).unwrap();
    let at = |n: &[f64]| {
        let options = selection_options(vec![], n.to_vec());
        select_by_answers(&exact, None, &options, &Workers::sequential(), &Control::new()).unwrap().tournaments
    };
    let alone = at(&[2.0]);
    let limit = |confidence| crate::statistics::clopper_pearson(11, 400, confidence).low;
    // One of two rivals was chosen: 0.05/4 below.
    let low = alone[0].score_intervals[1].low;
    assert!((low - limit(0.975)).abs() < 1e-9 && limit(0.95) - low > 1e-4, "{low}");
    // The second is at least at 0.0124, the first at most at 0.0109; at half of the level at 0.0112 and 0.0126.
    assert_eq!(alone[0].possible_winners, [0]);
    assert!(at(&[2.0, 4.0]).iter().all(|at| at.possible_winners == [0, 1]));
}
