//! Whole numbers packed into bits: run lengths beside groups of eight, and differences in blocks.

use super::damaged;
use crate::error::Result;

/// Values of one block of differences; writers use 128 or 1,024.
const MOST_IN_BLOCK: u64 = 1 << 16;

/// The `width` bits from bit `at` of `bytes` on, least significant first; bits beyond the end are zero.
#[inline]
fn bits(bytes: &[u8], at: usize, width: u32) -> u64 {
    if width == 0 {
        return 0;
    }
    let from = at / 8;
    let shift = (at % 8) as u32;
    let mut word = [0; 8];
    match bytes.get(from..from + 8) {
        Some(whole) => word.copy_from_slice(whole),
        None => {
            let rest = bytes.get(from..).unwrap_or(&[]);
            word[..rest.len()].copy_from_slice(rest);
        }
    }
    let mut value = u64::from_le_bytes(word) >> shift;
    if shift + width > 64 {
        value |= u64::from(bytes.get(from + 8).copied().unwrap_or(0)) << (64 - shift);
    }
    if width == 64 { value } else { value & ((1 << width) - 1) }
}

pub(super) fn varint(bytes: &[u8], at: &mut usize) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).ok_or_else(|| damaged("a page ends within a number"))?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(damaged("a page has a number of more than 64 bits"))
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Numbers of one width, as runs of one value or packed: levels, and indices into a dictionary.
#[derive(Clone, Debug)]
pub(super) struct Hybrid {
    at: usize,
    end: usize,
    width: u32,
    /// What is left of the current run.
    left: usize,
    run: Run,
}

#[derive(Clone, Copy, Debug)]
enum Run {
    Repeated(u32),
    /// Packed from this bit of the page on.
    Packed(usize),
}

impl Hybrid {
    /// Numbers of `width` bits in the bytes from `at` to `end` of a page.
    pub(super) fn new(at: usize, end: usize, width: u32) -> Result<Self> {
        if width > 32 {
            return Err(damaged("a page has numbers of more than 32 bits"));
        }
        Ok(Self { at, end, width, left: 0, run: Run::Repeated(0) })
    }

    /// Numbers of which there is only zero, none of them written.
    pub(super) fn zeros() -> Self {
        Self { at: 0, end: 0, width: 0, left: usize::MAX, run: Run::Repeated(0) }
    }

    /// Appends the next `count` numbers of `page`.
    pub(super) fn read<T>(
        &mut self,
        page: &[u8],
        count: usize,
        out: &mut Vec<T>,
        convert: impl Fn(u32) -> T,
    ) -> Result<()>
    where
        T: Clone,
    {
        let mut wanted = count;
        while wanted > 0 {
            if self.left == 0 {
                self.next_run(page)?;
                continue;
            }
            let now = self.left.min(wanted);
            match &mut self.run {
                Run::Repeated(value) => out.resize(out.len() + now, convert(*value)),
                Run::Packed(bit) => {
                    let (width, from) = (self.width as usize, *bit);
                    // Within its end by construction, and no wider than 32 bits: what eight bytes hold from any bit of the first on.
                    let mask = (1_u64 << width) - 1;
                    let whole = |at: usize| page[at / 8..].first_chunk::<8>();
                    let fast = whole(from + now * width).is_some();
                    #[expect(clippy::cast_possible_truncation, reason = "at most 32 bits")]
                    let value = |index: usize| match whole(from + index * width).filter(|_| fast) {
                        Some(word) => (u64::from_le_bytes(*word) >> ((from + index * width) % 8) & mask) as u32,
                        None => bits(page, from + index * width, self.width) as u32,
                    };
                    out.extend((0..now).map(|index| convert(value(index))));
                    *bit += now * width;
                }
            }
            self.left -= now;
            wanted -= now;
        }
        Ok(())
    }

    /// Leaves out the next `count` numbers, of which there is at least one, if they are a run of `value`; `false`, with nothing
    /// done, if they are not, or not one run.
    pub(super) fn skip_run(&mut self, page: &[u8], count: usize, value: u32) -> Result<bool> {
        while self.left == 0 {
            self.next_run(page)?;
        }
        let is_run = self.left >= count && matches!(self.run, Run::Repeated(repeated) if repeated == value);
        if is_run {
            self.left -= count;
        }
        Ok(is_run)
    }

    fn next_run(&mut self, page: &[u8]) -> Result<()> {
        let page = page.get(..self.end).ok_or_else(|| damaged("a page ends early"))?;
        let head = varint(page, &mut self.at)?;
        let too_long = || damaged("a run is longer than its page");
        let count = usize::try_from(head >> 1).map_err(|_| too_long())?;
        if head & 1 == 0 {
            let size = self.width.div_ceil(8) as usize;
            let bytes = self.at.checked_add(size).and_then(|end| page.get(self.at..end)).ok_or_else(too_long)?;
            let mut value = [0; 4];
            value[..size].copy_from_slice(bytes);
            self.at += size;
            self.left = count;
            self.run = Run::Repeated(u32::from_le_bytes(value));
            return Ok(());
        }
        let size = count.checked_mul(self.width as usize).ok_or_else(too_long)?;
        let end = self.at.checked_add(size).filter(|&end| end <= page.len()).ok_or_else(too_long)?;
        // A group of no bits takes no bytes, however many there are.
        self.left = count.checked_mul(8).ok_or_else(too_long)?;
        self.run = Run::Packed(self.at * 8);
        self.at = end;
        Ok(())
    }
}

/// Differences in blocks, each of several packed parts of a width of its own.
#[derive(Clone, Debug)]
pub(super) struct Delta {
    at: usize,
    /// Numbers still to come.
    left: u64,
    next: i64,
    parts: usize,
    in_part: usize,
    widths: Vec<u8>,
    part: usize,
    left_in_part: usize,
    bit: usize,
    least: i64,
}

impl Delta {
    /// Numbers that begin at `at` of `page`.
    pub(super) fn new(page: &[u8], mut at: usize) -> Result<Self> {
        let block = varint(page, &mut at)?;
        let parts = varint(page, &mut at)?;
        let left = varint(page, &mut at)?;
        let next = zigzag(varint(page, &mut at)?);
        if !(1..=MOST_IN_BLOCK).contains(&block) || !(1..=block).contains(&parts) || !(block / parts).is_multiple_of(8)
        {
            return Err(damaged("differences come in blocks of no sense"));
        }
        let (parts, in_part) = (parts as usize, (block / parts) as usize);
        Ok(Self { at, left, next, parts, in_part, widths: Vec::new(), part: parts, left_in_part: 0, bit: 0, least: 0 })
    }

    /// Numbers that are still to come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Where the last part that was begun ends.
    pub(super) fn end(&self) -> usize {
        self.at
    }

    pub(super) fn read(&mut self, page: &[u8]) -> Result<i64> {
        if self.left == 0 {
            return Err(damaged("a page has fewer values than it says"));
        }
        self.left -= 1;
        let value = self.next;
        if self.left > 0 {
            if self.left_in_part == 0 {
                self.next_part(page)?;
            }
            let width = u32::from(self.widths[self.part]);
            let delta = bits(page, self.bit, width).cast_signed();
            self.bit += width as usize;
            self.left_in_part -= 1;
            self.next = value.wrapping_add(self.least).wrapping_add(delta);
        }
        Ok(value)
    }

    fn next_part(&mut self, page: &[u8]) -> Result<()> {
        self.part += 1;
        if self.part >= self.parts {
            self.least = zigzag(varint(page, &mut self.at)?);
            let widths = self.at.checked_add(self.parts).and_then(|end| page.get(self.at..end));
            self.widths = widths.ok_or_else(|| damaged("a page ends within a block"))?.to_vec();
            self.at += self.parts;
            self.part = 0;
        }
        let width = self.widths[self.part];
        let end = self.at + self.in_part * usize::from(width) / 8;
        if width > 64 || end > page.len() {
            return Err(damaged("a page ends within a block"));
        }
        (self.bit, self.left_in_part, self.at) = (self.at * 8, self.in_part, end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_plain_loop() {
        let bytes: Vec<u8> = (0..40_u32).map(|index| (index * 97 % 251) as u8).collect();
        for width in 0..=64 {
            for at in 0..200 {
                let plain = (0..width as usize).fold(0_u64, |value, bit| {
                    let place = at + bit;
                    let set = bytes.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1);
                    value | u64::from(set) << bit
                });
                assert_eq!(bits(&bytes, at, width), plain, "{width} bits at {at}");
            }
        }
    }

    #[test]
    fn runs_and_groups_follow_one_another() {
        // The examples of the format: 0 to 7 in three bits, after four times 5.
        let page = [0b1000, 5, 0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let mut found = Vec::new();
        let mut hybrid = Hybrid::new(0, page.len(), 3).unwrap();
        hybrid.read(&page, 6, &mut found, |value| value).unwrap();
        hybrid.read(&page, 6, &mut found, |value| value).unwrap();
        assert_eq!(found, [5, 5, 5, 5, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(hybrid.read(&page, 1, &mut found, |value| value).is_err());
    }

    #[test]
    fn packed_numbers_are_the_bits_where_they_stand() {
        let bytes: Vec<u8> = (0..200_u32).map(|index| (index * 151 % 253) as u8).collect();
        for width in 0..=32 {
            // As many groups as fit, after a byte that says so; read in parts of any length.
            let groups = 190_usize.checked_div(width).unwrap_or(9).min(63);
            let mut page = bytes.clone();
            page[0] = (groups << 1 | 1) as u8;
            let mut hybrid = Hybrid::new(0, page.len(), width as u32).unwrap();
            let mut found = Vec::new();
            for part in [1, 3, 8 * groups - 5, 1] {
                hybrid.read(&page, part, &mut found, |value| value).unwrap();
            }
            let expected: Vec<u32> =
                (0..8 * groups).map(|index| bits(&page, 8 + index * width, width as u32) as u32).collect();
            assert_eq!(found, expected, "{width} bits");
        }
    }

    #[test]
    fn a_run_is_left_out_as_a_whole_or_not_at_all() {
        let page = [0b1000, 1, 0, 7, 0b10, 0];
        let mut hybrid = Hybrid::new(0, page.len(), 3).unwrap();
        assert!(!hybrid.skip_run(&page, 5, 1).unwrap() && !hybrid.skip_run(&page, 4, 0).unwrap());
        assert!(hybrid.skip_run(&page, 3, 1).unwrap() && hybrid.skip_run(&page, 1, 1).unwrap());
        let mut found = Vec::new();
        assert!(!hybrid.skip_run(&page, 1, 1).unwrap());
        hybrid.read(&page, 1, &mut found, |value| value).unwrap();
        assert_eq!(found, [0]);
        assert!(hybrid.skip_run(&page, 1, 0).is_err());
    }

    #[test]
    fn differences_add_up() {
        // 7, 5, 3, 1, 2, 3, 4, 5 of the format's description, in a block of 128 with 4 parts: least difference −2.
        let mut page = vec![0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0];
        // 0, 0, 0, 3, 3, 3, 3 in two bits each, then padding.
        page.extend([0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0]);
        let mut delta = Delta::new(&page, 0).unwrap();
        let found: Vec<i64> = (0..8).map(|_| delta.read(&page).unwrap()).collect();
        assert_eq!(found, [7, 5, 3, 1, 2, 3, 4, 5]);
        assert_eq!((delta.left(), delta.end()), (0, page.len()));
        assert!(delta.read(&page).is_err());
    }
}
