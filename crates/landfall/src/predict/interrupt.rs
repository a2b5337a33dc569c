//! Ctrl-C and a request to end: files that are not whole are removed before the process goes.

use landfall_model::Problem;
use landfall_tables::AtomicFile;
use signal_hook::low_level::exit;
use tokio::runtime::Builder;
use tokio::signal;

/// From now on an interrupted process leaves no half file. What a shell expects of it stays: 128 and the signal's number.
///
/// # Errors
/// When the system gives no thread or no signals.
pub(super) fn watch() -> Result<(), Problem> {
    let failed = |e: std::io::Error| Problem::io("watch for signals", &e);
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let wait = move || {
        let code = runtime.block_on(interrupted());
        if let Some(code) = code {
            AtomicFile::abandon_all();
            // At once: a library that tidied up after itself would do so under the feet of threads that still use it.
            exit(code);
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map_err(failed)?;
    Ok(())
}

/// The exit code once a signal has come; `None` where there are no signals to wait for.
#[cfg(unix)]
async fn interrupted() -> Option<i32> {
    use signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).ok()?;
    let mut hang_up = signal(SignalKind::hangup()).ok()?;
    tokio::select! {
        pressed = signal::ctrl_c() => pressed.ok().map(|()| 130),
        _ = terminate.recv() => Some(143),
        _ = hang_up.recv() => Some(129),
    }
}

/// The exit code once Ctrl-C was pressed; `None` where that cannot be waited for.
#[cfg(not(unix))]
async fn interrupted() -> Option<i32> {
    signal::ctrl_c().await.ok().map(|()| 130)
}
