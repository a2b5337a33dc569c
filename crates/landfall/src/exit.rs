//! How a command ends: 0 done, 1 the work failed, 2 the call was wrong.

use landfall_model::{Kind, Problem};
use std::io::Write;
use std::process::ExitCode;

/// Why a command did not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The call was wrong: a flag, a configuration key, a combination of them.
    Call(Problem),
    /// The call was right, the work failed.
    Work(Problem),
    /// The work failed, and all that there is to say has been said.
    Said,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Failure::Work(problem)
    }
}

impl Failure {
    /// The call was wrong, in a sentence.
    pub(crate) fn call(text: impl Into<String>) -> Self {
        Failure::Call(Problem::worded(Kind::InvalidArgument, text))
    }
}

/// Says on standard error what went wrong, and gives the exit code.
pub(crate) fn code(done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Said) => ExitCode::from(1),
        Err(Failure::Work(problem)) => {
            say(&problem);
            ExitCode::from(1)
        }
        Err(Failure::Call(problem)) => {
            say(&problem);
            ExitCode::from(2)
        }
    }
}

fn say(problem: &Problem) {
    // Standard error may be closed: there is nobody left to tell.
    let mut lines = String::new();
    problem.to_string().lines().for_each(|line| lines += &format!("landfall: {line}\n"));
    let _ = std::io::stderr().write_all(lines.as_bytes());
}
