//! One thread's view of a feature map: logits, probabilities and gradients at a context.

use super::features::{Block, Context, FeatureMap, Part, Scratch};
use super::gradient::Gradient;
use super::kernel::Kernels;
use super::responses::Response;
use super::values::Values;

/// Computes logits at a context, then adds gradients there while the features are at hand. Owns all working
/// memory, so that nothing is allocated per token.
#[derive(Debug)]
pub struct Evaluator<'f> {
    features: &'f dyn FeatureMap,
    kernels: Kernels,
    scratch: Scratch,
    values: Vec<f64>,
    spare: Vec<f64>,
}

impl<'f> Evaluator<'f> {
    /// Working memory for `features`.
    #[must_use]
    pub fn new(features: &'f dyn FeatureMap) -> Self {
        Self {
            features,
            kernels: Kernels::default(),
            scratch: features.scratch(),
            values: vec![0.0; features.vocabulary()],
            spare: Vec::new(),
        }
    }

    /// The feature map.
    #[must_use]
    pub fn features(&self) -> &'f dyn FeatureMap {
        self.features
    }

    /// The kernels in use.
    #[must_use]
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// The V numbers that the last call left.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The V numbers that the last call left, to change.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// scale·⟨theta, φ⟩ of every next token.
    pub fn logits(&mut self, context: Context<'_>, theta: &[f64], scale: f64) -> &mut [f64] {
        let Self { features, kernels, scratch, values, .. } = self;
        features.prepare(context, scratch);
        values.fill(0.0);
        features.visit(context, scratch, &mut |part| add_logits(*kernels, part, theta, values));
        if scale != 1.0 {
            kernels.scale(scale, values);
        }
        values
    }

    /// log π_θ of every next token.
    pub fn log_probs(&mut self, context: Context<'_>, theta: &[f64], scale: f64) -> &[f64] {
        self.logits(context, theta, scale);
        self.kernels.log_softmax(&mut self.values, &mut self.spare);
        &self.values
    }

    /// π_θ of every next token.
    pub fn probabilities(&mut self, context: Context<'_>, theta: &[f64], scale: f64) -> &mut [f64] {
        self.logits(context, theta, scale);
        let (_, sum) = self.kernels.exponentials(&mut self.values);
        self.kernels.scale(1.0 / sum, &mut self.values);
        &mut self.values
    }

    /// `weight·(e_token − π_θ)`: what φ has to be combined with for `weight` times the gradient of the log-probability
    /// of `token`.
    pub fn token_weights(&mut self, context: Context<'_>, theta: &[f64], scale: f64, token: u32, weight: f64) {
        self.logits(context, theta, scale);
        self.kernels.token_weights(&mut self.values, token as usize, weight);
    }

    /// As [`Evaluator::token_weights`], and returns log π_θ(token).
    pub fn token_log_prob_and_weights(
        &mut self,
        context: Context<'_>,
        theta: &[f64],
        scale: f64,
        token: u32,
        weight: f64,
    ) -> f64 {
        let logit = self.logits(context, theta, scale)[token as usize];
        let (max, sum) = self.kernels.exponentials(&mut self.values);
        self.kernels.scale(-weight / sum, &mut self.values);
        self.values[token as usize] += weight;
        (logit - max) - libm::log(sum)
    }

    /// Adds Σ_y values_y φ(y) to `gradient`, the values being what the last call left, the context the same.
    pub fn accumulate(&self, context: Context<'_>, gradient: &mut Gradient) {
        self.features.visit(context, &self.scratch, &mut |part| gradient.add(self.kernels, part, &self.values));
    }

    /// Adds Σ_y values_y φ(y) to `vector`, as [`Evaluator::accumulate`] without a record of what was touched.
    pub fn accumulate_dense(&self, context: Context<'_>, vector: &mut [f64]) {
        self.features.visit(context, &self.scratch, &mut |part| add_features(self.kernels, part, &self.values, vector));
    }

    /// How many positions of `prompt` to treat in one go: so many that their features stay in the first-level cache between
    /// the two times they are read; 0 where the map has no spans. Part of no result.
    #[must_use]
    pub fn span_length(&self, prompt: usize) -> usize {
        const BYTES: usize = 32 << 10;
        let Some(rows) = self.features.span(prompt, 0..0) else { return 0 };
        BYTES / (rows.size() * self.features.vocabulary() * self.features.dim()).max(1)
    }

    /// Adds `weight`·∇Σ log π(y_h | x, y_{<h}) over the given positions of `response` to `gradient`, at θ =
    /// scale·theta, where the map has them as a span; else does nothing and returns false. The bits are those of one
    /// position after the other.
    pub fn add_span(
        &mut self,
        response: Response<'_>,
        positions: std::ops::Range<usize>,
        (theta, scale): (&[f64], f64),
        weight: f64,
        gradient: &mut Gradient,
    ) -> bool {
        let Some(rows) = self.features.span(response.prompt, positions.clone()) else { return false };
        let (kernels, width) = (self.kernels, self.features.dim());
        let tokens = &response.tokens[positions];
        let logits = &mut self.spare;
        logits.clear();
        logits.resize(tokens.len() * self.values.len(), 0.0);
        kernels.add_products(rows, theta, logits);
        if scale != 1.0 {
            kernels.scale(scale, logits);
        }
        kernels.all_token_weights(logits, tokens, weight);
        gradient.add(kernels, Part { offset: 0, block: Block::Dense { rows, width } }, logits);
        true
    }

    /// E‖φ − Eφ‖² for a next token with the given probabilities, computed about the mean; `mean` and `row` are
    /// working memory in the shape of the features, zero before and after.
    pub fn variance(
        &mut self,
        context: Context<'_>,
        probabilities: &[f64],
        mean: &mut Gradient,
        row: &mut Gradient,
    ) -> f64 {
        self.features.prepare(context, &mut self.scratch);
        self.features.visit(context, &self.scratch, &mut |part| mean.add(self.kernels, part, probabilities));
        let mut variance = 0.0;
        for (token, &probability) in probabilities.iter().enumerate() {
            if probability > 0.0 {
                for run in mean.runs() {
                    row.touch(run.start, run.len());
                    for (row, mean) in row.values_mut()[run.clone()].iter_mut().zip(&mean.values()[run]) {
                        *row = -mean;
                    }
                }
                self.features.visit(context, &self.scratch, &mut |part| {
                    row.add_one(self.kernels, part, token, probabilities.len())
                });
                variance += probability * row.square(self.kernels);
                row.clear();
            }
        }
        mean.clear();
        variance
    }
}

/// `logits[y] += ⟨theta, φ(y)⟩` for one part.
fn add_logits(kernels: Kernels, part: Part<'_>, theta: &[f64], logits: &mut [f64]) {
    let theta = &theta[part.offset..];
    match part.block {
        Block::Dense { rows, width } => kernels.add_products(rows, &theta[..width], logits),
        Block::Outer { hidden } => {
            kernels.add_products(Values::F64(&theta[..hidden.len() * logits.len()]), hidden, logits);
        }
        Block::Rows { rows, weights } => {
            let width = logits.len();
            for (&row, &weight) in rows.iter().zip(weights) {
                let start = row as usize * width;
                kernels.add_scaled(weight, &theta[start..start + width], logits);
            }
        }
        Block::Sparse(rows) => {
            for (token, logit) in logits.iter_mut().enumerate() {
                let (coordinates, values) = rows.row(token);
                for (&coordinate, &value) in coordinates.iter().zip(values) {
                    *logit += theta[coordinate as usize] * value;
                }
            }
        }
    }
}

/// `vector += Σ_y weights[y]·φ(y)` for one part.
pub(super) fn add_features(kernels: Kernels, part: Part<'_>, weights: &[f64], vector: &mut [f64]) {
    let vector = &mut vector[part.offset..];
    match part.block {
        Block::Dense { rows, width } => kernels.add_combination(rows, weights, &mut vector[..width]),
        Block::Outer { hidden } => {
            for (row, &weight) in vector.chunks_exact_mut(hidden.len().max(1)).zip(weights) {
                kernels.add_scaled(weight, hidden, row);
            }
        }
        Block::Rows { rows, weights: of_rows } => {
            let width = weights.len();
            for (&row, &of_row) in rows.iter().zip(of_rows) {
                let start = row as usize * width;
                kernels.add_scaled(of_row, weights, &mut vector[start..start + width]);
            }
        }
        Block::Sparse(rows) => {
            for (token, &weight) in weights.iter().enumerate() {
                if weight != 0.0 {
                    let (coordinates, values) = rows.row(token);
                    for (&coordinate, &value) in coordinates.iter().zip(values) {
                        vector[coordinate as usize] += weight * value;
                    }
                }
            }
        }
    }
}

/// `vector += φ(token)` for one part, of `vocabulary` tokens.
pub(super) fn add_one_feature(kernels: Kernels, part: Part<'_>, token: usize, vocabulary: usize, vector: &mut [f64]) {
    let vector = &mut vector[part.offset..];
    match part.block {
        Block::Dense { rows, width } => {
            kernels.add_combination(rows.range(token * width..(token + 1) * width), &[1.0], &mut vector[..width]);
        }
        Block::Outer { hidden } => {
            let start = token * hidden.len();
            kernels.add_scaled(1.0, hidden, &mut vector[start..start + hidden.len()]);
        }
        Block::Rows { rows, weights } => {
            for (&row, &weight) in rows.iter().zip(weights) {
                vector[row as usize * vocabulary + token] += weight;
            }
        }
        Block::Sparse(rows) => {
            let (coordinates, values) = rows.row(token);
            for (&coordinate, &value) in coordinates.iter().zip(values) {
                vector[coordinate as usize] += value;
            }
        }
    }
}
