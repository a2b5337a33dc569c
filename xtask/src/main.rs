//! What CI and people run: `cargo xtask COMMAND`.

#![expect(clippy::print_stdout, reason = "a tool for people: printing is what it does")]

mod cases;
mod ci;
mod floors;
mod functions;
mod licences;
mod metadata;
mod rooms;
mod spdx;
mod surroundings;
mod tidy;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
What CI and people run.

  cargo xtask ci              everything, fastest first; needs nothing but Rust and a C compiler
  cargo xtask ci --complete   the same with ONNX Runtime, Python clients and shared cases; a missing one fails
  cargo xtask floors          crates depend on lower floors only, and rooms within a crate not in circles
  cargo xtask licences        licences, duplicate versions, sources of all dependencies
  cargo xtask tidy            rules that hold for every file
";

/// What is wrong, one line each; empty when all is well.
type Findings = Vec<String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root();
    let outcome = match arguments.as_slice() {
        ["ci"] => return ci::run(&root, ci::Scope::Local),
        ["ci", "--complete"] => return ci::run(&root, ci::Scope::Complete),
        ["floors"] => floors::check_workspace(&root),
        ["licences"] => licences::check_workspace(&root),
        ["tidy"] => tidy::check_workspace(&root),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            print!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(findings) if findings.is_empty() => {
            println!("nothing found");
            ExitCode::SUCCESS
        }
        Ok(findings) => {
            println!("{}", findings.join("\n"));
            ExitCode::FAILURE
        }
        Err(problem) => {
            println!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder: the one that holds this crate's.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}
