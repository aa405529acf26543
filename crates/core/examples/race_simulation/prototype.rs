//! The plain method that races are measured against: for each pair a sequence of intervals for its count in the whole list,
//! all valid together.
//!
//! After t of n responses with c counted, all counts C of the whole list at which prior(C)/posterior(C) < 1/δ' hold, with a
//! beta-binomial prior (½, ½) and δ' = δ/(M(M − 1)) (Waudby-Smith and Ramdas 2020). A candidate leaves when a lower limit of
//! its score exceeds the least upper limit of a score, a rival when its upper limit cannot be the score of a candidate left.
//! All that is left is scored on every response; looks are n/40 apart.

use std::collections::HashMap;

/// Looks over the list.
const LOOKS: usize = 40;

/// Limits by look and count, made when first wanted.
pub(crate) struct Prototype {
    n: usize,
    log_level: f64,
    log_factorial: Vec<f64>,
    /// log Γ(k + ½).
    log_half: Vec<f64>,
    limits: HashMap<(usize, usize), (usize, usize)>,
}

impl Prototype {
    pub(crate) fn new(n: usize, models: usize, delta: f64) -> Self {
        Self {
            n,
            log_level: (models as f64 * (models - 1) as f64 / delta).ln(),
            log_factorial: (0..=n).map(|k| libm::lgamma(k as f64 + 1.0)).collect(),
            log_half: (0..=n).map(|k| libm::lgamma(k as f64 + 0.5)).collect(),
            limits: HashMap::new(),
        }
    }

    /// log of prior over posterior at `all` counted of the whole list, `counted` of the first `seen`.
    fn log_ratio(&self, all: usize, counted: usize, seen: usize) -> f64 {
        let (n, rest) = (self.n, self.n - seen);
        let choose = |n: usize, k: usize| self.log_factorial[n] - self.log_factorial[k] - self.log_factorial[n - k];
        // Prior and posterior share Γ(C + ½)Γ(n − C + ½)/n!; B(½, ½) = π.
        choose(n, all) - choose(rest, all - counted) - std::f64::consts::PI.ln()
            + self.log_half[counted]
            + self.log_half[seen - counted]
            - self.log_factorial[seen]
    }

    fn limits(&mut self, counted: usize, seen: usize) -> (usize, usize) {
        if let Some(&limits) = self.limits.get(&(seen, counted)) {
            return limits;
        }
        let (least, most) = (counted, self.n - (seen - counted));
        let holds = |all: usize| self.log_ratio(all, counted, seen) < self.log_level;
        // The ratio falls towards its minimum near the share so far and rises beyond.
        let middle = ((self.n * counted) as f64 / seen as f64).round() as usize;
        let middle = middle.clamp(least, most);
        let search = |end: usize| {
            let (mut inside, mut outside) = (middle as i64, end as i64);
            if holds(end) {
                return end;
            }
            while (outside - inside).abs() > 1 {
                let between = (inside + outside) / 2;
                if holds(between as usize) { inside = between } else { outside = between }
            }
            inside as usize
        };
        let limits = (search(least), search(most));
        self.limits.insert((seen, counted), limits);
        limits
    }

    /// Runs it on rows in the order given, to a winner within `tolerance` responses of the least score: the winner, and scored
    /// pairs as a share of all.
    pub(crate) fn run(&mut self, rows: &[Vec<f64>], order: &[u32], log_n: f64, tolerance: f64) -> (usize, f64) {
        let models = rows.len();
        let look = self.n.div_ceil(LOOKS);
        let mut counts = vec![0_usize; models * models];
        let mut candidates: Vec<usize> = (0..models).collect();
        let mut rivals: Vec<usize> = (0..models).collect();
        let mut scored = 0;
        for (block, responses) in order.chunks(look).enumerate() {
            let is_in = |model: &usize| candidates.contains(model) || rivals.contains(model);
            scored += responses.len() * (0..models).filter(is_in).count();
            for &b in &candidates {
                for &a in rivals.iter().filter(|&&a| a != b) {
                    let hits = responses.iter().filter(|&&i| rows[a][i as usize] - rows[b][i as usize] >= log_n);
                    counts[a * models + b] += hits.count();
                }
            }
            let seen = (block * look + responses.len()).min(self.n);
            let mut scores = Vec::new();
            for &b in &candidates {
                let (mut low, mut high) = (0, 0);
                for &a in rivals.iter().filter(|&&a| a != b) {
                    let (l, u) = self.limits(counts[a * models + b], seen);
                    (low, high) = (low.max(l), high.max(u));
                }
                scores.push((b, low, high));
            }
            let least_high = scores.iter().map(|&(_, _, high)| high).min().unwrap_or(0);
            scores.retain(|&(_, low, _)| low <= least_high);
            candidates = scores.iter().map(|&(b, _, _)| b).collect();
            let least_low = scores.iter().map(|&(_, low, _)| low).min().unwrap_or(0);
            let close =
                scores.iter().find(|&&(_, _, high)| tolerance > 0.0 && high as f64 <= least_low as f64 + tolerance);
            let only = if scores.len() == 1 { scores.first() } else { close };
            if let Some(&(winner, _, _)) = only {
                return (winner, scored as f64 / (models * self.n) as f64);
            }
            let matters = |&a: &usize, limits: &mut Self| {
                scores.iter().any(|&(b, low, _)| a != b && limits.limits(counts[a * models + b], seen).1 >= low)
            };
            let left: Vec<usize> = rivals.iter().copied().filter(|a| matters(a, self)).collect();
            rivals = left;
        }
        let score = |b: usize| rivals.iter().filter(|&&a| a != b).map(|&a| counts[a * models + b]).max().unwrap_or(0);
        let winner = candidates.iter().copied().min_by_key(|&b| score(b)).unwrap_or(0);
        (winner, scored as f64 / (models * self.n) as f64)
    }
}
