//! Bands about a whole distribution function.

/// Half the width of Dvoretzky, Kiefer and Wolfowitz's band (Massart's constant): with probability at least
/// `confidence` an empirical distribution function of `n` draws is nowhere farther than this from the truth.
#[must_use]
pub fn dkw_half_width(n: usize, confidence: f64) -> f64 {
    libm::sqrt(libm::log(2.0 / (1.0 - confidence)) / (2.0 * n as f64)).min(1.0)
}

/// The same where values come in clusters that may be alike inside: half the width of a band about the distribution
/// function of all values pooled, that of independent clusters of the given `sizes` (positive).
///
/// Were one value taken from each of G clusters, the values would be independent, with D the greatest distance of their
/// distribution function. The mean over all ways to take them is at most as far from the truth in exp(s·D²), which is
/// convex, so P(distance > ε) ≤ e^{−sε²} E e^{sD²} ≤ e^{−2Gθε²} (1 + θ)/(1 − θ) for s = 2Gθ by Massart's bound on D; the
/// best θ is taken. Where sizes differ, the pooled function is a mean of those of ⌊Σ sizes / greatest⌋ clusters each,
/// which takes the place of G. A band for clusters of one value each is [`dkw_half_width`], which is narrower.
#[must_use]
pub fn dkw_half_width_of_clusters(sizes: &[u32], confidence: f64) -> f64 {
    let greatest = sizes.iter().copied().max().unwrap_or(1);
    let total: u64 = sizes.iter().map(|&size| u64::from(size)).sum();
    if greatest <= 1 {
        return dkw_half_width(sizes.len(), confidence);
    }
    let clusters = (total / u64::from(greatest)).max(1) as f64;
    let square =
        |theta: f64| libm::log((1.0 + theta) / ((1.0 - theta) * (1.0 - confidence))) / (2.0 * clusters * theta);
    let best = (1..1000).map(|step| square(f64::from(step) * 1e-3)).fold(f64::INFINITY, f64::min);
    libm::sqrt(best).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn half_widths_are_massarts() {
        // √(ln 40 / 200).
        assert!((dkw_half_width(100, 0.95) - 0.135_810_151_574_061_95).abs() < 1e-15);
        assert_eq!(dkw_half_width(1, 0.95), 1.0);
        assert_eq!(dkw_half_width_of_clusters(&[1; 100], 0.95), dkw_half_width(100, 0.95));
        // θ = 0.811 gives √(ln(1.811/0.189/0.05) / (2·100·0.811)).
        assert!((dkw_half_width_of_clusters(&[7; 100], 0.95) - 0.179_98).abs() < 1e-4);
        // 150 values of which at most 3 come together: as many as 50 clusters.
        let sizes: Vec<u32> = (0..75).map(|at| 1 + at % 3).collect();
        assert_eq!(dkw_half_width_of_clusters(&sizes, 0.9), dkw_half_width_of_clusters(&[2; 50], 0.9));
    }

    #[test]
    fn bands_hold_where_clusters_are_alike_inside() {
        // Each cluster repeats one uniform value with probability ½, else draws anew: P(value ≤ t) = t.
        let mut stream = Stream::new(4, Purpose::MonteCarlo, 0);
        let (clusters, size, runs) = (20, 10, 500);
        let half = dkw_half_width_of_clusters(&[size; 20], 0.95);
        let mut held = 0;
        for _ in 0..runs {
            let mut values = Vec::new();
            for _ in 0..clusters {
                let common = stream.uniform();
                values.extend((0..size).map(|_| if stream.uniform() < 0.7 { common } else { stream.uniform() }));
            }
            values.sort_by(f64::total_cmp);
            let n = values.len() as f64;
            let far = |(at, t): (usize, &f64)| ((at as f64 + 1.0) / n - t).abs().max((at as f64 / n - t).abs());
            held += u32::from(values.iter().enumerate().map(far).fold(0.0, f64::max) <= half);
        }
        assert!(held >= 475, "{held} of {runs}");
    }
}
