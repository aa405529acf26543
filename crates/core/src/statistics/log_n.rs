//! log N, correctly rounded: a threshold one ulp off would decide ties differently from one platform to the next
//! (`libm::log(3.0)` is off by one, C libraries differ).

/// An unevaluated sum of two doubles, the second at most half an ulp of the first: about 106 bits.
#[derive(Clone, Copy)]
struct Double(f64, f64);

impl Double {
    /// Exactly `a + b` (Knuth).
    fn sum(a: f64, b: f64) -> Self {
        let sum = a + b;
        let b_part = sum - a;
        Self(sum, (a - (sum - b_part)) + (b - b_part))
    }

    fn plus(self, other: Self) -> Self {
        let Self(high, low) = Self::sum(self.0, other.0);
        Self::sum(high, low + self.1 + other.1)
    }

    fn times(self, other: Self) -> Self {
        let product = self.0 * other.0;
        let error = libm::fma(self.0, other.0, -product);
        Self::sum(product, error + (self.0 * other.1 + self.1 * other.0))
    }

    fn over(self, other: Self) -> Self {
        let quotient = self.0 / other.0;
        let rest = self.plus(other.times(Self(-quotient, 0.0)));
        let correction = rest.0 / other.0;
        let rest = rest.plus(other.times(Self(-correction, 0.0)));
        Self::sum(quotient, correction).plus(Self(rest.0 / other.0, 0.0))
    }
}

const LN_2: Double = Double(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);

/// log n, for finite n ≥ 1 the double nearest to the true value; elsewhere what `libm` says.
///
/// With n = 2^k·m, m in [√½, √2]: log n = k·log 2 + 2·artanh z, z = (m − 1)/(m + 1), |z| < 0.172, so that 22 terms
/// of the series reach 2^-106.
#[must_use]
pub fn log_n(n: f64) -> f64 {
    if !(1.0..f64::INFINITY).contains(&n) {
        return libm::log(n);
    }
    let (mut m, mut k) = libm::frexp(n);
    if m < std::f64::consts::FRAC_1_SQRT_2 {
        (m, k) = (2.0 * m, k - 1);
    }
    let z = Double::sum(m, -1.0).over(Double::sum(m, 1.0));
    let square = z.times(z);
    let series = (0..=22).rev().fold(Double(0.0, 0.0), |sum, term| {
        let odd = Double(f64::from(2 * term + 1), 0.0);
        sum.times(square).plus(Double(1.0, 0.0).over(odd))
    });
    let artanh = z.times(series);
    let Double(high, low) = LN_2.times(Double(f64::from(k), 0.0)).plus(artanh.plus(artanh));
    high + low
}

#[cfg(test)]
mod tests {
    use super::log_n;

    #[test]
    fn known_values() {
        // Forty digits each, from an arbitrary-precision calculator; the parser rounds them correctly.
        let known: [(f64, &str); 8] = [
            (1.0, "0"),
            (1.5, "0.4054651081081643819780131154643491365720"),
            (2.0, "0.6931471805599453094172321214581765680755"),
            (3.0, "1.0986122886681096913952452369225257046475"),
            (4.0, "1.3862943611198906188344642429163531361510"),
            (16.0, "2.7725887222397812376689284858327062723020"),
            (100.0, "4.6051701859880913680359829093687284152022"),
            (1e300, "690.7755278982137052053974364053092622803304"),
        ];
        for (n, digits) in known {
            let nearest: f64 = digits.parse().unwrap();
            assert_eq!(log_n(n), nearest, "{n}");
        }
    }

    #[test]
    fn within_an_ulp_of_the_library_everywhere() {
        for step in 0..20_000 {
            let n = 1.0 + f64::from(step) * 0.37;
            assert!((log_n(n) - n.ln()).abs() <= 2.3e-16 * n.ln(), "{n}");
        }
        assert_eq!(log_n(f64::MAX), f64::MAX.ln());
        assert_eq!((log_n(f64::INFINITY), log_n(0.5)), (f64::INFINITY, -std::f64::consts::LN_2));
        assert!(log_n(f64::NAN).is_nan());
        // log(1 + e) = e − e²/2 + …, and e − e²/2 is the double before e.
        assert_eq!(log_n(1.0 + f64::EPSILON), f64::EPSILON.next_down());
    }
}
