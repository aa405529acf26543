use super::*;

/// Log-probabilities with what models have in common, a model's own weakness, and noise.
fn made_up(weaknesses: &[f64], responses: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut common = Stream::new(seed, Purpose::Synthetic, 0);
    let base: Vec<f64> = (0..responses).map(|_| -3.0 * common.uniform()).collect();
    (1..)
        .zip(weaknesses)
        .map(|(index, &weak)| {
            let mut own = Stream::new(seed, Purpose::Synthetic, index);
            base.iter().map(|value| value - if own.uniform() < weak { 2.0 } else { 0.3 * own.uniform() }).collect()
        })
        .collect()
}

fn options(rows: &[Vec<f64>], seed: u64) -> RaceOptions {
    RaceOptions {
        models: u32::try_from(rows.len()).unwrap(),
        responses: u32::try_from(rows[0].len()).unwrap(),
        n: 2.0,
        delta: 0.05,
        tolerance: 0.0,
        settle: false,
        seed,
    }
}

fn value(rows: &[Vec<f64>], pair: RacePair) -> f64 {
    rows[pair.model as usize][pair.response as usize]
}

fn add(race: &mut Race, pairs: &[RacePair], rows: &[Vec<f64>]) {
    let values: Vec<f64> = pairs.iter().map(|&pair| value(rows, pair)).collect();
    race.add(pairs, &values, &Workers::sequential(), &Control::new()).unwrap();
}

/// Runs a race to its end, `at_once` pairs in flight.
fn run(mut race: Race, rows: &[Vec<f64>], at_once: usize) -> Race {
    loop {
        let pairs = race.next(at_once);
        if pairs.is_empty() {
            return race;
        }
        add(&mut race, &pairs, rows);
    }
}

fn scores(rows: &[Vec<f64>], n: f64) -> Vec<usize> {
    let count = |a: &[f64], b: &[f64]| a.iter().zip(b).filter(|(a, b)| *a - *b >= log_n(n)).count();
    let rivals = |own: usize| (0..rows.len()).filter(move |&rival| rival != own);
    (0..rows.len()).map(|own| rivals(own).map(|rival| count(&rows[rival], &rows[own])).max().unwrap()).collect()
}

fn best(scores: &[usize]) -> Vec<u32> {
    let least = scores.iter().min().unwrap();
    (0..).zip(scores).filter(|(_, score)| *score == least).map(|(model, _)| model).collect()
}

#[test]
fn a_clear_winner_is_found_early_and_the_others_leave() {
    let rows = made_up(&[0.3, 0.02, 0.25, 0.4], 3000, 1);
    let state = run(Race::new(options(&rows, 7)).unwrap(), &rows, 16).state();
    assert_eq!((state.verdict, state.winner, best(&scores(&rows, 2.0))), (RaceVerdict::Winner, Some(1), vec![1]));
    assert!(state.share < 0.1 && state.done, "{}", state.share);
    for model in [0, 2, 3] {
        let exit = state.models[model].exit.unwrap();
        assert!(exit.opponent != u32::try_from(model).unwrap() && exit.responses <= state.responses);
    }
}

#[test]
fn whoever_is_left_at_the_end_has_the_least_score_of_the_whole_list() {
    for seed in 0..60 {
        let rows = made_up(&[0.1, 0.1, 0.11, 0.1, 0.3], 150, seed);
        let scores = scores(&rows, 2.0);
        let race = run(Race::new(RaceOptions { delta: 1e-9, ..options(&rows, seed) }).unwrap(), &rows, 10);
        let state = race.state();
        let winner = state.winner.unwrap();
        assert!(best(&scores).contains(&winner), "seed {seed}: {winner} of {scores:?}");
        if state.verdict == RaceVerdict::Tied {
            assert!(best(&scores).len() > 1);
            for model in 0..rows.len() {
                let score = state.models[model].score;
                assert!(score.is_none_or(|score| (score * 150.0).round() == scores[model] as f64));
            }
        }
    }
}

#[test]
fn a_wrong_decision_is_as_rare_as_asked_for() {
    // The best by a hair: the list whose order decides. At δ = 0.3 so many races would go wrong if the bets were biased.
    for (tolerance, level) in [(0.0, 0.3), (0.02, 0.3)] {
        let mut wrong = 0;
        for seed in 0..200 {
            let rows = made_up(&[0.1, 0.12, 0.12, 0.13], 400, seed % 5);
            let scores = scores(&rows, 2.0);
            let limit = *scores.iter().min().unwrap() as f64 + tolerance * 400.0;
            let options = RaceOptions { delta: level, tolerance, ..options(&rows, seed) };
            let state = run(Race::new(options).unwrap(), &rows, 32).state();
            wrong += usize::from(scores[state.winner.unwrap() as usize] as f64 > limit);
        }
        // Three standard errors of 200 runs above δ.
        assert!(wrong <= 79, "{wrong} of 200 with tolerance {tolerance}");
    }
}

/// The list a race goes through in the order of `seed`: `value(place, model)` of each.
fn in_order(responses: u32, models: u32, seed: u64, value: impl Fn(u32, u32) -> f64) -> Vec<Vec<f64>> {
    let race = Race::new(RaceOptions { models, responses, ..options(&[vec![0.0]], seed) }).unwrap();
    let place = |response: u32| race.place_of[response as usize];
    (0..models).map(|model| (0..responses).map(|response| value(place(response), model)).collect()).collect()
}

fn all_pairs(rows: &[Vec<f64>]) -> Vec<RacePair> {
    let models = 0..u32::try_from(rows.len()).unwrap();
    let responses = u32::try_from(rows[0].len()).unwrap();
    models.flat_map(|model| (0..responses).map(move |response| RacePair { response, model })).collect()
}

#[test]
fn a_decision_is_exact_where_what_is_scored_leaves_no_doubt() {
    // So few responses that all are scored before anyone leaves.
    let rows = made_up(&[0.4, 0.0, 0.4], 12, 2);
    let state = run(Race::new(options(&rows, 3)).unwrap(), &rows, 4).state();
    assert!(state.exact && best(&scores(&rows, 2.0)).contains(&state.winner.unwrap()), "{state:?}");
    // Decided early, it rests on bets; scored to the end afterwards, on nothing but the list.
    let rows = made_up(&[0.3, 0.02, 0.25], 3000, 1);
    let mut race = run(Race::new(options(&rows, 7)).unwrap(), &rows, 16);
    assert!(race.state().done && !race.state().exact);
    add(&mut race, &all_pairs(&rows), &rows);
    let state = race.state();
    assert_eq!((state.verdict, state.winner, state.exact), (RaceVerdict::Winner, Some(1), true));
    // What cannot be scored is taken at its worst, and may leave no doubt either.
    let rows = vec![vec![-0.1; 40], vec![-3.0; 40]];
    let mut race = Race::new(options(&rows, 1)).unwrap();
    let (lost, known): (Vec<_>, Vec<_>) =
        all_pairs(&rows).into_iter().partition(|pair| pair.model == 1 && pair.response < 10);
    race.lose(&lost, &Workers::sequential(), &Control::new()).unwrap();
    add(&mut race, &known, &rows);
    let state = race.state();
    assert_eq!((state.verdict, state.winner, state.exact), (RaceVerdict::Winner, Some(0), true));
    // Decided early, and the loser scored to the end: where the winner is not known it may be worse.
    let rows = vec![vec![-0.1; 400], vec![-3.0; 400]];
    let mut race = run(Race::new(options(&rows, 1)).unwrap(), &rows, 4);
    let loser: Vec<_> = all_pairs(&rows).into_iter().filter(|pair| pair.model == 1).collect();
    add(&mut race, &loser, &rows);
    let state = race.state();
    assert!(state.winner == Some(0) && state.models[0].scored < 200 && !state.exact, "{state:?}");
}

#[test]
fn once_everything_is_scored_the_list_decides_and_not_the_bets() {
    // The first half of the order is all against model 0, the second, longer in counts, against model 1.
    let value = |place: u32, model: u32| match model {
        0 if place < 500 && place.is_multiple_of(4) => -2.0,
        1 if place >= 600 => -2.0,
        _ => -0.1,
    };
    for tolerance in [0.0, 0.01] {
        let rows = in_order(1000, 2, 5, value);
        let mut race = Race::new(RaceOptions { tolerance, ..options(&rows, 5) }).unwrap();
        race = run(race, &rows, 8);
        let state = race.state();
        assert_eq!((state.winner, state.exact), (Some(1), false), "the order misleads");
        add(&mut race, &all_pairs(&rows), &rows);
        let state = race.state();
        let stands = (state.verdict, state.winner, state.possible_winners, state.exact);
        assert_eq!(stands, (RaceVerdict::Winner, Some(0), vec![0], true));
        // Nor does it matter whether all comes at once, and a race that is read anew knows it, too.
        let mut at_once = Race::new(RaceOptions { tolerance, ..options(&rows, 5) }).unwrap();
        add(&mut at_once, &all_pairs(&rows), &rows);
        assert_eq!((at_once.state().winner, at_once.state().exact), (Some(0), true));
    }
}

#[test]
fn a_tolerance_ends_a_race_between_equals() {
    let rows = made_up(&[0.1, 0.1, 0.1], 4000, 3);
    let scores = scores(&rows, 2.0);
    let exact = run(Race::new(options(&rows, 1)).unwrap(), &rows, 16).state();
    let race = Race::new(RaceOptions { tolerance: 0.03, ..options(&rows, 1) }).unwrap();
    let within = run(race, &rows, 16).state();
    assert_eq!(within.verdict, RaceVerdict::Within);
    assert!(within.share < 0.5 * exact.share, "{} of {}", within.share, exact.share);
    assert!(scores[within.winner.unwrap() as usize] as f64 <= *scores.iter().min().unwrap() as f64 + 120.0);
}

#[test]
fn the_state_depends_on_the_values_alone() {
    let rows = made_up(&[0.1, 0.14, 0.3, 0.12], 600, 4);
    let expected = run(Race::new(options(&rows, 2)).unwrap(), &rows, 1);
    let known = expected.known();
    for (threads, chunk, reversed) in [(1, 7, false), (2, 64, true), (5, usize::MAX, true)] {
        let workers = Workers::new(Some(threads)).unwrap();
        let mut race = Race::new(options(&rows, 2)).unwrap();
        let mut pairs = known.0.clone();
        if reversed {
            pairs.reverse();
        }
        for pairs in pairs.chunks(chunk.min(pairs.len())) {
            let values: Vec<f64> = pairs.iter().map(|&pair| value(&rows, pair)).collect();
            race.add(pairs, &values, &workers, &Control::new()).unwrap();
        }
        assert_eq!(race.state(), expected.state(), "{threads} threads");
    }
}

#[test]
fn a_race_goes_on_from_its_bytes() {
    let rows = made_up(&[0.1, 0.12, 0.3], 500, 5);
    let names: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
    let whole = run(Race::new(options(&rows, 3)).unwrap(), &rows, 16);
    let mut race = Race::new(options(&rows, 3)).unwrap();
    for _ in 0..20 {
        let pairs = race.next(16);
        // Half of the answers are lost with the process.
        add(&mut race, &pairs[..pairs.len() / 2], &rows);
    }
    let bytes = race.to_bytes(&names).unwrap();
    let (read, resumed) = Race::from_bytes(&bytes, &Workers::sequential(), &Control::new()).unwrap();
    assert_eq!((read, resumed.state()), (names.clone(), race.state()));
    assert_eq!(run(resumed, &rows, 16).state(), whole.state());
    assert_eq!(race.to_bytes(&names[..2]).unwrap_err().code, Code::ShapeMismatch);
    for at in (0..bytes.len()).step_by(37) {
        let mut altered = bytes.clone();
        altered[at] ^= 4;
        for damaged in [&altered[..], &bytes[..at]] {
            let error = Race::from_bytes(damaged, &Workers::sequential(), &Control::new()).unwrap_err();
            assert_eq!(error.code, Code::MalformedFile, "at {at}");
        }
    }
}

#[test]
fn rivals_are_asked_for_only_where_they_can_count() {
    let rows = made_up(&[0.1, 0.1, 0.1], 40, 6);
    let mut race = Race::new(options(&rows, 4)).unwrap();
    // Two candidates are out of it: their values decide whether the third is asked for.
    race.contenders.retain(|contender| contender.model == 0);
    race.options.settle = true;
    let pairs = race.next(1000);
    assert!(pairs.len() == 40 && pairs.iter().all(|pair| pair.model == 0));
    add(&mut race, &pairs, &rows);
    let rivals = race.next(1000);
    let at_risk = |response: u32| rows[0][response as usize] <= -log_n(2.0);
    assert_eq!(rivals.len(), 2 * (0..40).filter(|&response| at_risk(response)).count());
    assert!(!rivals.is_empty() && rivals.iter().all(|pair| pair.model != 0 && at_risk(pair.response)));
}

#[test]
fn no_pair_is_asked_for_twice_unless_released() {
    let rows = made_up(&[0.1, 0.1], 50, 7);
    let mut race = Race::new(options(&rows, 5)).unwrap();
    let (first, second) = (race.next(30), race.next(1000));
    let mut all: Vec<_> = first.iter().chain(&second).collect();
    all.sort();
    all.dedup();
    assert_eq!((first.len(), all.len(), race.next(1).len()), (30, 100, 0));
    race.release(&first[3..5]).unwrap();
    assert_eq!(race.next(1000), first[3..5]);
}

#[test]
fn what_is_wrong_is_refused_and_nothing_of_it_kept() {
    let rows = made_up(&[0.1, 0.1], 50, 8);
    let mut race = Race::new(options(&rows, 6)).unwrap();
    let pair = |response, model| RacePair { response, model };
    let mut refused = |pairs: &[RacePair], values: &[f64]| {
        let error = race.add(pairs, values, &Workers::sequential(), &Control::new()).unwrap_err();
        assert_eq!(race.state().scored, 0);
        (error.code, error.place.model, error.place.response)
    };
    let good = (pair(3, 1), -1.0);
    assert_eq!(refused(&[good.0, pair(4, 0)], &[good.1, f64::NAN]), (Code::NanLogProb, Some(0), Some(4)));
    assert_eq!(refused(&[good.0, pair(4, 0)], &[good.1, 2.0]), (Code::PositiveLogProb, Some(0), Some(4)));
    assert_eq!(refused(&[good.0, good.0], &[good.1, -2.0]), (Code::DuplicateResponse, Some(1), Some(3)));
    assert_eq!(refused(&[good.0, pair(50, 0)], &[good.1, -1.0]).0, Code::InvalidOption);
    assert_eq!(refused(&[good.0, pair(0, 2)], &[good.1, -1.0]).0, Code::InvalidOption);
    assert_eq!(refused(&[good.0], &[]).0, Code::ShapeMismatch);
    let mut once = |value: f64| race.add(&[good.0], &[value], &Workers::sequential(), &Control::new());
    once(good.1).unwrap();
    once(good.1).unwrap();
    assert_eq!(once(-1.5).unwrap_err().code, Code::DuplicateResponse);
}

#[test]
fn options_are_checked() {
    let rows = made_up(&[0.1, 0.1], 50, 9);
    let code = |change: fn(&mut RaceOptions)| {
        let mut options = options(&rows, 0);
        change(&mut options);
        let fault = Race::new(options).unwrap_err().into_fault();
        (fault.code, fault.place.field)
    };
    assert_eq!(code(|options| options.models = 1).0, Code::TooFewModels);
    assert_eq!(code(|options| options.responses = 0).0, Code::NoResponses);
    assert_eq!(code(|options| options.models = u32::MAX).0, Code::TooLarge);
    assert_eq!(code(|options| options.responses = u32::MAX).0, Code::TooLarge);
    for (field, change) in [
        ("N", (|options| options.n = 1.0) as fn(&mut RaceOptions)),
        ("N", |options| options.n = f64::INFINITY),
        ("delta", |options| options.delta = 0.0),
        ("delta", |options| options.delta = f64::NAN),
        ("tolerance", |options| options.tolerance = 1.0),
        ("tolerance", |options| options.tolerance = -0.1),
    ] {
        assert_eq!(code(change), (Code::InvalidOption, Some(field.to_owned())));
    }
}

#[test]
fn a_checkpoint_that_joins_is_scored_until_it_is_out() {
    let rows = made_up(&[0.05, 0.1, 0.4], 2000, 10);
    let (workers, control) = (Workers::sequential(), Control::new());
    let first = RaceOptions { settle: true, ..options(&rows[..2], 8) };
    let race = run(Race::new(first).unwrap(), &rows, 16);
    let before = race.state().scored;
    // Those before are gone: only the one that joins can be scored.
    let mut joined = race.joined(1, &workers, &control).unwrap();
    joined.retire(&[0, 1], &workers, &control).unwrap();
    let mut pairs = joined.next(16);
    while !pairs.is_empty() {
        assert!(pairs.iter().all(|pair| pair.model == 2));
        add(&mut joined, &pairs, &rows);
        if !joined.state().models[2].candidate && !joined.state().models[2].rival {
            break;
        }
        pairs = joined.next(16);
    }
    let state = joined.state();
    assert!(!state.models[2].candidate && !state.models[2].rival && state.models[2].out_at.is_some());
    assert!(state.scored - before < 500, "{} more", state.scored - before);
    assert_eq!(state.winner.or(state.possible_winners.first().copied()), Some(0));
}

#[test]
fn what_cannot_be_had_is_taken_at_its_worst() {
    let rows = made_up(&[0.1, 0.1, 0.5], 300, 11);
    let (workers, control) = (Workers::sequential(), Control::new());
    let mut race = Race::new(options(&rows, 9)).unwrap();
    let pairs = race.next(90);
    add(&mut race, &pairs, &rows);
    race.retire(&[1], &workers, &control).unwrap();
    let error = race.add(&[RacePair { response: 0, model: 1 }], &[-1.0], &workers, &control).unwrap_err();
    assert_eq!(error.code, Code::InvalidOption);
    let state = run(race, &rows, 16).state();
    // Model 0 or model 1 may be best, the third is not, and nothing that is scored can tell more.
    assert_eq!((state.verdict, state.winner, state.done), (RaceVerdict::Unknown, None, true));
    assert!(state.possible_winners.contains(&0) && state.possible_winners.contains(&1));
    assert!(state.models[1].retired && state.models[1].scored < 40);
}

#[test]
fn likelihoods_of_nothing_are_counted_as_by_the_tournament() {
    let nothing = f64::NEG_INFINITY;
    let row = |hit: usize| (0..30).map(|i| if i < hit { nothing } else { -1.0 }).collect::<Vec<_>>();
    let rows = vec![row(3), row(5), row(9)];
    let state = run(Race::new(options(&rows, 1)).unwrap(), &rows, 8).state();
    // Where both have no probability neither counts against the other.
    assert_eq!((scores(&rows, 2.0), state.winner), (vec![0, 2, 6], Some(0)));
}

#[test]
fn a_response_that_cannot_be_scored_does_not_stop_the_race() {
    let rows = made_up(&[0.05, 0.3, 0.1], 800, 12);
    let (workers, control) = (Workers::sequential(), Control::new());
    let mut race = Race::new(options(&rows, 10)).unwrap();
    let pairs = race.next(60);
    let (lost, scored) = pairs.split_at(3);
    race.lose(lost, &workers, &control).unwrap();
    add(&mut race, scored, &rows);
    assert_eq!(race.add(&lost[..1], &[-1.0], &workers, &control).unwrap_err().code, Code::InvalidOption);
    let (_, read) =
        Race::from_bytes(&race.to_bytes(&["a", "b", "c"].map(String::from)).unwrap(), &workers, &control).unwrap();
    assert_eq!(read.state(), race.state());
    let state = run(race, &rows, 16).state();
    assert_eq!((state.verdict, state.winner), (RaceVerdict::Winner, Some(0)));
    assert_eq!(run(read, &rows, 16).state(), state);
}
