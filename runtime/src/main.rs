//! The `runtime` command: predicts from images, compares two, measures latency, lists backends.

mod command;

fn main() -> std::process::ExitCode {
    command::main()
}
