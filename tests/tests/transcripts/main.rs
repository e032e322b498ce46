//! What the commands print, as transcripts that are documentation too: `tests/cmd/*.trycmd` and the guides in `docs/`.
//!
//! `TRYCMD=overwrite` writes what the commands print now into the transcripts; look at the difference before it is
//! committed.

#[path = "../fixtures/mod.rs"]
mod fixtures;

use fixtures::{Place, meshes};
use sextant_tests::finished_run;

/// A place with a folder of parts and a configuration, as the guides have them.
fn place() -> Place {
    let place = Place::new();
    meshes::write_parts(&place.path("parts"));
    place.write("mine.toml", b"name = \"bolts\"\n\n[fit]\nstep = 500\n");
    place
}

#[test]
fn help_is_as_printed() {
    Place::new().follow("cmd/help.trycmd");
}

#[test]
fn data_commands_are_as_printed() {
    place().follow("cmd/data.trycmd");
}

#[test]
fn transformations_are_as_printed() {
    let place = place();
    place.write_picture("part.png");
    place.follow("cmd/transformations.trycmd");
}

#[test]
fn commands_on_a_run_are_as_printed() {
    let place = place();
    place.copy(&finished_run().join("run"), "run");
    place.write_picture("part.png");
    place.follow("cmd/run.trycmd");
}

#[test]
fn searches_are_as_printed() {
    let place = Place::new();
    place.copy(&finished_run().join("run"), "run");
    place.write("photos/broken.png", b"no picture");
    for name in ["part.png", "photos/a.png", "photos/b.png"] {
        place.write_picture(name);
    }
    place.follow("cmd/search.trycmd");
}

#[test]
fn the_rendering_guide_is_true() {
    place().follow("../docs/rendering.md");
}

#[test]
fn the_guide_to_pictures_is_true() {
    let place = Place::new();
    for (split, count) in [("train", 5), ("test", 2)] {
        for class in ["cat", "dog"] {
            (0..count).for_each(|at| place.write_picture_of(&format!("pets/{split}/{class}/{at}.png"), [40, 30]));
        }
    }
    for (name, size) in
        [("2021/a.png", [30, 40]), ("2021/05/b.jpg", [60, 30]), ("2022/c.png", [40, 40]), ("d.png", [40, 40])]
    {
        place.write_picture_of(&format!("photos/{name}"), size);
    }
    place.write("photos/notes.txt", b"x");
    ["a.png", "b.png"].iter().for_each(|name| place.write_picture_of(&format!("broken/{name}"), [40, 30]));
    place.truncate("broken/b.png", 100);
    place.write("broken/c.jpg", b"GIF89a");
    place.follow("../docs/data.md");
}

#[test]
fn the_guide_to_advice_is_true() {
    let place = Place::new();
    ["a.png", "b.png", "c.png", "d.png"]
        .iter()
        .for_each(|name| place.write_picture_of(&format!("photos/{name}"), [40, 30]));
    place.follow("../docs/advise.md");
}

#[test]
fn the_guide_to_conventions_is_true() {
    let place = place();
    place.copy(&finished_run().join("run"), "runs/bolts");
    place.follow("../docs/conventions.md");
}

#[test]
fn the_configuration_guide_is_true() {
    place().follow("../docs/configuration.md");
}

#[test]
fn the_guide_to_transformations_is_true() {
    place().follow("../docs/transformations.md");
}

#[test]
fn the_guide_to_equivariant_encoders_is_true() {
    Place::new().follow("../docs/equivariant-encoders.md");
}

#[test]
fn the_guide_to_run_folders_is_true() {
    let place = place();
    place.copy(&finished_run().join("run"), "runs/bolts");
    place.follow("../docs/run-folder.md");
}

#[test]
fn the_guide_to_errors_is_true() {
    place().follow("../docs/errors-and-exit-codes.md");
}
