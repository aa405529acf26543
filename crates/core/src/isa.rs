//! Which instruction set the kernels run on: one enum and one detection for all of them.
//!
//! Binaries are built for the baseline of their platform; every kernel has loops for more than that, gives the same
//! bits on each, and takes the best that this machine has unless a test or a measurement names another.

use std::sync::LazyLock;

use serde::Serialize;

/// An instruction set that kernels are compiled for. A kernel without loops of its own for one runs those of the next
/// lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isa {
    /// What the target guarantees, vectorised by the compiler.
    Baseline,
    /// 128-bit vectors of every aarch64.
    Neon,
    /// x86-64 with 256-bit vectors, fused multiply-adds and population counts (AVX2, FMA, POPCNT).
    Avx2,
    /// x86-64 with 512-bit vectors (AVX-512 F, BW, DQ, VL), as of Skylake's servers.
    Avx512,
    /// The same with population counts of 512 bits (VPOPCNTDQ).
    Avx512Popcount,
}

impl Isa {
    /// Those that this machine has, best last; never empty.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[cfg_attr(
            not(any(target_arch = "x86_64", target_arch = "aarch64")),
            expect(unused_mut, reason = "only these have more than a baseline")
        )]
        let mut found = vec![Self::Baseline];
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon);
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("popcnt") {
            found.push(Self::Avx2);
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                found.push(Self::Avx512);
                if is_x86_feature_detected!("avx512vpopcntdq") {
                    found.push(Self::Avx512Popcount);
                }
            }
        }
        found
    }

    /// Whether this machine has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        Self::available().contains(&self)
    }

    /// The best that this machine has; looked up once, as kernels ask for it on every call.
    #[must_use]
    pub fn best() -> Self {
        static BEST: LazyLock<Isa> = LazyLock::new(|| Isa::available().last().copied().unwrap_or(Isa::Baseline));
        *BEST
    }
}

#[cfg(test)]
mod tests {
    use super::Isa;

    #[test]
    fn the_best_is_available_and_each_includes_those_below() {
        let available = Isa::available();
        assert_eq!(available[0], Isa::Baseline);
        assert!(available.is_sorted());
        assert!(Isa::best().is_available() && available.iter().all(|&isa| isa <= Isa::best()));
        assert_eq!(Isa::Neon.is_available(), cfg!(target_arch = "aarch64"));
    }

    /// Whoever runs the tests as a lesser processor says so (`scripts/lesser-cpus.mjs`): if more were found than it has, or
    /// less, its paths would not be what is tested.
    #[test]
    fn it_is_the_one_that_the_caller_expects() {
        let Ok(expected) = std::env::var("COVERAGE_EXPECT_ISA") else { return };
        assert_eq!(serde_json::to_value(Isa::best()).unwrap(), expected);
    }
}
