use super::JpegFault;
use super::huffman::Table;
use super::markers::{EOI, RST0, RST7, SOI};

/// The bits of a scan: bytes up to the next marker, without the zeros that are stuffed behind each 0xff.
pub(super) struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
    /// The next bits, from the most significant one on; the others are zero.
    ahead: u64,
    count: u32,
    at_marker: bool,
}

impl<'b> Bits<'b> {
    pub fn new(bytes: &'b [u8], at: usize) -> Self {
        Self { bytes, at, ahead: 0, count: 0, at_marker: false }
    }

    fn refill(&mut self) {
        while self.count <= 56 && !self.at_marker {
            match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (None, _) => self.at_marker = true,
                (Some(0xff), Some(0)) => self.push(0xff, 2),
                // Any number of 0xff may stand before a marker.
                (Some(0xff), Some(0xff)) => self.at += 1,
                (Some(0xff), _) => self.at_marker = true,
                (Some(&byte), _) => self.push(byte, 1),
            }
        }
    }

    fn push(&mut self, byte: u8, length: usize) {
        self.ahead |= u64::from(byte) << (56 - self.count);
        self.count += 8;
        self.at += length;
    }

    /// The symbol of the next code.
    #[inline]
    pub fn symbol(&mut self, table: &Table) -> Result<u8, JpegFault> {
        if self.count < 16 {
            self.refill();
        }
        let Some((length, symbol)) = table.find((self.ahead >> 48) as u16) else {
            let cut = self.at_marker && self.count < 16;
            return Err(if cut { self.early_end() } else { JpegFault::damaged("a code that its tables do not have") });
        };
        if length > self.count {
            return Err(self.early_end());
        }
        self.skip(length);
        Ok(symbol)
    }

    /// The next `length` bits, at most 16.
    #[inline]
    pub fn take(&mut self, length: u32) -> Result<u32, JpegFault> {
        if length == 0 {
            return Ok(0);
        }
        if self.count < length {
            self.refill();
            if self.count < length {
                return Err(self.early_end());
            }
        }
        let bits = (self.ahead >> (64 - length)) as u32;
        self.skip(length);
        Ok(bits)
    }

    fn skip(&mut self, length: u32) {
        self.ahead <<= length;
        self.count -= length;
    }

    /// Why there are fewer bits than blocks ask for.
    fn early_end(&self) -> JpegFault {
        match self.bytes.get(self.at + 1) {
            Some(&SOI) => JpegFault::damaged("another picture begins inside of it"),
            Some(&(RST0..=RST7)) => JpegFault::damaged("a restart marker comes too early"),
            Some(&EOI) | None => JpegFault::CutOff,
            Some(_) => JpegFault::damaged("a marker comes before the last block"),
        }
    }

    /// Goes to the next marker, behind the last block before it, and returns where that is.
    ///
    /// # Errors
    /// When there is more than padding before it: the blocks were not those of the encoder.
    pub fn finish(&mut self) -> Result<usize, JpegFault> {
        // Encoders fill the last byte with ones, or with zeros.
        let length = self.count % 8;
        let filling = self.take(length)?;
        if filling != 0 && filling + 1 != 1 << length {
            return Err(JpegFault::damaged("more data than blocks"));
        }
        let mut padding: Option<u8> = None;
        loop {
            self.refill();
            while self.count >= 8 {
                let byte = (self.ahead >> 56) as u8;
                if !matches!(byte, 0 | 0xff) || padding.is_some_and(|padding| padding != byte) {
                    return Err(JpegFault::damaged("more data than blocks"));
                }
                padding = Some(byte);
                self.skip(8);
            }
            if self.at_marker {
                return Ok(self.at);
            }
        }
    }

    /// Goes on behind the restart marker of that number (0 to 7).
    pub fn restart(&mut self, number: u8) -> Result<(), JpegFault> {
        let at = self.finish()?;
        match self.bytes.get(at + 1) {
            Some(&marker) if marker == RST0 + number => {
                *self = Self::new(self.bytes, at + 2);
                Ok(())
            }
            Some(&(RST0..=RST7)) => Err(JpegFault::damaged("restart markers out of order")),
            _ => Err(self.early_end()),
        }
    }
}
