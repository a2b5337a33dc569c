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
#![deny(unsafe_code)]

// What is loaded.
mod ask;
mod catalog;
mod clock;
mod control;
mod entry;
mod files;
mod fingerprint;
mod golden;
mod journal;
mod keeper;
mod kit;
mod lease;
mod lifecycle;
mod loaded;
mod loader;
mod map;
mod message;
mod model_state;
mod observer;
mod orders;
mod probe;
mod reaper;
mod record;
mod repository;
mod serving;
mod settings;
mod start;
mod told;
mod watch;

// Who runs next.
mod batcher;
mod batching;
mod compute;
mod cost;
mod infer;
mod instances;
mod lane;
mod locked;
mod pace;
mod request;
mod run;
mod scheduler;
mod statistics;

#[cfg(test)]
mod fake;

pub use batching::BatchSettings;
pub use catalog::{Catalog, ModelInfo};
pub use clock::{Clock, SystemClock};
pub use compute::ComputePool;
pub use control::Control;
pub use entry::{Entry, What};
pub use files::FolderFiles;
pub use golden::{Difference, GoldenReport, GoldenRows, Tolerance, check_golden, check_golden_by};
pub use infer::{Worker, submit};
pub use kit::{Kit, ReadBatching, ReadCalls, ReadGolden, ReadReplay, ReadSettings, Tables, Unread};
pub use lane::{Lane, Turned, turn};
pub use lease::Lease;
pub use loaded::Loaded;
pub use loader::{LoadReport, import_once, load_once};
pub use observer::{Event, Observer, Silent};
pub use request::{Answer, Request, Response, Timing};
pub use serving::Serving;
pub use settings::{BatchOptions, Layout, ModelSettings, NullRules, Origins, Source, VersionPolicy};
pub use start::{Retries, Setup, Started};
pub use statistics::{Histogram, Snapshot};
pub use watch::{Rounds, WatchSettings};

#[doc(hidden)]
pub mod fuzz {
    //! Bodies of fuzz targets.
    pub use crate::record::fuzz_read as journal;
}
