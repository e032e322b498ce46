//! Pictures that are damaged, many to a folder, as one process reads them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::limits::{Ending, limited};
use super::models::{colour_model, keep};
use super::random::Random;

/// Pictures of one process.
const A_FOLDER: usize = 1000;

/// Predicts from so many damaged pictures, and counts what became of them. None may go missing.
pub fn try_many(mut random: Random, count: usize) {
    let sound = sound_pictures();
    let (mut predicted, mut refused, mut reasons) = (0, 0, BTreeSet::new());
    for first in (0..count).step_by(A_FOLDER) {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("m.sxt"), colour_model()).unwrap();
        let folder = place.path().join("pictures");
        fs::create_dir(&folder).unwrap();
        let files = A_FOLDER.min(count - first);
        for index in 0..files {
            let (extension, picture) = random.pick(&sound);
            fs::write(folder.join(format!("{:06}.{extension}", first + index)), damaged(picture, &mut random)).unwrap();
        }
        let arguments = ["predict", "m.sxt", "pictures", "--json-lines", "--max-picture-memory", "64"];
        let (ending, output) = limited("runtime", &arguments, place.path());
        let lines: Vec<serde_json::Value> =
            output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let (errors, answers): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["error"].is_string());
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !ending.is_orderly() || ending == Ending::Done || lines.len() != files || stderr.contains("panicked") {
            keep_next(&folder, lines.len());
            panic!("{ending:?} after {} of {files} pictures from {first}: {stderr}", lines.len());
        }
        predicted += answers.len();
        refused += errors.len();
        reasons.extend(errors.iter().filter_map(|line| kind(line["error"].as_str()?)));
    }
    println!("{count} damaged pictures: {predicted} predicted, {refused} refused:");
    reasons.iter().for_each(|reason| println!("  {reason}"));
    assert_eq!(predicted + refused, count);
    assert!(predicted > 0 && refused > count / 3, "{predicted} predicted, {refused} refused");
}

/// An error without the name of the file and the numbers in it.
fn kind(error: &str) -> Option<String> {
    let (_, reason) = error.split_once(": ")?;
    Some(reason.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>().replace("00", "0"))
}

/// Leaves the picture that the command did not come back from where it can be looked at.
fn keep_next(folder: &Path, done: usize) {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    if let Some(path) = files.get(done) {
        keep(&path.file_name().unwrap().to_string_lossy(), &fs::read(path).unwrap());
    }
}

/// Extension and bytes of whole pictures of every kind.
fn sound_pictures() -> Vec<(&'static str, Vec<u8>)> {
    let jpegs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/tests/pictures");
    let mut sound: Vec<(&str, Vec<u8>)> = fs::read_dir(jpegs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .map(|path| ("jpg", fs::read(path).unwrap()))
        .collect();
    sound.sort();
    let bytes: Vec<u8> = (0..40 * 30 * 8).map(|index: usize| (index * index / 7 % 256) as u8).collect();
    for color in [ExtendedColorType::L8, ExtendedColorType::Rgb8, ExtendedColorType::Rgba8, ExtendedColorType::Rgba16] {
        let length = 40 * 30 * usize::from(color.bits_per_pixel()) / 8;
        let mut png = vec![];
        PngEncoder::new(&mut png).write_image(&bytes[..length], 40, 30, color).unwrap();
        sound.push(("png", png));
    }
    let mut jpeg = vec![];
    JpegEncoder::new_with_quality(&mut jpeg, 70).write_image(&bytes[..3600], 40, 30, ExtendedColorType::Rgb8).unwrap();
    sound.push(("jpg", jpeg));
    sound
}

/// A picture with some damage; the checksums of half of the PNG files are made right again.
fn damaged(picture: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = picture.to_vec();
    match random.below(12) {
        // Sides of any length, in a JPEG's frame.
        0 => {
            if let Some(frame) = bytes.windows(2).position(|pair| pair[0] == 0xff && (0xc0..=0xc2).contains(&pair[1])) {
                let extent = random.pick(&[0u16, 1, 4000, 65_535]).to_be_bytes();
                let at = frame + 5 + 2 * random.below(2);
                bytes[at..at + 2].copy_from_slice(&extent);
            }
        }
        // What follows a picture is not the picture's.
        1 => bytes.extend((0..random.below(300)).map(|index| (index * 77) as u8)),
        _ => random.damage(&mut bytes, 2),
    }
    if bytes.starts_with(b"\x89PNG") && random.below(2) == 0 {
        repair_checksums(&mut bytes);
    }
    bytes
}

fn repair_checksums(png: &mut [u8]) {
    let mut at = 8;
    while let Some(header) = png.get(at..at + 8) {
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let end = at + 8 + length;
        let Some(checked) = png.get(at + 4..end) else { return };
        let checksum = crc32fast::hash(checked).to_be_bytes();
        let Some(place) = png.get_mut(end..end + 4) else { return };
        place.copy_from_slice(&checksum);
        at = end + 4;
    }
}

/// A PNG file of zeros, 8-bit grey.
pub fn png_of_zeros(width: u32, height: u32) -> Vec<u8> {
    let mut png = vec![];
    let pixels = vec![0; width as usize * height as usize];
    PngEncoder::new(&mut png).write_image(&pixels, width, height, ExtendedColorType::L8).unwrap();
    png
}
