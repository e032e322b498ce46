//! The pictures of a document, decoded once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::super::texture::decode_picture;
use super::super::warnings::Warnings;
use super::accessor::Data;
use super::document::{Document, TextureItem, Whole};
use super::extensions::PICTURE_FORMATS;
use super::look::{AlphaMode, Look};
use super::placement::no_such;
use super::resource::fetch;
use crate::scene::Texture;

/// Pictures of one file that are decoded.
const MOST_PICTURES: usize = 1024;
/// The value of a sampler that repeats.
const REPEAT: usize = 10_497;

pub struct Pictures<'a> {
    document: &'a Document,
    data: &'a Data<'a>,
    /// By index of the image, with whether it is see-through; none for those that cannot be had.
    known: HashMap<usize, Option<(Arc<Texture>, bool)>>,
}

impl<'a> Pictures<'a> {
    pub fn new(document: &'a Document, data: &'a Data<'a>) -> Self {
        Self { document, data, known: HashMap::new() }
    }

    /// The picture of a texture; one that cannot be had becomes a warning.
    pub fn texture(&mut self, texture: usize, look: &Look, warnings: &mut Warnings) -> Option<Arc<Texture>> {
        let image = match self.image_of(texture) {
            Ok(image) => image,
            Err(error) => {
                warnings.add(format!("the texture of material {}: {error}", look.name));
                return None;
            }
        };
        if !self.known.contains_key(&image) {
            if self.known.len() >= MOST_PICTURES {
                warnings.add(format!("more than {MOST_PICTURES} pictures: the others are left out"));
                return None;
            }
            let decoded = self.bytes(image).and_then(|bytes| decode_picture(&bytes));
            let decoded = decoded.map_err(|error| warnings.add(format!("texture {}: {error}", self.name(image))));
            let picture = decoded.ok().map(|picture| (Arc::new(picture.texture), picture.is_see_through));
            self.known.insert(image, picture);
        }
        let (texture, is_see_through) = self.known.get(&image)?.as_ref()?;
        if *is_see_through && look.alpha_mode != AlphaMode::Opaque {
            warnings.add(format!("texture {} is see-through in places, and drawn opaque", self.name(image)));
        }
        Some(texture.clone())
    }

    /// Whether a texture is repeated along u and v.
    pub fn repeats(&self, texture: usize) -> [bool; 2] {
        let sampler = self.document.textures.get(texture).and_then(|texture| texture.sampler);
        let Some(sampler) = sampler.and_then(|Whole(sampler)| self.document.samplers.get(sampler)) else {
            return [true; 2];
        };
        [sampler.wrap_s, sampler.wrap_t].map(|wrap| wrap.is_none_or(|Whole(wrap)| wrap == REPEAT))
    }

    fn image_of(&self, texture: usize) -> Result<usize, String> {
        let textures = &self.document.textures;
        let item: &TextureItem =
            textures.get(texture).ok_or_else(|| no_such("it", "texture", texture, textures.len()))?;
        if let Some(Whole(image)) = item.source {
            return Ok(image);
        }
        let format = PICTURE_FORMATS.iter().find(|(extension, _)| item.extensions.contains_key(*extension));
        Err(match format {
            Some((extension, format)) => {
                format!("it is a {format} picture ({extension}), which is not read; export the mesh with PNG or JPEG")
            }
            None => "it has no picture".into(),
        })
    }

    fn bytes(&self, image: usize) -> Result<Cow<'_, [u8]>, String> {
        let images = &self.document.images;
        let item = images.get(image).ok_or_else(|| no_such("a texture", "image", image, images.len()))?;
        if let Some(view) = item.buffer_view {
            return self.data.view(view).map(|(bytes, _)| Cow::Borrowed(bytes));
        }
        let address = item.uri.as_deref().ok_or("it has neither a view nor an address")?;
        fetch(self.data.folder(), address).map(Cow::Owned)
    }

    fn name(&self, image: usize) -> String {
        let item = self.document.images.get(image);
        let address = item.and_then(|item| item.uri.as_deref()).filter(|address| !address.starts_with("data:"));
        let name = address.or(item.and_then(|item| item.name.as_deref()));
        name.map_or_else(|| image.to_string(), |name| name.escape_debug().to_string())
    }
}
