//! Ctrl-C, SIGTERM and the end of a terminal (SIGHUP), as servers hear them.

use landfall_model::Problem;
use signal_hook::low_level::exit;
use std::future::pending;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

/// Signals that come so close together are one wish: a terminal and a wrapper may both pass it on.
const SIGNALS_TOGETHER: Duration = Duration::from_secs(1);

/// Ends the process when Ctrl-C is pressed, but for what comes together with the signal before.
async fn pressed_again() {
    tokio::time::sleep(SIGNALS_TOGETHER).await;
    // A new listener: it does not hear what came before it.
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return };
    interrupt.recv().await;
    warn!("Ctrl-C again: stopped without waiting");
    exit(130);
}

/// Whether the process is to outlive its terminal: `nohup` starts it so, and it stays so.
fn ignores_hangup() -> bool {
    // proc(5): a mask in hexadecimal, whose lowest bit is signal 1.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// The signals that end a server.
pub(crate) struct Signals {
    runtime: tokio::runtime::Runtime,
    interrupt: Signal,
    terminate: Signal,
    /// `None` where it is ignored.
    hangup: Option<Signal>,
}

impl Signals {
    /// Listens from now on: a signal that comes while doors open is not lost.
    ///
    /// # Errors
    /// What the operating system said.
    pub(crate) fn listen() -> Result<Self, Problem> {
        let failed = |e: std::io::Error| Problem::io("listen for signals", &e);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let entered = runtime.enter();
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let hangup = match ignores_hangup() {
            true => None,
            false => Some(signal(SignalKind::hangup()).map_err(failed)?),
        };
        drop(entered);
        Ok(Signals { runtime, interrupt, terminate, hangup })
    }

    /// Waits for one of them, and gives its name.
    pub(crate) fn wait(mut self) -> &'static str {
        self.next()
    }

    /// The same; from a moment later on, Ctrl-C ends the process at once: whoever presses it again does not want to wait.
    /// Not so SIGTERM: what ends a group of processes may well send it twice.
    ///
    /// # Errors
    /// What the operating system said.
    pub(crate) fn wait_then_obey(mut self) -> Result<&'static str, Problem> {
        let first = self.next();
        let runtime = self.runtime;
        let obey = move || runtime.block_on(pressed_again());
        let started = std::thread::Builder::new().name("signals".to_owned()).spawn(obey);
        started.map_err(|e| Problem::io("listen for signals", &e))?;
        Ok(first)
    }

    fn next(&mut self) -> &'static str {
        let (interrupt, terminate) = (&mut self.interrupt, &mut self.terminate);
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => "Ctrl-C",
                _ = terminate.recv() => "SIGTERM",
                _ = hangup => "SIGHUP",
            }
        })
    }
}
