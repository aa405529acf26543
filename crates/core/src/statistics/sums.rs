//! Sums whose order does not depend on threads or instruction sets.

/// The sum of `values` in a fixed order that can be vectorised: value i goes to lane i mod 8, lanes in order.
#[must_use]
pub fn lane_sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for lane in 0..8 {
            lanes[lane] += chunk[lane];
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        lanes[lane] += value;
    }
    lanes.iter().sum()
}
