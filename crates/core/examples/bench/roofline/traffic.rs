//! Bytes a second read from each level of the memory.

use std::hint::black_box;

#[cfg(target_arch = "x86_64")]
use coverage_principle_core::Isa;

use super::{Loop, Subject};

/// Reads at least this much a call, so that the clock is looked at seldom.
const BYTES_PER_CALL: usize = 1 << 20;

/// The loops there are, named by how much they go through: what level of the memory that is depends on the machine,
/// and virtual machines do not always tell.
pub(crate) fn subjects(quick: bool) -> Vec<Subject> {
    let (instructions, make) = widest();
    let sizes = [("16K", 16 << 10), ("512K", 512 << 10), ("16M", 16 << 20), ("256M", 256 << 20), ("2G", 2 << 30)];
    sizes
        .into_iter()
        .filter(|&(_, bytes)| !(quick && bytes > 1 << 30))
        .map(|(size, bytes)| Subject { name: format!("bytes-{size}"), instructions, make, bytes })
        .collect()
}

fn widest() -> (&'static str, fn(usize) -> Loop) {
    #[cfg(target_arch = "x86_64")]
    {
        if Isa::Avx512.is_available() {
            return ("avx512", x86::avx512);
        }
        if Isa::Avx2.is_available() {
            return ("avx2", x86::avx2);
        }
    }
    ("portable", portable)
}

fn portable(bytes: usize) -> Loop {
    repeated(bytes, |values| values.iter().fold(0, |sum, &value| sum ^ value))
}

fn repeated(bytes: usize, read: fn(&[u64]) -> u64) -> Loop {
    let values = vec![1u64; bytes / size_of::<u64>()];
    let passes = (BYTES_PER_CALL / bytes).max(1);
    Box::new(move || {
        for _ in 0..passes {
            black_box(read(black_box(&values)));
        }
        (passes * size_of_val(values.as_slice())) as f64
    })
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Loop, repeated};

    macro_rules! reader {
        ($name:ident, $kernel:ident, $features:literal, $vector:ty, $load:ident, $zero:ident, $xor:ident) => {
            pub(super) fn $name(bytes: usize) -> Loop {
                // SAFETY: `widest` chooses this loop only where the processor has the instructions.
                repeated(bytes, |values| unsafe { $kernel(values) })
            }

            #[target_feature(enable = $features)]
            fn $kernel(values: &[u64]) -> u64 {
                const LANES: usize = size_of::<$vector>() / size_of::<u64>();
                let mut sums = [$zero(); 4];
                for chunk in values.chunks_exact(4 * LANES) {
                    for (index, sum) in sums.iter_mut().enumerate() {
                        // SAFETY: the chunk holds four vectors.
                        *sum = $xor(*sum, unsafe { $load(chunk.as_ptr().add(index * LANES).cast()) });
                    }
                }
                let [a, b, c, d] = sums;
                let sum = $xor($xor(a, b), $xor(c, d));
                // SAFETY: both types are plain bits of the same size.
                let lanes = unsafe { std::mem::transmute::<$vector, [u64; LANES]>(sum) };
                lanes[0]
            }
        };
    }

    reader!(avx2, kernel_avx2, "avx2", __m256i, _mm256_loadu_si256, _mm256_setzero_si256, _mm256_xor_si256);
    reader!(avx512, kernel_avx512, "avx512f", __m512i, _mm512_loadu_si512, _mm512_setzero_si512, _mm512_xor_si512);
}
