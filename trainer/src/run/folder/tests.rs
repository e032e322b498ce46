use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use candle_core::{DType, Device, Tensor, Var};

use super::*;
use crate::registry::Registry;
use crate::run::{CheckpointState, read_tensors, set_parameters, words_of_tensors, write_half_tensors, write_tensors};

const LAST: CheckpointSlot = CheckpointSlot::Last;

/// A checkpoint whose tensors all hold the step, so that a mixed one shows.
fn checkpoint(step: u64) -> Checkpoint {
    let tensors = |name: &str, numbers: usize| {
        let tensor = Tensor::full(step as f32, (numbers / 2, 2), &Device::Cpu).unwrap();
        BTreeMap::from([(name.to_string(), tensor)])
    };
    Checkpoint {
        model: tensors("weight", 2000),
        optimiser: tensors("velocity.weight", 2000),
        average: BTreeMap::new(),
        state: CheckpointState { step, epoch: step / 10, seed: 7, best_metric: Some(0.1 + 0.2) },
    }
}

fn new_run(path: &Path) -> RunFolder {
    let run = RunFolder::create(path, false).unwrap();
    run.write_config(&Config::default()).unwrap();
    run
}

fn first_value(tensors: &BTreeMap<String, Tensor>) -> f32 {
    tensors.values().next().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()[0]
}

/// The step of a checkpoint that agrees with itself.
fn step(run: &RunFolder) -> Option<u64> {
    let checkpoint = run.load_checkpoint(LAST).unwrap()?;
    let step = checkpoint.state.step;
    assert_eq!((first_value(&checkpoint.model), first_value(&checkpoint.optimiser)), (step as f32, step as f32));
    Some(step)
}

#[test]
fn a_checkpoint_reads_back_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let run = new_run(folder.path());
    assert!(run.load_checkpoint(LAST).unwrap().is_none());
    let mut written = checkpoint(30);
    let odd = Tensor::new(&[f32::MIN_POSITIVE / 3.0, -0.0, 1.0 / 3.0, f32::MAX], &Device::Cpu).unwrap();
    written.average.insert("odd".into(), odd.clone());
    run.save_checkpoint(LAST, &written).unwrap();
    run.save_checkpoint(CheckpointSlot::Best, &checkpoint(20)).unwrap();
    let read = run.load_checkpoint(LAST).unwrap().unwrap();
    assert_eq!(read.state, written.state);
    let bits = |tensor: &Tensor| tensor.to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(&read.average["odd"]), bits(&odd));
    assert_eq!(read.model["weight"].dims(), [1000, 2]);
    assert_eq!(run.load_checkpoint(CheckpointSlot::Best).unwrap().unwrap().state.step, 20);
    run.save_checkpoint(LAST, &checkpoint(40)).unwrap();
    assert!(run.load_checkpoint(LAST).unwrap().unwrap().average.is_empty());
    assert_eq!(run.config(&Registry::default()).unwrap(), Config::default());
}

#[test]
fn a_folder_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/a");
    let run = new_run(&path);
    let error = RunFolder::open(&path).unwrap_err();
    assert!(matches!(error, RunError::Locked { .. }), "{error}");
    assert!(RunFolder::open_to_read(&path).is_ok());
    run.save_checkpoint(LAST, &checkpoint(1)).unwrap();
    drop(run);
    let error = RunFolder::create(&path, false).unwrap_err();
    assert!(matches!(error, RunError::HoldsRun { .. }) && error.hint().starts_with("--resume"), "{error}");
    assert_eq!(step(&RunFolder::open(&path).unwrap()), Some(1));
}

#[test]
fn overwriting_deletes_the_run_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let run = new_run(folder.path());
    run.save_checkpoint(LAST, &checkpoint(1)).unwrap();
    let by_the_way = ["events.out.tfevents.1.x", "evaluation-best.json", "notes.txt", "my-model.sxt"];
    for name in FILES.iter().skip(1).copied().chain(by_the_way) {
        fs::write(run.file(name), name).unwrap();
    }
    for file in ["firmware/model/description.rs", "firmware/src/main.rs", "mine/model/description.rs"] {
        fs::create_dir_all(run.file(file).parent().unwrap()).unwrap();
        fs::write(run.file(file), file).unwrap();
    }
    drop(run);
    drop(RunFolder::create(folder.path(), true).unwrap());
    let run = RunFolder::create(folder.path(), true).unwrap();
    assert_eq!(step(&run), Some(1), "nothing is deleted before the new run is written");
    run.write_config(&Config::default()).unwrap();
    assert!(run.load_checkpoint(LAST).unwrap().is_none());
    let mut left = names(folder.path()).unwrap();
    left.sort();
    assert_eq!(left, [LOCK, CHECKPOINTS, CONFIG, "mine", "my-model.sxt", "notes.txt"]);
}

#[test]
fn folders_that_hold_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("other")).unwrap();
    fs::write(at("other/log.txt"), "mine").unwrap();
    fs::write(at("file"), "").unwrap();
    for overwrite in [false, true] {
        let error = RunFolder::create(&at("other"), overwrite).unwrap_err();
        assert!(matches!(error, RunError::NotEmpty { .. }), "{error}");
    }
    assert!(matches!(RunFolder::open(&at("other")).unwrap_err(), RunError::NoRun { .. }));
    assert!(matches!(RunFolder::open(&at("none")).unwrap_err(), RunError::NoRun { .. }));
    assert!(matches!(RunFolder::create(&at("file"), true).unwrap_err(), RunError::Io { .. }));
    // Killed before it had a configuration.
    let killed = RunFolder::create(&at("begun/run"), false).unwrap();
    *killed.begun.lock().unwrap() = None;
    drop(killed);
    assert!(RunFolder::create(&at("begun/run"), false).is_ok());
    // Given up before it had one.
    drop(RunFolder::create(&at("given/up"), false).unwrap());
    assert!(!at("given").exists());
}

#[test]
fn every_moment_of_a_swap_leaves_a_whole_checkpoint() {
    struct Case {
        moment: &'static str,
        /// Checkpoints that the folder holds, by step.
        folders: &'static [(&'static str, u64)],
        /// A folder that is not filled yet.
        partial: Option<&'static str>,
        step: Option<u64>,
    }
    let cases = [
        Case { moment: "before the first", folders: &[], partial: None, step: None },
        Case { moment: "filling the first", folders: &[], partial: Some(".tmp-last"), step: None },
        Case { moment: "first filled", folders: &[(".tmp-last", 1)], partial: None, step: None },
        Case { moment: "filling the next", folders: &[("last", 1)], partial: Some(".tmp-last"), step: Some(1) },
        Case { moment: "next filled", folders: &[("last", 1), (".tmp-last", 2)], partial: None, step: Some(1) },
        Case { moment: "old aside", folders: &[(".old-last", 1), (".tmp-last", 2)], partial: None, step: Some(1) },
        Case { moment: "new in place", folders: &[(".old-last", 1), ("last", 2)], partial: None, step: Some(2) },
        Case { moment: "deleting the old", folders: &[("last", 2)], partial: Some(".old-last"), step: Some(2) },
    ];
    for Case { moment, folders, partial, step: expected } in cases {
        let folder = tempfile::tempdir().unwrap();
        drop(new_run(folder.path()));
        let checkpoints = folder.path().join(CHECKPOINTS);
        for (name, step) in folders {
            fs::create_dir(checkpoints.join(name)).unwrap();
            checkpoint(*step).write(&checkpoints.join(name)).unwrap();
        }
        if let Some(name) = partial {
            fs::create_dir(checkpoints.join(name)).unwrap();
            fs::write(checkpoints.join(name).join("model.safetensors"), "half").unwrap();
        }
        let seen_by_a_reader = step(&RunFolder::open_to_read(folder.path()).unwrap());
        let run = RunFolder::open(folder.path()).unwrap();
        assert_eq!((seen_by_a_reader, step(&run)), (expected, expected), "{moment}");
        let left = names(&checkpoints).unwrap();
        assert!(left.iter().all(|name| name == "last"), "{moment}: {left:?}");
        run.save_checkpoint(LAST, &checkpoint(3)).unwrap();
        assert_eq!(step(&run), Some(3), "{moment}");
    }
}

#[test]
fn broken_checkpoints_are_named() {
    type Change = fn(&Path);
    fn edit(path: PathBuf, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
    }
    fn replace(path: PathBuf, from: &str, to: &str) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }
    let cases: [(&str, Change, &str); 10] = [
        ("model.safetensors", |f| fs::remove_file(f.join("model.safetensors")).unwrap(), "No such file"),
        ("model.safetensors", |f| edit(f.join("model.safetensors"), |bytes| bytes.truncate(99)), "CRC-32 differs"),
        ("model.safetensors", |f| edit(f.join("model.safetensors"), Vec::clear), "CRC-32 differs"),
        (
            "optimizer.safetensors",
            |f| edit(f.join("optimizer.safetensors"), |bytes| bytes[4000] ^= 8),
            "CRC-32 differs",
        ),
        (
            "model.safetensors",
            |f| {
                let other = fs::read(f.with_file_name("best/model.safetensors")).unwrap();
                fs::write(f.join("model.safetensors"), other).unwrap();
            },
            "from another checkpoint",
        ),
        ("state.json", |f| fs::remove_file(f.join("state.json")).unwrap(), "No such file"),
        ("state.json", |f| edit(f.join("state.json"), |bytes| bytes.truncate(60)), "cut short or changed"),
        ("state.json", |f| replace(f.join("state.json"), "\"step\": 30", "\"step\": 31"), "CRC-32 differs"),
        (
            "state.json",
            |f| replace(f.join("state.json"), "\"format_version\": 1", "\"format_version\": 9"),
            "format version 9; this program reads 1",
        ),
        ("state.json", |f| edit(f.join("state.json"), |bytes| bytes.resize(2 << 20, b' ')), "larger than"),
    ];
    for (file, change, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let run = new_run(folder.path());
        run.save_checkpoint(LAST, &checkpoint(30)).unwrap();
        run.save_checkpoint(CheckpointSlot::Best, &checkpoint(20)).unwrap();
        change(&run.checkpoint_path(LAST));
        let error = run.load_checkpoint(LAST).unwrap_err().to_string();
        assert!(error.contains(&format!("checkpoints/last/{file}: ")) && error.contains(message), "{error}");
    }
}

#[test]
fn no_changed_byte_of_the_state_goes_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let run = new_run(folder.path());
    run.save_checkpoint(LAST, &checkpoint(30)).unwrap();
    let written = run.load_checkpoint(LAST).unwrap().unwrap().state;
    let path = run.checkpoint_path(LAST).join("state.json");
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        // Only white space after the checksum may change.
        if let Ok(read) = run.load_checkpoint(LAST) {
            assert_eq!(read.unwrap().state, written, "byte {at}");
        }
    }
}

#[test]
fn what_is_not_finite_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let run = new_run(folder.path());
    run.save_checkpoint(LAST, &checkpoint(1)).unwrap();
    let mut diverged = checkpoint(2);
    diverged.optimiser.insert("bad".into(), Tensor::new(&[f32::NAN], &Device::Cpu).unwrap());
    let error = run.save_checkpoint(LAST, &diverged).unwrap_err();
    assert!(error.to_string().ends_with("not written, since tensor `bad` holds NaN or infinity"), "{error}");
    assert_eq!(step(&run), Some(1));
    assert_eq!(names(&folder.path().join(CHECKPOINTS)).unwrap(), ["last"]);
    let reader = RunFolder::open_to_read(folder.path()).unwrap();
    assert!(matches!(reader.save_checkpoint(LAST, &checkpoint(3)).unwrap_err(), RunError::ReadOnly { .. }));
}

/// A safetensors file of one tensor, by hand.
fn safetensors(dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let end = data.len();
    let header = format!("{{\"w\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}");
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

#[test]
fn broken_tensor_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("golden.safetensors");
    let nan = f32::NAN.to_le_bytes();
    let cases = [
        (vec![], "not a whole safetensors file"),
        (vec![0xff; 64], "not a whole safetensors file"),
        (safetensors("F32", "[1]", &[0; 4])[..65].to_vec(), "not a whole safetensors file"),
        (safetensors("F32", "[1000000000000, 1000000000000]", &[0; 4]), "not a whole safetensors file"),
        (safetensors("F64", "[1]", &[0; 8]), "tensor `w` is F64, expected F32 or F16"),
        (safetensors("F32", "[1]", &nan), "tensor `w` holds NaN or infinity"),
    ];
    for (bytes, message) in cases {
        fs::write(&path, &bytes).unwrap();
        let error = read_tensors(&path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: {message}", path.display())), "{error}");
    }
    write_tensors(&path, &BTreeMap::from([("w".into(), Tensor::new(&[2.5f32], &Device::Cpu).unwrap())])).unwrap();
    assert_eq!(first_value(&read_tensors(&path).unwrap()), 2.5);
}

#[test]
fn half_tensors_keep_three_digits_and_their_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("encoder.safetensors");
    let of = |value: f32| BTreeMap::from([("w".to_string(), Tensor::new(&[value; 400], &Device::Cpu).unwrap())]);
    let words = BTreeMap::from([("model.encoder".to_string(), "tiny".to_string())]);
    let bytes = write_half_tensors(&path, &of(0.1), words.clone()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), bytes as u64);
    assert!((800..1000).contains(&bytes), "{bytes}");
    assert!((first_value(&read_tensors(&path).unwrap()) - 0.1).abs() < 1e-4);
    assert_eq!(words_of_tensors(&path), words);
    // The largest number of float16 is 65504.
    let error = write_half_tensors(&path, &of(1e6), BTreeMap::new()).unwrap_err();
    assert!(matches!(error, RunError::NotFinite { .. }), "{error}");
    assert!(words_of_tensors(&folder.path().join("none")).is_empty());
}

#[test]
fn parameters_are_set_all_or_none() {
    let var = |dims: &[usize]| Var::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    let parameters = [("a".to_string(), var(&[2])), ("b".to_string(), var(&[1, 2]))];
    let ones = |dims: &[usize]| Tensor::ones(dims, DType::F32, &Device::Cpu).unwrap();
    let file = Path::new("model.safetensors");
    let wrong = BTreeMap::from([("a".to_string(), ones(&[2])), ("b".to_string(), ones(&[2]))]);
    let error = set_parameters(&parameters, &wrong, file).unwrap_err();
    assert_eq!(error.to_string(), "model.safetensors: tensor `b` has shape [2], expected [1, 2]");
    assert_eq!(parameters[0].1.to_vec1::<f32>().unwrap(), [0.0, 0.0]);
    let right = BTreeMap::from([("a".to_string(), ones(&[2])), ("b".to_string(), ones(&[1, 2]))]);
    set_parameters(&parameters, &right, file).unwrap();
    assert_eq!(parameters[1].1.to_vec2::<f32>().unwrap(), [[1.0, 1.0]]);
}

/// Names the folder for the test processes below.
const CHILD_FOLDER: &str = "SEXTANT_TEST_RUN_FOLDER";

/// Runs one of the ignored tests below in a process of its own, after these shell commands.
#[cfg(unix)]
fn child(test: &str, folder: &Path, shell: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{shell} exec \"$0\" \"$@\"")).arg(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("run::folder::tests::{test}"), "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(CHILD_FOLDER, folder);
    command
}

#[test]
#[ignore = "killed by a_killed_process_leaves_a_whole_checkpoint"]
fn saves_until_killed() {
    let run = RunFolder::open(Path::new(&std::env::var(CHILD_FOLDER).unwrap())).unwrap();
    for step in 1.. {
        run.save_checkpoint(LAST, &checkpoint(step)).unwrap();
        println!("saved {step}");
        std::io::stdout().flush().unwrap();
    }
}

#[test]
#[cfg(unix)]
fn a_killed_process_leaves_a_whole_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    drop(new_run(folder.path()));
    for kill_after in 1..=8 {
        let mut process = child("saves_until_killed", folder.path(), "")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut saves = lines.filter(|line| line.starts_with("saved"));
        let saved = saves.nth(kill_after - 1).expect("the process saves until it is killed");
        process.kill().unwrap();
        process.wait().unwrap();
        let announced: u64 = saved.trim_start_matches("saved ").parse().unwrap();
        let found = step(&RunFolder::open(folder.path()).unwrap()).unwrap();
        assert!(found >= announced, "step {found} after {announced} was saved");
    }
}

#[test]
#[ignore = "run by a_full_disk_leaves_the_checkpoint_before"]
fn saves_onto_a_full_disk() {
    let run = RunFolder::open(Path::new(&std::env::var(CHILD_FOLDER).unwrap())).unwrap();
    let error = run.save_checkpoint(LAST, &checkpoint(2)).unwrap_err();
    println!("error {error}; {}", error.hint());
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_checkpoint_before() {
    let folder = tempfile::tempdir().unwrap();
    new_run(folder.path()).save_checkpoint(LAST, &checkpoint(1)).unwrap();
    // No file may grow beyond 8 blocks of 512 bytes, and writes beyond fail instead of killing the process.
    let output = child("saves_onto_a_full_disk", folder.path(), "trap '' XFSZ; ulimit -f 8;").output().unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.contains("model.safetensors: File too large"), "{output}");
    assert!(output.contains("make room on the disk"), "{output}");
    let run = RunFolder::open_to_read(folder.path()).unwrap();
    assert_eq!(step(&run), Some(1));
    assert_eq!(names(&folder.path().join(CHECKPOINTS)).unwrap(), ["last"]);
}
