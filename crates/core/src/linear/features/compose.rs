//! Sums and concatenations of feature maps.

use std::sync::Arc;

use super::{Context, FeatureMap, Part, Scratch};
use crate::error::{Code, Error, Result};

/// Several maps over one θ: side by side, φ = (φ_1, φ_2, …), or added up, φ = φ_1 + φ_2 + ….
#[derive(Clone, Debug)]
pub struct CompositeFeatures {
    parts: Vec<(usize, Arc<dyn FeatureMap>)>,
    dim: usize,
    bound: f64,
    granule: usize,
    keys: Option<usize>,
}

impl CompositeFeatures {
    /// φ = (φ_1, φ_2, …); B = √(B_1² + B_2² + …).
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for an empty list; [`Code::ShapeMismatch`] if the maps differ in vocabulary, prompts
    /// or horizon where they have one.
    pub fn concatenation(parts: Vec<Arc<dyn FeatureMap>>) -> Result<Self> {
        let mut offset = 0usize;
        let mut placed = Vec::with_capacity(parts.len());
        for part in parts {
            let dim = part.dim();
            placed.push((offset, part));
            offset = offset
                .checked_add(dim)
                .ok_or_else(|| Error::new(Code::TooLarge, "The features have too many dimensions."))?;
        }
        let square: f64 = placed.iter().map(|(_, part)| part.bound() * part.bound()).sum();
        Self::new(placed, offset, square.sqrt())
    }

    /// φ = φ_1 + φ_2 + …, all of one dimension; B = B_1 + B_2 + ….
    ///
    /// # Errors
    /// As [`CompositeFeatures::concatenation`], and [`Code::ShapeMismatch`] for different dimensions.
    pub fn sum(parts: Vec<Arc<dyn FeatureMap>>) -> Result<Self> {
        let dim = parts.first().map_or(0, |part| part.dim());
        if let Some(other) = parts.iter().find(|part| part.dim() != dim) {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("Features of {} dimensions cannot be added to features of {dim}.", other.dim()),
            ));
        }
        let bound = parts.iter().map(|part| part.bound()).sum();
        Self::new(parts.into_iter().map(|part| (0, part)).collect(), dim, bound)
    }

    fn new(parts: Vec<(usize, Arc<dyn FeatureMap>)>, dim: usize, bound: f64) -> Result<Self> {
        if parts.is_empty() {
            return Err(Error::option("features", "A sum or concatenation needs at least one feature map."));
        }
        agree("vocabulary", parts.iter().map(|(_, part)| Some(part.vocabulary())))?;
        agree("number of prompts", parts.iter().map(|(_, part)| part.prompts()))?;
        agree("horizon", parts.iter().map(|(_, part)| part.horizon()))?;
        let granule = parts.iter().fold(dim, |granule, (offset, part)| gcd(gcd(granule, *offset), part.granule()));
        let keys = parts.iter().try_fold(1usize, |keys, (_, part)| keys.checked_mul(part.keys()?));
        Ok(Self { parts, dim, bound, granule, keys })
    }
}

fn agree(what: &str, values: impl Iterator<Item = Option<usize>>) -> Result<()> {
    let mut known = values.flatten();
    let Some(first) = known.next() else { return Ok(()) };
    match known.find(|&value| value != first) {
        None => Ok(()),
        Some(other) => Err(Error::new(
            Code::ShapeMismatch,
            format!("Feature maps to be combined differ in {what}: {first} and {other}."),
        )),
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl FeatureMap for CompositeFeatures {
    fn dim(&self) -> usize {
        self.dim
    }

    fn vocabulary(&self) -> usize {
        self.parts[0].1.vocabulary()
    }

    fn prompts(&self) -> Option<usize> {
        self.parts.iter().find_map(|(_, part)| part.prompts())
    }

    fn horizon(&self) -> Option<usize> {
        self.parts.iter().find_map(|(_, part)| part.horizon())
    }

    fn bound(&self) -> f64 {
        self.bound
    }

    fn scratch(&self) -> Scratch {
        Scratch { children: self.parts.iter().map(|(_, part)| part.scratch()).collect(), ..Scratch::default() }
    }

    fn prepare(&self, context: Context<'_>, scratch: &mut Scratch) {
        for ((_, part), scratch) in self.parts.iter().zip(&mut scratch.children) {
            part.prepare(context, scratch);
        }
    }

    fn visit(&self, context: Context<'_>, scratch: &Scratch, visitor: &mut dyn FnMut(Part<'_>)) {
        for ((offset, part), scratch) in self.parts.iter().zip(&scratch.children) {
            part.visit(context, scratch, &mut |inner| visitor(Part { offset: offset + inner.offset, ..inner }));
        }
    }

    fn keys(&self) -> Option<usize> {
        self.keys
    }

    fn key(&self, context: Context<'_>) -> usize {
        self.parts.iter().fold(0, |key, (_, part)| key * part.keys().unwrap_or(1) + part.key(context))
    }

    fn memory(&self) -> Option<usize> {
        self.parts.iter().try_fold(0, |longest, (_, part)| Some(longest.max(part.memory()?)))
    }

    fn keys_repeat(&self) -> bool {
        self.parts.iter().all(|(_, part)| part.keys_repeat())
    }

    fn granule(&self) -> usize {
        self.granule
    }
}
