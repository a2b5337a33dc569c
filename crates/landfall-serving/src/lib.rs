//! What is loaded, and who runs next: repository, catalog, scheduler.
//!
//! [`Serving`] watches where models lie, loads, verifies and warms new versions on threads of their own and swaps them
//! into the [`Catalog`], from which a caller takes a [`Lease`]. [`submit`] answers one call among others, [`Worker`]
//! answers a file's calls in turn. [`Control`] loads, unloads, promotes and rolls back, and keeps who did it.
//!
//! ```
//! use landfall_serving::{
//!     ComputePool, Kit, ModelSettings, Retries, Serving, Setup, Silent, Source, SystemClock, Tables,
//!     WatchSettings,
//! };
//! use std::{sync::Arc, time::Duration};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path();
//! let clock = Arc::new(SystemClock);
//! let kit = Kit {
//!     engines: vec![], // landfall-onnx has some
//!     importers: vec![],
//!     pool: ComputePool::new(2, clock.clone()),
//!     settings: Box::new(|_| Ok(ModelSettings::default())),
//!     tables: Tables::unread(),
//!     unread: |_| None,
//!     give_back: || (),
//!     imports: None,
//!     batching: None,
//! };
//! let serving = Serving::start(Setup {
//!     sources: vec![Source::path(path)],
//!     kit: Arc::new(kit),
//!     state: None,
//!     watch: WatchSettings::default(),
//!     load_threads: 2,
//!     retries: Retries::default(),
//!     clock,
//!     observer: Arc::new(Silent),
//! })?;
//! let started = serving.wait_until_settled(Duration::from_secs(10)).expect("an empty folder is soon looked at");
//! assert!(started.is_empty() && serving.catalog().is_ready());
//! # Ok::<(), landfall_model::Problem>(())
//! ```
//!
//! No model's file format, no protocol, no JSON, no async runtime.
//!
//! # Rooms
//!
//! Each uses those above it alone, and what stands beside them: `settings`, `kit` (what loading needs from outside), `observer`,
//! `clock`, `locked`, `start`.
//!
//! | room | what it does | uses |
//! |---|---|---|
//! | `scheduler` | who runs next: calls wait, are put together, run and are cut apart; a version that answers ([`Loaded`]), holds on it ([`Lease`]), its counters | |
//! | `journal` | what control calls asked for, on disk, and what that comes to | |
//! | `repository` | what lies in the sources: files, fingerprints, layouts of folders, who reads them; when to look again | |
//! | `loader` | from files to a version that answers: convert, load, settle what rows are, verify, warm up | repository, scheduler |
//! | `catalog` | what is loaded, in which state, and what to load and drop next: per model, without threads | journal, repository, scheduler |
//! | `control` | [`Control`] and the keeper behind it, the one thread that changes anything: hears of looks, loads and calls, and puts the next catalog in place; the reaper, which frees what nobody holds | all of them |
//! | `serving` | puts it together and starts the threads | all of them |
#![deny(unsafe_code)]

mod catalog;
mod clock;
mod control;
mod journal;
mod kit;
mod loader;
mod locked;
mod observer;
mod repository;
mod scheduler;
mod serving;
mod settings;
mod start;

#[cfg(test)]
mod fake;

pub use catalog::{Catalog, ModelInfo};
pub use clock::{Clock, SystemClock};
pub use control::Control;
pub use journal::{Entry, What};
pub use kit::{
    GoldenRows, Kit, ReadBatching, ReadCalls, ReadGolden, ReadReplay, ReadSettings, Tables, Unread,
};
pub use loader::{
    Difference, GoldenReport, LoadReport, Tolerance, check_golden, check_golden_by, import_once, load_once,
};
pub use observer::{Event, Observer, Silent};
pub use repository::{FolderFiles, Rounds, WatchSettings};
pub use scheduler::{
    Answer, BatchSettings, ComputePool, Histogram, Lane, Lease, Loaded, Request, Response, Snapshot, Timing,
    Turned, Worker, submit, turn,
};
pub use serving::Serving;
pub use settings::{BatchOptions, Layout, ModelSettings, NullRules, Origins, Source, VersionPolicy};
pub use start::{Retries, Setup, Started};

#[doc(hidden)]
pub mod fuzz {
    //! Bodies of fuzz targets.
    pub use crate::journal::fuzz_read as journal;
}
