//! Who changed what, and when: on disk before a control call returns, read again at start. `record.rs` has the format.

use crate::entry::Entry;
use crate::orders::Orders;
use crate::record::{HEADER, Replay, entry_line, replay, was_lines};
use landfall_model::{Kind, Problem};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// A journal of more entries is shortened, at the next start, to [`KEPT_ENTRIES`].
const MOST_ENTRIES: usize = 2000;
const KEPT_ENTRIES: usize = 1000;
/// No larger one is written: the next start would not read it.
const MOST_BYTES: u64 = 64 << 20;

/// A journal, open for writing; or none, where a session keeps nothing.
pub(crate) struct Journal {
    file: Option<Opened>,
    /// Why nothing can be written; control calls are refused with it.
    refused: Option<Problem>,
    orders: Orders,
    entries: Vec<Entry>,
    base: Orders,
}

struct Opened {
    path: PathBuf,
    file: File,
    /// Whether no other server writes to it: only then it is shortened.
    alone: bool,
}

impl Journal {
    /// One that keeps nothing on disk.
    pub(crate) fn in_memory() -> Self {
        let (orders, base) = (Orders::default(), Orders::default());
        Journal { file: None, refused: None, orders, entries: Vec::new(), base }
    }

    /// The journal at `path`, made where there is none; and what a user should know about it. Where it can neither be
    /// read nor written, control calls are refused, and all else works.
    pub(crate) fn open(path: &Path) -> (Self, Option<String>) {
        match Journal::try_open(path) {
            Ok((journal, note)) => (journal, note),
            Err(problem) => {
                let what_to_do = "make it one that this server can read and write, or name another folder with --state, and \
                                  start the server again";
                let problem = Problem::worded(problem.kind(), format!("{problem}; {what_to_do}"));
                let note = format!("models cannot be loaded, unloaded or promoted by calls: {problem}");
                (Journal { refused: Some(problem), ..Journal::in_memory() }, Some(note))
            }
        }
    }

    fn try_open(path: &Path) -> Result<(Self, Option<String>), Problem> {
        let fault =
            |error: &std::io::Error| Problem::io(format!("open the journal {}", path.display()), error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| fault(&error))?;
        }
        let mut file =
            File::options().read(true).append(true).create(true).open(path).map_err(|e| fault(&e))?;
        let alone = file.try_lock().is_ok();
        let mut bytes = Vec::new();
        (&mut file).take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| fault(&error))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(Problem::malformed(path.display().to_string(), None, "larger than a journal can be"));
        }
        let replay = replay(&bytes);
        if replay.whole == 0 && replay.bad_lines > 0 {
            return Err(Problem::malformed(
                path.display().to_string(),
                Some(0),
                "no journal of this version",
            ));
        }
        let mut opened = Opened { path: path.to_owned(), file, alone };
        if bytes.len() > replay.whole && alone {
            opened.file.set_len(replay.whole as u64).map_err(|error| fault(&error))?;
        }
        if replay.whole == 0 {
            opened.append(&format!("{HEADER}\n")).map_err(|error| fault(&error))?;
            sync_folder(path);
        }
        let note = (replay.bad_lines > 0)
            .then(|| format!("{}: {} damaged lines were passed over", path.display(), replay.bad_lines));
        let Replay { orders, entries, base, .. } = replay;
        let mut journal = Journal { file: Some(opened), refused: None, orders, entries, base };
        journal.shorten_file();
        Ok((journal, note))
    }

    /// What all entries come to.
    pub(crate) fn orders(&self) -> &Orders {
        &self.orders
    }

    /// Forgets that a model was unloaded, for as long as this process lives: it was asked for at start.
    pub(crate) fn overrule_unload(&mut self, model: &str) {
        self.orders.of_mut(model).unloaded = false;
    }

    /// The entries kept, oldest first.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes an entry to disk and carries it out. Nothing has changed when it fails.
    pub(crate) fn append(&mut self, entry: Entry) -> Result<(), Problem> {
        if let Some(problem) = &self.refused {
            return Err(problem.clone());
        }
        if let Some(opened) = &mut self.file {
            let text = entry_line(&entry);
            opened.append(&text).map_err(|error| {
                Problem::worded(
                    Kind::Unavailable,
                    format!("cannot write to the journal {}: {error}", opened.path.display()),
                )
            })?;
        }
        self.orders.apply(&entry);
        self.entries.push(entry);
        self.forget_oldest();
        Ok(())
    }

    /// Keeps the memory bounded.
    fn forget_oldest(&mut self) -> bool {
        if self.entries.len() <= MOST_ENTRIES {
            return false;
        }
        let kept = self.entries.split_off(self.entries.len() - KEPT_ENTRIES);
        let left_out = std::mem::replace(&mut self.entries, kept);
        left_out.iter().for_each(|entry| self.base.apply(entry));
        true
    }

    /// Shortens a long file, just after it was read: no other server's entries are lost. A failure leaves the long one,
    /// which is as good.
    fn shorten_file(&mut self) {
        if !self.forget_oldest() {
            return;
        }
        let mut text = format!("{HEADER}\n{}", was_lines(&self.base));
        self.entries.iter().for_each(|entry| text += &entry_line(entry));
        if let Some(opened) = &mut self.file
            && opened.alone
            && let Ok(replaced) = opened.replaced(&text)
        {
            *opened = replaced;
        }
    }
}

impl Opened {
    /// Appends whole lines and waits until they are on disk. What was written of them is taken back on failure.
    fn append(&mut self, text: &str) -> std::io::Result<()> {
        let apart = if self.alone {
            String::new()
        } else {
            // The server that was first may have put a shorter file in place; and the end may be its torn line: an empty
            // line in between keeps ours whole.
            self.file = File::options().append(true).open(&self.path)?;
            "\n".to_owned()
        };
        let text = apart + text;
        let end = self.file.metadata()?.len();
        if end + text.len() as u64 > MOST_BYTES {
            return Err(std::io::Error::other("it is full; a restart shortens it"));
        }
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            if self.alone {
                // A torn line at the end would be cut off at the next start, but not before the next entry.
                self.file.set_len(end)?;
            }
            return Err(error);
        }
        Ok(())
    }

    /// The same journal with another content, put in place in one step.
    fn replaced(&self, text: &str) -> std::io::Result<Opened> {
        let beside = self.path.with_extension("new");
        let _ = fs::remove_file(&beside);
        let mut file = File::options().read(true).append(true).create_new(true).open(&beside)?;
        let alone = file.try_lock().is_ok();
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        sync_folder(&self.path);
        Ok(Opened { path: self.path.clone(), file, alone })
    }
}

/// A new name is on disk when its folder is. File systems that cannot do this need not.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent()
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests;
