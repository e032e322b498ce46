//! Which meshes or pictures are kept out of training: a share of each class, or those that a file lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use strsim::normalized_damerau_levenshtein;

use super::SourceError;

/// A share of each class by the order of hashed names: rounded, but at least one object where a class has two, and never
/// all of a class. `classes` has the class of each object, equal ones together.
pub(crate) fn stratified(classes: &[&str], ids: &[String], share: f32, seed: u64) -> Vec<bool> {
    let draws: Vec<f64> = ids.iter().map(|id| unit_hash(id, seed)).collect();
    let mut held_out = vec![false; ids.len()];
    let mut start = 0;
    for class in classes.chunk_by(|a, b| a == b) {
        let mut members: Vec<usize> = (start..start + class.len()).collect();
        start += class.len();
        members.sort_by(|a, b| draws[*a].total_cmp(&draws[*b]));
        members[..kept_out(class.len(), share)].iter().for_each(|member| held_out[*member] = true);
    }
    held_out
}

/// How many of a class of `count` objects.
fn kept_out(count: usize, share: f32) -> usize {
    if share == 0.0 || count < 2 {
        return 0;
    }
    ((f64::from(share) * count as f64).round() as usize).clamp(1, count - 1)
}

/// A number in [0, 1) that depends on text and seed only: FNV-1a, mixed as in `SplitMix64`.
pub(crate) fn unit_hash(text: &str, seed: u64) -> f64 {
    let basis = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let fnv = text.bytes().fold(basis, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The objects that a file lists, a line `CLASS/NAME` each; empty lines and those that begin with `#` do not count.
///
/// # Errors
/// When the file cannot be read, or names what is no object; all such lines are named.
pub(super) fn read_list(file: &Path, ids: &[String]) -> Result<BTreeSet<String>, SourceError> {
    let text = fs::read_to_string(file).map_err(|source| SourceError::Io { path: file.to_owned(), source })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let lines = text.lines().map(str::trim).enumerate();
    let listed: Vec<_> = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
    let known: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let unknown: Vec<String> = listed
        .iter()
        .filter(|(_, line)| !known.contains(line))
        .map(|(at, line)| format!("line {}: no object is called `{line}`{}", at + 1, nearest(line, ids)))
        .collect();
    let malformed = |reason| Err(SourceError::Malformed { path: file.to_owned(), reason });
    if !unknown.is_empty() {
        return malformed(unknown.join("; "));
    }
    if listed.is_empty() {
        return malformed("lists no object; a line is CLASS/NAME, without the file's extension".into());
    }
    Ok(listed.into_iter().map(|(_, line)| line.to_owned()).collect())
}

fn nearest(line: &str, ids: &[String]) -> String {
    let likeness = |id: &&String| normalized_damerau_levenshtein(line, id);
    let nearest = ids.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.map_or(String::new(), |id| format!(", the nearest is `{id}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of each class are held out, of classes of these sizes.
    fn counts(sizes: &[usize], share: f32, seed: u64) -> Vec<usize> {
        let names: Vec<String> = (0..sizes.len()).map(|class| format!("c{class}")).collect();
        let of: Vec<usize> = sizes.iter().enumerate().flat_map(|(class, size)| vec![class; *size]).collect();
        let classes: Vec<&str> = of.iter().map(|class| names[*class].as_str()).collect();
        let ids: Vec<String> = classes.iter().enumerate().map(|(at, class)| format!("{class}/n{at}")).collect();
        let held_out = stratified(&classes, &ids, share, seed);
        (0..sizes.len()).map(|class| (0..ids.len()).filter(|at| of[*at] == class && held_out[*at]).count()).collect()
    }

    #[test]
    fn every_class_of_two_has_one_held_out_and_one_to_train_on() {
        struct Case {
            sizes: &'static [usize],
            share: f32,
            held_out: &'static [usize],
        }
        let cases = [
            Case { sizes: &[1, 2, 3, 4, 5, 6, 10, 20], share: 0.2, held_out: &[0, 1, 1, 1, 1, 1, 2, 4] },
            Case { sizes: &[1, 2, 3, 10], share: 0.999, held_out: &[0, 1, 2, 9] },
            Case { sizes: &[1, 2, 100], share: 0.001, held_out: &[0, 1, 1] },
            Case { sizes: &[2, 10], share: 0.0, held_out: &[0, 0] },
            Case { sizes: &[7, 8], share: 0.5, held_out: &[4, 4] },
        ];
        for Case { sizes, share, held_out } in cases {
            for seed in [0, 1, 77] {
                assert_eq!(counts(sizes, share, seed), held_out, "{sizes:?}, share {share}, seed {seed}");
            }
        }
    }

    #[test]
    fn the_seed_decides_which() {
        let ids: Vec<String> = (0..20).map(|at| format!("a/{at}")).collect();
        let split = |seed| stratified(&["a"; 20], &ids, 0.2, seed);
        assert_eq!(split(0), split(0));
        let different = (1..10).filter(|seed| split(*seed) != split(0)).count();
        assert!(different >= 8, "{different} of 9 seeds give another split");
    }

    #[test]
    fn a_list_is_read_and_what_it_does_not_know_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("held-out.txt");
        let ids = ["bolt/m4", "bolt/m5", "nut/a b"].map(String::from);
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            read_list(&file, &ids).map_err(|error| error.to_string())
        };
        let listed = read("\u{feff}# kept for the customer\r\nbolt/m4\r\n\r\nnut/a b\nbolt/m4\n").unwrap();
        assert_eq!(listed.into_iter().collect::<Vec<_>>(), ["bolt/m4", "nut/a b"]);
        let error = read("bolt/m6\nbolt/m5\nnuts/a b\n").unwrap_err();
        assert!(error.contains("line 1: no object is called `bolt/m6`, the nearest is `bolt/m"), "{error}");
        assert!(error.contains("line 3: no object is called `nuts/a b`, the nearest is `nut/a b`"), "{error}");
        assert!(read("# nothing\n").unwrap_err().contains("lists no object"));
        assert!(read_list(Path::new("/nowhere"), &ids).unwrap_err().to_string().contains("/nowhere"));
    }
}
