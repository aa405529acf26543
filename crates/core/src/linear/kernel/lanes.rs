//! The kernels in plain Rust, written so that every compilation of them gives the same bits.
//!
//! A reduction keeps eight partial sums, element `i` going to sum `i mod 8`, and folds them by one fixed tree;
//! every multiply-add is fused, in hardware or in software. LLVM may then use vectors of any width: without
//! licence to reassociate it can only reproduce these operations. Eight sums are one value of [`Fused::Eight`] all the
//! same: whether arrays become vectors depends on how far loops are unrolled, and products of a matrix, which keep many
//! in flight, took seven times as long where they did not. `ROWS` and the chunk lengths are how many
//! independent sums are kept in flight; they do not touch the order within a sum.

use crate::linear::values::Values;

/// Number of partial sums of a reduction.
pub(super) const LANES: usize = 8;

/// Which fused multiply-add a compilation uses (all round once), and the vectors it keeps sums in. Its functions may be
/// called only where the enclosing function enables the instruction set.
pub(super) trait Fused: Copy {
    /// [`LANES`] numbers.
    type Eight: Copy;

    /// a·b + c, rounded once.
    fn fma(a: f64, b: f64, c: f64) -> f64;

    /// Zeros.
    fn zeros() -> Self::Eight;

    /// `acc[j] + a[j]·b[j]`, each rounded once.
    fn fma_eight<T: Number>(a: &[T; LANES], b: &[f64; LANES], acc: Self::Eight) -> Self::Eight;

    /// The numbers.
    fn numbers(eight: Self::Eight) -> [f64; LANES];

    /// Adds [`fold`] of each to `out`.
    #[inline(always)]
    fn add_folded<const ROWS: usize>(acc: [Self::Eight; ROWS], out: &mut [f64; ROWS]) {
        for r in 0..ROWS {
            out[r] += fold(Self::numbers(acc[r]));
        }
    }
}

/// The instruction, where the enclosing function enables it.
#[derive(Clone, Copy)]
pub(super) struct Hardware;

/// `libm`'s correctly rounded routine.
#[derive(Clone, Copy)]
pub(super) struct Software;

macro_rules! by_arrays {
    ($name:ty, $fma:expr) => {
        impl Fused for $name {
            type Eight = [f64; LANES];

            #[inline(always)]
            fn fma(a: f64, b: f64, c: f64) -> f64 {
                $fma(a, b, c)
            }

            #[inline(always)]
            fn zeros() -> Self::Eight {
                [0.0; LANES]
            }

            #[inline(always)]
            fn fma_eight<T: Number>(a: &[T; LANES], b: &[f64; LANES], acc: Self::Eight) -> Self::Eight {
                std::array::from_fn(|j| Self::fma(a[j].into(), b[j], acc[j]))
            }

            #[inline(always)]
            fn numbers(eight: Self::Eight) -> [f64; LANES] {
                eight
            }
        }
    };
}

by_arrays!(Hardware, f64::mul_add);
by_arrays!(Software, libm::fma);

/// An element of a matrix, in whatever precision it is stored.
pub(super) trait Number: Copy + Default + Into<f64> {
    /// Eight of them, widened.
    ///
    /// # Safety
    /// The CPU has AVX2.
    #[cfg(target_arch = "x86_64")]
    unsafe fn widened_by_avx2(numbers: &[Self; LANES]) -> [std::arch::x86_64::__m256d; 2];

    /// Eight of them, widened.
    ///
    /// # Safety
    /// The CPU has AVX-512 F.
    #[cfg(target_arch = "x86_64")]
    unsafe fn widened_by_avx512(numbers: &[Self; LANES]) -> std::arch::x86_64::__m512d;
}

#[cfg(not(target_arch = "x86_64"))]
impl Number for f32 {}
#[cfg(not(target_arch = "x86_64"))]
impl Number for f64 {}

/// Folds eight partial sums by halving.
#[inline(always)]
fn fold(a: [f64; LANES]) -> f64 {
    let b = [a[0] + a[4], a[1] + a[5], a[2] + a[6], a[3] + a[7]];
    (b[0] + b[2]) + (b[1] + b[3])
}

#[inline(always)]
fn fold_max(a: [f64; LANES]) -> f64 {
    let greater = |x: f64, y: f64| if x > y { x } else { y };
    let b = [greater(a[0], a[4]), greater(a[1], a[5]), greater(a[2], a[6]), greater(a[3], a[7])];
    greater(greater(b[0], b[2]), greater(b[1], b[3]))
}

/// `acc[j] + a[j]·b[j]`, lanes beyond the end of `a` and `b` counting as zero. By value and with whole lanes: indexing
/// `acc` by a count known only at run time would keep it in memory throughout the loop before.
#[inline(always)]
fn multiply_add<F: Fused, T: Number>(acc: F::Eight, a: &[T], b: &[f64]) -> F::Eight {
    let (mut left, mut right) = ([T::default(); LANES], [0.0; LANES]);
    left[..a.len()].copy_from_slice(a);
    right[..b.len()].copy_from_slice(b);
    F::fma_eight(&left, &right, acc)
}

#[inline(always)]
pub(super) fn dot<F: Fused>(a: &[f64], b: &[f64]) -> f64 {
    inner_product::<F, f64>(a, b)
}

#[inline(always)]
fn inner_product<F: Fused, T: Number>(a: &[T], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut acc = F::zeros();
    for (a, b) in a.iter().zip(b) {
        acc = F::fma_eight(a, b, acc);
    }
    if !a_rest.is_empty() {
        acc = multiply_add::<F, T>(acc, a_rest, b_rest);
    }
    fold(F::numbers(acc))
}

/// `out[r] += rows[r]·vector` for the rows of `matrix` (`out.len()` × `vector.len()`, row-major).
#[inline(always)]
pub(super) fn add_products<F: Fused, const ROWS: usize>(matrix: Values<'_>, vector: &[f64], out: &mut [f64]) {
    match matrix {
        Values::F64(matrix) => add_products_of::<F, _, ROWS>(matrix, vector, out),
        Values::F32(matrix) => add_products_of::<F, _, ROWS>(matrix, vector, out),
    }
}

#[inline(always)]
fn add_products_of<F: Fused, T: Number, const ROWS: usize>(matrix: &[T], vector: &[f64], out: &mut [f64]) {
    let d = vector.len();
    if d == 0 {
        return;
    }
    let (vector_chunks, vector_rest) = vector.as_chunks::<LANES>();
    let whole = vector_chunks.len() * LANES;
    let (groups, rest) = out.as_chunks_mut::<ROWS>();
    let grouped = groups.len() * ROWS * d;
    for (rows, out) in matrix[..grouped].chunks_exact(ROWS * d).zip(groups) {
        let rows: [&[T]; ROWS] = std::array::from_fn(|r| &rows[r * d..(r + 1) * d]);
        let chunks: [&[[T; LANES]]; ROWS] =
            std::array::from_fn(|r| &rows[r].as_chunks::<LANES>().0[..vector_chunks.len()]);
        let mut acc = [F::zeros(); ROWS];
        for (k, v) in vector_chunks.iter().enumerate() {
            for r in 0..ROWS {
                acc[r] = F::fma_eight(&chunks[r][k], v, acc[r]);
            }
        }
        if !vector_rest.is_empty() {
            for r in 0..ROWS {
                acc[r] = multiply_add::<F, T>(acc[r], &rows[r][whole..], vector_rest);
            }
        }
        F::add_folded(acc, out);
    }
    for (row, out) in matrix[grouped..].chunks_exact(d).zip(rest) {
        *out += inner_product::<F, T>(row, vector);
    }
}

/// `vector += Σ_r weights[r]·rows[r]`, row by row in order for every element.
#[inline(always)]
pub(super) fn add_combination<F: Fused, const CHUNK: usize>(matrix: Values<'_>, weights: &[f64], vector: &mut [f64]) {
    match matrix {
        Values::F64(matrix) => add_combination_of::<F, _, CHUNK>(matrix, weights, vector),
        Values::F32(matrix) => add_combination_of::<F, _, CHUNK>(matrix, weights, vector),
    }
}

#[inline(always)]
fn add_combination_of<F: Fused, T: Number, const CHUNK: usize>(matrix: &[T], weights: &[f64], vector: &mut [f64]) {
    let d = vector.len();
    let (chunks, rest) = vector.as_chunks_mut::<CHUNK>();
    let whole = chunks.len() * CHUNK;
    for (k, chunk) in chunks.iter_mut().enumerate() {
        let mut acc = *chunk;
        for (r, &weight) in weights.iter().enumerate() {
            let start = r * d + k * CHUNK;
            let row: &[T; CHUNK] = matrix[start..start + CHUNK].try_into().expect("the slice is one chunk long");
            for j in 0..CHUNK {
                acc[j] = F::fma(weight, row[j].into(), acc[j]);
            }
        }
        *chunk = acc;
    }
    if !rest.is_empty() {
        for (r, &weight) in weights.iter().enumerate() {
            let row = &matrix[r * d + whole..(r + 1) * d];
            for (value, &feature) in rest.iter_mut().zip(row) {
                *value = F::fma(weight, feature.into(), *value);
            }
        }
    }
}

/// `y += a·x`.
#[inline(always)]
pub(super) fn add_scaled<F: Fused>(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = F::fma(a, x, *y);
    }
}

/// `out = a·c + b·d`, element by element.
#[inline(always)]
pub(super) fn rotate<F: Fused>(a: &[f64], b: &[f64], c: &[f64], d: &[f64], out: &mut [f64]) {
    let n = out.len();
    let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
    for i in 0..n {
        out[i] = F::fma(a[i], c[i], b[i] * d[i]);
    }
}

/// `x *= a`.
#[inline(always)]
pub(super) fn scale<F: Fused>(a: f64, x: &mut [f64]) {
    for x in x {
        *x *= a;
    }
}

/// Below this the exponential is returned as 0; the least normal number is about e^−708.4.
const LEAST_EXPONENT: f64 = -708.0;

/// e^x for x ≤ 0 (and a little above), within about one unit in the last place; 0 below −708. NaN stays NaN.
///
/// x = n·log 2 + r with |r| ≤ ½ log 2; e^r by its Taylor polynomial of degree 13, whose remainder is below
/// 2^-57, and 2^n by adding n to the exponent bits.
#[inline(always)]
pub(super) fn exp<F: Fused>(x: f64) -> f64 {
    // Adding 1.5·2^52 rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LOG2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LOG2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // 1/k! for k = 0…13.
    const C: [f64; 14] = [
        1.0,
        1.0,
        0.5,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5_040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0,
    ];
    let shifted = F::fma(x, std::f64::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = F::fma(n, -LOG2_LOW, F::fma(n, -LOG2_HIGH, x));
    // Estrin's scheme for the upper coefficients keeps the chain of dependent operations short.
    let r2 = r * r;
    let r4 = r2 * r2;
    let pair = |k: usize| F::fma(C[k + 1], r, C[k]);
    let quad = |k: usize| F::fma(pair(k + 2), r2, pair(k));
    let upper = F::fma(pair(12), r4, quad(8));
    let tail = F::fma(upper, r4, quad(4));
    // The leading terms are added last, least first, so that they carry the only rounding that matters.
    let head = F::fma(F::fma(tail, r2, F::fma(C[3], r, C[2])), r2, r) + 1.0;
    let scaled = f64::from_bits(head.to_bits().wrapping_add(shifted.to_bits() << 52));
    if x < LEAST_EXPONENT { 0.0 } else { scaled }
}

/// Replaces `logits` by exp(logit − max); returns the max and the sum of the exponentials.
///
/// −∞ is legal where some logit is finite.
#[inline(always)]
pub(super) fn exponentials<F: Fused>(logits: &mut [f64]) -> (f64, f64) {
    let mut max = [f64::NEG_INFINITY; LANES];
    let (chunks, rest) = logits.as_chunks::<LANES>();
    for chunk in chunks {
        for j in 0..LANES {
            max[j] = if chunk[j] > max[j] { chunk[j] } else { max[j] };
        }
    }
    for (max, &logit) in max.iter_mut().zip(rest) {
        *max = if logit > *max { logit } else { *max };
    }
    let max = fold_max(max);
    let mut sum = [0.0; LANES];
    let (chunks, rest) = logits.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for j in 0..LANES {
            chunk[j] = exp::<F>(chunk[j] - max);
            sum[j] += chunk[j];
        }
    }
    if !rest.is_empty() {
        let mut padded = [f64::NEG_INFINITY; LANES];
        padded[..rest.len()].copy_from_slice(rest);
        for j in 0..LANES {
            padded[j] = exp::<F>(padded[j] - max);
            sum[j] += padded[j];
        }
        rest.copy_from_slice(&padded[..rest.len()]);
    }
    (max, fold(sum))
}

/// Replaces every element by its exponential.
#[inline(always)]
pub(super) fn exp_all<F: Fused>(values: &mut [f64]) {
    for value in values {
        *value = exp::<F>(*value);
    }
}

/// Turns `logits` into `scale·(e_token − softmax)`: the weights of a token's gradient.
#[inline(always)]
pub(super) fn token_weights<F: Fused>(logits: &mut [f64], token: usize, scale: f64) {
    let (_, sum) = exponentials::<F>(logits);
    let factor = -scale / sum;
    for weight in logits.iter_mut() {
        *weight *= factor;
    }
    logits[token] += scale;
}

/// [`token_weights`] of consecutive rows of logits, one for each of `tokens`.
#[inline(always)]
pub(super) fn all_token_weights<F: Fused>(logits: &mut [f64], tokens: &[u32], scale: f64) {
    let vocabulary = logits.len() / tokens.len().max(1);
    for (logits, &token) in logits.chunks_exact_mut(vocabulary.max(1)).zip(tokens) {
        token_weights::<F>(logits, token as usize, scale);
    }
}
