//! Thresholds as whole multiples of a unit, so that one difference in fixed point decides many of them.

/// Greatest multiple of a unit.
const GREATEST_MULTIPLE: u32 = 1 << 12;
/// Units tried: the least threshold and its first fractions.
const FRACTIONS: u32 = 8;
/// How far a threshold may lie from its multiple of the unit, relative to itself: thousands of roundings of a
/// logarithm, and far less than what the fixed point leaves open.
const TOLERANCE: f64 = 1e-12;

/// Thresholds that are whole multiples of one unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    /// In nats, positive.
    pub(super) unit: f64,
    /// Rising.
    pub(super) levels: Vec<GridLevel>,
}

/// One threshold of a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GridLevel {
    /// Which of all thresholds it is.
    pub(super) level: usize,
    /// The threshold itself, log N.
    pub(super) log_n: f64,
    /// How many units it is.
    pub(super) multiple: u32,
}

/// Splits rising positive thresholds (with their numbers) into as few grids as a greedy choice finds. Powers of one
/// number, which is what is asked for most, make one grid.
pub(super) fn grids(thresholds: &[(usize, f64)]) -> Vec<Grid> {
    let mut left = thresholds.to_vec();
    let mut grids = Vec::new();
    while let Some(&(_, least)) = left.first() {
        let best = (1..=FRACTIONS)
            .map(|fraction| on_grid(&left, least / f64::from(fraction)))
            // The first of several that hold as many: the greatest unit.
            .reduce(|best, grid| if grid.levels.len() > best.levels.len() { grid } else { best });
        let Some(grid) = best else { break };
        left.retain(|(level, _)| grid.levels.iter().all(|taken| taken.level != *level));
        grids.push(grid);
    }
    grids
}

fn on_grid(thresholds: &[(usize, f64)], unit: f64) -> Grid {
    let place = |&(level, log_n): &(usize, f64)| {
        let multiple = (log_n / unit).round();
        let near = (log_n - multiple * unit).abs() <= TOLERANCE * log_n;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
        (near && multiple <= f64::from(GREATEST_MULTIPLE)).then_some(GridLevel {
            level,
            log_n,
            multiple: multiple as u32,
        })
    };
    Grid { unit, levels: thresholds.iter().filter_map(place).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn multiples(ratios: &[f64]) -> Vec<Vec<u32>> {
        let thresholds: Vec<_> = ratios.iter().map(|n| n.ln()).enumerate().collect();
        let found = grids(&thresholds);
        let mut levels: Vec<usize> = found.iter().flat_map(|grid| &grid.levels).map(|level| level.level).collect();
        levels.sort_unstable();
        assert_eq!(levels, (0..ratios.len()).collect::<Vec<_>>());
        found.iter().map(|grid| grid.levels.iter().map(|level| level.multiple).collect()).collect()
    }

    #[test]
    fn powers_of_one_number_share_a_grid_and_others_do_not() {
        assert_eq!(multiples(&[16.0]), [vec![1]]);
        assert_eq!(multiples(&[2.0, 4.0, 8.0, 1024.0]), [vec![1, 2, 3, 10]]);
        assert_eq!(multiples(&[4.0, 8.0, 16.0]), [vec![2, 3, 4]]);
        assert_eq!(multiples(&[2.0, 3.0, 4.0, 4.6, 9.0]), [vec![1, 2], vec![1, 2], vec![1]]);
        assert_eq!(multiples(&[1.000_001, 2.0]), [vec![1], vec![1]]);
    }
}
