//! Ctrl-C, SIGTERM and the end of a terminal (SIGHUP): a server drains, and all else ends at once, leaving nothing half done.

use landfall_convert::Staging;
use landfall_model::Problem;
use landfall_tables::AtomicFile;
use signal_hook::low_level::exit;
use std::future::pending;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{info, warn};

/// Signals that come so close together are one wish: a terminal and a wrapper may both pass it on.
const SIGNALS_TOGETHER: Duration = Duration::from_secs(1);

/// Ends the process when Ctrl-C is pressed, but for what comes together with the signal before.
async fn pressed_again() {
    tokio::time::sleep(SIGNALS_TOGETHER).await;
    // A new listener: it does not hear what came before it.
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return };
    interrupt.recv().await;
    warn!("Ctrl-C again: stopped without waiting");
    abandon_all();
    exit(130);
}

/// Whether the process is to outlive its terminal: `nohup` starts it so, and it stays so.
fn ignores_hangup() -> bool {
    // proc(5): a mask in hexadecimal, whose lowest bit is signal 1.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// A signal that has come: its name, and what a shell expects the process to exit with: 128 and the signal's number.
type Come = (&'static str, i32);

/// The signals that end a process.
pub(crate) struct Signals {
    runtime: tokio::runtime::Runtime,
    heard: Heard,
}

impl Signals {
    /// Listens from now on: a signal that comes while doors open is not lost.
    ///
    /// # Errors
    /// What the operating system said.
    pub(crate) fn listen() -> Result<Self, Problem> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| failed(&e))?;
        let entered = runtime.enter();
        let heard = Heard::listen().map_err(|e| failed(&e))?;
        drop(entered);
        Ok(Signals { runtime, heard })
    }

    /// From now on the first of them ends the process, and no half file is left, until the answer is dropped or heard.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn obey(mut self) -> Result<Obeyed, Problem> {
        let (until, mut over) = oneshot::channel::<()>();
        let obey = move || {
            let Signals { runtime, heard } = &mut self;
            let come = runtime.block_on(async {
                tokio::select! {
                    biased;
                    come = heard.next() => Some(come),
                    _ = &mut over => None,
                }
            });
            if let Some((name, code)) = come {
                info!("{name}: stopped");
                abandon_all();
                // At once: a library that tidied up after itself would do so under the feet of threads that still use it.
                exit(code);
            }
            self
        };
        let thread = Builder::new().name("signals".to_owned()).spawn(obey).map_err(|e| failed(&e))?;
        Ok(Obeyed { until, thread })
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
        Builder::new().name("signals".to_owned()).spawn(obey).map_err(|e| failed(&e))?;
        Ok(first)
    }

    fn next(&mut self) -> &'static str {
        let (name, _) = self.runtime.block_on(self.heard.next());
        name
    }
}

/// Signals that end the process as long as this is there.
pub(crate) struct Obeyed {
    until: oneshot::Sender<()>,
    thread: JoinHandle<Signals>,
}

impl Obeyed {
    /// They end it no longer, and can be waited for; one that came just before has ended it.
    ///
    /// # Errors
    /// When the thread that heard them has panicked.
    pub(crate) fn heard(self) -> Result<Signals, Problem> {
        drop(self.until);
        self.thread.join().map_err(|_| Problem::internal("the thread that hears signals has panicked"))
    }
}

/// What is heard.
struct Heard {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where it is ignored.
    hangup: Option<Signal>,
}

impl Heard {
    /// From now on; within a runtime.
    fn listen() -> std::io::Result<Self> {
        let hangup = match ignores_hangup() {
            true => None,
            false => Some(signal(SignalKind::hangup())?),
        };
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Heard { interrupt, terminate: signal(SignalKind::terminate())?, hangup })
    }

    async fn next(&mut self) -> Come {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => ("Ctrl-C", 130),
            _ = self.terminate.recv() => ("SIGTERM", 143),
            _ = hangup => ("SIGHUP", 129),
        }
    }
}

/// Removes files and folders that are not whole: a process that ends at once drops nothing.
pub(crate) fn abandon_all() {
    AtomicFile::abandon_all();
    Staging::abandon_all();
}

fn failed(error: &std::io::Error) -> Problem {
    Problem::io("listen for signals", error)
}
