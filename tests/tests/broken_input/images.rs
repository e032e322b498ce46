//! Pictures for `runtime predict`: what its own tests in `runtime/tests` leave out.

use std::fs;

use sextant_tests::finished_run;

use super::fails_as_printed;
use super::fixtures::Place;
use super::fixtures::archive::{jpeg_header, png_header};

#[test]
fn pictures() {
    let place = Place::new();
    place.copy(&finished_run().join("run/model.sxt"), "model.sxt");
    place.write_picture("good.jpg");
    let jpeg = fs::read(place.path("good.jpg")).unwrap();
    let cases: [(&str, &[u8]); 5] = [
        ("empty.jpg", b""),
        ("cut.jpg", &jpeg[..jpeg.len() / 2]),
        ("zero.jpg", &jpeg_header(0, 0)),
        ("huge.jpg", &jpeg_header(65_000, 65_000)),
        ("wide.png", &png_header(100_000, 8)),
    ];
    for (name, bytes) in cases {
        place.write(name, bytes);
    }
    place.write("a-folder/x", b"");
    fails_as_printed(&place, "images");
}
