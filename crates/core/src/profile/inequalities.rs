//! The inequalities between Cov_N and other measures, as functions of plain numbers.
//!
//! All hold of population values. Estimates from a sample may break them by their sampling error: PD.1, for one,
//! uses E[π̂/π_D] ≤ 1, which a sample mean need not obey.

use crate::statistics::log_n;

/// PD.1: Cov_N ≤ D_KL / (log N − 1 + 1/N) for N > 1. `None` for other N or a negative `kl`.
#[must_use]
pub fn coverage_bound_from_kl(kl: f64, n: f64) -> Option<f64> {
    let denominator = log_n(n) - 1.0 + 1.0 / n;
    (n > 1.0 && kl >= 0.0 && denominator > 0.0).then(|| kl / denominator)
}

/// P3.1, the weaker form of PD.1: Cov_N ≤ D_KL / log(N/e) for N > e. `None` for other N or a negative `kl`.
#[must_use]
pub fn coverage_bound_from_kl_weak(kl: f64, n: f64) -> Option<f64> {
    let denominator = log_n(n) - 1.0;
    (kl >= 0.0 && denominator > 0.0).then(|| kl / denominator)
}

/// PD.2's instance, on which PD.1 is tight up to a constant: π_D = Ber(p), π̂ = Ber(p/N). Returns (Cov_N, D_KL).
/// `None` unless 0 < p ≤ ½ and N > 1.
#[must_use]
pub fn tight_instance(p: f64, n: f64) -> Option<(f64, f64)> {
    let legal = p > 0.0 && p <= 0.5 && n > 1.0 && n.is_finite();
    // log((1−p)/(1−p/N)) without cancellation for small p.
    legal.then(|| (p, p * log_n(n) + (1.0 - p) * (libm::log1p(-p) - libm::log1p(-p / n))))
}

/// PD.3: with C = sup_N Cov_N·log N, D_KL ≤ C(1 + log(log W_max / C)). `supremum` is C, `log_w_max` is log W_max.
/// `None` unless 0 ≤ C ≤ log W_max < ∞ (C cannot be larger); 0 where C is 0.
#[must_use]
pub fn kl_bound_from_profile(supremum: f64, log_w_max: f64) -> Option<f64> {
    if !(supremum >= 0.0 && supremum <= log_w_max && log_w_max.is_finite()) {
        return None;
    }
    Some(if supremum == 0.0 { 0.0 } else { supremum * (1.0 + libm::log(log_w_max / supremum)) })
}

/// PD.4: Cov_N ≤ 2N/(√N − 1)² · D_H², D_H² the squared Hellinger distance. `None` unless N > 1 and D_H² ≥ 0.
#[must_use]
pub fn coverage_bound_from_hellinger(hellinger_squared: f64, n: f64) -> Option<f64> {
    let root = libm::sqrt(n) - 1.0;
    (n > 1.0 && hellinger_squared >= 0.0 && root > 0.0).then(|| 2.0 * n / (root * root) * hellinger_squared)
}

/// PD.5, the chain: Cov_{M1}(π_T‖π̂) ≤ M2·Cov_{M1/M2}(π_D‖π̂) + Cov_{M2}(π_T‖π_D).
///
/// `data_to_model` is Cov_{M1/M2}(π_D‖π̂), `target_to_data` is Cov_{M2}(π_T‖π_D).
#[must_use]
pub fn chain_bound(m2: f64, data_to_model: f64, target_to_data: f64) -> f64 {
    m2 * data_to_model + target_to_data
}

/// PD.10: Cov_N ≤ 2/(log N − 1) · D_seq,N for N > e, D_seq,N the stopped KL [50]. `None` for other N or a
/// negative `stopped_kl`.
#[must_use]
pub fn coverage_bound_from_stopped_kl(stopped_kl: f64, n: f64) -> Option<f64> {
    coverage_bound_from_kl_weak(2.0 * stopped_kl, n)
}

/// PD.11: Cov_N ≥ P(Σ_h D_H²(token h) ≥ log(N/δ)) − δ. `probability` is that of the event; at least 0 is returned.
#[must_use]
pub fn coverage_lower_bound(probability: f64, delta: f64) -> f64 {
    (probability - delta).max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Cov_N, KL, squared Hellinger distance and log W_max of two distributions on a finite set.
    fn measures(p: &[f64], q: &[f64], n: f64) -> (f64, f64, f64, f64) {
        let mut measures = (0.0, 0.0, 0.0, f64::NEG_INFINITY);
        for (&p, &q) in p.iter().zip(q) {
            let x = (p / q).ln();
            measures.0 += if x >= n.ln() { p } else { 0.0 };
            measures.1 += p * x;
            measures.2 += 0.5 * (p.sqrt() - q.sqrt()).powi(2);
            measures.3 = f64::max(measures.3, x);
        }
        measures
    }

    fn normalised(weights: &[f64]) -> Vec<f64> {
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }

    proptest! {
        #[test]
        fn hold_of_random_distributions(
            logs in prop::collection::vec((-9.0..0.0_f64, -9.0..0.0_f64, -9.0..0.0_f64), 2..12),
            n in 1.01..200.0_f64, m2 in 1.0..50.0_f64,
        ) {
            let p = normalised(&logs.iter().map(|l| l.0.exp()).collect::<Vec<_>>());
            let q = normalised(&logs.iter().map(|l| l.1.exp()).collect::<Vec<_>>());
            let t = normalised(&logs.iter().map(|l| l.2.exp()).collect::<Vec<_>>());
            let slack = 1e-12;
            let (coverage, kl, hellinger, log_w_max) = measures(&p, &q, n);
            prop_assert!(coverage <= coverage_bound_from_kl(kl.max(0.0), n).unwrap() + slack);
            prop_assert!(coverage <= coverage_bound_from_hellinger(hellinger, n).unwrap() + slack);
            if let Some(bound) = coverage_bound_from_kl_weak(kl.max(0.0), n) {
                prop_assert!(coverage_bound_from_kl(kl.max(0.0), n).unwrap() <= bound + slack);
            }
            // The supremum is reached at one of the ratios.
            let supremum = p.iter().zip(&q).map(|(p_y, q_y)| p_y / q_y).filter(|&ratio| ratio >= 1.0)
                .map(|ratio| measures(&p, &q, ratio * (1.0 - 1e-14)).0 * ratio.ln())
                .fold(0.0, f64::max).min(log_w_max);
            if supremum > 0.0 {
                prop_assert!(kl <= kl_bound_from_profile(supremum, log_w_max).unwrap() + 1e-9);
            }
            let chain = chain_bound(m2, measures(&p, &q, n / m2).0, measures(&t, &p, m2).0);
            prop_assert!(measures(&t, &q, n).0 <= chain + slack);
        }
    }

    #[test]
    fn tight_instance_is_within_a_constant_of_the_bound() {
        for (p, n) in [(0.5, 2.0), (0.01, 4.0), (1e-9, 1e6)] {
            let (coverage, kl) = tight_instance(p, n).unwrap();
            let bound = coverage_bound_from_kl(kl, n).unwrap();
            assert!(coverage <= bound * (1.0 + 1e-12) && bound <= 3.0 * coverage, "{coverage} {bound}");
        }
        // By hand: p = ½, N = 2: KL = ½ ln 2 + ½ ln(½ / ¾).
        let (_, kl) = tight_instance(0.5, 2.0).unwrap();
        assert!((kl - (0.5 * 2.0_f64.ln() + 0.5 * (2.0_f64 / 3.0).ln())).abs() < 1e-15);
    }

    #[test]
    fn outside_their_range_there_is_no_bound() {
        assert_eq!(coverage_bound_from_kl(1.0, 1.0), None);
        assert_eq!(coverage_bound_from_kl(-1.0, 4.0), None);
        assert_eq!(coverage_bound_from_kl(f64::NAN, 4.0), None);
        assert_eq!(coverage_bound_from_stopped_kl(1.0, 2.0), None);
        assert_eq!(kl_bound_from_profile(1.0, f64::INFINITY), None);
        assert_eq!(kl_bound_from_profile(0.0, 0.0), Some(0.0));
        assert_eq!(tight_instance(0.6, 4.0), None);
        assert_eq!(coverage_lower_bound(0.25, 0.5), 0.0);
    }

    #[test]
    fn bounds_of_a_hand_calculation() {
        // At N = e³: log N − 1 = 2.
        let n = 20.085_536_923_187_668;
        let close = |ours: Option<f64>, value: f64| assert!((ours.unwrap() - value).abs() < 1e-14, "{ours:?} {value}");
        close(coverage_bound_from_kl_weak(0.3, n), 0.15);
        close(coverage_bound_from_stopped_kl(0.3, n), 0.3);
        close(coverage_bound_from_kl(0.3, n), 0.3 / (2.0 + 1.0 / n));
        close(coverage_bound_from_hellinger(0.01, 4.0), 0.08);
        close(kl_bound_from_profile(0.5, 0.5 * std::f64::consts::E), 1.0);
        assert!((chain_bound(3.0, 0.1, 0.2) - 0.5).abs() < 1e-15);
        assert_eq!(coverage_lower_bound(0.1, 0.3), 0.0);
    }
}
