use super::*;

fn close(value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value - expected).abs() <= tolerance * expected.abs().max(f64::MIN_POSITIVE),
        "{value:e} is not {expected:e}"
    );
}

#[test]
fn normal_quantiles_are_those_of_the_tables() {
    for (p, expected) in [
        (1e-300, -37.047_096_299_361_2),
        (1e-20, -9.262_340_089_798_409),
        (1e-5, -4.264_890_793_922_825),
        (0.025, -1.959_963_984_540_054_5),
        (0.3, -0.524_400_512_708_041),
        (0.9, 1.281_551_565_544_600_4),
        (0.975, 1.959_963_984_540_054),
        (0.999_99, 4.264_890_793_923_841),
    ] {
        close(normal_quantile(p), expected, 1e-14);
    }
    assert!(normal_quantile(0.5).abs() < 1e-16);
    assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    assert!(normal_quantile(f64::NAN).is_nan() && normal_quantile(1.5).is_nan());
}

#[test]
fn student_quantiles_are_those_of_the_tables() {
    for (freedom, confidence, expected) in [
        (1.0, 0.95, 12.706_204_736_174_694),
        (4.0, 0.9, 2.131_846_786_326_649_5),
        (29.0, 0.95, 2.045_229_642_132_703),
        (999.0, 0.99, 2.580_759_637_267_647),
    ] {
        close(student_two_sided(freedom, confidence), expected, 1e-12);
    }
    close(student_two_sided(1e6, 0.95), 1.959_966_356_814_107, 1e-10);
}

#[test]
fn beta_quantiles_are_exact_in_the_far_tails() {
    for (a, b, p, expected) in [
        (1.0, 1.0, 0.3, 0.3),
        (2.0, 999_999.0, 0.025, 2.422_093_703_160_032_6e-7),
        (3.0, 999_998.0, 0.025, 6.186_725_501_906_401e-7),
        (1.0, 1_000_000.0, 0.975, 3.688_872_650_206_488e-6),
        (100_001.0, 900_000.0, 0.025, 0.099_413_667_249_867_85),
        (500.0, 501.0, 0.975, 0.530_453_716_661_457_8),
        (0.5, 15.0, 0.95, 0.122_059_401_984_791_91),
        (17.0, 9984.0, 0.005, 0.000_825_383_531_340_457_9),
        (5000.0, 1.0, 0.025, 0.999_262_496_198_891_8),
        (2.0, 9.0, 0.975, 0.445_016_117_028_195_4),
    ] {
        close(beta_quantile(a, b, p), expected, 1e-12);
        close(beta_cdf(a, b, expected), p, 1e-9);
    }
}

#[test]
fn clopper_pearson_intervals_are_those_of_the_tables() {
    for (successes, trials, confidence, low, high) in [
        (0, 10, 0.95, 0.0, 0.308_497_107_818_760_7),
        (10, 10, 0.95, 0.691_502_892_181_239_2, 1.0),
        (3, 10, 0.95, 0.066_739_511_177_734_5, 0.652_452_850_059_997_3),
        (17, 5000, 0.95, 0.001_981_834_421_405_256, 0.005_438_165_974_488_224),
        (1, 1_000_000, 0.99, 5.012_541_810_981_499e-9, 7.430_105_611_978_525e-6),
        (2500, 5000, 0.9, 0.488_271_325_959_056_3, 0.511_728_674_040_943_7),
    ] {
        let interval = clopper_pearson(successes, trials, confidence);
        close(interval.low, low, 1e-12);
        close(interval.high, high, 1e-12);
    }
    let nothing = clopper_pearson(0, 0, 0.95);
    assert_eq!((nothing.low, nothing.high), (0.0, 1.0));
}

#[test]
fn clopper_pearson_inverts_the_binomial_tails_of_a_plain_sum() {
    let (n, c, tail) = (40_u32, 7_u32, 0.025);
    let interval = clopper_pearson(u64::from(c), u64::from(n), 0.95);
    let probability = |p: f64, k: u32| {
        let choose: f64 = (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product();
        choose * p.powi(k.cast_signed()) * (1.0 - p).powi((n - k).cast_signed())
    };
    let at_least: f64 = (c..=n).map(|k| probability(interval.low, k)).sum();
    let at_most: f64 = (0..=c).map(|k| probability(interval.high, k)).sum();
    close(at_least, tail, 1e-12);
    close(at_most, tail, 1e-12);
}

#[test]
fn empirical_quantiles_interpolate() {
    let sorted = [1.0, 2.0, 4.0, f64::INFINITY, f64::INFINITY];
    assert_eq!(sorted_quantile(&sorted, 0.0), 1.0);
    assert_eq!(sorted_quantile(&sorted, 0.375), 3.0);
    assert_eq!(sorted_quantile(&sorted, 1.0), f64::INFINITY);
    let interval = percentile_interval(vec![3.0, 1.0, 2.0], 1.0);
    assert_eq!((interval.low, interval.high), (1.0, 3.0));
}

#[test]
fn mean_and_its_error() {
    let (mean, error) = mean_and_standard_error(&[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(mean, 2.5);
    close(error.unwrap(), (5.0_f64 / 3.0 / 4.0).sqrt(), 1e-15);
    assert_eq!(mean_and_standard_error(&[7.0]), (7.0, None));
}
