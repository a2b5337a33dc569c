//! Running the script in an interpreter, bounded in time.

use landfall_foreign::{Surroundings, interpreter};
use landfall_model::{Kind, Problem, Reason};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The script; see its own head for tasks and answers.
pub(crate) const SCRIPT: &str = include_str!("convert.py");

/// What the script's end says on standard error is kept in this length for messages.
const LAST_WORDS: usize = 2000;

/// The interpreter that has the libraries.
#[derive(Clone, Debug)]
pub struct Python {
    surroundings: Surroundings,
    patience: Duration,
}

/// What the script found, or why it did not.
pub(crate) enum Answer {
    /// Facts by key.
    Done(BTreeMap<String, String>),
    /// A kind, as the script has it, and a text.
    Refused(String, String),
}

impl Python {
    /// The one that the surroundings name; see [`interpreter`]. A conversion that takes longer than `patience` is given
    /// up.
    pub fn new(surroundings: Surroundings, patience: Duration) -> Self {
        Python { surroundings, patience }
    }

    /// The same with another patience.
    #[must_use]
    pub(crate) fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs one task; `work` is a folder for the answer.
    ///
    /// # Errors
    /// Failed precondition, when there is no interpreter or it does not start; deadline exceeded; an engine's failure,
    /// when the script ends without an answer.
    pub(crate) fn run(&self, work: &Path, task: &[&str]) -> Result<Answer, Problem> {
        let python = interpreter(&self.surroundings).map_err(|why| no_python(&why))?;
        let answer = work.join("answer");
        let mut child = Command::new(&python)
            .args(["-c", SCRIPT])
            .arg(&answer)
            .args(task.iter().map(|word| if word.is_empty() { "-" } else { word }))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| no_python(&format!("{} does not start: {error}", python.display())))?;
        let last_words = self.until_its_end(&mut child, &python)?;
        let text = std::fs::read_to_string(&answer).map_err(|_| silent(&python, &last_words))?;
        let _ = std::fs::remove_file(&answer);
        parsed(&text).ok_or_else(|| silent(&python, &last_words))
    }

    /// Waits, and gives the end of what it said on standard error.
    fn until_its_end(&self, child: &mut Child, python: &Path) -> Result<String, Problem> {
        let (sender, end) = mpsc::channel();
        if let Some(mut stderr) = child.stderr.take() {
            std::thread::spawn(move || {
                let (mut kept, mut piece) = (Vec::new(), [0; 4096]);
                while let Ok(read @ 1..) = stderr.read(&mut piece) {
                    kept.extend_from_slice(&piece[..read]);
                    let surplus = kept.len().saturating_sub(LAST_WORDS);
                    kept.drain(..surplus);
                }
                // Nobody listens any more once patience is at its end.
                let _ = sender.send(String::from_utf8_lossy(&kept).trim().to_owned());
            });
        }
        let said = end.recv_timeout(self.patience);
        if said.is_err() {
            let _ = child.kill();
        }
        let _ = child.wait();
        said.map_err(|_| {
            Problem::worded(
                Kind::DeadlineExceeded,
                format!(
                    "the conversion by {} took longer than {} s (--set convert_seconds=… gives it more)",
                    python.display(),
                    self.patience.as_secs()
                ),
            )
        })
    }
}

/// Key and value of each line; an error's kind and text.
fn parsed(text: &str) -> Option<Answer> {
    let mut facts = BTreeMap::new();
    for line in text.lines() {
        let (key, value) = line.split_once('\t')?;
        if key == "error" {
            let (kind, text) = value.split_once('\t')?;
            return Some(Answer::Refused(kind.to_owned(), text.to_owned()));
        }
        facts.insert(key.to_owned(), value.to_owned());
    }
    Some(Answer::Done(facts))
}

/// Puts what the script refused into words; `what` is the file and what was to be done with it.
pub(crate) fn refusal(file: &str, what: &str, kind: &str, text: &str) -> Problem {
    match kind {
        "missing" => Problem::worded(
            Kind::FailedPrecondition,
            format!("{file}: {what} needs Python packages: {text}; {WHICH_PYTHON}"),
        ),
        "unsafe" => Problem::worded(
            Kind::FailedPrecondition,
            format!(
                "{file}: {text}; it would run with your rights: load it with --set safe_mode=false only if you trust \
                 whoever made it"
            ),
        ),
        "malformed" => Problem::malformed(file, None, text),
        "unsupported" => Problem::unsupported(format!("{file}: {what}"), text),
        _ => {
            Problem::new(Reason::Engine { engine: "python", text: format!("{what} failed: {text}") }).at(file)
        }
    }
}

const WHICH_PYTHON: &str = "name the interpreter that has them with --python PATH or LANDFALL_PYTHON";

#[cold]
fn no_python(why: &str) -> Problem {
    let text = format!("converting this model needs Python: {why}; {WHICH_PYTHON}");
    Problem::worded(Kind::FailedPrecondition, text)
}

#[cold]
fn silent(python: &Path, last_words: &str) -> Problem {
    let text = format!("{} ended without an answer; it said: {last_words}", python.display());
    Problem::new(Reason::Engine { engine: "python", text })
}

/// A path as an argument of the script.
///
/// # Errors
/// Invalid argument, for a path that is no text.
pub(crate) fn argument(path: &Path) -> Result<String, Problem> {
    let absolute: PathBuf = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = absolute.into_os_string().into_string();
    text.map_err(|path| Problem::invalid(format!("the path {} is no valid text", path.to_string_lossy())))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn python(folder: &Path, script: &str) -> Python {
        let file = folder.join("python");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let surroundings = Surroundings::default().with("LANDFALL_PYTHON", &file);
        Python::new(surroundings, Duration::from_secs(20))
    }

    fn failure(python: &Python, work: &Path) -> Problem {
        python.run(work, &["keras", "a", ""]).map(|_| ()).unwrap_err()
    }

    #[test]
    fn arguments_go_in_and_facts_come_out() {
        let folder = tempfile::tempdir().unwrap();
        let python = python(folder.path(), "printf 'task\\t%s\\nlast\\t%s\\n' \"$4\" \"$6\" > \"$3\"");
        let Answer::Done(facts) = python.run(folder.path(), &["keras", "a", ""]).unwrap() else { panic!() };
        assert_eq!((facts["task"].as_str(), facts["last"].as_str()), ("keras", "-"));
    }

    #[test]
    fn an_end_without_an_answer_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let problem = failure(&python(folder.path(), "echo a reason >&2; exit 1"), folder.path());
        assert!(problem.to_string().contains("a reason"), "{problem}");
    }

    #[test]
    fn one_that_hangs_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let hanging = python(folder.path(), "exec sleep 60").with_patience(Duration::from_millis(50));
        assert_eq!(failure(&hanging, folder.path()).kind(), Kind::DeadlineExceeded);
    }

    #[test]
    fn without_python_it_is_said_how_to_name_one() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = Python::new(Surroundings::default(), Duration::from_secs(1));
        assert!(failure(&nowhere, folder.path()).to_string().contains("--python"));
        let gone = Surroundings::default().with("LANDFALL_PYTHON", "/no/such/python");
        let problem = failure(&Python::new(gone, Duration::from_secs(1)), folder.path());
        assert!(problem.to_string().contains("/no/such/python does not start"), "{problem}");
    }
}
