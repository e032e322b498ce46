use std::vec::Vec;

use super::JpegFault;

/// What a JPEG file says of its picture before the data.
#[derive(Clone, Debug)]
pub(in crate::picture) struct Frame {
    pub width: usize,
    pub height: usize,
    pub progressive: bool,
    pub components: Vec<Component>,
    /// Blocks of 8x8 pixels in each direction that belong together where components share a scan.
    most: [usize; 2],
}

/// One of luminance and the two chrominances, or of other primary colours.
#[derive(Clone, Debug)]
pub(in crate::picture) struct Component {
    pub id: u8,
    /// Blocks of a unit across and down.
    pub sampling: [usize; 2],
    pub quantization_table: usize,
}

impl Frame {
    /// The frame of a segment SOF0 to SOF15.
    pub fn read(marker: u8, payload: &[u8]) -> Result<Self, JpegFault> {
        let progressive = match marker {
            0xc0 | 0xc1 => false,
            0xc2 => true,
            0xc3 | 0xc7 | 0xcb | 0xcf => return Err(JpegFault::Unsupported("lossless coding")),
            0xc9 | 0xca | 0xcd | 0xce => return Err(JpegFault::Unsupported("arithmetic coding")),
            _ => return Err(JpegFault::Unsupported("hierarchical coding")),
        };
        let &[bits, h1, h0, w1, w0, count, ref components @ ..] = payload else {
            return Err(JpegFault::damaged("a frame that is too short"));
        };
        if bits != 8 {
            return Err(JpegFault::Unsupported("samples of other than 8 bits"));
        }
        let [width, height] = [[w1, w0], [h1, h0]].map(|bytes| usize::from(u16::from_be_bytes(bytes)));
        if width == 0 || height == 0 {
            return Err(JpegFault::NoPixels);
        }
        if components.len() != 3 * usize::from(count) || !matches!(count, 1..=4) {
            return Err(JpegFault::damaged("a frame whose length does not fit its components"));
        }
        if count == 2 {
            return Err(JpegFault::Unsupported("two components"));
        }
        let components: Vec<Component> = components.as_chunks::<3>().0.iter().map(Component::read).collect();
        if !components.iter().all(Component::is_possible) {
            return Err(JpegFault::damaged("a component that cannot be"));
        }
        let most = [0, 1].map(|axis| components.iter().map(|component| component.sampling[axis]).max().unwrap_or(1));
        if components.len() > 1 && components[0].sampling != most {
            return Err(JpegFault::Unsupported("chrominance finer than luminance"));
        }
        if components.iter().any(|component| component.sampling.contains(&3)) {
            return Err(JpegFault::Unsupported("chrominance at a third of the pixels"));
        }
        Ok(Self { width, height, progressive, components, most })
    }

    /// Units across and down, in scans of several components.
    pub fn units(&self) -> [usize; 2] {
        [self.width.div_ceil(8 * self.most[0]), self.height.div_ceil(8 * self.most[1])]
    }

    /// Blocks across and down of a component alone.
    pub fn blocks(&self, component: &Component) -> [usize; 2] {
        [(self.width, 0), (self.height, 1)]
            .map(|(side, axis)| (side * component.sampling[axis]).div_ceil(self.most[axis]).div_ceil(8))
    }

    /// Blocks of a row of a component, with those that only fill a unit up.
    pub fn blocks_per_row(&self, component: &Component) -> usize {
        self.units()[0] * component.sampling[0]
    }

    /// Blocks of a component, with those that only fill a unit up.
    pub fn all_blocks(&self, component: &Component) -> usize {
        self.blocks_per_row(component) * self.units()[1] * component.sampling[1]
    }

    /// What a decoder takes for the coefficients, which it keeps of a progressive picture alone.
    pub fn kept_bytes(&self) -> u64 {
        if !self.progressive {
            return 0;
        }
        self.components.iter().map(|component| 2 * 64 * self.all_blocks(component) as u64).sum()
    }
}

impl Component {
    fn read(&[id, sampling, table]: &[u8; 3]) -> Self {
        let sampling = [usize::from(sampling >> 4), usize::from(sampling & 15)];
        Self { id, sampling, quantization_table: usize::from(table) }
    }

    fn is_possible(&self) -> bool {
        self.sampling.iter().all(|blocks| (1..=4).contains(blocks)) && self.quantization_table < 4
    }
}
