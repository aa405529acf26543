//! Random Fourier features over the last tokens and the position: any dimension, the overparameterised regime included.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::table::check_sizes;
use super::{Block, Context, FeatureMap, Part, Scratch, Values, checked_bound, checked_size};
use crate::error::{Error, Result};
use crate::linear::kernel::Kernels;
use crate::random::{Purpose, Stream};

/// What random features are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RandomOptions {
    /// V.
    pub vocabulary: usize,
    /// H.
    pub horizon: usize,
    /// d.
    pub dim: usize,
    /// w, how many tokens before the next one count. Default 1.
    pub window: usize,
    /// |X|, where features are to depend on the prompt too; default not.
    pub prompts: Option<usize>,
    /// σ: two contexts that differ in m of the w tokens, position, prompt and next token have correlation about
    /// e^{−σ²m}. Default 1.
    pub bandwidth: f64,
    /// B. Default 1.
    pub bound: f64,
    /// Seed.
    pub seed: u64,
    /// Index of the map under this seed; several are for callers in Rust.
    #[serde(default)]
    pub index: u64,
}

impl Default for RandomOptions {
    fn default() -> Self {
        Self {
            vocabulary: 2,
            horizon: 1,
            dim: 16,
            window: 1,
            prompts: None,
            bandwidth: 1.0,
            bound: 1.0,
            seed: 0,
            index: 0,
        }
    }
}

/// φ_j = (B/√d)·cos(phase_j), where phase_j is the sum of a uniform offset and σ times standard normal numbers, one
/// for each of: the next token, the i-th token before it (i ≤ w, a token of its own where there is none), the
/// position, the prompt. Hence ‖φ‖ ≤ B always.
///
/// cos(u + v_y) = cos u cos v_y − sin u sin v_y with u the context's phase: d sines a context, not V·d.
#[derive(Clone, Debug)]
pub struct RandomFeatures {
    options: RandomOptions,
    kernels: Kernels,
    /// Phases by slot and value, [row, d]: the w window slots of V + 1 values each, positions, prompts.
    phases: Arc<[f64]>,
    /// Uniform offsets, [d].
    offsets: Arc<[f64]>,
    /// (B/√d) cos and −(B/√d) sin of the next token's phase, [token, d] each.
    cosines: Arc<[f64]>,
    sines: Arc<[f64]>,
    keys: Option<usize>,
}

impl RandomFeatures {
    /// Draws the features.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] for sizes of 0 or a bandwidth or bound that is not positive and finite;
    /// [`crate::Code::TooLarge`] if the tables would not fit into memory.
    pub fn new(options: RandomOptions) -> Result<Self> {
        let RandomOptions { vocabulary, horizon, dim, window, prompts, bandwidth, bound, seed, index } = options;
        check_sizes(vocabulary, dim)?;
        if horizon == 0 || prompts == Some(0) {
            return Err(Error::option("horizon", "Random features need a position and a prompt at least."));
        }
        if !(bandwidth.is_finite() && bandwidth > 0.0) {
            let message = format!("The bandwidth must be positive and finite, not {bandwidth}.");
            return Err(Error::option("bandwidth", message));
        }
        checked_bound(0.0, Some(bound))?;
        let window_rows = checked_size("The window", &[window, vocabulary + 1])?;
        let rows = window_rows.saturating_add(horizon).saturating_add(prompts.unwrap_or(0));
        let size = checked_size("The random phases", &[rows, dim])?;
        let mut stream = Stream::new(seed, Purpose::Problem, index);
        let phases: Vec<f64> = (0..size).map(|_| bandwidth * stream.normal()).collect();
        let offsets: Vec<f64> = (0..dim).map(|_| std::f64::consts::TAU * stream.uniform()).collect();
        let scale = bound / (dim as f64).sqrt();
        let size = checked_size("The random features", &[vocabulary, dim])?;
        let (mut cosines, mut sines) = (Vec::with_capacity(size), Vec::with_capacity(size));
        for _ in 0..size {
            let (sine, cosine) = libm::sincos(bandwidth * stream.normal());
            cosines.push(scale * cosine);
            sines.push(-scale * sine);
        }
        let keys = (0..window)
            .try_fold(horizon.saturating_mul(prompts.unwrap_or(1)), |keys, _| keys.checked_mul(vocabulary + 1));
        Ok(Self {
            options,
            kernels: Kernels::default(),
            phases: phases.into(),
            offsets: offsets.into(),
            cosines: cosines.into(),
            sines: sines.into(),
            keys,
        })
    }

    /// Values of the window slots, V where there is no token.
    fn window<'c>(&'c self, context: Context<'c>) -> impl Iterator<Item = usize> + 'c {
        (1..=self.options.window).map(move |back| {
            let place = context.prefix.len().checked_sub(back);
            place.map_or(self.options.vocabulary, |place| context.prefix[place] as usize)
        })
    }
}

impl FeatureMap for RandomFeatures {
    fn dim(&self) -> usize {
        self.options.dim
    }

    fn vocabulary(&self) -> usize {
        self.options.vocabulary
    }

    fn prompts(&self) -> Option<usize> {
        self.options.prompts
    }

    fn horizon(&self) -> Option<usize> {
        Some(self.options.horizon)
    }

    fn bound(&self) -> f64 {
        self.options.bound
    }

    fn prepare(&self, context: Context<'_>, scratch: &mut Scratch) {
        let (dim, slot) = (self.options.dim, self.options.vocabulary + 1);
        // [phase, cosine, sine] of the context, then the block.
        scratch.values.resize((3 + self.options.vocabulary) * dim, 0.0);
        let (phase, rest) = scratch.values.split_at_mut(dim);
        let (cosine, rest) = rest.split_at_mut(dim);
        let (sine, block) = rest.split_at_mut(dim);
        phase.copy_from_slice(&self.offsets);
        let mut add = |row: usize| {
            self.kernels.add_scaled(1.0, &self.phases[row * dim..(row + 1) * dim], phase);
        };
        for (back, value) in self.window(context).enumerate() {
            add(back * slot + value);
        }
        let positions = self.options.window * slot;
        add(positions + context.position());
        if self.options.prompts.is_some() {
            add(positions + self.options.horizon + context.prompt);
        }
        for j in 0..dim {
            (sine[j], cosine[j]) = libm::sincos(phase[j]);
        }
        for (token, row) in block.chunks_exact_mut(dim).enumerate() {
            let range = token * dim..(token + 1) * dim;
            self.kernels.rotate(cosine, sine, &self.cosines[range.clone()], &self.sines[range], row);
        }
    }

    fn visit(&self, _: Context<'_>, scratch: &Scratch, visitor: &mut dyn FnMut(Part<'_>)) {
        let dim = self.options.dim;
        visitor(Part { offset: 0, block: Block::Dense { rows: Values::F64(&scratch.values[3 * dim..]), width: dim } });
    }

    fn keys(&self) -> Option<usize> {
        self.keys
    }

    fn key(&self, context: Context<'_>) -> usize {
        let prompt = if self.options.prompts.is_some() { context.prompt } else { 0 };
        let start = prompt * self.options.horizon + context.position();
        self.window(context).fold(start, |key, value| key * (self.options.vocabulary + 1) + value)
    }
}
