use proptest::prelude::*;

use super::*;
use crate::content_hash::ContentHash;
use crate::random::{Purpose, Stream};

fn names(models: usize) -> Vec<String> {
    (0..models).map(|model| format!("step {model}")).collect()
}

fn random(models: usize, responses: usize, seed: u64) -> LogProbs {
    let mut stream = Stream::new(seed, Purpose::Synthetic, 0);
    LogProbs::from_f64((0..models).map(|_| (0..responses).map(|_| -9.0 * stream.uniform()).collect()).collect())
        .unwrap()
}

fn run(names: Vec<String>, log_probs: &LogProbs) -> SavedTournament {
    let ratios = Ratios::new(&[1.0, 2.5, 16.0]).unwrap();
    SavedTournament::new(names, log_probs, ratios, &Workers::sequential(), &Control::new()).unwrap()
}

fn extend(saved: &SavedTournament, names: &[String], log_probs: &LogProbs) -> Result<SavedTournament> {
    saved.extend(names, log_probs, &Workers::sequential(), &Control::new())
}

#[test]
fn extending_gives_what_running_it_anew_would() {
    let log_probs = random(9, 120, 1);
    let whole = run(names(9), &log_probs);
    let mut saved = run(names(2), &log_probs.select_models(&[0, 1]).unwrap());
    for models in [3, 4, 4, 9] {
        let some = log_probs.select_models(&(0..models).collect::<Vec<_>>()).unwrap();
        saved = extend(&saved, &names(models), &some).unwrap();
        saved = SavedTournament::from_bytes(&saved.to_bytes().unwrap()).unwrap();
    }
    assert_eq!(saved, whole);
    assert_eq!(saved.tournaments(), whole.tournaments());
}

#[test]
fn old_models_are_found_by_name_in_any_order_and_precision() {
    let single: Vec<Vec<f32>> =
        vec![vec![-1.5, -2.25, -0.0], vec![-3.0, -1.0, -2.0], vec![-2.0, -2.0, f32::NEG_INFINITY]];
    let saved = run(names(2), &LogProbs::from_f32(single[..2].to_vec()).unwrap());
    let double = |order: &[usize]| {
        let rows = order.iter().map(|&m| single[m].iter().map(|&value| f64::from(value)).collect()).collect();
        LogProbs::from_f64(rows).unwrap()
    };
    let order = [2, 1, 0];
    let given: Vec<String> = order.iter().map(|model| format!("step {model}")).collect();
    let extended = extend(&saved, &given, &double(&order)).unwrap();
    assert_eq!(extended.names(), names(3));
    assert_eq!(extended.counts(), run(names(3), &double(&[0, 1, 2])).counts());
}

#[test]
fn what_has_changed_is_named() {
    let saved = run(names(2), &random(2, 30, 2));
    let error = extend(&saved, &names(2), &random(2, 30, 3)).unwrap_err();
    assert_eq!((error.code, error.place.model), (Code::InputChanged, Some(0)));
    assert!(error.message.contains("“step 0”"));
    let error = extend(&saved, &["step 0".into(), "other".into()], &random(2, 30, 2)).unwrap_err();
    assert!(error.code == Code::InputChanged && error.message.contains("“step 1”"));
    assert_eq!(extend(&saved, &names(3), &random(3, 31, 2)).unwrap_err().code, Code::InputChanged);
    assert_eq!(extend(&saved, &names(3), &random(2, 30, 2)).unwrap_err().code, Code::ShapeMismatch);
    let twice = vec!["a".to_owned(), "a".to_owned()];
    assert_eq!(extend(&saved, &twice, &random(2, 30, 2)).unwrap_err().code, Code::InvalidOption);
}

/// The bytes with their checksum put right: what is wrong with them must be found elsewhere.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 16);
    let checksum = ContentHash::of_bytes(&bytes);
    bytes.extend(checksum.to_bytes());
    bytes
}

#[test]
fn lies_with_a_right_checksum_are_found() {
    let saved = run(names(2), &random(2, 30, 4));
    let bytes = saved.to_bytes().unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let replaced = |from: &str, to: &str| {
        let at = text.find(from).unwrap();
        let mut bytes = bytes.clone();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        sealed(bytes)
    };
    let huge_header = {
        let mut bytes = bytes.clone();
        bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        sealed(bytes)
    };
    let count_too_great = {
        let mut bytes = bytes.clone();
        let last = bytes.len() - 20;
        bytes[last..last + 4].copy_from_slice(&31_u32.to_le_bytes());
        sealed(bytes)
    };
    for lie in [
        replaced("\"ratios\":3", "\"ratios\":9"),
        replaced("step 1", "step 0"),
        replaced("\"responses\":30", "\"responses\":-1"),
        replaced("\"name\"", "\"nome\""),
        huge_header,
        count_too_great,
    ] {
        assert_eq!(SavedTournament::from_bytes(&lie).unwrap_err().code, Code::MalformedFile);
    }
    assert!(SavedTournament::from_bytes(&sealed(bytes)).is_ok());
}

proptest! {
    #[test]
    fn no_damage_passes_and_none_panics(place in 0..2000_usize, bit in 0..8_u32, cut in 0..2000_usize, noise: Vec<u8>) {
        let bytes = run(names(3), &random(3, 20, 5)).to_bytes().unwrap();
        let mut damaged = bytes.clone();
        let place = place % bytes.len();
        damaged[place] ^= 1 << bit;
        prop_assert!(SavedTournament::from_bytes(&damaged).is_err());
        prop_assert!(SavedTournament::from_bytes(&bytes[..cut % bytes.len()]).is_err());
        prop_assert!(SavedTournament::from_bytes(&noise).is_err());
        let mut framed = FRAME.magic.to_vec();
        framed.extend(&noise);
        framed.extend([0; 16]);
        prop_assert!(SavedTournament::from_bytes(&sealed(framed)).is_err());
    }
}
