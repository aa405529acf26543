//! The maximum likelihood estimate of many independent coins on a ball: closed but for two bisections.

/// How often each coin was thrown, and how often it showed 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Throws {
    pub(super) ones: u64,
    pub(super) total: u64,
}

/// The log odds z that maximise the likelihood of `coins` on ‖z‖ ≤ `radius`. Coordinates solve
/// ones − total·σ(z) = λz; λ ≥ 0 is bisected until ‖z‖ ≤ `radius`. A coin never thrown has z = 0.
pub(super) fn mle_on_ball(coins: &[Throws], radius: f64) -> Vec<f64> {
    let mut distinct = coins.to_vec();
    distinct.sort_unstable();
    let groups: Vec<(Throws, f64)> =
        distinct.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as f64)).collect();
    let square = |lambda: f64| -> f64 {
        groups.iter().map(|&(coin, size)| size * penalised_logit(coin, lambda, radius).powi(2)).sum()
    };
    let ball = radius * radius;
    let mut lambda = 0.0;
    if square(0.0) > ball {
        let most = coins.iter().map(|coin| coin.total).max().unwrap_or(0) as f64;
        let (mut low, mut high) = (0.0, most * (coins.len() as f64).sqrt() / radius + 1.0);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if square(middle) > ball { low = middle } else { high = middle }
        }
        lambda = high;
    }
    coins.iter().map(|&coin| penalised_logit(coin, lambda, radius)).collect()
}

/// The root of ones − total·σ(z) − λz in [−2·radius, 2·radius], or the nearer end.
fn penalised_logit(Throws { ones, total }: Throws, lambda: f64, radius: f64) -> f64 {
    let (ones, total) = (ones as f64, total as f64);
    let slope = |z: f64| ones - total / (1.0 + (-z).exp()) - lambda * z;
    let (mut low, mut high) = (-2.0 * radius, 2.0 * radius);
    if total == 0.0 || slope(0.0) == 0.0 {
        return 0.0;
    }
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if slope(middle) > 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}
