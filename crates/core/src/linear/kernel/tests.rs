use super::{Kernels, Values};
use crate::isa::Isa;
use crate::random::{Purpose, Stream};

fn numbers(stream: &mut Stream, count: usize) -> Vec<f64> {
    (0..count).map(|_| stream.normal()).collect()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Runs `f` with the kernels of each instruction set of this machine and holds all to the first's bits.
fn same_on_all(f: impl Fn(Kernels) -> Vec<f64>) {
    let of = |isa| f(Kernels::of(isa).unwrap());
    let first = of(Isa::Baseline);
    for isa in Isa::available() {
        assert_eq!(bits(&of(isa)), bits(&first), "{isa:?}");
    }
}

#[test]
fn all_instruction_sets_give_the_same_bits() {
    let mut stream = Stream::new(1, Purpose::Synthetic, 0);
    for (rows, d) in [(1, 1), (2, 3), (5, 8), (16, 64), (19, 67), (8, 130), (3, 0)] {
        let matrix = numbers(&mut stream, rows * d);
        let vector = numbers(&mut stream, d);
        let weights = numbers(&mut stream, rows);
        same_on_all(|kernels| {
            let mut out = weights.clone();
            kernels.add_products(Values::F64(&matrix), &vector, &mut out);
            let mut sum = vector.clone();
            kernels.add_combination(Values::F64(&matrix), &weights, &mut sum);
            kernels.add_scaled(0.7, &vector, &mut sum);
            let mut turned = vector.clone();
            kernels.rotate(&vector, &sum, &sum, &vector, &mut turned);
            kernels.scale(1.3, &mut turned);
            out.extend(turned);
            out.push(kernels.dot(&vector, &sum));
            kernels.token_weights(&mut out, 0, 0.3);
            [out, sum].concat()
        });
    }
}

#[test]
fn single_precision_gives_the_bits_of_the_same_numbers_in_double() {
    let mut stream = Stream::new(4, Purpose::Synthetic, 0);
    for (rows, d) in [(1, 1), (2, 3), (5, 8), (16, 64), (19, 67), (8, 130), (9, 1024), (3, 0)] {
        #[expect(clippy::cast_possible_truncation, reason = "single precision is what is tested")]
        let narrow: Vec<f32> = numbers(&mut stream, rows * d).into_iter().map(|value| value as f32).collect();
        let wide: Vec<f64> = narrow.iter().map(|&value| value.into()).collect();
        let (vector, weights) = (numbers(&mut stream, d), numbers(&mut stream, rows));
        for isa in Isa::available() {
            let kernels = Kernels::of(isa).unwrap();
            let of = |matrix: Values<'_>| {
                let (mut out, mut sum) = (weights.clone(), vector.clone());
                kernels.add_products(matrix, &vector, &mut out);
                kernels.add_combination(matrix, &weights, &mut sum);
                bits(&[out, sum].concat())
            };
            assert_eq!(of(Values::F32(&narrow)), of(Values::F64(&wide)), "{isa:?} {rows} × {d}");
        }
    }
}

#[test]
fn products_and_combinations_are_those_of_the_plain_loops() {
    let mut stream = Stream::new(2, Purpose::Synthetic, 0);
    let (rows, d) = (11, 77);
    let matrix = numbers(&mut stream, rows * d);
    let vector = numbers(&mut stream, d);
    let kernels = Kernels::default();
    let mut out = vec![0.0; rows];
    kernels.add_products(Values::F64(&matrix), &vector, &mut out);
    let mut back = vec![0.0; d];
    kernels.add_combination(Values::F64(&matrix), &out, &mut back);
    for r in 0..rows {
        // The oracle: element i goes to partial sum i mod 8, folded by halving.
        let mut lanes = [0.0f64; 8];
        for i in 0..d {
            lanes[i % 8] = matrix[r * d + i].mul_add(vector[i], lanes[i % 8]);
        }
        let halves: Vec<f64> = (0..4).map(|i| lanes[i] + lanes[i + 4]).collect();
        assert_eq!(out[r].to_bits(), ((halves[0] + halves[2]) + (halves[1] + halves[3])).to_bits());
    }
    for i in 0..d {
        let sum = (0..rows).fold(0.0f64, |sum, r| out[r].mul_add(matrix[r * d + i], sum));
        assert_eq!(back[i].to_bits(), sum.to_bits());
    }
}

#[test]
fn the_exponential_is_exact_to_a_unit_in_the_last_place_or_so() {
    let mut stream = Stream::new(3, Purpose::Synthetic, 0);
    let mut x: Vec<f64> = (0..20_000).map(|_| -708.0 * stream.uniform() * stream.uniform()).collect();
    x.extend([0.0, -0.0, -1e-300, -1e-17, -708.0, 1e-9]);
    let mut y = x.clone();
    Kernels::default().exp_all(&mut y);
    for (x, y) in x.iter().zip(&y) {
        let exact = libm::exp(*x);
        assert!((y - exact).abs() <= 1.5 * f64::EPSILON * exact, "exp({x}) = {exact}, not {y}");
    }
    let mut special = [f64::NEG_INFINITY, -708.1, -1e300, f64::NAN];
    Kernels::default().exp_all(&mut special);
    assert_eq!(&special[..3], &[0.0; 3]);
    assert!(special[3].is_nan());
}

#[test]
fn log_softmax_is_stable() {
    for logits in [vec![1e6, 1e6 - 1.0], vec![-1e300, 0.0], vec![-1e9; 3]] {
        let mut log_probs = logits.clone();
        Kernels::default().log_softmax(&mut log_probs, &mut Vec::new());
        let total: f64 = log_probs.iter().map(|value| value.exp()).sum();
        assert!((total - 1.0).abs() < 1e-14, "{logits:?}: {log_probs:?}");
    }
}
