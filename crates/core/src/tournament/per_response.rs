use serde::Serialize;

use super::ratios::Ratios;
use crate::error::{Error, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;

/// Responses rivals are held against at a time.
const CHUNK: usize = 4096;

/// The responses that a model fails to cover, by falling log ratio, then by position.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Uncovered {
    /// The model.
    pub model: usize,
    /// For each N how many responses it fails to cover: they are the first so many of the list.
    pub counts: Vec<usize>,
    /// Positions of the responses that it fails to cover at the least N.
    #[serde(skip)]
    pub responses: Vec<u32>,
    /// log π_rival − log π_model on each, in nats; +∞ where the model rules the response out.
    #[serde(skip)]
    pub log_ratios: Vec<f64>,
    /// The rival with that ratio; of several the first.
    #[serde(skip)]
    pub rivals: Vec<u32>,
}

/// The responses on which `rival`'s probability (without one, the greatest of all other models') is at least N times
/// that of `model`, at every N; O(n) with a rival, O(M·n) without.
///
/// # Errors
/// [`crate::Code::InvalidOption`] for a model that is not there, [`crate::Code::Aborted`].
pub fn uncovered_responses(
    log_probs: &LogProbs,
    model: usize,
    rival: Option<usize>,
    ratios: &Ratios,
    workers: &Workers,
    control: &Control,
) -> Result<Uncovered> {
    for (field, index) in [("model", Some(model)), ("rival", rival)] {
        if let Some(index) = index.filter(|&index| index >= log_probs.models()) {
            let message = format!("There is no model {index}: the last is {}.", log_probs.models() - 1);
            return Err(Error::option(field, message));
        }
    }
    let n = log_probs.responses();
    let least = ratios.log_n().iter().copied().fold(f64::INFINITY, f64::min);
    let rivals: Vec<usize> = match rival {
        Some(rival) => vec![rival],
        None => (0..log_probs.models()).filter(|&other| other != model).collect(),
    };
    let chunks = workers.map(n.div_ceil(CHUNK), control, |chunk| {
        let mut found = Vec::new();
        for response in chunk * CHUNK..n.min((chunk + 1) * CHUNK) {
            let own = log_probs.get(model, response);
            let mut worst = (f64::NEG_INFINITY, 0);
            for &rival in &rivals {
                let ratio = log_probs.get(rival, response) - own;
                // NaN, where both rule the response out, is no evidence.
                if ratio > worst.0 {
                    worst = (ratio, rival);
                }
            }
            if worst.0 >= least {
                #[expect(clippy::cast_possible_truncation, reason = "tournaments have fewer than 2^32 of either")]
                found.push((worst.0, response as u32, worst.1 as u32));
            }
        }
        Ok(found)
    })?;
    let mut found: Vec<(f64, u32, u32)> = chunks.into_iter().flatten().collect();
    found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let counts = ratios.log_n().iter().map(|&log_n| found.partition_point(|&(ratio, _, _)| ratio >= log_n)).collect();
    Ok(Uncovered {
        model,
        counts,
        responses: found.iter().map(|entry| entry.1).collect(),
        log_ratios: found.iter().map(|entry| entry.0).collect(),
        rivals: found.iter().map(|entry| entry.2).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use crate::tournament::counts;

    const NONE: f64 = f64::NEG_INFINITY;

    fn run(log_probs: &LogProbs, model: usize, rival: Option<usize>, n: &[f64], threads: usize) -> Uncovered {
        let workers = Workers::new(Some(threads)).unwrap();
        uncovered_responses(log_probs, model, rival, &Ratios::new(n).unwrap(), &workers, &Control::new()).unwrap()
    }

    #[test]
    fn sorted_by_ratio_with_prefix_counts() {
        let log_probs = LogProbs::from_f64(vec![
            vec![-9.0, -5.0, NONE, NONE, -5.0, -1.0],
            vec![-3.0, -4.5, -7.0, NONE, -3.0, -2.0],
            vec![-8.0, -3.0, NONE, NONE, -3.0, -1.0],
        ])
        .unwrap();
        let all = run(&log_probs, 0, None, &[2.0, 100.0], 1);
        assert_eq!(all.responses, [2, 0, 1, 4]);
        assert_eq!(all.log_ratios, [f64::INFINITY, 6.0, 2.0, 2.0]);
        assert_eq!(all.rivals, [1, 1, 2, 1]);
        assert_eq!(all.counts, [4, 2]);
        assert_eq!(run(&log_probs, 0, Some(2), &[2.0], 1).responses, [1, 4, 0]);
    }

    #[test]
    fn agrees_with_the_counts_at_every_number_of_threads() {
        let mut stream = Stream::new(1, Purpose::Synthetic, 0);
        let rows = (0..5).map(|_| (0..10_000).map(|_| -9.0 * stream.uniform()).collect()).collect();
        let log_probs = LogProbs::from_f64(rows).unwrap();
        let n = [1.0, 4.0, 16.0];
        let ratios = Ratios::new(&n).unwrap();
        let counts = counts(&log_probs, &ratios, &Workers::sequential(), &Control::new()).unwrap();
        for rival in 1..5 {
            let found = run(&log_probs, 0, Some(rival), &n, 1);
            for ratio in 0..3 {
                assert_eq!(found.counts[ratio], counts.get(ratio, rival, 0) as usize);
            }
        }
        let first = run(&log_probs, 0, None, &n, 1);
        assert!([2, 3, 8].into_iter().all(|threads| run(&log_probs, 0, None, &n, threads) == first));
    }

    #[test]
    fn models_that_are_not_there_are_errors() {
        let log_probs = LogProbs::from_f64(vec![vec![-1.0]]).unwrap();
        let ratios = Ratios::new(&[2.0]).unwrap();
        for (model, rival, field) in [(1, None, "model"), (0, Some(1), "rival")] {
            let workers = Workers::sequential();
            let error = uncovered_responses(&log_probs, model, rival, &ratios, &workers, &Control::new());
            assert_eq!(error.unwrap_err().place.field.as_deref(), Some(field));
        }
        assert_eq!(run(&log_probs, 0, None, &[1.0], 1).counts, [0]);
    }
}
