//! Sets of pictures of which nothing is known but, where the data say it, their class.
//!
//! A format lists its pictures ([`list_cifar`], [`list_idx`], [`list_pictures`]) and knows how to read one; what it lists is
//! [`ListedPictures`], which [`ListedPictures::load`] makes a [`PictureSet`] of, with every picture at one size. [`prepare`] puts
//! known data sets into the cache.

mod archive;
mod cifar;
mod files;
mod idx;
mod idx_file;
mod layout;
mod listed;
mod listing;
mod origin;
mod picture_folder;
mod picture_set;
pub mod prepare;

#[cfg(test)]
mod tests;

pub use cifar::{CifarLabels, holds_cifar, list_cifar};
pub use idx::{FASHION_MNIST_CLASSES, list_idx, looks_like_idx};
pub use listed::ListedPictures;
pub use origin::Origin;
pub use picture_folder::{PictureFolderSettings, list_pictures, looks_like_pictures};
pub use picture_set::PictureSet;
