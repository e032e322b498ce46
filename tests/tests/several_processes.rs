//! A program without MPI under a launcher of several processes; what processes compute together is for `tests/mpi`.

use std::process::Command;

use sextant_tests::program;

#[test]
fn a_program_without_mpi_refuses_to_be_one_of_several_and_writes_nothing() {
    for variable in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program("trainer"));
        let output =
            command.args(["fit", "--out", "run"]).current_dir(folder.path()).env(variable, "2").output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("one of 2 processes") && message.contains("--features mpi"), "{message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
