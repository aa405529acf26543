use super::*;
use crate::random::{Purpose, Stream};
use crate::tournament::{CountsPart, Shard, tournament, uncovered_responses};

fn models(count: usize, responses: usize, seed: u64) -> LogProbs {
    let mut stream = Stream::new(seed, Purpose::Synthetic, 0);
    let rows = (0..count).map(|model| {
        let spread = 1.0 + 0.2 * model as f64;
        (0..responses).map(|_| -4.0 - 3.0 * stream.uniform() + (spread * stream.normal()).min(3.0)).collect()
    });
    LogProbs::from_f64(rows.collect()).unwrap()
}

fn options() -> SelectionOptions {
    SelectionOptions {
        best_of: vec![],
        n: vec![16.0, 2.0, 3.0],
        replicates: Some(60),
        seed: 3,
        confidence: 0.9,
        counts: false,
    }
}

fn input(log_probs: &LogProbs) -> SelectionInput<'_> {
    SelectionInput { log_probs, prompts: None, reference: None, samples: None, saved: None, parts: None }
}

fn run(input: &SelectionInput<'_>, threads: usize) -> Selection {
    select(input, &options(), &Workers::new(Some(threads)).unwrap(), &Control::new()).unwrap()
}

#[test]
fn its_parts_are_what_each_computation_gives_by_itself() {
    let log_probs = models(6, 400, 1);
    let (workers, control) = (Workers::sequential(), Control::new());
    let ratios = Ratios::new(&options().n).unwrap();
    let (counts, tournaments) = tournament(&log_probs, &ratios, &workers, &control).unwrap();
    let selection = run(&input(&log_probs), 1);
    assert_eq!(selection.counts, counts);
    assert!(selection.tournaments.iter().map(|at| &at.tournament).eq(&tournaments));
    let units = Units::new(400, None);
    let decisions = decide(&log_probs, &units, &counts, &ratios, &tournaments, 0.9, &workers, &control).unwrap();
    for (ratio, (at, decision)) in selection.tournaments.iter().zip(&decisions).enumerate() {
        assert_eq!(at.possible_winners, decision.possible.models);
        assert_eq!((at.verdict, &at.score_intervals), (decision.verdict, &decision.score_intervals));
        if at.verdict == Verdict::Noise {
            let contest = [Resampled { ratio, candidates: at.possible_winners.clone() }];
            let wins = resampled_wins(&log_probs, None, &counts, &ratios, &contest, (60, 3), &workers, &control);
            let shares: Vec<f64> = wins.unwrap().wins[0].iter().map(|&wins| f64::from(wins) / 60.0).collect();
            assert_eq!(at.win_shares, Some(shares));
        }
    }
    assert!(selection.tournaments.iter().any(|at| at.verdict == Verdict::Noise));
    let grid = Ratios::new(&selection.curves.n).unwrap();
    let (_, along) = tournament(&log_probs, &grid, &workers, &control).unwrap();
    assert_eq!(selection.curves.winners, along.iter().map(|at| at.winner).collect::<Vec<_>>());
    for (model, scores) in selection.curves.scores.iter().enumerate() {
        assert!(scores.iter().copied().eq(along.iter().map(|at| at.scores[model])));
    }
    assert!(!selection.disagreements.is_empty());
    for each in &selection.disagreements {
        let ratio = Ratios::new(&[each.n]).unwrap();
        let found = uncovered_responses(&log_probs, each.pick, Some(each.rival), &ratio, &workers, &control).unwrap();
        assert_eq!(each.uncovered, found.responses.len());
        assert!(each.worst.iter().zip(&found.responses).all(|(worst, &response)| worst.response == response));
        assert_eq!(each.worst.len(), found.responses.len().min(10));
    }
}

#[test]
fn counted_in_parts_it_is_the_same() {
    let log_probs = models(5, 300, 2);
    let (workers, control) = (Workers::sequential(), Control::new());
    let names: Vec<String> = (0..5).map(|model| format!("step {model}")).collect();
    let ratios = ratios_to_count(&options(), 5).unwrap();
    let parts = [[1, 3], [2, 3], [3, 3]].map(|shard| {
        let (names, shard) = (names.clone(), Shard::try_from(shard).unwrap());
        CountsPart::count(names, &log_probs, ratios.clone(), shard, Vec::new(), None, &workers, &control).unwrap()
    });
    let all = AllParts::assemble(&parts.each_ref(), &["a", "b", "c"].map(str::to_owned)).unwrap();
    assert_eq!(run(&SelectionInput { parts: Some(&all), ..input(&log_probs) }, 1), run(&input(&log_probs), 1));
}

#[test]
fn a_saved_tournament_gives_the_same_at_any_number_of_threads() {
    let log_probs = models(5, 300, 2);
    let names = (0..5).map(|model| format!("step {model}")).collect();
    let ratios = Ratios::new(&[2.0, 3.0, 16.0, 64.0]).unwrap();
    let (workers, control) = (Workers::sequential(), Control::new());
    let saved = SavedTournament::new(names, &log_probs, ratios, &workers, &control).unwrap();
    let plain = run(&input(&log_probs), 1);
    assert_eq!(run(&SelectionInput { saved: Some(&saved), ..input(&log_probs) }, 1), plain);
    assert!([2, 3].into_iter().all(|threads| run(&input(&log_probs), threads) == plain));
}

#[test]
fn what_does_not_belong_together_is_an_error() {
    let log_probs = models(3, 50, 4);
    let (workers, control) = (Workers::sequential(), Control::new());
    let fail = |input: &SelectionInput<'_>| select(input, &options(), &workers, &control).unwrap_err();
    assert_eq!(fail(&input(&models(1, 50, 4))).code, Code::TooFewModels);
    assert_eq!(fail(&SelectionInput { reference: Some(&log_probs), ..input(&log_probs) }).code, Code::ShapeMismatch);
    let samples = SampleCounts::new(2, vec![4, 4], vec![1, 2]).unwrap();
    assert_eq!(fail(&SelectionInput { samples: Some(&samples), ..input(&log_probs) }).code, Code::ShapeMismatch);
    let names = (0..3).map(|model| format!("step {model}")).collect();
    let ratios = Ratios::new(&[2.0, 16.0]).unwrap();
    let saved = SavedTournament::new(names, &log_probs, ratios, &workers, &control).unwrap();
    let error = fail(&SelectionInput { saved: Some(&saved), ..input(&log_probs) });
    assert_eq!((error.code, error.place.field.as_deref()), (Code::InputChanged, Some("N")));
    assert!(error.message.contains("N = 2, 16, but not 3"), "{}", error.message);
}

#[test]
fn whole_ratios_get_a_pick_by_samples() {
    let log_probs = models(3, 50, 5);
    let samples = SampleCounts::new(3, vec![20; 6], vec![1, 0, 5, 4, 9, 0]).unwrap();
    let selection = run(&SelectionInput { samples: Some(&samples), ..input(&log_probs) }, 1);
    let picks = selection.pass_at_k.unwrap();
    assert_eq!(
        picks.iter().map(|pick| (pick.k, pick.winner)).collect::<Vec<_>>(),
        [(16, Some(1)), (2, Some(1)), (3, Some(1))]
    );
}

#[test]
fn budgets_come_first_with_their_ratios_and_their_pass_at_k() {
    let log_probs = models(3, 50, 6);
    let samples = SampleCounts::new(3, vec![20; 6], vec![1, 0, 5, 4, 9, 0]).unwrap();
    let options = SelectionOptions { best_of: vec![12, 16], n: vec![2.5], ..options() };
    let input = SelectionInput { samples: Some(&samples), ..input(&log_probs) };
    let selection = select(&input, &options, &Workers::sequential(), &Control::new()).unwrap();
    let at: Vec<_> = selection.tournaments.iter().map(|at| (at.best_of, at.tournament.n)).collect();
    assert_eq!(at, [(Some(12), ratio_of_budget(12).unwrap()), (Some(16), 4.0), (None, 2.5)]);
    let picks: Vec<_> = selection.pass_at_k.unwrap().iter().map(|pick| (pick.k, pick.n)).collect();
    assert_eq!(picks, [(12, ratio_of_budget(12).unwrap()), (16, 4.0)]);
    let none = SelectionOptions { best_of: vec![], n: vec![], ..options };
    let error = select(&input, &none, &Workers::sequential(), &Control::new()).unwrap_err();
    assert_eq!(error.place.field.as_deref(), Some("N"));
}

#[test]
fn a_budget_takes_what_is_best_over_its_span() {
    // Of 100 responses the first model is 3 times less likely than the second on 10, the second 6 times less likely than the
    // first on 8, and the third hopeless: the second wins at N = 2 and 2.52, by 2 points, and loses by 8 at N = 4.
    let place = |i: usize, early: f64, then: f64, late: f64| {
        if i < 10 {
            early
        } else if i < 18 {
            then
        } else {
            late
        }
    };
    let row = |early: f64, then: f64, late: f64| (0..100).map(|i| place(i, early, then, late)).collect::<Vec<f64>>();
    let ahead = -4.0 + libm::log(3.0);
    let rows = vec![row(-4.0, -4.0, -4.0), row(ahead, -4.0 - libm::log(6.0), -4.0), row(ahead, -4.0, -9.0)];
    let log_probs = LogProbs::from_f64(rows).unwrap();
    let at = |best_of: Vec<u32>, n: Vec<f64>| {
        let options = SelectionOptions { best_of, n, ..options() };
        select(&input(&log_probs), &options, &Workers::sequential(), &Control::new()).unwrap()
    };
    let selection = at(vec![8], vec![]);
    let [held] = &selection.tournaments[..] else { panic!("one budget, one tournament") };
    assert_eq!(held.span, span_of_budget(8).unwrap());
    assert_eq!((held.tournament.winner, held.recommendation.model), (1, 0));
    assert!(held.recommendation.verdict >= Verdict::Noise);
    assert_eq!(held.recommendation, selection.recommendation);
    // Several tournaments are weighed at the N at which they were held.
    let several = at(vec![8], vec![2.0]);
    assert_eq!((several.recommendation.model, several.tournaments[0].recommendation), (1, held.recommendation));
    // The tournaments at those N by themselves have the same least regret.
    let apart = at(vec![], held.span.clone());
    assert_eq!(apart.tournaments.iter().map(|at| at.tournament.winner).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(apart.recommendation.model, 0);
    assert!(apart.tournaments.iter().all(|at| at.recommendation.model == at.tournament.winner && at.span.len() == 1));
}

#[test]
fn what_no_response_resolves_is_silent_and_says_what_would() {
    let log_probs = models(4, 300, 7);
    let options = SelectionOptions { n: vec![1e6], ..options() };
    let selection = select(&input(&log_probs), &options, &Workers::sequential(), &Control::new()).unwrap();
    let at = &selection.tournaments[0];
    assert_eq!((at.verdict, at.sharing, at.possible_winners.len()), (Verdict::Silent, 4, 4));
    assert_eq!((at.responses_needed, &at.win_shares), (None, &None));
    assert!(at.tail_responses.unwrap() > 300.0);
    assert!(selection.resolution > 1.0 && selection.resolution < 1e6);
    // The reach decides, not the mean.
    let reach = &at.tournament.log_reach;
    assert!(reach.iter().all(|other| *other >= reach[at.tournament.winner]));
}

#[test]
fn few_units_allow_no_verdict() {
    let log_probs = models(3, 29, 8);
    assert!(run(&input(&log_probs), 1).tournaments.iter().all(|at| at.verdict == Verdict::Few));
    let log_probs = models(3, 290, 8);
    let labels: Vec<u32> = (0..290).map(|i| i % 29).collect();
    let selection = run(&SelectionInput { prompts: Some(&labels), ..input(&log_probs) }, 1);
    assert_eq!((selection.unit, selection.units), (Unit::Prompt, 29));
    assert!(selection.tournaments.iter().all(|at| at.verdict == Verdict::Few));
}

#[test]
fn several_n_share_the_level() {
    // Against the second model stand seven responses, none the other way: 2^-7 is below 0.05/6 and not below half of it.
    let row = |against: usize| (0..400).map(|i| if i < against { -9.0 } else { -1.0 }).collect::<Vec<f64>>();
    let log_probs = LogProbs::from_f64(vec![row(0), row(7), row(14)]).unwrap();
    let possible = |n: &[f64]| {
        let options = SelectionOptions { n: n.to_vec(), confidence: 0.95, ..options() };
        let selection = select(&input(&log_probs), &options, &Workers::sequential(), &Control::new()).unwrap();
        selection.tournaments.into_iter().map(|at| at.possible_winners).collect::<Vec<_>>()
    };
    assert_eq!(possible(&[2.0]), [vec![0]]);
    assert_eq!(possible(&[2.0, 4.0]), [vec![0, 1], vec![0, 1]]);
}
