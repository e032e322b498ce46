use std::format;
use std::vec::Vec;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::*;

pub(super) const BASELINE: &[u8] = include_bytes!("../../tests/pictures/baseline.jpg");
pub(super) const PROGRESSIVE: &[u8] = include_bytes!("../../tests/pictures/progressive.jpg");
pub(super) const RESTARTS: &[u8] = include_bytes!("../../tests/pictures/restarts.jpg");
pub(super) const PROGRESSIVE_RESTARTS: &[u8] = include_bytes!("../../tests/pictures/progressive-restarts.jpg");
pub(super) const ONE_BY_ONE: &[u8] = include_bytes!("../../tests/pictures/one-by-one.jpg");
pub(super) const ARITHMETIC: &[u8] = include_bytes!("../../tests/pictures/arithmetic.jpg");
const RGB: &[u8] = include_bytes!("../../tests/pictures/rgb.jpg");
const GREY: &[u8] = include_bytes!("../../tests/pictures/grey.jpg");
const CMYK: &[u8] = include_bytes!("../../tests/pictures/cmyk.jpg");

const SIZE: [usize; 2] = [45, 35];

/// What all files show.
fn original() -> Vec<u8> {
    let pixel = |x: usize, y: usize| [5 * x, 7 * y, 255 - 3 * (x + y)].map(|value| value as u8);
    (0..SIZE[1]).flat_map(|y| (0..SIZE[0]).flat_map(move |x| pixel(x, y))).collect()
}

pub(super) fn decode(file: &[u8]) -> Result<Picture, PictureError> {
    Picture::decode(file, &PictureLimits::default())
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

#[test]
fn every_kind_of_jpeg_shows_what_was_drawn() {
    let luma = |pixel: &[u8; 3]| {
        (0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2])) as u8
    };
    let grey: Vec<u8> = original().as_chunks::<3>().0.iter().flat_map(|pixel| [luma(pixel); 3]).collect();
    let cases = [
        ("baseline", BASELINE, original()),
        ("progressive", PROGRESSIVE, original()),
        ("restarts", RESTARTS, original()),
        ("progressive-restarts", PROGRESSIVE_RESTARTS, original()),
        ("rgb", RGB, original()),
        ("grey", GREY, grey),
        ("cmyk", CMYK, original()),
    ];
    for (name, file, expected) in cases {
        let picture = decode(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((picture.view().size(), picture.remarks.as_slice()), (SIZE, &[][..]), "{name}");
        let shown = picture.view().resized(SIZE[0], SIZE[1]);
        let difference = largest_difference(&shown, &expected);
        assert!(difference <= 24, "{name}: {difference}");
    }
}

#[test]
fn kinds_that_are_not_read_are_refused_by_name() {
    for (file, kind) in
        [(ARITHMETIC, "arithmetic coding"), (ONE_BY_ONE, "sequential coding with a scan for each component")]
    {
        let error = decode(file).unwrap_err();
        assert_eq!(error.to_string(), format!("a JPEG file of a kind that is not read: {kind}"));
    }
}

#[test]
fn what_follows_a_picture_is_not_the_pictures() {
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(&original(), 45, 35, ExtendedColorType::Rgb8).unwrap();
    for file in [BASELINE, PROGRESSIVE, RESTARTS, &png] {
        let whole = decode(file).unwrap();
        for trailer in
            [&b"\xff\xda\x00\x0c"[..], b"\xff\xd8\xff\xe0", &[0; 3000], b"....ftypmp42\xff\xd9\xff", BASELINE]
        {
            assert_eq!(decode(&[file, trailer].concat()).unwrap(), whole);
        }
    }
}

#[test]
fn frames_without_huffman_tables_have_the_standard_ones() {
    // Without `DHT`, as cameras write Motion JPEG.
    let mut frame = BASELINE.to_vec();
    while let Some(start) = frame.windows(2).position(|bytes| bytes == [0xff, 0xc4]) {
        let length = usize::from(u16::from_be_bytes([frame[start + 2], frame[start + 3]]));
        frame.drain(start..start + 2 + length);
    }
    assert!(frame.len() + 400 < BASELINE.len());
    assert_eq!(decode(&frame).unwrap(), decode(BASELINE).unwrap());
}

#[test]
fn a_missing_end_marker_costs_nothing_where_all_is_there() {
    for file in [BASELINE, PROGRESSIVE, RESTARTS] {
        assert_eq!(decode(&file[..file.len() - 2]).unwrap(), decode(file).unwrap());
    }
}

/// A PNG file of those chunks, with right checksums.
fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = png::SIGNATURE.to_vec();
    for (kind, data) in chunks {
        file.extend((data.len() as u32).to_be_bytes());
        let start = file.len();
        file.extend_from_slice(*kind);
        file.extend_from_slice(data);
        file.extend(crc32fast::hash(&file[start..]).to_be_bytes());
    }
    file
}

fn header(width: u32, height: u32, depth: u8, color: u8) -> Vec<u8> {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, color, 0, 0, 0]].concat()
}

/// Bytes as zlib stores them without packing.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16;
    let sums = bytes
        .iter()
        .fold((1u32, 0u32), |(a, b), byte| ((a + u32::from(*byte)) % 65521, (a + u32::from(*byte) + b) % 65521));
    [&[0x78, 1, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), bytes, &(sums.1 << 16 | sums.0).to_be_bytes()]
        .concat()
}

#[test]
fn every_kind_of_png_shows_what_was_drawn() {
    let end = (b"IEND", &[][..]);
    let palette = (b"PLTE", &[10, 20, 30, 40, 50, 60][..]);
    let rows = stored(&[0, 0b0100_0000]);
    let two = header(2, 1, 1, 3);
    let deep = header(1, 1, 16, 6);
    let deep_pixel = stored(&[0, 0x33, 0x33, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    let turned = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut frames = vec![(b"IHDR", &two[..]), (b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]), palette, (b"IDAT", &rows)];
    frames.push(end);
    type Case<'c> = (&'c str, Vec<(&'c [u8; 4], &'c [u8])>, [usize; 2], &'c [u8], &'c [Remark]);
    let cases: [Case<'_>; 5] = [
        ("palette", vec![(b"IHDR", &two), palette, (b"IDAT", &rows), end], [2, 1], &[10, 20, 30, 40, 50, 60], &[]),
        (
            "palette with transparency",
            vec![(b"IHDR", &two), palette, (b"tRNS", &[0]), (b"IDAT", &rows), end],
            [2, 1],
            &[128, 128, 128, 40, 50, 60],
            &[],
        ),
        ("16 bits", vec![(b"IHDR", &deep), (b"IDAT", &deep_pixel), end], [1, 1], &[0x33, 255, 0], &[]),
        ("animated", frames, [2, 1], &[10, 20, 30, 40, 50, 60], &[Remark::Animated]),
        (
            "turned by EXIF",
            vec![(b"IHDR", &two), (b"eXIf", turned), palette, (b"IDAT", &rows), end],
            [1, 2],
            &[10, 20, 30, 40, 50, 60],
            &[],
        ),
    ];
    for (name, chunks, size, expected, remarks) in cases {
        let picture = decode(&png_of(&chunks)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((picture.view().size(), picture.remarks.as_slice()), (size, remarks), "{name}");
        assert_eq!(picture.view().resized(size[0], size[1]), expected, "{name}");
    }
}

#[test]
fn damaged_png_files_are_refused() {
    let mut whole = Vec::new();
    PngEncoder::new(&mut whole).write_image(&original(), 45, 35, ExtendedColorType::Rgb8).unwrap();
    assert!(decode(&whole).is_ok());
    for length in 8..whole.len() {
        assert!(decode(&whole[..length]).is_err(), "the first {length} bytes");
    }
    for place in 8..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        assert!(decode(&damaged).is_err(), "byte {place} changed");
    }
}

#[test]
fn memory_is_limited_before_anything_is_decoded() {
    let (grey, deep) = (header(20_000, 20_000, 8, 0), header(7_000, 7_000, 16, 6));
    let bomb = png_of(&[(b"IHDR", &grey), (b"IDAT", &stored(&[0; 100])), (b"IEND", &[])]);
    let error = decode(&bomb).unwrap_err();
    assert_eq!(
        error.to_string(),
        "an image of 20000x20000 px takes 1525.9 MiB of memory to decode, more than 256.0 MiB"
    );
    let bomb = png_of(&[(b"IHDR", &deep), (b"IDAT", &stored(&[0; 100])), (b"IEND", &[])]);
    assert!(matches!(decode(&bomb), Err(PictureError::TooLarge { memory_bytes: Some(_), .. })));
    // What only describes a picture is not unpacked.
    let small = header(2, 1, 8, 2);
    let profile = [&b"name\0\0"[..], &stored(&[7; 60_000])].concat();
    let described = png_of(&[
        (b"IHDR", &small),
        (b"iCCP", &profile),
        (b"zTXt", &profile),
        (b"IDAT", &stored(&[0, 1, 2, 3, 4, 5, 6])),
        (b"IEND", &[]),
    ]);
    assert_eq!(decode(&described).unwrap().view().resized(2, 1), [1, 2, 3, 4, 5, 6]);
    // One scan of all components is decoded as it is read; progressive ones keep all their coefficients.
    let limited = |file: &[u8], memory_bytes: u64| {
        Picture::decode(file, &PictureLimits { memory_bytes, ..PictureLimits::default() }).is_ok()
    };
    let pixels = 3 * 45 * 35;
    for (name, file, taken) in
        [("baseline", BASELINE, pixels), ("progressive", PROGRESSIVE, pixels + 2 * (48 * 48 + 2 * 24 * 24))]
    {
        let needed = taken + 2 * file.len() as u64;
        assert!(limited(file, needed) && !limited(file, needed - 1), "{name}");
    }
    let long = png_of(&[(b"IHDR", &header(100_001, 1, 8, 0))]);
    assert_eq!(
        decode(&long).unwrap_err().to_string(),
        "an image of 100001x1 px is too large: at most 100000 px a side"
    );
}

#[test]
fn what_is_no_picture_is_named() {
    for (file, message) in [
        (&b""[..], "not a PNG or JPEG file"),
        (b"not a picture", "not a PNG or JPEG file"),
        (b"GIF89a...", "a GIF picture; PNG and JPEG are read"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP picture; PNG and JPEG are read"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture; PNG and JPEG are read"),
        (b"\xff\xd8", "the JPEG file ends early"),
        (b"\x89PNG\r\n\x1a\n", "the PNG file ends early"),
    ] {
        assert_eq!(decode(file).unwrap_err().to_string(), message);
    }
}
