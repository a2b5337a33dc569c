//! All checks and tests in one go, fastest first. A step that fails ends the run; the last line counts all cases.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::cases::{self, Cases};
use crate::surroundings::Surroundings;
use crate::{Findings, floors, licences, metadata, tidy};

/// How much is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What Rust and a C compiler suffice for.
    Local,
    /// With ONNX Runtime, Python clients and shared cases; a missing one fails.
    Complete,
}

/// What a step needs.
struct Place<'a> {
    root: &'a Path,
    scope: Scope,
    surroundings: Surroundings,
}

type Step = (&'static str, fn(&Place) -> Result<Cases, String>);

const STEPS: &[Step] = &[
    ("format", |place| command(place, &["fmt", "--all", "--check"], &[])),
    ("floors", |place| held(floors::check_workspace(place.root))),
    ("licences", |place| held(licences::check_workspace(place.root))),
    ("tidy", |place| held(tidy::check_workspace(place.root))),
    ("clippy", |place| {
        command(place, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[])
    }),
    ("docs", |place| {
        command(place, &["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])
    }),
    ("tests", tests),
    ("clients", clients),
];

/// Runs all steps that the scope has; prints one line for each, then the count.
pub(crate) fn run(root: &Path, scope: Scope) -> ExitCode {
    let place = Place { root, scope, surroundings: Surroundings::find(root) };
    let missing = place.surroundings.missing();
    if scope == Scope::Complete && !missing.is_empty() {
        println!("a complete run needs {}", missing.join("; "));
        println!("{}", Cases { passed: 0, failed: missing.len() as u64 });
        return ExitCode::FAILURE;
    }
    let mut total = Cases::default();
    for (name, step) in STEPS.iter().filter(|(name, _)| scope == Scope::Complete || *name != "clients") {
        let started = now();
        let outcome = step(&place);
        let took = seconds(now().duration_since(started));
        match outcome {
            Ok(cases) => {
                println!("{name:<9} {took:>7} s  {cases}");
                total += cases;
            }
            Err(problem) => {
                println!("{problem}");
                println!("{name:<9} {took:>7} s  failed");
                total += Cases::ONE_FAILED;
            }
        }
        if total.failed > 0 {
            break;
        }
    }
    if scope == Scope::Local {
        println!(
            "left out: client tests and conformance replay; .ci/run installs what they need and runs them too"
        );
    }
    println!("{total}");
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One case: a check over the tree that found nothing.
fn held(found: Result<Findings, String>) -> Result<Cases, String> {
    match found? {
        findings if findings.is_empty() => Ok(Cases::ONE_PASSED),
        findings => Err(findings.join("\n")),
    }
}

/// One case: a cargo command that succeeds.
fn command(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Cases, String> {
    let mut command = Command::new(metadata::cargo());
    command.args(arguments).envs(variables.iter().copied()).current_dir(place.root);
    let status = command.status().map_err(|e| format!("cargo {}: {e}", arguments.join(" ")))?;
    if status.success() {
        Ok(Cases::ONE_PASSED)
    } else {
        Err(format!("cargo {}: {status}", arguments.join(" ")))
    }
}

/// Rust's tests. Under `LANDFALL_COMPLETE=1` a test that lacks what it needs fails instead of saying so.
fn tests(place: &Place) -> Result<Cases, String> {
    let mut command = Command::new(metadata::cargo());
    command
        .args(["test", "--workspace", "--locked", "--no-fail-fast"])
        .env("LANDFALL_SHARED", &place.surroundings.shared);
    if place.scope == Scope::Complete {
        command.env("LANDFALL_COMPLETE", "1");
    }
    counted(place, command, cases::of_cargo_test)
}

/// The real binary called by other people's clients, then the recorded requests replayed.
fn clients(place: &Place) -> Result<Cases, String> {
    // As the tests built it: alone, its dependencies would be built once more, with other features.
    self::command(place, &["test", "--workspace", "--no-run", "--quiet", "--locked"], &[])?;
    let mut command = Command::new(&place.surroundings.python);
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| place.root.join("target"), Into::into);
    command.arg("crates/landfall/tests/clients/run.py").arg("--landfall").arg(target.join("debug/landfall"));
    command.arg("--complete").env("LANDFALL_SHARED", &place.surroundings.shared);
    counted(place, command, cases::of_summary)
}

/// Runs a test program, shows what it prints and adds up what it counts. One that fails without a failed case, or
/// counts nothing at all, is an error.
fn counted(place: &Place, mut command: Command, count: fn(&str) -> Option<Cases>) -> Result<Cases, String> {
    let mut child = command
        .current_dir(place.root)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{}: {e}", command.get_program().display()))?;
    let mut total = Cases::default();
    let output = child.stdout.take().ok_or("no output to read")?;
    for line in BufReader::new(output).lines() {
        let line = line.map_err(|e| format!("output: {e}"))?;
        println!("{line}");
        if let Some(cases) = count(&line) {
            total += cases;
        }
    }
    let status = child.wait().map_err(|e| format!("wait: {e}"))?;
    verdict(total, status.success())
}

fn verdict(total: Cases, success: bool) -> Result<Cases, String> {
    match (success, total) {
        (_, Cases { passed: 0, failed: 0 }) => Err("no case ran".to_owned()),
        (false, Cases { failed: 0, .. }) => Err(format!("{total}, yet the program failed")),
        (true, Cases { failed: 1.., .. }) => Err(format!("{total}, yet the program said that all is well")),
        _ => Ok(total),
    }
}

#[expect(clippy::disallowed_methods, reason = "durations for people; nothing decides by them")]
fn now() -> Instant {
    Instant::now()
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(root: &Path) -> Place<'_> {
        Place { root, scope: Scope::Local, surroundings: Surroundings::find(root) }
    }

    #[test]
    fn a_check_that_finds_something_is_a_failed_step() {
        assert_eq!(held(Ok(Findings::new())), Ok(Cases::ONE_PASSED));
        assert_eq!(held(Ok(vec!["a".to_owned(), "b".to_owned()])), Err("a\nb".to_owned()));
        assert!(held(Err("unreadable".to_owned())).is_err());
    }

    #[test]
    fn a_program_that_ran_nothing_or_contradicts_itself_is_a_failed_step() {
        let some = Cases { passed: 3, failed: 0 };
        let bad = Cases { passed: 3, failed: 1 };
        assert_eq!(verdict(some, true), Ok(some));
        assert_eq!(verdict(bad, false), Ok(bad));
        assert!(verdict(Cases::default(), true).is_err());
        assert!(verdict(some, false).is_err());
        assert!(verdict(bad, true).is_err());
    }

    #[test]
    fn a_test_program_that_is_not_there_is_a_failed_step() {
        let root = crate::root();
        assert!(counted(&place(&root), Command::new("no-such-program"), cases::of_summary).is_err());
    }
}
