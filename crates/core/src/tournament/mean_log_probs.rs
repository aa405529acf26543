use crate::error::Result;
use crate::log_probs::{Float, LogProbs, Rows};
use crate::parallel::Workers;
use crate::progress::Control;

/// Responses summed at a time; part of the definition of the result's bits.
const CHUNK: usize = 4096;
/// Partial sums within a chunk, so that the compiler can use vectors; part of the definition as well.
const LANES: usize = 8;

/// Mean log-likelihood of each model on the responses, in nats: minus its cross-entropy D_CE. −∞ where the model
/// rules a response out. Summed in double precision in a fixed order: the same bits for any number of threads.
///
/// # Errors
/// [`crate::Code::Aborted`].
pub fn mean_log_probs(log_probs: &LogProbs, workers: &Workers, control: &Control) -> Result<Vec<f64>> {
    match log_probs.rows() {
        Rows::F32(rows) => workers.map(rows.len(), control, |model| Ok(mean(&rows[model]))),
        Rows::F64(rows) => workers.map(rows.len(), control, |model| Ok(mean(&rows[model]))),
    }
}

/// Mean of one row.
pub(super) fn mean<T: Float>(row: &[T]) -> f64 {
    row.chunks(CHUNK).fold(0.0, |total, chunk| total + sum(chunk)) / row.len() as f64
}

fn sum<T: Float>(chunk: &[T]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (groups, rest) = chunk.as_chunks::<LANES>();
    for group in groups {
        for lane in 0..LANES {
            lanes[lane] += group[lane].into();
        }
    }
    let sum = lanes.into_iter().fold(0.0, |sum, lane| sum + lane);
    rest.iter().fold(sum, |sum, &value| sum + value.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn agrees_with_the_plain_sum_at_any_number_of_threads() {
        let mut stream = Stream::new(1, Purpose::Data, 0);
        for n in [1, 7, 8, 4096, 4097, 20_011] {
            let rows: Vec<Vec<f64>> = (0..3).map(|_| (0..n).map(|_| -30.0 * stream.uniform()).collect()).collect();
            let log_probs = LogProbs::from_f64(rows.clone()).unwrap();
            let means = mean_log_probs(&log_probs, &Workers::sequential(), &Control::new()).unwrap();
            for (row, mean) in rows.iter().zip(&means) {
                let plain = row.iter().sum::<f64>() / n as f64;
                assert!((mean / plain - 1.0).abs() < 1e-13);
            }
            for threads in [2, 3] {
                let workers = Workers::new(Some(threads)).unwrap();
                assert_eq!(mean_log_probs(&log_probs, &workers, &Control::new()).unwrap(), means);
            }
        }
    }

    #[test]
    fn a_response_ruled_out_makes_the_mean_infinite() {
        let log_probs = LogProbs::from_f32(vec![vec![-1.0, f32::NEG_INFINITY], vec![-1.0, -2.0]]).unwrap();
        let means = mean_log_probs(&log_probs, &Workers::sequential(), &Control::new()).unwrap();
        assert_eq!(means, [f64::NEG_INFINITY, -1.5]);
    }
}
