use std::boxed::Box;
use std::vec::Vec;

/// Codes of at most so many bits are looked up at once.
const QUICK_BITS: usize = 9;

/// A Huffman table of a `DHT` segment.
#[derive(Clone)]
pub(super) struct Table {
    /// Length and symbol by the next nine bits; length 0 where the code is longer, or there is none.
    quick: Box<[(u8, u8); 1 << QUICK_BITS]>,
    /// For each length 1 to 16: one more than the largest code, filled up to 16 bits; and what to add to a code's
    /// own bits to find its symbol.
    ends: [(u32, i32); 16],
    symbols: Vec<u8>,
}

impl Table {
    /// The table with that number of codes of each length, 1 to 16; `None` when these are more than there can be.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut quick = Box::new([(0, 0); 1 << QUICK_BITS]);
        let mut ends = [(0, 0); 16];
        let (mut code, mut index) = (0u32, 0usize);
        for (length, &count) in (1..).zip(counts) {
            let first = code;
            ends[length - 1].1 = index as i32 - first as i32;
            for _ in 0..count {
                let symbol = *symbols.get(index)?;
                if length <= QUICK_BITS {
                    let start = (code as usize) << (QUICK_BITS - length);
                    let covered = quick.get_mut(start..start + (1 << (QUICK_BITS - length)))?;
                    covered.fill((length as u8, symbol));
                }
                (code, index) = (code + 1, index + 1);
            }
            if code > 1 << length {
                return None;
            }
            ends[length - 1].0 = code << (16 - length);
            code <<= 1;
        }
        (index == symbols.len()).then(|| Self { quick, ends, symbols: symbols.to_vec() })
    }

    /// Length and symbol of the code that 16 bits begin with.
    #[inline]
    pub fn find(&self, bits: u16) -> Option<(u32, u8)> {
        let (length, symbol) = self.quick[usize::from(bits) >> (16 - QUICK_BITS)];
        if length > 0 { Some((u32::from(length), symbol)) } else { self.find_long(bits) }
    }

    fn find_long(&self, bits: u16) -> Option<(u32, u8)> {
        let length = (QUICK_BITS + 1..=16).find(|length| u32::from(bits) < self.ends[length - 1].0)?;
        let index = (i32::from(bits) >> (16 - length)) + self.ends[length - 1].1;
        Some((length as u32, *self.symbols.get(usize::try_from(index).ok()?)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_short_and_long_are_found() {
        // One code of each length: 0, 10, 110, ... and no code of sixteen ones.
        let symbols: Vec<u8> = (1..=16).collect();
        let table = Table::new(&[1; 16], &symbols).unwrap();
        for length in 1..=16u32 {
            let bits = (0xffff_0000u32 >> (length - 1)) as u16;
            for rest in [0, (1u32 << (16 - length)) - 1] {
                assert_eq!(table.find(bits | rest as u16), Some((length, length as u8)), "{length} bits");
            }
        }
        assert_eq!(table.find(0xffff), None);
    }

    #[test]
    fn impossible_tables_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Table::new(&counts, &[1, 2, 3]).is_none());
        counts[0] = 2;
        assert!(Table::new(&counts, &[1]).is_none());
        assert!(Table::new(&counts, &[1, 2]).is_some());
    }
}
