//! Files of records, written on a thread of their own, which run as warm-up where they are put into a version's
//! `assets.extra`.

use landfall_dialects::tfs::warmup::MOST_RECORDS;
use landfall_model::Problem;
use landfall_serving::{Clock, SystemClock};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::UNIX_EPOCH;

/// What the files' names end in.
pub(super) const ENDING: &str = "tfrecord";

/// Bytes of records that wait for the disk; further records are left out.
const MOST_WAITING: usize = 64 << 20;

/// The files of one prefix, with the thread that writes them. Dropped, it waits for the disk.
pub(super) struct RecordFiles {
    prefix: PathBuf,
    line: Option<Sender<Vec<u8>>>,
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl RecordFiles {
    /// Of a prefix: a file's path, to which time, number and ending are added. There is no file before the first record.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(prefix: PathBuf) -> Result<Self, Problem> {
        let (line, records) = channel();
        let waiting = Arc::<AtomicUsize>::default();
        let (at, left) = (prefix.clone(), waiting.clone());
        let run = move || Files::new(at).write_all(&records, &left);
        let thread = std::thread::Builder::new().name("request-log".into()).spawn(run);
        let thread = thread.map_err(|error| Problem::io("start a thread that logs requests", &error))?;
        Ok(RecordFiles { prefix, line: Some(line), waiting, thread: Some(thread) })
    }

    pub(super) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Hands a record over to be written; leaves it out where the disk is behind.
    pub(super) fn put(&self, record: Vec<u8>) {
        let bytes = record.len();
        if self.waiting.fetch_add(bytes, Relaxed).saturating_add(bytes) > MOST_WAITING {
            self.waiting.fetch_sub(bytes, Relaxed);
            tracing::debug!("{}: the disk is behind; a record is left out", self.prefix.display());
            return;
        }
        if let Some(line) = &self.line {
            // The thread ends when the line does.
            let _ = line.send(record);
        }
    }
}

impl Drop for RecordFiles {
    fn drop(&mut self) {
        self.line = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Files of one prefix, one after the other.
struct Files {
    prefix: PathBuf,
    open: Option<BufWriter<File>>,
    /// Records in the open file.
    records: usize,
    /// Files so far.
    number: usize,
    /// Whether the last attempt failed, and was said.
    failed: bool,
}

impl Files {
    fn new(prefix: PathBuf) -> Self {
        Files { prefix, open: None, records: 0, number: 0, failed: false }
    }

    /// Writes what comes until the line ends; on disk it is whenever nothing more waits.
    fn write_all(mut self, records: &Receiver<Vec<u8>>, waiting: &AtomicUsize) {
        while let Ok(mut record) = records.recv() {
            loop {
                waiting.fetch_sub(record.len(), Relaxed);
                let written = self.write(&record);
                self.tell(written);
                match records.try_recv() {
                    Ok(next) => record = next,
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            let flushed = self.open.as_mut().map_or(Ok(()), Write::flush);
            self.tell(flushed);
        }
    }

    fn write(&mut self, record: &[u8]) -> std::io::Result<()> {
        if self.records == MOST_RECORDS {
            self.close()?;
        }
        let file = match &mut self.open {
            Some(file) => file,
            None => {
                let file = BufWriter::new(self.create()?);
                self.open.insert(file)
            }
        };
        file.write_all(record)?;
        self.records += 1;
        Ok(())
    }

    fn close(&mut self) -> std::io::Result<()> {
        self.records = 0;
        self.open.take().map_or(Ok(()), |mut file| file.flush())
    }

    /// A new file: none that lies there is touched.
    fn create(&mut self) -> std::io::Result<File> {
        let seconds = SystemClock.wall().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        loop {
            let mut name = self.prefix.clone().into_os_string();
            name.push(format!("-{seconds}-{:05}.{ENDING}", self.number));
            self.number += 1;
            match File::options().write(true).create_new(true).open(&name) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                opened => return opened,
            }
        }
    }

    /// Says the first of several failures in a row. What failed is lost; the next record begins a new file.
    fn tell(&mut self, done: std::io::Result<()>) {
        match done {
            Ok(()) => self.failed = false,
            Err(error) => {
                if !std::mem::replace(&mut self.failed, true) {
                    tracing::error!("{}: requests cannot be logged: {error}", self.prefix.display());
                }
                (self.open, self.records) = (None, 0);
            }
        }
    }
}
