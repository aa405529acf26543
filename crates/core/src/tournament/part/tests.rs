use super::*;
use crate::random::{Purpose, Stream};

fn random(models: usize, responses: usize, seed: u64) -> LogProbs {
    let mut stream = Stream::new(seed, Purpose::Synthetic, 0);
    LogProbs::from_f64((0..models).map(|_| (0..responses).map(|_| -9.0 * stream.uniform()).collect()).collect())
        .unwrap()
}

fn names(models: usize) -> Vec<String> {
    (0..models).map(|model| format!("step {model}")).collect()
}

fn ratios() -> Ratios {
    Ratios::new(&[1.0, 2.5, 16.0]).unwrap()
}

fn shard(part: u32, of: u32) -> Shard {
    Shard::try_from([part, of]).unwrap()
}

fn count_beside(log_probs: &LogProbs, shard: Shard, there: Option<&CountsPart>) -> Result<CountsPart> {
    let (names, command) = (names(log_probs.models()), vec!["select".to_owned()]);
    CountsPart::count(names, log_probs, ratios(), shard, command, there, &Workers::sequential(), &Control::new())
}

fn part(log_probs: &LogProbs, part: u32, of: u32) -> CountsPart {
    let counted = count_beside(log_probs, shard(part, of), None).unwrap();
    let read = CountsPart::from_bytes(&counted.to_bytes().unwrap()).unwrap();
    assert_eq!(read, counted);
    read
}

fn assemble(parts: &[CountsPart]) -> Result<AllParts> {
    let labels: Vec<String> = parts.iter().map(|part| format!("part-{}", part.shard().part)).collect();
    AllParts::assemble(&parts.iter().collect::<Vec<_>>(), &labels)
}

#[test]
fn parts_together_are_what_one_process_counts() {
    for (models, of) in [(1, 1), (2, 1), (2, 3), (3, 2), (7, 4), (30, 1), (30, 5), (33, 16), (4, 40)] {
        let log_probs = random(models, 50, u64::from(of));
        let mut parts: Vec<_> = (1..=of).map(|each| part(&log_probs, each, of)).collect();
        parts.reverse();
        let all = assemble(&parts).unwrap();
        let whole = counts(&log_probs, &ratios(), &Workers::sequential(), &Control::new()).unwrap();
        let (workers, control) = (Workers::sequential(), Control::new());
        assert_eq!(all.counts_of(&log_probs, &ratios(), &workers, &control).unwrap(), &whole, "{models} in {of}");
    }
}

#[test]
fn parts_have_as_much_to_do() {
    for (models, of) in [(100, 3), (1000, 16), (64, 7), (10_000, 64)] {
        let cost = |part| -> usize {
            let tiles = shard(part, of).tiles(models);
            tiles.iter().map(|(a, b)| if a == b { a.len() * (a.len() - 1) / 2 } else { a.len() * b.len() }).sum()
        };
        let costs: Vec<usize> = (1..=of).map(cost).collect();
        assert_eq!(costs.iter().sum::<usize>(), models * (models - 1) / 2, "every pair once");
        let mean = models * (models - 1) / 2 / of as usize;
        assert!(costs.iter().all(|&cost| cost < mean + mean / 4), "{models} in {of}: {costs:?}");
    }
}

#[test]
fn a_part_that_is_there_is_taken_and_another_one_refused() {
    let log_probs = random(5, 20, 1);
    let there = part(&log_probs, 2, 3);
    assert_eq!(count_beside(&log_probs, shard(2, 3), Some(&there)).unwrap(), there);
    for (changed, asked) in [(&log_probs, shard(1, 3)), (&random(5, 20, 2), shard(2, 3))] {
        assert_eq!(count_beside(changed, asked, Some(&there)).unwrap_err().code, Code::InputChanged);
    }
}

#[test]
fn what_is_missing_there_twice_or_of_another_run_is_named() {
    let log_probs = random(5, 20, 1);
    let own = |each| part(&log_probs, each, 4);
    let error = assemble(&[own(1), own(4)]).unwrap_err();
    assert_eq!(error.code, Code::MissingPart);
    assert!(error.message.contains("Missing of 4 parts: 2, 3."), "{}", error.message);
    let error = assemble(&[own(1), own(1)]).unwrap_err();
    assert_eq!(error.code, Code::MissingPart);
    assert!(error.message.contains("both part 1/4"), "{}", error.message);
    let error = assemble(&[own(1), part(&log_probs, 2, 3)]).unwrap_err();
    assert_eq!(error.code, Code::InputChanged);
    assert!(error.message.contains("part-2 is part 2/3 and part-1 is one of 4"), "{}", error.message);
    for (other, why) in [
        (part(&random(5, 20, 2), 2, 4), "log-probabilities were others"),
        (part(&random(4, 20, 1), 2, 4), "other models"),
    ] {
        let error = assemble(&[own(1), other, own(3), own(4)]).unwrap_err();
        assert_eq!(error.code, Code::InputChanged);
        assert!(error.message.contains("part-2 does not belong to part-1") && error.message.contains(why));
    }
    assert_eq!(assemble(&[]).unwrap_err().code, Code::InvalidOption);
}

#[test]
fn parts_are_held_against_the_input() {
    let log_probs = random(5, 20, 1);
    let all = assemble(&[part(&log_probs, 1, 2), part(&log_probs, 2, 2)]).unwrap();
    let ask = |log_probs: &LogProbs, n: &[f64]| {
        let ratios = Ratios::new(n).unwrap();
        all.counts_of(log_probs, &ratios, &Workers::sequential(), &Control::new()).cloned().unwrap_err()
    };
    let n = ratios().n().to_vec();
    assert_eq!(ask(&log_probs, &[2.0]).code, Code::InputChanged);
    assert_eq!(ask(&random(4, 20, 1), &n).code, Code::InputChanged);
    let mut rows: Vec<Vec<f64>> = (0..5).map(|_| vec![-1.0; 20]).collect();
    rows[0] = log_probs.row_f64(0);
    let error = ask(&LogProbs::from_f64(rows).unwrap(), &n);
    assert_eq!((error.code, error.place.model), (Code::InputChanged, Some(1)));
}

#[test]
fn damage_is_found() {
    let bytes = part(&random(5, 20, 1), 1, 2).to_bytes().unwrap();
    for place in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 4;
        assert_eq!(CountsPart::from_bytes(&damaged).unwrap_err().code, Code::MalformedFile);
        assert_eq!(CountsPart::from_bytes(&bytes[..place]).unwrap_err().code, Code::MalformedFile);
    }
}
