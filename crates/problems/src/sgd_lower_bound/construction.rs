//! The two constructions: features, θ*, start and μ(+).

use coverage_principle_core::error::{Error, Result};

/// log π_θ of the three tokens at a prompt.
#[inline(always)]
pub(super) fn log_softmax(features: &[[f64; 2]; 3], theta: [f64; 2]) -> [f64; 3] {
    // Every step of a trial comes here, and for size the compiler unrolls nothing.
    let logit = |token: usize| features[token][0] * theta[0] + features[token][1] * theta[1];
    let [a, b, c] = [logit(0), logit(1), logit(2)];
    let greatest = a.max(b).max(c);
    let log_sum = greatest + ((a - greatest).exp() + (b - greatest).exp() + (c - greatest).exp()).ln();
    [a - log_sum, b - log_sum, c - log_sum]
}

/// Features, θ*, start and μ(+) of a construction.
pub(super) type Construction = (Vec<[[f64; 2]; 3]>, [f64; 2], [f64; 2], f64);

/// α of the proof, for `pull` = ηHB.
pub(super) fn angle(pull: f64) -> f64 {
    pull / (2.0 * (pull - 1.0))
}

pub(super) fn oscillating(bound: f64, alpha: f64) -> Construction {
    let side = (1.0 - alpha * alpha).sqrt();
    let features = [[alpha, -side], [1.0, 0.0], [alpha, side]].map(|v| v.map(|x| bound * x));
    (vec![features], [1.0, 0.0], [alpha, side], 1.0)
}

pub(super) fn slow(bound: f64, scale: f64, horizon: f64, steps: f64, log_n: f64) -> Result<Construction> {
    let saturated = (horizon / (4.0 * log_n)).ln();
    if !(saturated >= 1.0 && saturated <= 0.5 * scale) {
        return Err(Error::option(
            "horizon",
            format!(
                "The slow construction needs 1 ≤ log(H/(4 log N)) ≤ b/2, but it is {saturated} and b = {scale}: change the horizon, N or the bound."
            ),
        ));
    }
    let start = [(saturated - 1.0) / scale, 0.25];
    let plus = bound * horizon / (512.0 * std::f64::consts::E * steps * scale * scale * log_n);
    let on = |axis: usize| [-1.0, 0.0, 1.0].map(|a| if axis == 0 { [scale * a, 0.0] } else { [0.0, scale * a] });
    Ok((vec![on(0), on(1)], [0.5, 0.5], start, plus.min(1.0)))
}

/// σ*² = H·E‖φ − Eφ‖².
pub(super) fn inherent_variance(features: &[[[f64; 2]; 3]], log_probs: &[[f64; 3]], plus: f64, horizon: f64) -> f64 {
    let of_prompt = |prompt: usize| -> f64 {
        let p = log_probs[prompt].map(f64::exp);
        (0..2)
            .map(|axis| {
                let mean: f64 = (0..3).map(|token| p[token] * features[prompt][token][axis]).sum();
                (0..3).map(|token| p[token] * (features[prompt][token][axis] - mean).powi(2)).sum::<f64>()
            })
            .sum()
    };
    let weights = [plus, 1.0 - plus];
    horizon * (0..features.len()).map(|prompt| weights[prompt] * of_prompt(prompt)).sum::<f64>()
}
