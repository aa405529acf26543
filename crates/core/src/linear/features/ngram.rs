//! n-gram features: a log-linear language model.

use std::sync::Arc;

use super::table::check_sizes;
use super::{Block, Context, FeatureMap, Part, Scratch, checked_size};
use crate::error::{Code, Error, Result};

/// φ(x, y_{1:h}) = (B/√(K+1)) Σ_{k=0}^{K} e_{(context of k tokens before y_h, y_h)}: one coordinate for each order.
///
/// Order 0 has one row of V coordinates, order k ≥ 1 has `buckets` rows, each order its own, so that orders never
/// collide. A context of k tokens is numbered where V^k ≤ `buckets` and hashed else. Tokens before the response are
/// the prompt's, where prompts are given; an order whose context reaches back further than there are tokens is left
/// out. A context's coordinates lie side by side, so a block is a few rows and not V lookups.
#[derive(Clone, Debug)]
pub struct NgramFeatures {
    vocabulary: usize,
    order: usize,
    buckets: usize,
    /// Whether contexts of k = index + 1 tokens are numbered without collision.
    exact: Vec<bool>,
    weights: Vec<f64>,
    bound: f64,
    prompts: Option<Arc<[Vec<u32>]>>,
}

/// Prompts of `lengths[i]` tokens each, which lie one after the other.
///
/// # Errors
/// [`Code::ShapeMismatch`] if the lengths do not add up to the tokens.
pub fn split_prompts(tokens: &[u32], lengths: &[u32]) -> Result<Arc<[Vec<u32>]>> {
    let misfit = || Error::new(Code::ShapeMismatch, "The lengths of the prompts do not add up to their tokens.");
    let mut rest = tokens;
    let mut prompts = Vec::with_capacity(lengths.len());
    for &length in lengths {
        let (prompt, left) = rest.split_at_checked(length as usize).ok_or_else(misfit)?;
        prompts.push(prompt.to_vec());
        rest = left;
    }
    if rest.is_empty() { Ok(prompts.into()) } else { Err(misfit()) }
}

impl NgramFeatures {
    /// Contexts of up to `order` tokens, `buckets` of them told apart for each order, ‖φ‖ ≤ `bound`.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for no buckets, an order above 16 or a bound that is not positive;
    /// [`Code::TooLarge`] beyond 2^32 − 1 dimensions; [`Code::ShapeMismatch`] for a prompt token out of range.
    pub fn new(
        vocabulary: usize,
        order: usize,
        buckets: usize,
        bound: f64,
        prompts: Option<Arc<[Vec<u32>]>>,
    ) -> Result<Self> {
        const HIGHEST_ORDER: usize = 16;
        if order > HIGHEST_ORDER {
            let message = format!("Contexts may have up to {HIGHEST_ORDER} tokens, not {order}.");
            return Err(Error::option("order", message));
        }
        if buckets == 0 {
            return Err(Error::option("buckets", "Contexts need at least one bucket."));
        }
        super::checked_bound(0.0, Some(bound))?;
        let rows = buckets.checked_mul(order).and_then(|rows| rows.checked_add(1)).unwrap_or(usize::MAX);
        check_sizes(vocabulary, checked_size("The n-gram features", &[rows, vocabulary])?)?;
        if let Some(prompts) = &prompts {
            let fault = prompts.iter().position(|tokens| tokens.iter().any(|&token| token as usize >= vocabulary));
            if let Some(prompt) = fault {
                let message = format!("Prompt {prompt} has a token that is not in the vocabulary of {vocabulary}.");
                return Err(Error::new(Code::ShapeMismatch, message).at_row(prompt));
            }
        }
        let exact = (1..=order)
            .map(|length| {
                u32::try_from(length).ok().and_then(|k| vocabulary.checked_pow(k)).is_some_and(|count| count <= buckets)
            })
            .collect();
        let weights = vec![bound / ((order + 1) as f64).sqrt(); order + 1];
        Ok(Self { vocabulary, order, buckets, exact, weights, bound, prompts })
    }

    /// The `back`-th token before the next one.
    fn token_before(&self, context: Context<'_>, back: usize) -> Option<u32> {
        let prefix = context.prefix;
        if back <= prefix.len() {
            return Some(prefix[prefix.len() - back]);
        }
        let prompt = &self.prompts.as_ref()?[context.prompt];
        prompt.len().checked_sub(back - prefix.len()).map(|index| prompt[index])
    }
}

/// One round of SplitMix64's finaliser.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl FeatureMap for NgramFeatures {
    fn dim(&self) -> usize {
        (1 + self.order * self.buckets) * self.vocabulary
    }

    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn prompts(&self) -> Option<usize> {
        self.prompts.as_ref().map(|prompts| prompts.len())
    }

    fn horizon(&self) -> Option<usize> {
        None
    }

    fn bound(&self) -> f64 {
        self.bound
    }

    #[expect(clippy::cast_possible_truncation, reason = "a bucket is below 2^32, as all coordinates are")]
    fn prepare(&self, context: Context<'_>, scratch: &mut Scratch) {
        let rows = &mut scratch.indices;
        rows.clear();
        rows.push(0);
        let (mut number, mut hash) = (0usize, 0u64);
        for length in 1..=self.order {
            let Some(token) = self.token_before(context, length) else { return };
            hash = mix(hash ^ u64::from(token).wrapping_add(0x9e37_79b9_7f4a_7c15));
            let bucket = if self.exact[length - 1] {
                number = number * self.vocabulary + token as usize;
                number
            } else {
                // The upper half of a product: unbiased to 2^-32 for so few buckets.
                ((u128::from(hash) * self.buckets as u128) >> 64) as usize
            };
            rows.push((1 + (length - 1) * self.buckets + bucket) as u32);
        }
    }

    fn visit(&self, _: Context<'_>, scratch: &Scratch, visitor: &mut dyn FnMut(Part<'_>)) {
        let rows = &scratch.indices;
        visitor(Part { offset: 0, block: Block::Rows { rows, weights: &self.weights[..rows.len()] } });
    }

    fn memory(&self) -> Option<usize> {
        Some(self.order)
    }

    fn granule(&self) -> usize {
        self.vocabulary
    }
}
