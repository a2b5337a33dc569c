//! Ctrl-C and SIGTERM, as servers hear them.

use landfall_model::Problem;
use signal_hook::low_level::exit;
use std::time::Duration;
use tracing::warn;

/// Signals that come so close together are one wish: a terminal and a wrapper may both pass it on.
const SIGNALS_TOGETHER: Duration = Duration::from_secs(1);

/// Ends the process when Ctrl-C is pressed, but for what comes together with the signal before.
async fn pressed_again() {
    tokio::time::sleep(SIGNALS_TOGETHER).await;
    // A new listener: it does not hear what came before it.
    let interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
    let Ok(mut interrupt) = interrupt else { return };
    interrupt.recv().await;
    warn!("Ctrl-C again: stopped without waiting");
    exit(130);
}

/// Ctrl-C and SIGTERM.
pub(crate) struct Signals {
    runtime: tokio::runtime::Runtime,
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens from now on: a signal that comes while doors open is not lost.
    ///
    /// # Errors
    /// What the operating system said.
    pub(crate) fn listen() -> Result<Self, Problem> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |e: std::io::Error| Problem::io("listen for signals", &e);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let entered = runtime.enter();
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        drop(entered);
        Ok(Signals { runtime, interrupt, terminate })
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
        self.runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => "Ctrl-C",
                _ = terminate.recv() => "SIGTERM",
            }
        })
    }
}
