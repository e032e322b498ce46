//! The engine's own source, without what only hosts have: a firmware project carries it and depends on nothing else of ours.

/// The manifest of the package that [`FILES`] make.
pub const MANIFEST: &str = concat!(
    "[package]\nname = \"sextant-runtime\"\ndescription = \"The engine of Sextant for microcontrollers: a copy\"\nversion = \"",
    env!("CARGO_PKG_VERSION"),
    "\"\nedition = \"2024\"\nrust-version = \"",
    env!("CARGO_PKG_RUST_VERSION"),
    "\"\nlicense = \"",
    env!("CARGO_PKG_LICENSE"),
    "\"\nrepository = \"",
    env!("CARGO_PKG_REPOSITORY"),
    "\"\npublish = false\n\n[dependencies]\nlibm = \"0.2\"\n\n[lints.rust]\n",
    "# The source also asks for features that only the whole package has.\nunexpected_cfgs = \"allow\"\n",
);

/// Name below the package's folder, and text, of every file but the manifest.
pub const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/engine_source.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_that_of_a_package_without_tests_and_hosts() {
        let has = |name: &str| FILES.iter().any(|(file, _)| *file == name);
        for name in
            ["build.rs", "LICENSE-MIT", "LICENSE-APACHE", "src/lib.rs", "src/session/mod.rs", "src/model/view.rs"]
        {
            assert!(has(name), "{name}");
        }
        for name in ["src/main.rs", "src/backend/mod.rs", "src/session/tests.rs", "src/durable/mod.rs"] {
            assert!(!has(name), "{name}");
        }
        assert!(FILES.iter().all(|(_, text)| text.len() > 20), "a file is a link that was not followed");
    }
}
