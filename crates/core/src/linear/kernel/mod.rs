//! The inner loops of linear models, compiled for several instruction sets, with the same bits on each.

mod lanes;
#[cfg(test)]
mod tests;

use lanes::{Hardware, Software};

/// An instruction set the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// What the target guarantees; multiply-adds fused in software unless it guarantees them (AArch64 does).
    Baseline,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512F.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The best this machine has.
    #[must_use]
    pub fn detect() -> Self {
        *Self::available().last().expect("the baseline is always there")
    }

    /// All that this machine has, best last.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "only x86-64 has more than a baseline"))]
        let mut found = vec![Self::Baseline];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self::Avx2);
                if is_x86_feature_detected!("avx512f") {
                    found.push(Self::Avx512);
                }
            }
        }
        found
    }
}

#[cfg(target_feature = "fma")]
type Native = Hardware;
#[cfg(all(not(target_feature = "fma"), target_arch = "aarch64"))]
type Native = Hardware;
#[cfg(all(not(target_feature = "fma"), not(target_arch = "aarch64")))]
type Native = Software;
// Named so that it is compiled everywhere, whichever is native.
const _: fn(f64, f64, f64) -> f64 = <Software as lanes::Fused>::fma;

/// Compiles a generic kernel once for each instruction set and dispatches on a [`Kernels`].
macro_rules! kernels {
    ($($(#[$doc:meta])* $name:ident<$($narrow:literal, $wide:literal)?>($($arg:ident: $kind:ty),*) $(-> $out:ty)?;)+) => {
        impl Kernels {
            $($(#[$doc])*
            #[inline]
            pub fn $name(self, $($arg: $kind),*) $(-> $out)? {
                match self.isa {
                    Isa::Baseline => lanes::$name::<Native $(, $narrow)?>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => {
                        #[target_feature(enable = "avx2,fma")]
                        fn avx2($($arg: $kind),*) $(-> $out)? {
                            lanes::$name::<Hardware $(, $narrow)?>($($arg),*)
                        }
                        // SAFETY: a `Kernels` of this kind is made only where the features were detected.
                        unsafe { avx2($($arg),*) }
                    }
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => {
                        #[target_feature(enable = "avx512f,avx2,fma")]
                        fn avx512($($arg: $kind),*) $(-> $out)? {
                            lanes::$name::<Hardware $(, $wide)?>($($arg),*)
                        }
                        // SAFETY: as above.
                        unsafe { avx512($($arg),*) }
                    }
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
        Self { isa: Isa::detect() }
    }
}

impl Kernels {
    /// The kernels of `isa`; `None` if the machine lacks it.
    #[must_use]
    pub fn of(isa: Isa) -> Option<Self> {
        Isa::available().contains(&isa).then_some(Self { isa })
    }
}

kernels! {
    /// Inner product.
    dot<>(a: &[f64], b: &[f64]) -> f64;
    /// `out[r] += rows[r]·vector` for the rows of the row-major `matrix`, `out.len()` × `vector.len()`.
    add_products<4, 8>(matrix: &[f64], vector: &[f64], out: &mut [f64]);
    /// `vector += Σ_r weights[r]·rows[r]` for the rows of the row-major `matrix`, `weights.len()` × `vector.len()`.
    add_combination<32, 64>(matrix: &[f64], weights: &[f64], vector: &mut [f64]);
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
