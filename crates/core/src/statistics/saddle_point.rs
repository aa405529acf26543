//! Loader's saddle-point expansion ("Fast and accurate computation of binomial probabilities", 2000): what binomial
//! and beta densities are made of, so that large parameters lose no digits.

/// ½·ln 2π.
pub(super) const LN_SQRT_TAU: f64 = 0.918_938_533_204_672_8;

/// n! over Stirling's approximation, as a logarithm: ln Γ(n+1) − (n + ½) ln n + n − ln √(2π); 0 at 0, where the
/// factors that it corrects are left out.
pub(super) fn stirling_error(n: f64) -> f64 {
    if n == 0.0 {
        return 0.0;
    }
    if n < 16.0 {
        return libm::lgamma(n + 1.0) - (n + 0.5) * libm::log(n) + n - LN_SQRT_TAU;
    }
    let inverse_square = 1.0 / (n * n);
    let series = 1.0 / 1188.0;
    let series = 1.0 / 1680.0 - series * inverse_square;
    let series = 1.0 / 1260.0 - series * inverse_square;
    let series = 1.0 / 360.0 - series * inverse_square;
    (1.0 / 12.0 - series * inverse_square) / n
}

/// x·ln(x/m) + m − x without cancellation for x near m (Loader 2000).
pub(super) fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * libm::log(x / m) + m - x;
    }
    let ratio = (x - m) / (x + m);
    let mut sum = (x - m) * ratio;
    let mut term = 2.0 * x * ratio;
    for odd in 1..1000 {
        term *= ratio * ratio;
        let next = sum + term / f64::from(2 * odd + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}
