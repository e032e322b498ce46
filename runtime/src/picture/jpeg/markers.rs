use super::JpegFault;

pub(super) const DHT: u8 = 0xc4;
pub(super) const RST0: u8 = 0xd0;
pub(super) const RST7: u8 = 0xd7;
pub(super) const SOI: u8 = 0xd8;
pub(super) const EOI: u8 = 0xd9;
pub(super) const SOS: u8 = 0xda;
pub(super) const DQT: u8 = 0xdb;
pub(super) const DNL: u8 = 0xdc;
pub(super) const DRI: u8 = 0xdd;

/// The segments of a JPEG file, one after the other.
pub(super) struct Markers<'b> {
    bytes: &'b [u8],
    pub at: usize,
}

impl<'b> Markers<'b> {
    /// Those behind the start of the picture.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 2 }
    }

    /// The next marker and its payload; `None` at the end of the file.
    pub fn next(&mut self) -> Result<Option<(u8, &'b [u8])>, JpegFault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
        let Some(&marker) = rest.get(fill) else { return Ok(None) };
        if fill == 0 || marker == 0 {
            return Err(JpegFault::damaged("something else where a segment should begin"));
        }
        self.at += fill + 1;
        if matches!(marker, 0x01 | RST0..=EOI) {
            return Ok(Some((marker, &[])));
        }
        let body = &rest[fill + 1..];
        let &[high, low, ..] = body else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            return Err(JpegFault::damaged("a segment shorter than its own length"));
        }
        let Some(payload) = body.get(2..length) else { return Err(JpegFault::CutOff) };
        self.at += length;
        Ok(Some((marker, payload)))
    }
}
