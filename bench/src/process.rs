//! Processes under measurement: pinned to a processor, stopped when dropped.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A process that is killed when it goes out of scope.
pub(crate) struct Running(Child);

impl Running {
    /// Starts `command` on `processors` (as `taskset -c` reads them), its output thrown away.
    ///
    /// # Errors
    /// What the operating system said.
    pub(crate) fn pinned(processors: &str, command: &[&str]) -> Result<Self, String> {
        let mut process = Command::new("taskset");
        process
            .args(["-c", processors])
            .args(command)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        process.spawn().map(Running).map_err(|e| format!("taskset {}: {e}", command[0]))
    }
}

impl Running {
    /// Processor time that its threads have taken so far, in user and in kernel mode.
    pub(crate) fn processor_time(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.0.id()));
        let nanos = tasks.into_iter().flatten().flatten().filter_map(|task| {
            // First of three figures: nanoseconds on a processor.
            std::fs::read_to_string(task.path().join("schedstat"))
                .ok()?
                .split(' ')
                .next()?
                .parse::<u64>()
                .ok()
        });
        Duration::from_nanos(nanos.sum())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `command` on `processors` and gives what it printed.
///
/// # Errors
/// When it fails, with what it said.
pub(crate) fn output_of(processors: &str, command: &[&str]) -> Result<String, String> {
    finished(processors, command).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `command` on `processors` and gives what it said on standard error.
///
/// # Errors
/// When it fails, with what it said.
pub(crate) fn errors_of(processors: &str, command: &[&str]) -> Result<String, String> {
    finished(processors, command).map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn finished(processors: &str, command: &[&str]) -> Result<Output, String> {
    let done = Command::new("taskset").args(["-c", processors]).args(command).output();
    let output = done.map_err(|e| format!("taskset {}: {e}", command[0]))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Waits until something accepts connections at `address`.
///
/// # Errors
/// When nothing does within half a minute.
#[expect(clippy::disallowed_methods, reason = "a start is waited for from outside the process")]
pub(crate) fn wait_for(address: &str) -> Result<(), String> {
    for _ in 0..300 {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("nothing listens at {address}"))
}

/// The body of the answer to one HTTP/1.1 POST.
///
/// # Errors
/// When the connection fails or the answer is no 200.
pub(crate) fn post(
    address: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect(address).map_err(|e| format!("connect {address}: {e}"))?;
    let lines: String = headers.iter().map(|(k, v)| format!("{k}: {v}\r\n")).collect();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{lines}Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut answer = Vec::new();
    let talked = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    talked.and_then(|()| stream.read_to_end(&mut answer)).map_err(|e| format!("{address}{path}: {e}"))?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or("an answer without a head")?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        return Err(format!("{path}: {}", String::from_utf8_lossy(&answer)));
    }
    Ok(answer.split_off(end + 4))
}
