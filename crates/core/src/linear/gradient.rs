//! Gradients that remember which coordinates they touch.

use super::evaluator::{add_features, add_one_feature};
use super::features::{Block, FeatureMap, Part};
use super::kernel::Kernels;

/// A vector in R^d under accumulation. Where the feature map touches few coordinates at a time (its granule is
/// below d), the granules touched are listed, and clearing and stepping cost as much as was touched.
#[derive(Clone, Debug)]
pub struct Gradient {
    values: Vec<f64>,
    granule: usize,
    marks: Vec<bool>,
    touched: Vec<u32>,
}

impl Gradient {
    /// Zero, in the shape of `features`.
    #[must_use]
    pub fn new(features: &dyn FeatureMap) -> Self {
        let (dim, granule) = (features.dim(), features.granule().max(1));
        let lazy = granule < dim;
        Self {
            values: vec![0.0; dim],
            granule,
            marks: if lazy { vec![false; dim.div_ceil(granule)] } else { Vec::new() },
            touched: Vec::new(),
        }
    }

    /// Whether the touched granules are listed.
    #[must_use]
    pub fn is_lazy(&self) -> bool {
        !self.marks.is_empty()
    }

    /// All d values.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// All d values, to change in place; a lazy gradient's only within what was touched.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The runs of coordinates that were touched, in order of first touch; everything if not lazy.
    pub fn runs(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let (dim, granule) = (self.values.len(), self.granule);
        let all = (!self.is_lazy()).then_some(0..dim);
        let touched = self.touched.iter().map(move |&index| {
            let start = index as usize * granule;
            start..(start + granule).min(dim)
        });
        all.into_iter().chain(touched)
    }

    /// ‖g‖².
    #[must_use]
    pub fn square(&self, kernels: Kernels) -> f64 {
        if !self.is_lazy() {
            return kernels.dot(&self.values, &self.values);
        }
        self.runs().map(|run| self.values[run].iter().map(|value| value * value).sum::<f64>()).sum()
    }

    /// Replaces every value that was touched by a function of its coordinate and it, which keeps 0.
    pub fn replace(&mut self, mut f: impl FnMut(usize, f64) -> f64) {
        let (granule, dim) = (self.granule, self.values.len());
        if self.is_lazy() {
            for &index in &self.touched {
                let start = index as usize * granule;
                let run = start..(start + granule).min(dim);
                self.values[run.clone()].iter_mut().zip(run).for_each(|(value, at)| *value = f(at, *value));
            }
        } else {
            self.values.iter_mut().enumerate().for_each(|(at, value)| *value = f(at, *value));
        }
    }

    /// Back to zero.
    pub fn clear(&mut self) {
        if self.is_lazy() {
            let Self { values, granule, marks, touched } = self;
            for index in touched.drain(..) {
                let start = index as usize * *granule;
                let end = (start + *granule).min(values.len());
                values[start..end].fill(0.0);
                marks[index as usize] = false;
            }
        } else {
            self.values.fill(0.0);
        }
    }

    /// Adds Σ_y weights_y φ(y) for one part.
    pub fn add(&mut self, kernels: Kernels, part: Part<'_>, weights: &[f64]) {
        if self.is_lazy() {
            self.mark(part, weights.len());
        }
        add_features(kernels, part, weights, &mut self.values);
    }

    /// Adds φ(token) for one part, of `vocabulary` tokens.
    pub fn add_one(&mut self, kernels: Kernels, part: Part<'_>, token: usize, vocabulary: usize) {
        if self.is_lazy() {
            self.mark(part, vocabulary);
        }
        add_one_feature(kernels, part, token, vocabulary, &mut self.values);
    }

    fn mark(&mut self, part: Part<'_>, vocabulary: usize) {
        match part.block {
            Block::Dense { width, .. } => self.touch(part.offset, width),
            Block::Outer { hidden } => self.touch(part.offset, hidden.len() * vocabulary),
            Block::Rows { rows, .. } => {
                for &row in rows {
                    self.touch(part.offset + row as usize * vocabulary, vocabulary);
                }
            }
            Block::Sparse(rows) => {
                for token in 0..rows.len() {
                    for &coordinate in rows.row(token).0 {
                        self.touch(part.offset + coordinate as usize, 1);
                    }
                }
            }
        }
    }

    /// Records that `len` coordinates from `start` are touched.
    pub fn touch(&mut self, start: usize, len: usize) {
        if len == 0 || !self.is_lazy() {
            return;
        }
        for index in start / self.granule..=(start + len - 1) / self.granule {
            if !self.marks[index] {
                self.marks[index] = true;
                #[expect(clippy::cast_possible_truncation, reason = "dimensions are below 2^32")]
                self.touched.push(index as u32);
            }
        }
    }
}
