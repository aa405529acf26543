//! How often each of n units is drawn in n draws with replacement, as bit planes.
//!
//! A draw at a time would land anywhere in memory. But independent Poisson numbers, given their sum, are distributed as the
//! counts of that many draws: each word of 64 units gets a Poisson number of draws at a rate a little below one a unit, whose places
//! in the word take six random bits each and are added up in bit-sliced counters that never leave registers. The few draws that
//! are missing to n are then made one by one; a sum above n, one in 30,000, is drawn anew. So the counts are
//! multinomial whatever the rate, and exact but for the rounding of the Poisson probabilities to 2^-53.

#[cfg(target_arch = "x86_64")]
use super::x86;
use crate::error::{Code, Error, Result};
use crate::isa::Isa;
use crate::order;
use crate::random::{Purpose, Stream};

/// Bits of a multiplicity that have a plane. Rarer ones, 8 and more, which has one unit in 100,000, are listed.
pub(crate) const PLANES: usize = 3;
/// What a unit beyond the planes has more than they say, or a multiple of it.
const BEYOND: u32 = 1 << PLANES;

/// Words whose places are drawn together.
pub(super) const ABREAST: usize = 8;
/// Places in a word that 64 random bits are enough for.
pub(super) const PLACES: usize = 10;
/// The most draws that a word can get: the Poisson distribution of mean 64 is cut off far below.
const MOST: usize = 200;

/// One number for each of the words abreast.
pub(super) type Lanes = [u64; ABREAST];

/// Words of a bit plane over `units` units.
pub(crate) fn words(units: usize) -> usize {
    units.div_ceil(64)
}

/// Draws of as many units as there are.
#[derive(Clone, Debug)]
pub struct Draws {
    units: u32,
    /// Draws of a word of 64 units, `None` where units are so few that all draws are made one by one.
    of_word: Option<Poisson>,
    isa: Isa,
}

impl Draws {
    /// Draws from `units` units.
    ///
    /// # Errors
    /// [`Code::TooLarge`] above 2^32 − 1 units.
    pub fn new(units: usize) -> Result<Self> {
        Self::on(Isa::best(), units)
    }

    fn on(isa: Isa, units: usize) -> Result<Self> {
        let Ok(units) = u32::try_from(units) else {
            return Err(Error::new(Code::TooLarge, "The bootstrap can resample at most 4,294,967,295 units."));
        };
        // Four standard deviations of the sum below it.
        let rate = 1.0 - 4.0 / libm::sqrt(f64::from(units));
        Ok(Self { units, of_word: (rate > 0.0).then(|| Poisson::new(64.0 * rate)), isa })
    }

    /// How often each unit is drawn in replicate number `replicate` under `seed`; `times` has a place for each unit.
    pub fn times(&self, seed: u64, replicate: u32, times: &mut [u32]) {
        let words = words(times.len());
        let (mut planes, mut beyond) = (vec![0; PLANES * words], Vec::new());
        self.planes(seed, replicate, &mut planes, &mut beyond);
        for (unit, times) in times.iter_mut().enumerate() {
            let bit = |p: usize| (planes[p * words + unit / 64] >> (unit % 64) & 1) << p;
            #[expect(clippy::cast_possible_truncation, reason = "less than 8")]
            let low = (0..PLANES).map(bit).sum::<u64>() as u32;
            *times = low;
        }
        beyond.into_iter().for_each(|(unit, more)| times[unit as usize] += more);
    }

    /// The same in [`PLANES`] bit planes of [`words`] words, one after the other, the lowest bit first. Units drawn more often than
    /// planes can tell are added to `beyond`, in rising order and each once, with what they have more.
    pub(crate) fn planes(&self, seed: u64, replicate: u32, planes: &mut [u64], beyond: &mut Vec<(u32, u32)>) {
        let mut stream = Stream::new(seed, Purpose::Bootstrap, u64::from(replicate));
        let mut drawn = Drawn { units: self.units as usize, planes, beyond: Vec::new(), sum: 0 };
        loop {
            drawn.clear();
            if let Some(of_word) = &self.of_word {
                self.words(of_word, &mut stream, &mut drawn);
            }
            if drawn.sum <= drawn.units {
                break;
            }
        }
        while drawn.sum < drawn.units {
            #[expect(clippy::cast_possible_truncation, reason = "below the number of units")]
            drawn.add(stream.below(u64::from(self.units)) as usize);
        }
        order::half_words(&mut drawn.beyond);
        let units = drawn.beyond.chunk_by(|one, next| one == next);
        #[expect(clippy::cast_possible_truncation, reason = "no more than the draws, which are fewer than 2^32")]
        beyond.extend(units.map(|equal| (equal[0], BEYOND * equal.len() as u32)));
    }

    /// A Poisson number of draws in each word.
    fn words(&self, of_word: &Poisson, stream: &mut Stream, drawn: &mut Drawn<'_>) {
        let words = words(drawn.units);
        let mut random = [[0; ABREAST]; MOST.div_ceil(PLACES)];
        for first in (0..words).step_by(ABREAST) {
            let lanes = ABREAST.min(words - first);
            let mut counts = [0; ABREAST];
            for count in &mut counts[..lanes] {
                *count = of_word.draw(stream.next_u64());
            }
            let most = counts.iter().fold(0, |most, &count| count.max(most));
            #[expect(clippy::cast_possible_truncation, reason = "at most 200")]
            let random = &mut random[..(most as usize).div_ceil(PLACES)];
            for word in random.as_flattened_mut() {
                *word = stream.next_u64();
            }
            // In the last word there may be places without a unit.
            let whole = (first + lanes) * 64 <= drawn.units;
            match whole.then(|| self.spread(&counts, random)).flatten() {
                Some(planes) => {
                    for (p, plane) in planes.iter().enumerate() {
                        drawn.planes[p * words + first..][..lanes].copy_from_slice(&plane[..lanes]);
                    }
                    #[expect(clippy::cast_possible_truncation, reason = "at most 1,600")]
                    let sum = counts.iter().sum::<u64>() as usize;
                    drawn.sum += sum;
                }
                None => {
                    for (lane, &count) in counts.iter().enumerate() {
                        places(random, lane, count).for_each(|place| drawn.add((first + lane) * 64 + place));
                    }
                }
            }
        }
    }

    /// The multiplicities in words of so many draws each, as planes; `None` where one is beyond them.
    fn spread(&self, counts: &Lanes, random: &[Lanes]) -> Option<[Lanes; PLANES]> {
        match self.isa {
            // SAFETY: the value exists only where the features were detected.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { x86::spread_avx2(counts, random) },
            // SAFETY: the value exists only where the features were detected.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx512Popcount => unsafe { x86::spread_avx512(counts, random) },
            _ => spread(counts, random),
        }
    }
}

/// The places of the first `count` draws in a lane: six bits each, ten from a word, the lowest first.
fn places(random: &[Lanes], lane: usize, count: u64) -> impl Iterator<Item = usize> {
    let word = move |lanes: &Lanes| {
        let bits = lanes[lane];
        (0..PLACES).map(move |at| bits >> (6 * at) & 63)
    };
    #[expect(clippy::cast_possible_truncation, reason = "at most 200")]
    let count = count as usize;
    #[expect(clippy::cast_possible_truncation, reason = "below 64")]
    random.iter().flat_map(word).take(count).map(|place| place as usize)
}

fn spread(counts: &Lanes, random: &[Lanes]) -> Option<[Lanes; PLANES]> {
    let mut planes = [[0; ABREAST]; PLANES];
    let mut beyond = 0;
    for (lane, &count) in counts.iter().enumerate() {
        let mut sums = [0; PLANES];
        for place in places(random, lane, count) {
            let mut carry = 1_u64 << place;
            for sum in &mut sums {
                (carry, *sum) = (carry & *sum, carry ^ *sum);
            }
            beyond |= carry;
        }
        planes.iter_mut().zip(sums).for_each(|(plane, sum)| plane[lane] = sum);
    }
    (beyond == 0).then_some(planes)
}

/// What has been drawn so far.
struct Drawn<'a> {
    units: usize,
    planes: &'a mut [u64],
    /// A unit as often as its planes have passed 8.
    beyond: Vec<u32>,
    sum: usize,
}

impl Drawn<'_> {
    fn clear(&mut self) {
        self.planes.fill(0);
        self.beyond.clear();
        self.sum = 0;
    }

    /// One draw, dropped where there is no such unit: a Poisson number without some of its draws is Poisson again.
    fn add(&mut self, unit: usize) {
        if unit >= self.units {
            return;
        }
        self.sum += 1;
        let words = words(self.units);
        let mut carry = 1 << (unit % 64);
        for plane in self.planes.chunks_exact_mut(words) {
            let word = &mut plane[unit / 64];
            (carry, *word) = (carry & *word, carry ^ *word);
        }
        if carry != 0 {
            #[expect(clippy::cast_possible_truncation, reason = "units have 32 bits")]
            self.beyond.push(unit as u32);
        }
    }
}

/// A Poisson distribution to draw from: a table of its distribution function.
#[derive(Clone, Debug)]
struct Poisson {
    /// 2^63 times the probability of at most k.
    at_most: Vec<u64>,
    /// The least k that 63 random bits with this highest byte can mean.
    from: Vec<u8>,
}

impl Poisson {
    /// Of this mean, at most 64.
    fn new(mean: f64) -> Self {
        let one = 1_u64 << 63;
        let (mut term, mut sum) = (libm::exp(-mean), 0.0);
        let mut at_most = Vec::with_capacity(MOST);
        for k in 1..=MOST {
            sum += term;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a probability")]
            at_most.push(((sum * one as f64) as u64).min(one));
            term *= mean / k as f64;
            if k as f64 > mean && term < f64::EPSILON / 1024.0 {
                break;
            }
        }
        // Whatever rounding left above the last.
        at_most.push(one);
        let least = |byte: u64| at_most.partition_point(|&sum| sum <= byte << 55);
        #[expect(clippy::cast_possible_truncation, reason = "at most 200")]
        let from = (0..256).map(|byte| least(byte) as u8).collect();
        Self { at_most, from }
    }

    /// The number that 63 of these bits mean.
    #[inline]
    fn draw(&self, bits: u64) -> u64 {
        let bits = bits >> 1;
        let mut k = usize::from(self.from[(bits >> 55) as usize]);
        while bits >= self.at_most[k] {
            k += 1;
        }
        k as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn draws_are_frozen() {
        // Results recorded with a seed must be reproducible for ever.
        let times = |units, replicate| {
            let mut times = vec![0; units];
            Draws::new(units).unwrap().times(0, replicate, &mut times);
            times
        };
        assert_eq!(times(8, 0), FROZEN);
        assert_ne!(times(8, 1), FROZEN);
        let many = times(1000, 0);
        assert_eq!(many[..20], FROZEN_OF_MANY);
    }

    const FROZEN: [u32; 8] = [2, 0, 0, 1, 1, 1, 2, 1];
    const FROZEN_OF_MANY: [u32; 20] = [0, 2, 0, 0, 1, 0, 1, 1, 0, 0, 2, 2, 2, 2, 0, 0, 2, 2, 1, 2];

    /// The obvious way: a draw at a time, counted in whole numbers.
    fn obvious(draws: &Draws, seed: u64, replicate: u32) -> Vec<u32> {
        let units = draws.units as usize;
        let mut stream = Stream::new(seed, Purpose::Bootstrap, replicate.into());
        let mut times = vec![0; units];
        loop {
            times.fill(0);
            let firsts = if draws.of_word.is_some() { 0..units.div_ceil(64) } else { 0..0 };
            for first in firsts.step_by(ABREAST) {
                let lanes = ABREAST.min(units.div_ceil(64) - first);
                let counts: Vec<u64> =
                    (0..lanes).map(|_| draws.of_word.as_ref().unwrap().draw(stream.next_u64())).collect();
                for round in 0..counts.iter().max().unwrap().div_ceil(10) {
                    for lane in 0..ABREAST {
                        let mut bits = stream.next_u64();
                        for at in round * 10..round * 10 + 10 {
                            let unit = (first + lane) * 64 + (bits % 64) as usize;
                            if counts.get(lane).is_some_and(|&count| at < count) && unit < units {
                                times[unit] += 1;
                            }
                            bits /= 64;
                        }
                    }
                }
            }
            if times.iter().sum::<u32>() as usize <= units {
                break;
            }
        }
        while (times.iter().sum::<u32>() as usize) < units {
            times[stream.below(units as u64) as usize] += 1;
        }
        times
    }

    proptest! {
        #[test]
        fn are_the_obvious_ones_on_every_instruction_set(units in 0..3000_usize, seed in 0..9_u64, replicate in 0..9_u32) {
            for isa in Isa::available() {
                let draws = Draws::on(isa, units).unwrap();
                let mut times = vec![7; units];
                draws.times(seed, replicate, &mut times);
                prop_assert_eq!(&times, &obvious(&draws, seed, replicate), "{:?}", isa);
            }
        }
    }

    /// One replicate in 30,000 has more draws than units in its words and is drawn anew.
    #[test]
    fn too_many_are_drawn_anew() {
        let units = 2000;
        let draws = Draws::new(units).unwrap();
        let mut planes = vec![0; PLANES * words(units)];
        let too_many = (0..1_000_000).find(|&replicate| {
            let mut drawn = Drawn { units, planes: &mut planes, beyond: Vec::new(), sum: 0 };
            drawn.clear();
            draws.words(
                draws.of_word.as_ref().unwrap(),
                &mut Stream::new(0, Purpose::Bootstrap, u64::from(replicate)),
                &mut drawn,
            );
            drawn.sum > units
        });
        let mut times = vec![0; units];
        draws.times(0, too_many.unwrap(), &mut times);
        assert_eq!(times, obvious(&draws, 0, too_many.unwrap()));
        assert_eq!(times.iter().sum::<u32>(), 2000);
    }

    /// In 300,000 units some are drawn eight times and more.
    #[test]
    fn what_planes_cannot_tell_is_listed_once_and_in_order() {
        let units = 300_000;
        let draws = Draws::new(units).unwrap();
        let mut found = 0;
        for replicate in 0..4 {
            let (mut planes, mut beyond) = (vec![0; PLANES * words(units)], vec![(7, 8)]);
            draws.planes(1, replicate, &mut planes, &mut beyond);
            assert_eq!(beyond[0], (7, 8));
            assert!(beyond[1..].is_sorted_by(|one, next| one.0 < next.0) && beyond.iter().all(|unit| unit.1 % 8 == 0));
            let wanted = obvious(&draws, 1, replicate);
            let often: Vec<(u32, u32)> = (0..)
                .zip(&wanted)
                .filter(|(_, times)| **times >= 8)
                .map(|(unit, &times)| (unit, times / 8 * 8))
                .collect();
            assert_eq!(beyond[1..], often);
            found += often.len();
        }
        assert!(found > 0);
    }

    /// Variances and covariances of multinomial counts, whatever the number of units: those of few units are drawn one by one, those of
    /// more by words with a last one that is not whole.
    #[test]
    fn counts_have_the_moments_of_the_multinomial() {
        for units in [5, 40, 150] {
            let draws = Draws::new(units).unwrap();
            let replicates = 20_000;
            let (mut first, mut squares, mut products) = (vec![0.0; units], vec![0.0; units], vec![0.0; units]);
            let mut times = vec![0; units];
            for replicate in 0..replicates {
                draws.times(3, replicate, &mut times);
                assert_eq!(times.iter().sum::<u32>() as usize, units);
                for unit in 0..units {
                    let (one, next) = (f64::from(times[unit]), f64::from(times[(unit + 1) % units]));
                    first[unit] += one;
                    squares[unit] += (one - 1.0).powi(2);
                    products[unit] += (one - 1.0) * (next - 1.0);
                }
            }
            let n = f64::from(replicates);
            let share = 1.0 / units as f64;
            // Five standard errors: a count has variance 1 − 1/n, its square one of about 3, a product one of about 1.
            for unit in 0..units {
                assert!((first[unit] / n - 1.0).abs() < 5.0 / n.sqrt(), "{units}: {}", first[unit] / n);
                assert!((squares[unit] / n - (1.0 - share)).abs() < 5.0 * (3.0 / n).sqrt(), "{units}");
                assert!((products[unit] / n + share).abs() < 5.0 * (1.2 / n).sqrt(), "{units}");
            }
        }
    }

    #[test]
    fn poisson_numbers_follow_the_distribution() {
        for mean in [0.5, 31.0, 63.9] {
            let poisson = Poisson::new(mean);
            let mut stream = Stream::new(2, Purpose::MonteCarlo, 0);
            let draws = 40_000;
            let mut counts = vec![0_u32; MOST + 1];
            for _ in 0..draws {
                counts[poisson.draw(stream.next_u64()) as usize] += 1;
            }
            let (mut statistic, mut cells) = (0.0, 0);
            for (k, count) in counts.into_iter().enumerate() {
                let log = k as f64 * mean.ln() - mean - libm::lgamma(k as f64 + 1.0);
                let expected = f64::from(draws) * log.exp();
                if expected >= 20.0 {
                    statistic += (f64::from(count) - expected).powi(2) / expected;
                    cells += 1;
                }
            }
            let (wanted, spread) = (f64::from(cells), (2.0 * f64::from(cells)).sqrt());
            assert!((statistic - wanted).abs() < 4.5 * spread, "mean {mean}: {statistic} over {cells} cells");
        }
        let one = Poisson::new(64.0);
        // Less likely than 2^-63 are fewer than 8 and more than 139.
        assert_eq!((one.draw(0), one.draw(u64::MAX)), (7, 140));
        assert!(one.at_most.is_sorted() && one.at_most.len() <= MOST);
    }

    #[test]
    fn units_have_32_bits() {
        assert_eq!(Draws::new(1 << 32).unwrap_err().code, Code::TooLarge);
        let none: &mut [u32] = &mut [];
        Draws::new(0).unwrap().times(0, 0, none);
    }
}
