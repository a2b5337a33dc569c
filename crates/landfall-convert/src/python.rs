//! Running the script in an interpreter, bounded in time.

use landfall_foreign::{Surroundings, interpreter};
use landfall_model::{Kind, Problem, Reason};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// The script; see its own head for tasks and answers.
pub(crate) const SCRIPT: &str = concat!(
    include_str!("script/head.py"),
    "\n\n",
    include_str!("script/keras.py"),
    "\n\n",
    include_str!("script/operators.py"),
    "\n\n",
    include_str!("script/onnx.py"),
    "\n\n",
    include_str!("script/tasks.py"),
);

/// What the script's end says on standard error is kept in this length for messages.
const LAST_WORDS: usize = 2000;

/// The interpreter that has the libraries.
#[derive(Clone, Debug)]
pub struct Python {
    surroundings: Surroundings,
    patience: Duration,
}

/// A process of the interpreter that does one task after the other: what it imports, it imports once. It is started with
/// the first task, again with the first one after it has failed, and ends when this is dropped.
#[derive(Debug)]
pub struct Converter {
    python: Python,
    running: Option<Running>,
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

    /// A process for conversions; none is started yet.
    pub fn converter(&self) -> Converter {
        Converter { python: self.clone(), running: None }
    }
}

impl Converter {
    /// Runs one task; `work` is a folder for the answer.
    ///
    /// # Errors
    /// Failed precondition, when there is no interpreter or it does not start; deadline exceeded; an engine's failure,
    /// when the script ends without an answer.
    pub(crate) fn run(&mut self, work: &Path, task: &[&str]) -> Result<Answer, Problem> {
        let answer = work.join("answer");
        let place = argument(&answer)?;
        let mut running = match self.running.take() {
            Some(running) => running,
            None => Running::start(&interpreter(&self.python.surroundings).map_err(|why| no_python(&why))?)?,
        };
        running.order(&place, task);
        match running.done.recv_timeout(self.python.patience) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return Err(running.given_up(self.python.patience)),
            Err(RecvTimeoutError::Disconnected) => return Err(running.silent(self.python.patience)),
        }
        let text = std::fs::read_to_string(&answer);
        let _ = std::fs::remove_file(&answer);
        match text.ok().as_deref().and_then(parsed) {
            Some(answer) => {
                self.running = Some(running);
                Ok(answer)
            }
            None => Err(running.silent(self.python.patience)),
        }
    }
}

/// A process of the script.
#[derive(Debug)]
struct Running {
    python: PathBuf,
    child: Child,
    /// Where tasks go; `None` once there will be no more.
    tasks: Option<ChildStdin>,
    /// A message for each task that is done.
    done: Receiver<()>,
    /// The end of what it has said on standard error, when it has ended.
    last_words: Receiver<String>,
}

impl Running {
    fn start(python: &Path) -> Result<Self, Problem> {
        let mut child = Command::new(python)
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| no_python(&format!("{} does not start: {error}", python.display())))?;
        let (done, last_words) = (lines(child.stdout.take()), last_words(child.stderr.take()));
        Ok(Running { python: python.to_owned(), tasks: child.stdin.take(), child, done, last_words })
    }

    /// Sends a task. A process that takes none any more says so by its end.
    fn order(&mut self, answer: &str, task: &[&str]) {
        let words = std::iter::once(answer).chain(task.iter().copied());
        let mut message = Vec::new();
        for word in words {
            message.extend_from_slice(if word.is_empty() { b"-" } else { word.as_bytes() });
            message.push(0);
        }
        message.push(0);
        if let Some(tasks) = &mut self.tasks {
            let _ = tasks.write_all(&message).and_then(|()| tasks.flush());
        }
    }

    /// A process that has ended without an answer.
    #[cold]
    fn silent(&mut self, patience: Duration) -> Problem {
        self.tasks = None;
        let last_words = self.last_words.recv_timeout(patience).unwrap_or_default();
        let text = format!("{} ended without an answer; it said: {last_words}", self.python.display());
        Problem::new(Reason::Engine { engine: "python", text })
    }

    /// One that takes too long; it is ended.
    #[cold]
    fn given_up(&self, patience: Duration) -> Problem {
        let text = format!(
            "the conversion by {} took longer than {} s (--set convert_seconds=… gives it more)",
            self.python.display(),
            patience.as_secs()
        );
        Problem::worded(Kind::DeadlineExceeded, text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It holds nothing that an orderly end would save.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A message for each line of a process, until it ends.
fn lines(stdout: Option<ChildStdout>) -> Receiver<()> {
    let (sender, done) = mpsc::channel();
    if let Some(stdout) = stdout {
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout).split(b'\n').map_while(Result::ok);
            // Nobody listens any more once patience is at its end.
            lines.map(|_| sender.send(())).take_while(Result::is_ok).for_each(drop);
        });
    }
    done
}

/// The end of what a process says on standard error, when it has ended.
fn last_words(stderr: Option<ChildStderr>) -> Receiver<String> {
    let (sender, end) = mpsc::channel();
    if let Some(mut stderr) = stderr {
        std::thread::spawn(move || {
            let (mut kept, mut piece) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = stderr.read(&mut piece) {
                kept.extend_from_slice(&piece[..read]);
                let surplus = kept.len().saturating_sub(LAST_WORDS);
                kept.drain(..surplus);
            }
            let _ = sender.send(String::from_utf8_lossy(&kept).trim().to_owned());
        });
    }
    end
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
        "refused" => Problem::worded(Kind::FailedPrecondition, format!("{file}: {text}")),
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

    /// Reads a task: `$answer` and `$words`.
    const TASK: &str = r#"task() {
        words=; answer=
        while IFS= read -r -d '' word && [ -n "$word" ]; do
            if [ -z "$answer" ]; then answer=$word; else words="$words$word|"; fi
        done
        [ -n "$answer" ]
    }"#;

    /// An interpreter that notes its starts, and does as a script of the shell says.
    fn python(folder: &Path, script: &str) -> Python {
        let (file, starts) = (folder.join("python"), folder.join("starts"));
        let start = format!("echo start >> '{}'", starts.display());
        std::fs::write(&file, format!("#!/usr/bin/env bash\n{TASK}\n{start}\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let surroundings = Surroundings::default().with("LANDFALL_PYTHON", &file);
        Python::new(surroundings, Duration::from_secs(20))
    }

    fn failure(converter: &mut Converter, work: &Path) -> Problem {
        converter.run(work, &["keras", "a", ""]).map(|_| ()).unwrap_err()
    }

    fn starts(folder: &Path) -> usize {
        std::fs::read_to_string(folder.join("starts")).unwrap().lines().count()
    }

    #[test]
    fn words_go_in_and_facts_come_out_of_one_process_for_all_tasks() {
        let folder = tempfile::tempdir().unwrap();
        let echo = "while task; do printf 'words\\t%s\\n' \"$words\" > \"$answer\"; echo done; done";
        let mut converter = python(folder.path(), echo).converter();
        for (file, words) in [("a", "keras|a|-|"), ("b c", "keras|b c|-|")] {
            let answer = converter.run(folder.path(), &["keras", file, ""]).unwrap();
            let Answer::Done(facts) = answer else { panic!("{file} was refused") };
            assert_eq!(facts["words"], words);
        }
        assert_eq!(starts(folder.path()), 1);
    }

    #[test]
    fn an_end_without_an_answer_is_told_with_its_last_words_and_the_next_task_has_a_new_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut converter = python(folder.path(), "task; echo a reason >&2; exit 1").converter();
        for times in 1..3 {
            let problem = failure(&mut converter, folder.path());
            assert!(problem.to_string().contains("a reason"), "{problem}");
            assert_eq!(starts(folder.path()), times);
        }
    }

    #[test]
    fn one_that_hangs_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let hanging = python(folder.path(), "exec sleep 60").with_patience(Duration::from_millis(50));
        assert_eq!(failure(&mut hanging.converter(), folder.path()).kind(), Kind::DeadlineExceeded);
    }

    #[test]
    fn without_python_it_is_said_how_to_name_one() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = Python::new(Surroundings::default(), Duration::from_secs(1));
        assert!(failure(&mut nowhere.converter(), folder.path()).to_string().contains("--python"));
        let gone = Surroundings::default().with("LANDFALL_PYTHON", "/no/such/python");
        let problem = failure(&mut Python::new(gone, Duration::from_secs(1)).converter(), folder.path());
        assert!(problem.to_string().contains("/no/such/python does not start"), "{problem}");
    }
}
