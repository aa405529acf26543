//! Intervals for means of bounded values by betting (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random
//! variables by betting"): they hold at every number of values, whatever their distribution.
//!
//! Under the hypothesis that the mean is m, the capital Π_t (1 + λ_t (x_t − m)) of a gambler whose stake λ_t ∈ [0, 1/m]
//! depends on earlier values alone has expectation at most 1 (also if the mean is below m), so by Markov's inequality it
//! reaches 1/δ with probability at most δ. The lower limit at δ is the least m at which it does not. Stakes are those of
//! the paper's predictable plug-in, which is tuned to the number of values at hand.
//!
//! Stakes see the values in an order. So that no order in a file can matter, values are sorted, then put into
//! [`ORDERS`] random orders that depend on their number alone; the capitals' mean is still of expectation at most 1.
//! Above [`MANY`] values Maurer and Pontil's empirical-Bernstein limits stand in, a tenth wider and much faster.

use super::{Cluster, Interval, empirical_bernstein, mean_and_standard_error};
use crate::random::{Purpose, Stream};

/// How many orders are averaged over.
const ORDERS: usize = 8;
/// Above this many values (all orders together) fewer orders do: a single one hardly matters then.
const MOST_BETS: usize = 1 << 14;
/// Above this many values, all of the same weight, their first two moments do.
const MANY: usize = 1 << 16;
/// Greatest share of the capital that is ever at stake.
const GREATEST_STAKE: f64 = 0.85;
/// Where the search for a limit ends.
const TOLERANCE: f64 = 1e-9;

/// A value in [0, 1] of one unit, and its weight in (0, 1].
#[derive(Clone, Copy, Debug)]
struct Weighted {
    value: f64,
    weight: f64,
}

/// Values in [0, 1] of independent units (responses, or prompts where they repeat) whose mean is to be bounded, each
/// counted with a weight: the mean is E[weight · value] / E[weight].
#[derive(Clone, Debug)]
pub struct BoundedMean {
    /// In all orders, one after the other.
    bets: Vec<Weighted>,
    units: usize,
    orders: usize,
    mean: f64,
    /// Of more than [`MANY`] values, which then do not bet.
    variance: Option<f64>,
}

impl BoundedMean {
    /// Of values that all weigh the same. At least one value; each must lie in [0, 1] (a rounding error beyond is cut).
    #[must_use]
    pub fn new(values: &[f64]) -> Self {
        Self::from_units(values.iter().map(|&value| Weighted { value: value.clamp(0.0, 1.0), weight: 1.0 }).collect())
    }

    /// Of units that are shares, such as counting responses among a prompt's: `hits` out of `sizes`, unit by unit. The
    /// mean is the share of all, Σ hits / Σ sizes. At least one unit; no size is 0, no hits exceed their size.
    #[must_use]
    pub fn of_shares(hits: &[u32], sizes: &[u32]) -> Self {
        let greatest = f64::from(sizes.iter().copied().max().unwrap_or(1));
        let unit = |(&hits, &size): (&u32, &u32)| {
            let (hits, size) = (f64::from(hits), f64::from(size));
            Weighted { value: hits / size, weight: size / greatest }
        };
        Self::from_units(hits.iter().zip(sizes).map(unit).collect())
    }

    /// Of values in [0, 1], each with its weight in (0, 1].
    #[must_use]
    pub fn of_weighted(values: &[f64], weights: &[f64]) -> Self {
        let unit = |(&value, &weight): (&f64, &f64)| Weighted { value: value.clamp(0.0, 1.0), weight };
        Self::from_units(values.iter().zip(weights).map(unit).collect())
    }

    /// Of clusters of values in [0, 1] (the responses of a prompt). The mean is that of all values.
    #[must_use]
    pub fn of_clusters(clusters: &[Cluster]) -> Self {
        let greatest = clusters.iter().map(|cluster| cluster.size).fold(0.0, f64::max);
        let unit = |cluster: &Cluster| Weighted {
            value: (cluster.sum / cluster.size).clamp(0.0, 1.0),
            weight: cluster.size / greatest,
        };
        Self::from_units(clusters.iter().map(unit).collect())
    }

    fn from_units(mut sorted: Vec<Weighted>) -> Self {
        sorted.sort_unstable_by(|a, b| a.value.total_cmp(&b.value).then(a.weight.total_cmp(&b.weight)));
        let units = sorted.len();
        if units > MANY && sorted.iter().all(|unit| unit.weight == 1.0) {
            let values: Vec<f64> = sorted.iter().map(|unit| unit.value).collect();
            let (mean, error) = mean_and_standard_error(&values);
            let variance = error.map(|error| error * error * units as f64);
            return Self { bets: Vec::new(), units, orders: 0, mean, variance };
        }
        let total: f64 = sorted.iter().map(|unit| unit.weight).sum();
        let mean = sorted.iter().map(|unit| unit.weight * unit.value).sum::<f64>() / total;
        let orders = (MOST_BETS / units.max(1)).clamp(1, ORDERS);
        let mut stream = Stream::new(units as u64, Purpose::Betting, 0);
        let mut bets = Vec::with_capacity(orders * units);
        for _ in 0..orders {
            stream.shuffle(&mut sorted);
            bets.extend_from_slice(&sorted);
        }
        Self { bets, units, orders, mean, variance: None }
    }

    /// The mean of the values, by their weights.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// A limit that the truth is below with probability at most `tail`, in (0, 1).
    #[must_use]
    pub fn lower(&self, tail: f64) -> f64 {
        match self.variance {
            Some(variance) => empirical_bernstein(self.mean, variance, self.units, tail).low,
            None => Gambler::new(self, tail, false).limit(self.mean),
        }
    }

    /// A limit that the truth is above with probability at most `tail`, in (0, 1).
    #[must_use]
    pub fn upper(&self, tail: f64) -> f64 {
        match self.variance {
            Some(variance) => empirical_bernstein(self.mean, variance, self.units, tail).high,
            None => 1.0 - Gambler::new(self, tail, true).limit(1.0 - self.mean),
        }
    }

    /// Whether the lower limit at `tail` lies above `mean`, by a single look instead of a search.
    #[must_use]
    pub fn is_above(&self, mean: f64, tail: f64) -> bool {
        if self.variance.is_some() {
            return self.lower(tail) > mean;
        }
        mean < self.mean && Gambler::new(self, tail, false).rejects(mean)
    }

    /// Whether the upper limit at `tail` lies below `mean`, by a single look instead of a search.
    #[must_use]
    pub fn is_below(&self, mean: f64, tail: f64) -> bool {
        if self.variance.is_some() {
            return self.upper(tail) < mean;
        }
        mean > self.mean && Gambler::new(self, tail, true).rejects(1.0 - mean)
    }

    /// The interval with both limits at half of what `confidence` leaves.
    #[must_use]
    pub fn interval(&self, confidence: f64) -> Interval {
        let tail = 0.5 * (1.0 - confidence);
        Interval { low: self.lower(tail), high: self.upper(tail) }
    }
}

/// Bets that a mean is greater, with the stakes that suit one level.
struct Gambler {
    /// Of each bet, in all orders.
    stakes: Vec<f64>,
    bets: Vec<Weighted>,
    units: usize,
    orders: usize,
    /// log of the capital that rejects, the sum over orders.
    log_target: f64,
}

impl Gambler {
    /// With `mirrored`, values are 1 − value.
    fn new(of: &BoundedMean, tail: f64, mirrored: bool) -> Self {
        let bets: Vec<Weighted> = if mirrored {
            of.bets.iter().map(|bet| Weighted { value: 1.0 - bet.value, ..*bet }).collect()
        } else {
            of.bets.clone()
        };
        let luck = 2.0 * libm::log(1.0 / tail) / of.units as f64;
        let mut stakes = Vec::with_capacity(bets.len());
        for order in bets.chunks_exact(of.units.max(1)) {
            // Mean ½ and variance ¼ before the first value, as one value more.
            let (mut sum, mut weights, mut squares, mut seen) = (0.5, 1.0, 0.25, 1.0);
            for bet in order {
                stakes.push(libm::sqrt(luck * seen / squares));
                sum += bet.weight * bet.value;
                weights += bet.weight;
                seen += 1.0;
                let gap = bet.weight * (bet.value - sum / weights);
                squares += gap * gap;
            }
        }
        let log_target = libm::log(of.orders as f64 / tail);
        Self { stakes, bets, units: of.units, orders: of.orders, log_target }
    }

    /// log of the capital's sum over orders where the mean is `m` > 0, less the target: falls as m grows.
    fn excess(&self, m: f64) -> f64 {
        let cap = GREATEST_STAKE / m;
        let mut logs = [0.0; ORDERS];
        let mut greatest = f64::NEG_INFINITY;
        for (order, log) in logs.iter_mut().enumerate().take(self.orders) {
            let range = order * self.units..(order + 1) * self.units;
            let (mut capital, mut whole) = (1.0_f64, 0.0);
            for (bet, &stake) in self.bets[range.clone()].iter().zip(&self.stakes[range]) {
                capital *= 1.0 + stake.min(cap) * bet.weight * (bet.value - m);
                // Far from both ends of the range of a double: the next factor is at least 0.15 and at most about 1/m.
                if !(1e-100..1e100).contains(&capital) {
                    whole += libm::log(capital);
                    capital = 1.0;
                }
            }
            *log = whole + libm::log(capital);
            greatest = greatest.max(*log);
        }
        let sum: f64 = logs[..self.orders].iter().map(|log| libm::exp(log - greatest)).sum();
        greatest + libm::log(sum) - self.log_target
    }

    fn rejects(&self, m: f64) -> bool {
        m <= 0.0 && self.bets.iter().any(|bet| bet.value > 0.0) || m > 0.0 && self.excess(m) >= 0.0
    }

    /// The least m that is not rejected, to within [`TOLERANCE`] and never above it: false position on the log of the
    /// capital, which falls steadily, with the Illinois rule and halving where that is slow.
    fn limit(&self, mean: f64) -> f64 {
        if mean <= 0.0 {
            return 0.0;
        }
        let (mut low, mut high) = (0.0, mean.min(1.0));
        // The capital at the mean of the values themselves hardly ever rejects; where it does, up to 1.
        let mut at_high = self.excess(high);
        if at_high >= 0.0 {
            (low, high) = (high, 1.0);
            at_high = self.excess(high);
            if at_high >= 0.0 {
                return low;
            }
        }
        let mut at_low = f64::INFINITY;
        let mut last_low = None;
        for step in 0..200 {
            if high - low <= TOLERANCE * high {
                break;
            }
            let middle = if at_low.is_finite() && step % 3 != 2 {
                let guess = (low * at_high - high * at_low) / (at_high - at_low);
                guess.clamp(low + 0.01 * TOLERANCE * high, high - 0.01 * TOLERANCE * high)
            } else if low == 0.0 {
                // A limit near 0 is looked for by its order of magnitude.
                if high < 1e-12 { break } else { 0.1 * high }
            } else {
                libm::sqrt(low * high)
            };
            let excess = self.excess(middle);
            if excess >= 0.0 {
                if last_low == Some(true) {
                    at_high *= 0.5;
                }
                (low, at_low, last_low) = (middle, excess, Some(true));
            } else {
                if last_low == Some(false) {
                    at_low *= 0.5;
                }
                (high, at_high, last_low) = (middle, excess, Some(false));
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::{clopper_pearson, empirical_bernstein, mean_and_standard_error};

    /// The capital of one order as the definition has it, over values that all weigh the same.
    fn capital(values: &[f64], m: f64, tail: f64) -> f64 {
        let n = values.len() as f64;
        let (mut capital, mut sum, mut squares) = (1.0, 0.5, 0.25);
        for (t, &x) in values.iter().enumerate() {
            let variance = squares / (t as f64 + 1.0);
            let stake = (2.0 * (1.0 / tail).ln() / (n * variance)).sqrt().min(0.85 / m);
            capital *= 1.0 + stake * (x - m);
            sum += x;
            squares += (x - sum / (t as f64 + 2.0)).powi(2);
        }
        capital
    }

    fn orders(values: &[f64]) -> Vec<Vec<f64>> {
        let mean = BoundedMean::new(values);
        mean.bets.chunks(values.len()).map(|order| order.iter().map(|bet| bet.value).collect()).collect()
    }

    fn uniform(stream: &mut Stream, n: usize) -> Vec<f64> {
        (0..n).map(|_| stream.uniform()).collect()
    }

    #[test]
    fn limits_are_where_the_plain_capital_reaches_its_target() {
        let mut stream = Stream::new(1, Purpose::MonteCarlo, 0);
        for (n, tail) in [(8, 0.1), (5, 0.2), (30, 0.025), (200, 1e-6), (1000, 0.01)] {
            let values: Vec<f64> = uniform(&mut stream, n).iter().map(|u| u * u).collect();
            let mean = BoundedMean::new(&values);
            let average = |m: f64, values: &dyn Fn(f64) -> f64| {
                let all = orders(&mean.bets[..n].iter().map(|bet| bet.value).collect::<Vec<_>>());
                let sum: f64 = all
                    .iter()
                    .map(|order| capital(&order.iter().map(|&x| values(x)).collect::<Vec<_>>(), m, tail))
                    .sum();
                sum / all.len() as f64
            };
            let lower = mean.lower(tail);
            assert!(lower > 0.0 && lower < mean.mean(), "{n}");
            assert!((average(lower, &|x| x) * tail - 1.0).abs() < 1e-5, "{n}");
            let upper = mean.upper(tail);
            assert!(upper < 1.0 && upper > mean.mean());
            assert!((average(1.0 - upper, &|x| 1.0 - x) * tail - 1.0).abs() < 1e-5, "{n}");
            assert!(mean.is_above(lower * 0.999, tail) && !mean.is_above(lower * 1.001, tail));
            assert!(!mean.is_below(upper - 1e-3, tail) && mean.is_below(upper + 1e-3, tail));
        }
    }

    #[test]
    fn no_order_of_the_values_matters_and_every_value_does() {
        let mut stream = Stream::new(2, Purpose::MonteCarlo, 0);
        let mut values = uniform(&mut stream, 60);
        let interval = BoundedMean::new(&values).interval(0.95);
        stream.shuffle(&mut values);
        assert_eq!(BoundedMean::new(&values).interval(0.95), interval);
        values[17] += 0.01 * (1.0 - values[17]);
        assert_ne!(BoundedMean::new(&values).interval(0.95), interval);
    }

    #[test]
    fn equal_values_leave_an_interval_of_some_width() {
        for (value, n) in [(0.0, 1), (0.0, 5), (1.0, 5), (0.3, 5), (0.0, 164), (0.5, 1000)] {
            let Interval { low, high } = BoundedMean::new(&vec![value; n]).interval(0.95);
            assert!(low <= value && value <= high && high - low > 1e-3, "{value} {n}: {low} {high}");
        }
        // Nothing seen in n values of {0, 1}: close to the exact limit.
        let (upper, exact) = (BoundedMean::new(&[0.0; 164]).upper(0.025), clopper_pearson(0, 164, 0.95).high);
        assert!(upper >= exact && upper < 1.3 * exact, "{upper} {exact}");
    }

    #[test]
    fn mirrored_values_have_mirrored_limits() {
        let mut stream = Stream::new(3, Purpose::MonteCarlo, 0);
        let values = uniform(&mut stream, 12);
        let whole = BoundedMean::new(&values);
        let hits: Vec<u32> = (0..12).map(|_| u32::from(stream.sign() > 0.0)).collect();
        let missed: Vec<u32> = hits.iter().map(|hit| 1 - hit).collect();
        let (one, other) = (BoundedMean::of_shares(&hits, &[1; 12]), BoundedMean::of_shares(&missed, &[1; 12]));
        assert!((one.mean() + other.mean() - 1.0).abs() < 1e-15);
        assert!(whole.lower(0.1) < whole.mean());
    }

    /// Share of runs in which the interval holds, and its mean width over that of Student's.
    fn coverage(runs: u32, truth: f64, mut draw: impl FnMut(&mut Stream) -> (BoundedMean, f64)) -> (f64, f64) {
        let mut stream = Stream::new(5, Purpose::MonteCarlo, 1);
        let (mut held, mut width, mut normal) = (0, 0.0, 0.0);
        for _ in 0..runs {
            let (mean, error) = draw(&mut stream);
            let interval = mean.interval(0.95);
            held += u32::from(interval.contains(truth));
            width += interval.high - interval.low;
            normal += 2.0 * 1.96 * error;
        }
        (f64::from(held) / f64::from(runs), width / normal)
    }

    #[test]
    fn intervals_hold_for_shapes_that_break_others() {
        type Shape = (f64, fn(f64) -> f64);
        // Uniform; mostly 0; nearly always 1; two-valued and rare.
        let shapes: [Shape; 4] = [
            (0.5, |u| u),
            (0.05, |u| if u < 0.1 { 10.0 * u } else { 0.0 }),
            (0.95, |u| if u < 0.1 { 10.0 * u } else { 1.0 }),
            (0.02, |u| f64::from(u8::from(u < 0.02))),
        ];
        for n in [5, 20, 164] {
            for (shape, (truth, value)) in shapes.iter().enumerate() {
                let (held, _) = coverage(400, *truth, |stream| {
                    let values: Vec<f64> = uniform(stream, n).into_iter().map(value).collect();
                    (BoundedMean::new(&values), 0.0)
                });
                // 0.95 less three standard errors of 400 runs.
                assert!(held >= 0.917, "shape {shape}, n {n}: {held}");
            }
        }
    }

    #[test]
    fn intervals_are_not_much_wider_than_normal_theory_has_them() {
        let (held, width) = coverage(200, 0.5, |stream| {
            let values = uniform(stream, 500);
            (BoundedMean::new(&values), mean_and_standard_error(&values).1.unwrap())
        });
        // √(2 ln 40)/1.96 = 1.39 is the price of holding at every n.
        assert!(held >= 0.95 && width < 1.5, "{held} {width}");
        let values = uniform(&mut Stream::new(9, Purpose::MonteCarlo, 0), 300);
        let (mean, error) = mean_and_standard_error(&values);
        let variance = error.unwrap().powi(2) * 300.0;
        let (by_bets, by_moments) =
            (BoundedMean::new(&values).interval(0.95), empirical_bernstein(mean, variance, 300, 0.025));
        assert!(by_moments.low < by_bets.low && by_bets.high < by_moments.high);
    }

    #[test]
    fn many_values_are_bounded_by_their_moments() {
        let values = uniform(&mut Stream::new(10, Purpose::MonteCarlo, 0), MANY + 1);
        let (whole, most) = (BoundedMean::new(&values), BoundedMean::new(&values[..MANY]));
        let (many, few) = (whole.interval(0.95), most.interval(0.95));
        let (mean, error) = mean_and_standard_error(&values);
        let variance = error.unwrap().powi(2) * values.len() as f64;
        let expected = empirical_bernstein(mean, variance, values.len(), 0.5 * (1.0 - 0.95));
        assert!((many.low - expected.low).abs() < 1e-12 && (many.high - expected.high).abs() < 1e-12);
        let ratio = (many.high - many.low) / (few.high - few.low);
        assert!((1.0..1.2).contains(&ratio), "{ratio}");
        assert!(whole.is_above(0.49, 0.01) && !whole.is_above(0.4999, 0.01) && whole.is_below(0.51, 0.01));
    }

    #[test]
    fn shares_of_prompts_of_several_sizes_hold_for_the_share_of_all() {
        // Prompts of 1 to 9 responses; each all alike with probability ½ (and then one in four of them hits).
        let (held, _) = coverage(400, 0.25, |stream| {
            let sizes: Vec<u32> = (0..40).map(|_| 1 + u32::try_from(stream.below(9)).unwrap()).collect();
            let hits: Vec<u32> = sizes
                .iter()
                .map(|&size| {
                    if stream.sign() > 0.0 {
                        size * u32::from(stream.uniform() < 0.25)
                    } else {
                        (0..size).map(|_| u32::from(stream.uniform() < 0.25)).sum()
                    }
                })
                .collect();
            (BoundedMean::of_shares(&hits, &sizes), 0.0)
        });
        assert!(held >= 0.917, "{held}");
        let pooled = BoundedMean::of_shares(&[1, 0, 6], &[1, 3, 8]);
        assert!((pooled.mean() - 7.0 / 12.0).abs() < 1e-15);
    }
}
