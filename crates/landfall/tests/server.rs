//! The binary as a server, on free ports, stopped when dropped.

use crate::http::Client;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

/// A running `landfall serve`.
pub(crate) struct Server {
    process: Child,
    pub(crate) http: String,
    log: Arc<Mutex<Vec<String>>>,
    _state: tempfile::TempDir,
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The folder of example models.
pub(crate) fn examples() -> PathBuf {
    root().join("examples")
}

/// The binary, with nothing from this machine's environment.
pub(crate) fn landfall() -> Command {
    bare(Command::new(env!("CARGO_BIN_EXE_landfall")))
}

/// A command with nothing from this machine's environment.
fn bare(mut command: Command) -> Command {
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("LANDFALL_") {
            command.env_remove(key);
        }
    }
    // What calls changed here on a server of the same models is none of these tests' business.
    command.env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"));
    command
}

impl Server {
    /// Starts on the embedded engine and waits until the doors are open.
    pub(crate) fn start(arguments: &[&str]) -> Server {
        let state = tempfile::tempdir().unwrap();
        Server::start_with(arguments, state)
    }

    /// The same with a state folder that an earlier server used.
    pub(crate) fn start_with(arguments: &[&str], state: tempfile::TempDir) -> Server {
        Server::started(landfall(), arguments, state)
    }

    /// The same by a program that starts others.
    pub(crate) fn start_by(program: &[&str], arguments: &[&str]) -> Server {
        let mut command = bare(Command::new(program[0]));
        command.args(&program[1..]).arg(env!("CARGO_BIN_EXE_landfall"));
        Server::started(command, arguments, tempfile::tempdir().unwrap())
    }

    fn started(mut command: Command, arguments: &[&str], state: tempfile::TempDir) -> Server {
        command.arg("serve").args(arguments).args(["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]);
        command.args(["--engine", "embedded", "--state"]).arg(state.path());
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut http = None;
        for line in lines.by_ref().map_while(Result::ok) {
            if let Some((_, address)) = line.split_once("http listening on ") {
                http = Some(address.trim().to_owned());
            }
            let ready = line.contains("control over the network");
            log.lock().unwrap().push(line);
            if ready {
                break;
            }
        }
        let kept = log.clone();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line))
        });
        let http = http.unwrap_or_else(|| panic!("no door opened: {}", log.lock().unwrap().join("\n")));
        Server { process, http, log, _state: state }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.http)
    }

    /// A line of what the kernel says of the process (proc(5)), in KiB.
    pub(crate) fn kib(&self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
    }

    /// What it said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([format!("-{name}"), self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// How it ended, once it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// Kills it without a chance to tidy up, and gives its state folder.
    pub(crate) fn kill(mut self) -> tempfile::TempDir {
        self.signal("KILL");
        self.wait();
        std::mem::replace(&mut self._state, tempfile::tempdir().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks again and again until the answer is as wanted; fails after half a minute.
#[expect(clippy::disallowed_methods, reason = "another process is waited for from outside")]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = ask() {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{what} did not happen within 30 s");
}
