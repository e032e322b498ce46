//! Numbers out of buffers.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use super::document::{Accessor, Document, Whole};
use super::placement::no_such;
use super::resource::fetch;

/// Items of an accessor that has no data of its own, beyond which the file is taken for broken.
const MOST_ZEROS: usize = 1 << 22;
/// Numbers that are kept for the next primitive that asks for them.
const MOST_KEPT: usize = 1 << 25;
/// Numbers that one file may have read: many accessors may name the same bytes.
const MOST_READ: usize = 1 << 31;

/// Items of one width, as an accessor gives them.
#[derive(Debug, PartialEq)]
pub struct Items {
    /// Numbers of one item.
    pub width: usize,
    /// `[count, width]`.
    pub numbers: Vec<f64>,
}

impl Items {
    pub fn count(&self) -> usize {
        self.numbers.len() / self.width
    }

    /// The first `N` numbers of an item; none behind the end, or when it has fewer.
    pub fn get<const N: usize>(&self, index: usize) -> Option<[f64; N]> {
        let start = index.checked_mul(self.width)?;
        let item = self.numbers.get(start..start + self.width)?;
        item.first_chunk().copied()
    }
}

/// Whether integers stand for fractions of their largest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Integers {
    /// As the accessor says.
    AsDeclared,
    /// Always, as colours and weights have it, whatever the accessor says.
    Fractions,
}

/// The data of a document; each buffer and accessor is read when it is first asked for.
pub struct Data<'a> {
    document: &'a Document,
    folder: &'a Path,
    binary: Option<&'a [u8]>,
    buffers: Vec<OnceCell<Result<Cow<'a, [u8]>, String>>>,
    kept: RefCell<HashMap<(usize, Integers), Rc<Items>>>,
    kept_numbers: Cell<usize>,
    read_numbers: Cell<usize>,
}

impl<'a> Data<'a> {
    /// `folder` is where files beside the mesh lie, `binary` what a GLB file carries.
    pub fn new(document: &'a Document, folder: &'a Path, binary: Option<&'a [u8]>) -> Self {
        let buffers = document.buffers.iter().map(|_| OnceCell::new()).collect();
        let kept = RefCell::default();
        Self { document, folder, binary, buffers, kept, kept_numbers: Cell::new(0), read_numbers: Cell::new(0) }
    }

    /// Where files beside the mesh lie.
    pub fn folder(&self) -> &Path {
        self.folder
    }

    /// The items of an accessor.
    ///
    /// # Errors
    /// When it or its data is not there, in words.
    pub fn items(&self, Whole(index): Whole, integers: Integers) -> Result<Rc<Items>, String> {
        if let Some(known) = self.kept.borrow().get(&(index, integers)) {
            return Ok(known.clone());
        }
        let accessors = &self.document.accessors;
        let accessor = accessors.get(index).ok_or_else(|| no_such("the file", "accessor", index, accessors.len()))?;
        let items = self.read(accessor, integers).map_err(|error| format!("accessor {index}: {error}"))?;
        let items = Rc::new(items);
        self.keep((index, integers), &items)?;
        Ok(items)
    }

    fn keep(&self, key: (usize, Integers), items: &Rc<Items>) -> Result<(), String> {
        self.read_numbers.set(self.read_numbers.get() + items.numbers.len());
        if self.read_numbers.get() > MOST_READ {
            return Err("its accessors claim far more data than the file holds".into());
        }
        self.kept_numbers.set(self.kept_numbers.get() + items.numbers.len());
        let mut kept = self.kept.borrow_mut();
        if self.kept_numbers.get() > MOST_KEPT {
            kept.clear();
            self.kept_numbers.set(items.numbers.len());
        }
        kept.insert(key, items.clone());
        Ok(())
    }

    fn read(&self, accessor: &Accessor, integers: Integers) -> Result<Items, String> {
        let width = width(&accessor.shape)?;
        let scalar = Scalar::of(accessor.component_type)?;
        let scale = match integers {
            Integers::AsDeclared if !accessor.normalized => 1.0,
            _ => scalar.largest(),
        };
        let Whole(count) = accessor.count;
        let mut numbers = match accessor.buffer_view {
            Some(view) => {
                let place = Place { view, offset: accessor.byte_offset, scalar, width, count };
                self.numbers(place, scale)?
            }
            None if accessor.sparse.is_none() => {
                return Err("it has no data; export the mesh without compression".into());
            }
            None if count > MOST_ZEROS => return Err(format!("it claims {count} items and holds few")),
            None => vec![0.0; count * width],
        };
        if let Some(sparse) = &accessor.sparse {
            let (indices, values) = (&sparse.indices, &sparse.values);
            let Whole(replaced) = sparse.count;
            let kind = Scalar::of(indices.component_type)?;
            let place = Place {
                view: indices.buffer_view,
                offset: indices.byte_offset,
                scalar: kind,
                width: 1,
                count: replaced,
            };
            let indices = self.numbers(place, 1.0)?;
            let place = Place { view: values.buffer_view, offset: values.byte_offset, scalar, width, count: replaced };
            let values = self.numbers(place, scale)?;
            for (index, item) in indices.iter().zip(values.chunks_exact(width)) {
                let start = *index as usize * width;
                let stored = numbers.get_mut(start..start.saturating_add(width));
                stored.ok_or_else(|| no_such("its sparse part", "item", *index as usize, count))?.copy_from_slice(item);
            }
        }
        Ok(Items { width, numbers })
    }

    fn numbers(&self, place: Place, scale: f64) -> Result<Vec<f64>, String> {
        let Place { view, offset, scalar, width, count } = place;
        let (bytes, stride) = self.view(view)?;
        let bytes = bytes.get(offset.0..).ok_or("it begins behind its data")?;
        let item = scalar.bytes() * width;
        let stride = stride.unwrap_or(item);
        if stride < item {
            return Err(format!("its items take {item} bytes, but follow each other every {stride}"));
        }
        let needed = count.saturating_sub(1).checked_mul(stride).and_then(|bytes| bytes.checked_add(item));
        if count == 0 {
            return Ok(Vec::new());
        }
        if needed.is_none_or(|needed| needed > bytes.len()) {
            return Err(format!("{count} items of {item} bytes reach beyond its data"));
        }
        let items = bytes.chunks(stride).take(count);
        let numbers = items.flat_map(|bytes| bytes[..item].chunks_exact(scalar.bytes()));
        // The most negative integer stands for -1, too.
        let least = if scale == 1.0 { f64::NEG_INFINITY } else { -1.0 };
        Ok(numbers.map(|bytes| (scalar.number(bytes) / scale).max(least)).collect())
    }

    /// The bytes of a view, and the distance between its items where it says so.
    ///
    /// # Errors
    /// When it is not there, or its buffer is not.
    pub fn view(&self, Whole(index): Whole) -> Result<(&[u8], Option<usize>), String> {
        let views = &self.document.buffer_views;
        let view = views.get(index).ok_or_else(|| no_such("the file", "buffer view", index, views.len()))?;
        for compression in ["EXT_meshopt_compression", "KHR_meshopt_compression"] {
            if view.extensions.contains_key(compression) && self.buffer(view.buffer).is_err() {
                return Err(format!("its data is compressed ({compression}); export the mesh without compression"));
            }
        }
        let buffer = self.buffer(view.buffer)?;
        let end = view.byte_offset.0.checked_add(view.byte_length.0);
        let bytes = end.and_then(|end| buffer.get(view.byte_offset.0..end));
        let bytes = bytes.ok_or_else(|| {
            format!("buffer view {index} lies outside of buffer {} of {} bytes", view.buffer.0, buffer.len())
        })?;
        // Zero is not allowed, and means what is left out.
        Ok((bytes, view.byte_stride.map(|stride| stride.0).filter(|stride| *stride > 0)))
    }

    fn buffer(&self, Whole(index): Whole) -> Result<&[u8], String> {
        let (buffers, cells) = (&self.document.buffers, &self.buffers);
        let cell = cells.get(index).ok_or_else(|| no_such("the file", "buffer", index, cells.len()))?;
        let loaded = cell.get_or_init(|| match (&buffers[index].uri, self.binary) {
            (Some(address), _) => fetch(self.folder, address).map(Cow::Owned),
            (None, Some(binary)) if index == 0 => Ok(Cow::Borrowed(binary)),
            (None, _) => Err("it has neither an address nor data in the file".into()),
        });
        loaded.as_deref().map_err(|error| format!("buffer {index}: {error}"))
    }
}

/// Where numbers lie.
#[derive(Clone, Copy)]
struct Place {
    view: Whole,
    offset: Whole,
    scalar: Scalar,
    width: usize,
    count: usize,
}

/// Numbers in one item.
fn width(shape: &str) -> Result<usize, String> {
    Ok(match shape {
        "SCALAR" => 1,
        "VEC2" => 2,
        "VEC3" => 3,
        "VEC4" => 4,
        "MAT4" => 16,
        _ => return Err(format!("items of type `{}` are not read", shape.escape_debug())),
    })
}

#[derive(Clone, Copy)]
enum Scalar {
    I8,
    U8,
    I16,
    U16,
    U32,
    F32,
}

impl Scalar {
    fn of(Whole(component_type): Whole) -> Result<Self, String> {
        Ok(match component_type {
            5120 => Self::I8,
            5121 => Self::U8,
            5122 => Self::I16,
            5123 => Self::U16,
            5125 => Self::U32,
            5126 => Self::F32,
            other => return Err(format!("numbers of component type {other} are not read")),
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
        }
    }

    /// What stands for 1 in normalised integers.
    fn largest(self) -> f64 {
        match self {
            Self::I8 => f64::from(i8::MAX),
            Self::U8 => f64::from(u8::MAX),
            Self::I16 => f64::from(i16::MAX),
            Self::U16 => f64::from(u16::MAX),
            Self::U32 => f64::from(u32::MAX),
            Self::F32 => 1.0,
        }
    }

    fn number(self, bytes: &[u8]) -> f64 {
        match (self, bytes) {
            (Self::I8, [a]) => f64::from(a.cast_signed()),
            (Self::U8, [a]) => f64::from(*a),
            (Self::I16, [a, b]) => f64::from(i16::from_le_bytes([*a, *b])),
            (Self::U16, [a, b]) => f64::from(u16::from_le_bytes([*a, *b])),
            (Self::U32, [a, b, c, d]) => f64::from(u32::from_le_bytes([*a, *b, *c, *d])),
            (Self::F32, [a, b, c, d]) => f64::from(f32::from_le_bytes([*a, *b, *c, *d])),
            // Chunks are as long as a number.
            _ => f64::NAN,
        }
    }
}
