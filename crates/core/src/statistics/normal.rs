//! The standard normal distribution.

use super::saddle_point::LN_SQRT_TAU;

/// Φ(z), the standard normal distribution function.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Φ⁻¹(p): −∞ at 0, +∞ at 1, NaN outside [0, 1].
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    // Abramowitz and Stegun 26.2.23 (error below 4.5e-4), then Halley's steps on the exact function.
    let t = libm::sqrt(-2.0 * libm::log(p));
    let top = (0.010_328 * t + 0.802_853) * t + 2.515_517;
    let bottom = ((0.001_308 * t + 0.189_269) * t + 1.432_788) * t + 1.0;
    let mut z = top / bottom - t;
    for _ in 0..4 {
        let density = libm::exp(-0.5 * z * z - LN_SQRT_TAU);
        if density == 0.0 {
            break;
        }
        let step = (normal_cdf(z) - p) / density;
        z -= step / (1.0 + 0.5 * z * step);
    }
    z
}
