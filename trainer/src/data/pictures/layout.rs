//! What the names of pictures say: a split, classes, both, or nothing.

use std::collections::BTreeSet;

/// Names of folders with what is trained on.
const TRAINING: [&str; 2] = ["train", "training"];
/// Names of folders with what is held out; the first that there is, is measured on.
const HELD_OUT: [&str; 10] =
    ["test", "testing", "val", "valid", "validation", "eval", "dev", "held-out", "held_out", "holdout"];

/// What the name of a picture says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Its place in the list of names.
    pub picture: usize,
    /// Its name from the folder on that all share.
    pub id: String,
    /// The folder of its class, where there are classes.
    pub class: Option<String>,
    /// Whether it is held out, where the folders say it.
    pub held_out: Option<bool>,
}

/// What the names of all pictures say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arranged {
    /// The layout, in words.
    pub layout: &'static str,
    /// Sorted by class and name.
    pub pictures: Vec<Placed>,
    pub warnings: Vec<String>,
}

/// Reads split and classes from names with `/` between folders; no classes where those are not asked for.
///
/// # Errors
/// When some pictures lie in folders of classes and others do not, or the split has no pictures to measure on.
pub(super) fn arrange(names: &[String], with_classes: bool) -> Result<Arranged, String> {
    let paths: Vec<Vec<&str>> = names.iter().map(|name| name.split('/').collect()).collect();
    let outer = shared_folders(&paths);
    let paths: Vec<&[&str]> = paths.iter().map(|path| &path[outer..]).collect();
    let mut warnings = Vec::new();
    let split = held_out_folder(&paths);
    let mut pictures = Vec::new();
    let mut left_out = BTreeSet::new();
    for (picture, path) in paths.iter().enumerate() {
        let held_out = split.as_deref().map(|held_out| is(path[0], held_out));
        if held_out == Some(false) && !is_training(path[0]) {
            left_out.insert(path[0]);
            continue;
        }
        let below = if split.is_some() { &path[1..] } else { path };
        let class = (with_classes && below.len() > 1).then(|| below[0].to_owned());
        pictures.push(Placed { picture, id: path.join("/"), class, held_out });
    }
    if let (Some(split), false) = (&split, left_out.is_empty()) {
        let left_out: Vec<&str> = left_out.into_iter().collect();
        warnings.push(format!("{} is held out; the pictures of {} are left out", split, left_out.join(", ")));
    }
    let has_classes = in_one_place(&pictures, with_classes)?;
    pictures.sort_by(|a, b| (&a.class, &a.id).cmp(&(&b.class, &b.id)));
    let layout = match (split.is_some(), has_classes) {
        (true, true) => "SPLIT/CLASS/NAME",
        (true, false) => "SPLIT/NAME, without classes",
        (false, true) => "CLASS/NAME",
        (false, false) => "without classes",
    };
    Ok(Arranged { layout, pictures, warnings })
}

fn is(folder: &str, name: &str) -> bool {
    folder.eq_ignore_ascii_case(name)
}

fn is_training(folder: &str) -> bool {
    TRAINING.iter().any(|name| is(folder, name))
}

/// How many folders lie around all pictures and say nothing: those of an archive's name, and a lone `train`.
fn shared_folders(paths: &[Vec<&str>]) -> usize {
    let Some(first) = paths.first() else { return 0 };
    let is_shared = |at: usize| {
        let folder = first[at];
        let least = if is_training(folder) { 2 } else { 3 };
        paths.iter().all(|path| path.len() >= at + least && path[at] == folder)
    };
    (0..first.len().saturating_sub(1)).take_while(|&at| is_shared(at)).count()
}

/// The folder that is held out, where all folders are those of a split.
fn held_out_folder(paths: &[&[&str]]) -> Option<String> {
    let folders: BTreeSet<&str> = paths.iter().map(|path| path[0]).collect();
    let is_of_split = |folder: &&str| is_training(folder) || HELD_OUT.iter().any(|name| is(folder, name));
    let are_split = paths.iter().all(|path| path.len() > 1) && folders.iter().all(is_of_split);
    if !are_split || !folders.iter().any(|folder| is_training(folder)) {
        return None;
    }
    HELD_OUT.iter().find_map(|name| folders.iter().find(|folder| is(folder, name)).map(ToString::to_string))
}

/// Whether pictures lie in folders of classes.
fn in_one_place(pictures: &[Placed], with_classes: bool) -> Result<bool, String> {
    let loose = pictures.iter().find(|picture| picture.class.is_none());
    let classed = pictures.iter().find(|picture| picture.class.is_some());
    match (loose, classed) {
        (Some(loose), Some(classed)) if with_classes => Err(format!(
            "pictures lie both in folders of classes ({}) and beside them ({}): put each into a class, or set \
             data.labels=none to go without",
            classed.id, loose.id
        )),
        (_, classed) => Ok(classed.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(names: &[&str], with_classes: bool) -> Result<Arranged, String> {
        arrange(&names.iter().map(ToString::to_string).collect::<Vec<_>>(), with_classes)
    }

    /// `id class split` of each picture.
    fn told(arranged: &Arranged) -> Vec<String> {
        let told = |Placed { id, class, held_out, .. }: &Placed| {
            let split = held_out.map_or("?", |held_out| if held_out { "held" } else { "train" });
            format!("{id} {} {split}", class.as_deref().unwrap_or("-"))
        };
        arranged.pictures.iter().map(told).collect()
    }

    struct Case {
        names: &'static [&'static str],
        with_classes: bool,
        layout: &'static str,
        told: &'static [&'static str],
    }

    const CASES: &[Case] = &[
        Case {
            names: &["train/cat/1.png", "train/dog/1.png", "test/cat/2.png"],
            with_classes: true,
            layout: "SPLIT/CLASS/NAME",
            told: &["test/cat/2.png cat held", "train/cat/1.png cat train", "train/dog/1.png dog train"],
        },
        Case {
            names: &["pets/Train/cat/1.png", "pets/VAL/cat/2.png"],
            with_classes: true,
            layout: "SPLIT/CLASS/NAME",
            told: &["Train/cat/1.png cat train", "VAL/cat/2.png cat held"],
        },
        Case {
            names: &["train/1.png", "valid/2.png"],
            with_classes: true,
            layout: "SPLIT/NAME, without classes",
            told: &["train/1.png - train", "valid/2.png - held"],
        },
        Case {
            names: &["cat/1.png", "dog/a/1.png"],
            with_classes: true,
            layout: "CLASS/NAME",
            told: &["cat/1.png cat ?", "dog/a/1.png dog ?"],
        },
        Case { names: &["cat/1.png"], with_classes: true, layout: "CLASS/NAME", told: &["cat/1.png cat ?"] },
        Case {
            names: &["train/cat/1.png", "train/dog/1.png"],
            with_classes: true,
            layout: "CLASS/NAME",
            told: &["cat/1.png cat ?", "dog/1.png dog ?"],
        },
        Case {
            names: &["test/1.png", "test/2.png"],
            with_classes: true,
            layout: "CLASS/NAME",
            told: &["test/1.png test ?", "test/2.png test ?"],
        },
        Case {
            names: &["b.png", "a.png"],
            with_classes: true,
            layout: "without classes",
            told: &["a.png - ?", "b.png - ?"],
        },
        Case {
            names: &["2021/05/a.png", "2022/b.png", "c.png"],
            with_classes: false,
            layout: "without classes",
            told: &["2021/05/a.png - ?", "2022/b.png - ?", "c.png - ?"],
        },
    ];

    #[test]
    fn names_tell_split_and_classes() {
        for Case { names, with_classes, layout, told: want } in CASES {
            let arranged = arranged(names, *with_classes).unwrap();
            assert_eq!((arranged.layout, told(&arranged)), (*layout, want.iter().map(ToString::to_string).collect()));
            assert_eq!(arranged.warnings, [""; 0]);
        }
    }

    #[test]
    fn one_split_is_held_out_and_others_are_left_out() {
        let names = ["train/a/1.png", "val/a/2.png", "test/a/3.png"];
        let arranged = arranged(&names, true).unwrap();
        assert_eq!(told(&arranged), ["test/a/3.png a held", "train/a/1.png a train"]);
        assert_eq!(arranged.warnings, ["test is held out; the pictures of val are left out"]);
    }

    #[test]
    fn pictures_beside_classes_are_refused_unless_there_are_none() {
        for names in [&["cat/1.png", "2.png"][..], &["train/cat/1.png", "test/2.png"]] {
            let error = arranged(names, true).unwrap_err();
            assert!(error.contains("data.labels=none") && error.contains("2.png"), "{error}");
            assert!(arranged(names, false).is_ok());
        }
    }
}
