//! Fused multiply-adds in registers.

use std::hint::black_box;

#[cfg(target_arch = "x86_64")]
use coverage_principle_core::Isa;

use super::{Loop, Subject};

/// Multiply-adds of each accumulator in one call.
const STEPS: usize = 4096;

/// Independent accumulators: enough to hide four cycles of latency on two units.
const ACCUMULATORS: usize = 12;

/// The loops there are on this machine.
pub(crate) fn subjects() -> Vec<Subject> {
    let subject = |name: &str, instructions, make| Subject { name: name.to_owned(), instructions, make, bytes: 0 };
    let mut subjects = vec![subject("flops-f64", "portable", portable)];
    #[cfg(target_arch = "x86_64")]
    {
        if Isa::Avx2.is_available() {
            subjects.push(subject("flops-f64", "avx2", x86::avx2));
        }
        if Isa::Avx512.is_available() {
            subjects.push(subject("flops-f64", "avx512", x86::avx512));
        }
    }
    subjects
}

/// Products and sums apart, since the baseline has no fused ones.
fn portable(_: usize) -> Loop {
    const LANES: usize = 2 * ACCUMULATORS;
    Box::new(|| {
        let (x, y) = (black_box(0.999), black_box(1e-3));
        let mut sums = [0.0f64; LANES];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = *sum * x + y;
            }
        }
        black_box(sums);
        (2 * LANES * STEPS) as f64
    })
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{ACCUMULATORS, Loop, STEPS, black_box};

    macro_rules! fused {
        ($name:ident, $kernel:ident, $features:literal, $vector:ty, $set:ident, $fma:ident) => {
            pub(super) fn $name(_: usize) -> Loop {
                Box::new(|| {
                    // SAFETY: `subjects` lists this loop only where the processor has the instructions.
                    black_box(unsafe { $kernel(black_box(0.999), black_box(1e-3)) });
                    (2 * size_of::<$vector>() / size_of::<f64>() * ACCUMULATORS * STEPS) as f64
                })
            }

            #[target_feature(enable = $features)]
            fn $kernel(x: f64, y: f64) -> [$vector; ACCUMULATORS] {
                let (x, y) = ($set(x), $set(y));
                let mut sums = [y; ACCUMULATORS];
                for _ in 0..STEPS {
                    for sum in &mut sums {
                        *sum = $fma(*sum, x, y);
                    }
                }
                sums
            }
        };
    }

    fused!(avx2, kernel_avx2, "avx2,fma", __m256d, _mm256_set1_pd, _mm256_fmadd_pd);
    fused!(avx512, kernel_avx512, "avx512f", __m512d, _mm512_set1_pd, _mm512_fmadd_pd);
}
