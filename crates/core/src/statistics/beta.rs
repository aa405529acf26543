//! The beta distribution.
//!
//! Its quantiles are our own because those of the common crate are wrong by up to 10^-3 in the tails that Clopper and
//! Pearson's interval needs (a = 2, b = 999,999).

use super::saddle_point::{deviance, stirling_error};

/// x^a (1−x)^b / B(a, b), by Loader's saddle point so that large parameters lose no digits.
fn beta_kernel(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let n = a + b;
    let exponent =
        stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * (1.0 - x));
    // Γ(n+1) / (Γ(a+1) Γ(b+1)) is n / (a b B(a, b)).
    libm::exp(exponent) * libm::sqrt(n / (std::f64::consts::TAU * a * b)) * (a * b / n)
}

/// I_x(a, b), the regularised incomplete beta function, for a, b > 0 and x in [0, 1].
#[must_use]
pub fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let (kernel, y) = (beta_kernel(a, b, x), 1.0 - x);
    if x > a / (a + b) { 1.0 - kernel / beta_fraction(b, a, y, x) } else { kernel / beta_fraction(a, b, x, y) }
}

/// The continued fraction of x^a y^b / (B(a, b) I_x(a, b)) for x + y = 1 (Didonato and Morris 1992), by Lentz's
/// method. For x below the mean all terms are positive, so that nothing cancels; it takes O(√max(a, b)) of them.
fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guarded = |value: f64| if value.abs() < TINY { TINY } else { value };
    let slope = a * y - b * x + 1.0;
    let mut fraction = guarded(a * slope / (a + 1.0));
    let (mut c, mut d) = (fraction, 0.0);
    for step in 1..200_000_u32 {
        let m = f64::from(step);
        let middle = a + 2.0 * m - 1.0;
        let over = m * (b - m) * x / middle;
        let numerator = (a + m - 1.0) * (a + b + m - 1.0) * over * x / middle;
        let denominator = m + over + (a + m) * (slope + m * (1.0 + y)) / (middle + 2.0);
        d = 1.0 / guarded(denominator + numerator * d);
        c = guarded(denominator + numerator / c);
        let factor = c * d;
        fraction *= factor;
        if (factor - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// The x with I_x(a, b) = p, for a, b > 0 and p in [0, 1]: Newton's steps kept inside a shrinking bracket.
#[must_use]
pub fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    if p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    let mut x = a / (a + b);
    for _ in 0..1100 {
        let excess = beta_cdf(a, b, x) - p;
        if excess == 0.0 {
            return x;
        }
        if excess > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let density = beta_kernel(a, b, x) / (x * (1.0 - x));
        let newton = x - excess / density;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - x).abs() <= 2e-16 * x || next <= low || next >= high {
            return next;
        }
        x = next;
    }
    x
}
