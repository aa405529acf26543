//! Means where values come in clusters, such as several responses to one prompt, that are not independent inside.

use super::{Interval, student_two_sided};
use crate::resample::number_labels;

/// Values by cluster: how many, and their sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// Number of values; positive.
    pub size: f64,
    /// Sum of the values.
    pub sum: f64,
}

/// Which values belong together: clusters numbered by first appearance, at least one of them with two values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    of_value: Vec<u32>,
    sizes: Vec<u32>,
}

impl Clusters {
    /// Values with equal labels belong together; `None` where no label repeats, so that each value stands alone.
    #[must_use]
    pub fn by_label(labels: &[u32]) -> Option<Self> {
        let (of_value, count) = number_labels(labels);
        if count == labels.len() {
            return None;
        }
        let mut sizes = vec![0; count];
        for &cluster in &of_value {
            sizes[cluster as usize] += 1;
        }
        Some(Self { of_value, sizes })
    }

    /// How many values there are.
    #[must_use]
    pub fn values(&self) -> usize {
        self.of_value.len()
    }

    /// How many clusters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// How many values each cluster has.
    #[must_use]
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The values' sums by cluster.
    #[must_use]
    pub fn sums(&self, values: &[f64]) -> Vec<Cluster> {
        let mut clusters: Vec<Cluster> =
            self.sizes.iter().map(|&size| Cluster { size: f64::from(size), sum: 0.0 }).collect();
        for (&cluster, value) in self.of_value.iter().zip(values) {
            clusters[cluster as usize].sum += value;
        }
        clusters
    }

    /// How many values of each cluster are `hit`.
    #[must_use]
    pub fn hits(&self, hit: impl Fn(usize) -> bool) -> Vec<u32> {
        let mut hits = vec![0; self.sizes.len()];
        for (index, &cluster) in self.of_value.iter().enumerate() {
            hits[cluster as usize] += u32::from(hit(index));
        }
        hits
    }
}

/// Mean of all values and its cluster-robust standard error, √(G/(G − 1) Σ_g (sum_g − mean·size_g)²) / Σ_g size_g with
/// G clusters (Cameron, Gelbach and Miller 2008); the error is `None` for fewer than two clusters.
#[must_use]
pub fn clustered_mean(clusters: &[Cluster]) -> (f64, Option<f64>) {
    let size: f64 = clusters.iter().map(|cluster| cluster.size).sum();
    let mean = clusters.iter().map(|cluster| cluster.sum).sum::<f64>() / size;
    if clusters.len() < 2 {
        return (mean, None);
    }
    let g = clusters.len() as f64;
    let residual = |cluster: &Cluster| cluster.sum - mean * cluster.size;
    let squares: f64 = clusters.iter().map(|cluster| residual(cluster) * residual(cluster)).sum();
    (mean, Some(libm::sqrt(g / (g - 1.0) * squares) / size))
}

/// Student's interval about [`clustered_mean`] with G − 1 degrees of freedom: normal theory, so it wants many clusters.
/// `None` for fewer than two.
#[must_use]
pub fn clustered_interval(clusters: &[Cluster], confidence: f64) -> Option<Interval> {
    let (mean, error) = clustered_mean(clusters);
    let half = student_two_sided((clusters.len().max(2) - 1) as f64, confidence) * error?;
    Some(Interval { low: mean - half, high: mean + half })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use crate::statistics::mean_and_standard_error;

    #[test]
    fn single_values_are_students_plain_interval() {
        let values = [0.3, 1.7, -0.4, 2.2];
        let clusters: Vec<Cluster> = values.iter().map(|&sum| Cluster { size: 1.0, sum }).collect();
        let (mean, error) = clustered_mean(&clusters);
        let (plain_mean, plain_error) = mean_and_standard_error(&values);
        assert!((mean - plain_mean).abs() < 1e-15 && (error.unwrap() - plain_error.unwrap()).abs() < 1e-15);
        assert_eq!(clustered_mean(&clusters[..1]).1, None);
        assert_eq!(clustered_interval(&clusters[..1], 0.95), None);
    }

    #[test]
    fn errors_of_a_hand_calculation() {
        // Mean 7/4; residuals 1 − 1.75·1 and 6 − 1.75·3; √(2/1·(0.75² + 0.75²))/4.
        let (mean, error) = clustered_mean(&[Cluster { size: 1.0, sum: 1.0 }, Cluster { size: 3.0, sum: 6.0 }]);
        assert!((mean - 1.75).abs() < 1e-15 && (error.unwrap() - 0.375).abs() < 1e-15);
    }

    #[test]
    fn intervals_hold_where_clusters_are_alike_inside() {
        let mut stream = Stream::new(6, Purpose::MonteCarlo, 0);
        let runs = 2000;
        let (mut held, mut naive) = (0, 0);
        for _ in 0..runs {
            let mut all = Vec::new();
            let clusters: Vec<Cluster> = (0..20)
                .map(|_| {
                    let common = stream.normal();
                    let values: Vec<f64> = (0..10).map(|_| common + stream.normal()).collect();
                    all.extend_from_slice(&values);
                    Cluster { size: 10.0, sum: values.iter().sum() }
                })
                .collect();
            held += u32::from(clustered_interval(&clusters, 0.95).unwrap().contains(0.0));
            let (mean, error) = mean_and_standard_error(&all);
            naive += u32::from(mean.abs() <= 1.96 * error.unwrap());
        }
        let share = |count: u32| f64::from(count) / f64::from(runs);
        assert!((0.935..0.965).contains(&share(held)), "{}", share(held));
        assert!(share(naive) < 0.8, "{}", share(naive));
    }
}
