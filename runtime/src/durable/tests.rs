use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, fs};

use super::*;

/// A folder of one test's own, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sextant-durable-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
    names.sort();
    names
}

#[test]
fn a_file_appears_whole_and_alone() {
    let scratch = Scratch::new("whole");
    // A name as long as file systems allow leaves no room for a longer temporary one.
    let longest = "n".repeat(255);
    for name in ["report.html", longest.as_str()] {
        let path = scratch.path(name);
        write_file(&path, b"first").unwrap();
        write_file(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
    }
    assert_eq!(names(&scratch.0), [longest.as_str(), "report.html"]);
}

#[test]
fn a_failed_write_leaves_the_old_file_alone() {
    let scratch = Scratch::new("failed");
    let path = scratch.path("report.html");
    write_file(&path, b"old").unwrap();
    let failure = write_file_with(&path, |file| {
        io::Write::write_all(file, b"half")?;
        Err(io::ErrorKind::StorageFull.into())
    });
    let failure = failure.unwrap_err();
    assert_eq!((failure.path.as_path(), failure.source.kind()), (path.as_path(), io::ErrorKind::StorageFull));
    assert!(failure.to_string().starts_with(&path.display().to_string()), "{failure}");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(&scratch.0), ["report.html"]);
}

#[test]
fn what_is_in_the_way_stays() {
    let scratch = Scratch::new("in-the-way");
    fs::create_dir(scratch.path("taken")).unwrap();
    fs::write(scratch.path("taken/file"), b"").unwrap();
    assert!(write_file(&scratch.path("taken"), b"bytes").is_err());
    let missing = write_file(&scratch.path("none/report.html"), b"").unwrap_err();
    assert!(missing.to_string().contains("report.html"), "{missing}");
    assert_eq!(names(&scratch.0), ["taken"]);
}

#[test]
fn a_folder_appears_whole_or_not_at_all() {
    let scratch = Scratch::new("folder");
    let destination = scratch.path("sets/new/set");
    let fill = |staged: &StagedFolder, name: &str| fs::write(staged.path().join(name), "x").unwrap();
    let staged = StagedFolder::create(&destination).unwrap();
    fill(&staged, "file");
    assert!(!destination.exists());
    drop(staged);
    assert!(names(&scratch.0).is_empty(), "made parents go too");
    for name in ["old", "new"] {
        let staged = StagedFolder::create(&destination).unwrap();
        fill(&staged, name);
        staged.commit().unwrap();
        assert_eq!(names(&destination), [name]);
        assert_eq!(names(&scratch.path("sets/new")), ["set"]);
    }
    let given_up = replace_folder(&destination, |folder| {
        fs::write(folder.join("half"), "x").unwrap();
        Err(Failure { path: "half".into(), source: io::ErrorKind::StorageFull.into() })
    });
    assert!(given_up.is_err());
    assert_eq!(names(&destination), ["new"]);
    assert!(StagedFolder::create(Path::new("/")).is_err());
}

#[test]
fn a_failing_write_names_the_file() {
    let scratch = Scratch::new("failing");
    let error = write_synced(&scratch.path("shard"), |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
    assert!(error.to_string().contains("shard"), "{error}");
}

#[test]
fn what_a_killed_process_left_is_removed() {
    let scratch = Scratch::new("killed");
    fs::create_dir(scratch.path(".tmp-set")).unwrap();
    fs::write(scratch.path(".tmp-set/half"), "x").unwrap();
    let staged = StagedFolder::create(&scratch.path("set")).unwrap();
    assert!(names(staged.path()).is_empty());
    let leftover = scratch.path(&format!("{UNFINISHED}{}-0", std::process::id()));
    fs::write(&leftover, "of a process of the same number").unwrap();
    write_file(&scratch.path("file"), b"whole").unwrap();
    assert_eq!(fs::read(scratch.path("file")).unwrap(), b"whole");
}

#[test]
fn a_replacement_that_was_cut_short_is_undone() {
    let scratch = Scratch::new("recover");
    for (name, file) in [(".old-a", "old"), (".tmp-a", "new"), (".old-b", "old"), ("b", "new"), ("other", "x")] {
        fs::create_dir(scratch.path(name)).unwrap();
        fs::write(scratch.path(name).join(file), "x").unwrap();
    }
    assert_eq!(current_folder(&scratch.path("a")), Some(scratch.path(".old-a")));
    recover_folders(&scratch.0).unwrap();
    assert_eq!(names(&scratch.0), ["a", "b", "other"]);
    assert_eq!(
        (names(&scratch.path("a")), names(&scratch.path("b"))),
        (Vec::from(["old".into()]), Vec::from(["new".into()]))
    );
    assert_eq!(current_folder(&scratch.path("none")), None);
}

/// macOS knows UTF-8 names only.
#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let scratch = Scratch::new("bytes");
    let [first, second] = [b"caf\xe9", b"caf\xe8"].map(|bytes| scratch.0.join(OsStr::from_bytes(bytes)));
    // Both at once: names that only look alike are two.
    let staged = [&first, &second].map(|path| StagedFolder::create(path).unwrap());
    assert_ne!(staged[0].path(), staged[1].path());
    staged.into_iter().for_each(|staged| staged.commit().unwrap());
    fs::rename(&first, beside(&first, REPLACED)).unwrap();
    recover_folders(&scratch.0).unwrap();
    assert!(first.is_dir() && second.is_dir());
    write_file(&first.join(OsStr::from_bytes(b"\xff.sxt")), b"x").unwrap();
    assert_eq!(fs::read_dir(&first).unwrap().count(), 1);
}
