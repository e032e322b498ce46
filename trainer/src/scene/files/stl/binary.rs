//! Binary STL: a header of 80 bytes, the number of triangles, then 50 bytes for each.

use crate::scene::SourceError;
use crate::scene::files::surface::{Corner, NONE, Surface};

/// The header with the number of triangles.
pub(super) const HEADER_BYTES: usize = 84;
pub(super) const TRIANGLE_BYTES: usize = 50;

/// What the header of Magics writes before the colour of the whole part.
const MAGICS_MARK: &[u8] = b"COLOR=";
/// Full brightness of a facet's colour.
const FULL_SCALE: f32 = 31.0;

/// The number of triangles that a header promises; none when there is no whole header.
pub(super) fn binary_count(bytes: &[u8]) -> Option<usize> {
    let count = bytes.get(80..HEADER_BYTES)?;
    Some(u32::from_le_bytes(count.try_into().ok()?) as usize)
}

/// Adds the triangles that the header promises, which are there.
pub(super) fn push_binary(bytes: &[u8], surface: &mut Surface) -> Result<(), SourceError> {
    let (header, body) = bytes.split_at(HEADER_BYTES);
    let count = binary_count(header).unwrap_or(0);
    let facets = &body.as_chunks::<TRIANGLE_BYTES>().0[..count];
    let mut colors = FacetColors::new(header, facets);
    for facet in facets {
        let color = colors.index(facet, surface);
        let corners = [12, 24, 36].map(|at| {
            surface.points.push(std::array::from_fn(|axis| f64::from(float_at(facet, at + 4 * axis))));
            Corner { color, ..Corner::at(surface.points.len() as u32 - 1) }
        });
        surface.add_face(&corners, NONE)?;
    }
    let rest = body.len() - count * TRIANGLE_BYTES;
    if rest > 0 {
        surface
            .warnings
            .add(format!("{rest} bytes behind the {count} triangles that the header promises are left out"));
    }
    if colors.unknown > 0 {
        let unknown = colors.unknown;
        surface
            .warnings
            .add(format!("{unknown} triangles have attributes that are no known colours, and are left plain"));
    }
    Ok(())
}

fn float_at(facet: &[u8; TRIANGLE_BYTES], at: usize) -> f32 {
    f32::from_le_bytes([facet[at], facet[at + 1], facet[at + 2], facet[at + 3]])
}

fn attribute(facet: &[u8; TRIANGLE_BYTES]) -> u16 {
    u16::from_le_bytes([facet[48], facet[49]])
}

/// Two programs put colours of 5 bits a channel into the two bytes behind each facet, in opposite order.
struct FacetColors {
    /// Of the whole part, in files of Magics.
    of_part: Option<[f32; 4]>,
    /// Whether facets of such a file have colours of their own.
    has_own: bool,
    /// The last colour and its index: neighbours mostly share one.
    last: Option<([f32; 4], u32)>,
    /// Facets whose attributes mean something else.
    unknown: usize,
}

impl FacetColors {
    fn new(header: &[u8], facets: &[[u8; TRIANGLE_BYTES]]) -> Self {
        let mark = header[..80].windows(MAGICS_MARK.len()).position(|window| window == MAGICS_MARK);
        let of_part = mark.and_then(|at| header[..80].get(at + MAGICS_MARK.len()..)?.first_chunk::<4>());
        Self {
            of_part: of_part.map(|bytes| bytes.map(|byte| f32::from(byte) / 255.0)),
            has_own: facets.iter().any(|facet| attribute(facet) != 0),
            last: None,
            unknown: 0,
        }
    }

    /// Index of a facet's colour in the surface, or [`NONE`].
    fn index(&mut self, facet: &[u8; TRIANGLE_BYTES], surface: &mut Surface) -> u32 {
        let Some(color) = self.color(attribute(facet)) else { return NONE };
        if let Some((last, index)) = self.last
            && last == color
        {
            return index;
        }
        surface.colors.push(color);
        let index = surface.colors.len() as u32 - 1;
        self.last = Some((color, index));
        index
    }

    fn color(&mut self, attribute: u16) -> Option<[f32; 4]> {
        let channel = |shift: u16| f32::from(attribute >> shift & 31) / FULL_SCALE;
        let is_marked = attribute & 0x8000 != 0;
        match self.of_part {
            Some(of_part) if is_marked || !self.has_own => Some(of_part),
            Some(_) => Some([channel(0), channel(5), channel(10), 1.0]),
            None if is_marked => Some([channel(10), channel(5), channel(0), 1.0]),
            None => {
                self.unknown += usize::from(attribute != 0);
                None
            }
        }
    }
}
