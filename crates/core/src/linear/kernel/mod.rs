//! The inner loops of linear models, compiled for several instruction sets, with the same bits on each.

mod lanes;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use lanes::{Hardware, Software};

use super::values::Values;
use crate::isa::Isa;

/// Multiply-adds of the baseline: fused in software unless the target guarantees them (AArch64 does).
#[cfg(target_feature = "fma")]
type Native = Hardware;
#[cfg(all(not(target_feature = "fma"), target_arch = "aarch64"))]
type Native = Hardware;
#[cfg(all(not(target_feature = "fma"), not(target_arch = "aarch64")))]
type Native = Software;
// Named so that both are compiled everywhere, whichever is native.
const _: [fn(f64, f64, f64) -> f64; 2] = [<Software as lanes::Fused>::fma, <Hardware as lanes::Fused>::fma];

/// Compiles a generic kernel once for each instruction set and dispatches on a [`Kernels`].
macro_rules! kernels {
    ($($(#[$doc:meta])* $name:ident<$($narrow:literal, $wide:literal)?>($($arg:ident: $kind:ty),*) $(-> $out:ty)?;)+) => {
        impl Kernels {
            $($(#[$doc])*
            #[inline]
            pub fn $name(self, $($arg: $kind),*) $(-> $out)? {
                match self.isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => {
                        #[target_feature(enable = "avx2,fma")]
                        fn avx2($($arg: $kind),*) $(-> $out)? {
                            lanes::$name::<x86::Avx2 $(, $narrow)?>($($arg),*)
                        }
                        // SAFETY: a `Kernels` of this kind is made only where the features were detected.
                        unsafe { avx2($($arg),*) }
                    }
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 | Isa::Avx512Popcount => {
                        #[target_feature(enable = "avx512f,avx2,fma")]
                        fn avx512($($arg: $kind),*) $(-> $out)? {
                            lanes::$name::<x86::Avx512 $(, $wide)?>($($arg),*)
                        }
                        // SAFETY: as above.
                        unsafe { avx512($($arg),*) }
                    }
                    _ => lanes::$name::<Native $(, $narrow)?>($($arg),*),
                }
            })+
        }
    };
}

/// The kernels of one instruction set that this machine has.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    isa: Isa,
}

impl Default for Kernels {
    fn default() -> Self {
        Self { isa: Isa::best() }
    }
}

impl Kernels {
    /// The kernels of `isa`; `None` if the machine lacks it.
    #[must_use]
    pub fn of(isa: Isa) -> Option<Self> {
        isa.is_available().then_some(Self { isa })
    }
}

kernels! {
    /// Inner product.
    dot<>(a: &[f64], b: &[f64]) -> f64;
    /// `out[r] += rows[r]·vector` for the rows of the row-major `matrix`, `out.len()` × `vector.len()`.
    add_products<4, 8>(matrix: Values<'_>, vector: &[f64], out: &mut [f64]);
    /// `vector += Σ_r weights[r]·rows[r]` for the rows of the row-major `matrix`, `weights.len()` × `vector.len()`.
    add_combination<32, 64>(matrix: Values<'_>, weights: &[f64], vector: &mut [f64]);
    /// `y += a·x`.
    add_scaled<>(a: f64, x: &[f64], y: &mut [f64]);
    /// `out = a·c + b·d`, element by element.
    rotate<>(a: &[f64], b: &[f64], c: &[f64], d: &[f64], out: &mut [f64]);
    /// `x *= a`.
    scale<>(a: f64, x: &mut [f64]);
    /// Replaces `logits` by exp(logit − max); returns the max and the sum of the exponentials.
    exponentials<>(logits: &mut [f64]) -> (f64, f64);
    /// Replaces every element, none much above 0, by its exponential; 0 below −708.
    exp_all<>(values: &mut [f64]);
    /// Replaces `logits` by `scale·(e_token − softmax)`, the weights of a token's gradient.
    token_weights<>(logits: &mut [f64], token: usize, scale: f64);
    /// The same for consecutive rows of logits, one for each of `tokens`.
    all_token_weights<>(logits: &mut [f64], tokens: &[u32], scale: f64);
}

impl Kernels {
    /// Replaces `logits` by log-probabilities, stably for any finite logits.
    pub fn log_softmax(self, logits: &mut [f64], scratch: &mut Vec<f64>) {
        scratch.clear();
        scratch.extend_from_slice(logits);
        let (max, sum) = self.exponentials(scratch);
        let log_sum = libm::log(sum);
        // Subtracting in two steps keeps the small log_sum from being lost in a large max.
        for logit in logits {
            *logit = (*logit - max) - log_sum;
        }
    }
}
