//! Where what the program has prepared lies.

use std::path::PathBuf;

/// The environment names no folder for caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no folder for caches: set SEXTANT_CACHE, or pass --cache DIR")]
pub struct NoCacheFolder;

/// Where caches lie: `$SEXTANT_CACHE`, else `$XDG_CACHE_HOME/sextant`, else `~/.cache/sextant`.
///
/// # Errors
/// When none of the variables is set.
pub fn default_cache_folder() -> Result<PathBuf, NoCacheFolder> {
    cache_folder_from(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn cache_folder_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, NoCacheFolder> {
    variable("SEXTANT_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("sextant")))
        .or_else(|| variable("HOME").map(|folder| folder.join(".cache").join("sextant")))
        .ok_or(NoCacheFolder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_lies_where_the_environment_says() {
        type Variables = &'static [(&'static str, &'static str)];
        let cases: [(Variables, Option<&str>); 4] = [
            (&[("SEXTANT_CACHE", "/c"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")], Some("/c")),
            (&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")], Some("/x/sextant")),
            (&[("HOME", "/h")], Some("/h/.cache/sextant")),
            (&[], None),
        ];
        for (set, want) in cases {
            let variable = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            assert_eq!(cache_folder_from(variable).ok(), want.map(PathBuf::from), "{set:?}");
        }
    }
}
