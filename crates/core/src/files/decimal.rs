//! Decimal numbers as they are mostly written, read fast; every other spelling is left to those who know all of them.

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 20] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19];

/// Digits that always fit into 64 bits.
const MOST_DIGITS: usize = 19;

/// The number at the beginning of `text` and its length, if it is written `-12.75` or `-12`: JSON's grammar without an
/// exponent. `None` says nothing but that the long way has to be gone.
#[inline]
pub(super) fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    let negative = text.first() == Some(&b'-');
    let start = usize::from(negative);
    let (mut digits, mut at) = (0_u64, start);
    while let Some(digit) = digit(text, at) {
        digits = digits.wrapping_mul(10).wrapping_add(digit);
        at += 1;
    }
    let whole = at - start;
    if whole == 0 || (whole > 1 && text[start] == b'0') {
        return None;
    }
    let mut fraction = 0;
    if text.get(at) == Some(&b'.') {
        let point = at;
        at += 1;
        while let Some(eight) = text.get(at..at + 8).and_then(eight_digits) {
            digits = digits.wrapping_mul(100_000_000).wrapping_add(eight);
            at += 8;
        }
        while let Some(digit) = digit(text, at) {
            digits = digits.wrapping_mul(10).wrapping_add(digit);
            at += 1;
        }
        fraction = at - point - 1;
        if fraction == 0 {
            return None;
        }
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        return None;
    }
    if whole + fraction > MOST_DIGITS || digits > 1 << f64::MANTISSA_DIGITS {
        let number: f64 = std::str::from_utf8(&text[..at]).ok()?.parse().ok()?;
        return number.is_finite().then_some((number, at));
    }
    // Both are exact, so that the quotient is the double nearest to the number (Clinger 1990).
    let value = digits as f64 / POWERS[fraction];
    Some((if negative { -value } else { value }, at))
}

#[inline]
fn digit(text: &[u8], at: usize) -> Option<u64> {
    let digit = text.get(at)?.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

/// The number that eight digits stand for.
#[inline]
fn eight_digits(text: &[u8]) -> Option<u64> {
    let word = u64::from_le_bytes(text.try_into().ok()?);
    // Each byte has a high half of 3, also after 6 was added, which takes what follows 9 into the next half.
    let high = |word: u64| word & 0xf0f0_f0f0_f0f0_f0f0;
    if high(word) != 0x3030_3030_3030_3030 || high(word.wrapping_add(0x0606_0606_0606_0606)) != 0x3030_3030_3030_3030 {
        return None;
    }
    // Neighbours are joined to numbers of two digits, of four, of eight.
    let ones = word & 0x0f0f_0f0f_0f0f_0f0f;
    let twos = ones.wrapping_mul(10).wrapping_add(ones >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = twos.wrapping_mul(100).wrapping_add(twos >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn eight_digits_are_told_from_all_other_bytes() {
        assert_eq!(eight_digits(b"12345678"), Some(12_345_678));
        assert_eq!(eight_digits(b"00000009"), Some(9));
        for place in 0..8 {
            for byte in 0..=255_u8 {
                let mut text = *b"90909090";
                text[place] = byte;
                let expected = std::str::from_utf8(&text).ok().filter(|_| byte.is_ascii_digit());
                assert_eq!(eight_digits(&text), expected.map(|text| text.parse().unwrap()), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn other_spellings_are_left_alone() {
        for text in ["", "-", ".5", "1.", "01", "-00.5", "1e5", "1.5E3", "+1", "nan", "-inf", "x"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
        assert_eq!(decimal("9".repeat(310).as_bytes()), None);
        assert_eq!(decimal(b"-0,"), Some((0.0, 2)));
        assert!(decimal(b"-0.0").unwrap().0.is_sign_negative());
        assert_eq!(decimal(b"-12.5]"), Some((-12.5, 5)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn the_number_is_that_of_the_standard_library(
            text in "-?(0|[1-9][0-9]{0,21})(\\.[0-9]{1,24})?",
            after in prop::sample::select(vec!["", ",", "\n", " 7", "x"]),
        ) {
            let (value, length) = decimal(format!("{text}{after}").as_bytes()).unwrap();
            prop_assert_eq!(length, text.len());
            prop_assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits());
        }

        #[test]
        fn doubles_come_back_as_they_were_written(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = value.to_string();
            let (read, length) = decimal(text.as_bytes()).unwrap();
            prop_assert_eq!((read.to_bits(), length), (bits, text.len()));
        }
    }
}
