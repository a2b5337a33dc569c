//! Who changed what, and when: on disk before a control call returns, read again at start. `journal/record.rs` has the format.

mod entry;
mod orders;
mod record;

pub use entry::{Entry, What};
use landfall_model::{Kind, Problem};
pub(crate) use orders::{ModelOrders, Orders};
pub(crate) use record::checksum;
#[doc(hidden)]
pub use record::fuzz_read;
use record::{HEADER, Replay, entry_line, replay, was_lines};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A journal of more entries is shortened, at the next start, to [`KEPT_ENTRIES`].
const MOST_ENTRIES: usize = 2000;
const KEPT_ENTRIES: usize = 1000;
/// No larger one is written: the next start would not read it.
const MOST_BYTES: u64 = 64 << 20;

/// A journal, open for writing; or none, where a session keeps nothing.
pub(crate) struct Journal {
    file: Option<JournalFile>,
    orders: Orders,
    entries: Vec<Entry>,
    base: Orders,
}

enum JournalFile {
    Opened(Opened),
    /// One that could not be opened, and why: control calls are refused with it.
    Refused(PathBuf, Problem),
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
        Journal { file: None, orders, entries: Vec::new(), base }
    }

    /// The journal at `path`, made where there is none; and what a user should know about it. Where it can neither be
    /// read nor written, control calls are refused, and all else works.
    pub(crate) fn open(path: &Path) -> (Self, Option<String>) {
        match Journal::try_open(path) {
            Ok((journal, note)) => (journal, note),
            Err(problem) => {
                let what_to_do = "make it one that this server can read and write: the next call tries again; or name another \
                                  folder with --state, and start the server again";
                let problem = Problem::worded(problem.kind(), format!("{problem}; {what_to_do}"));
                let note = format!("models cannot be loaded, unloaded or promoted by calls: {problem}");
                let file = Some(JournalFile::Refused(path.to_owned(), problem));
                (Journal { file, ..Journal::in_memory() }, Some(note))
            }
        }
    }

    /// Tries again to open a journal that could not be. `Some` where it is open now: what it says holds from now on, and a user
    /// should know it.
    pub(crate) fn try_again(&mut self) -> Option<String> {
        let Some(JournalFile::Refused(path, _)) = &self.file else { return None };
        let path = path.clone();
        let (again, note) = Journal::open(&path);
        let is_open = matches!(again.file, Some(JournalFile::Opened(_)));
        *self = again;
        let note = note.map(|note| format!("; {note}")).unwrap_or_default();
        is_open.then(|| {
            format!("{} can be read and written again, and what it says holds{note}", path.display())
        })
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
        let mut journal = Journal { file: Some(JournalFile::Opened(opened)), orders, entries, base };
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
        let anew = self.is_gone().then(|| self.text());
        match &mut self.file {
            None => {}
            Some(JournalFile::Refused(_, problem)) => return Err(problem.clone()),
            Some(JournalFile::Opened(opened)) => {
                opened.write(anew.as_deref(), &entry_line(&entry)).map_err(|error| {
                    let text = format!("cannot write to the journal {}: {error}", opened.path.display());
                    Problem::worded(Kind::Unavailable, text)
                })?
            }
        }
        self.orders.apply(&entry);
        self.entries.push(entry);
        self.forget_oldest();
        Ok(())
    }

    /// Whether somebody removed the file, so that what is written to it is nowhere. Another server may have put a shorter one in
    /// its place.
    fn is_gone(&self) -> bool {
        let Some(JournalFile::Opened(opened)) = &self.file else { return false };
        opened.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0) && !opened.path.exists()
    }

    /// What a file that says all of it holds.
    fn text(&self) -> String {
        let mut text = format!("{HEADER}\n{}", was_lines(&self.base));
        self.entries.iter().for_each(|entry| text += &entry_line(entry));
        text
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
        let text = self.text();
        if let Some(JournalFile::Opened(opened)) = &mut self.file
            && opened.alone
            && let Ok(replaced) = opened.replaced(&text)
        {
            *opened = replaced;
        }
    }
}

impl Opened {
    /// Appends lines, to a file made `anew` where the one that was open is gone.
    fn write(&mut self, anew: Option<&str>, text: &str) -> std::io::Result<()> {
        if let Some(anew) = anew {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            *self = self.replaced(anew)?;
        }
        self.append(text)
    }

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
