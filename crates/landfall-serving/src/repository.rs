//! Where models come from: sources → everything that lies there, each time whole, never a change.
//!
//! What a path is, in this order:
//! 1. A file is one model, named by its stem, of one version, `1`.
//! 2. A folder that an engine recognises is one model of one version: a SavedModel, a folder with one ONNX file. It is
//!    version `1` under the folder's name; a folder whose own name is a number is that version of the folder above.
//! 3. A folder is a repository, each of whose child folders is a model, when one of them has versions of its own or a
//!    `model.toml`. Model files that lie loosely in it are models too.
//! 4. Else, a folder with child folders that are numbers, or that an engine recognises, is one model, and those are its
//!    versions (`M/1/model.onnx`, `M/spring/model.onnx`).
//! 5. Else it is a repository: of the model files that lie in it, or an empty one.
//!
//! A source with a name, and a folder with a `model.toml`, is one model: rules 3 and 5 do not apply to it. Hidden
//! entries are passed over. Versions are ordered newest first: numbers, highest first, then other names, the last
//! changed first. `002` is version 2; of two folders with one number the plainer name wins.

mod choice;
mod files;
mod fingerprint;
mod folder;
mod found;
mod known;
mod map;
mod not_there;
mod numbered;
mod remarks;
mod view;
mod warning;
mod watch;

use crate::kit::Kit;
use crate::settings::SETTINGS_FILE;
use crate::{Layout, ModelSettings, Source};
pub(crate) use choice::{choose, importer_of};
pub use files::FolderFiles;
pub(crate) use files::parent;
use files::trouble;
pub(crate) use fingerprint::Fingerprint;
use folder::{Children, absolute, folder_name, is_number, stem};
use found::{Before, Found, cannot_look_at, one_of_each_name};
pub(crate) use found::{Round, Seen, SeenVersion, newness};
use known::Known;
use landfall_model::{Problem, Reason, Version};
use not_there::named_in_vain;
pub(crate) use not_there::{none_available, several};
use remarks::{beside_versions, is_a_model_itself, not_read, taken_for_one_file, taken_for_versions};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub(crate) use warning::Warning;
pub(crate) use watch::{Look, Watch};
pub use watch::{Rounds, WatchSettings};

/// The most files and folders that one source is looked through for: who names `/` means something else.
const MOST_MET: usize = 1_000_000;

/// Looks at the sources; remembers what it read, so that looking again is cheap.
pub(crate) struct Repository {
    sources: Vec<Source>,
    known: Known,
    /// Sources that a look could look at.
    seen: BTreeSet<usize>,
    /// Sources that the last look did not come to the end of.
    endless: BTreeSet<usize>,
}

impl Repository {
    pub(crate) fn new(sources: Vec<Source>, kit: Arc<Kit>) -> Self {
        let (known, seen, endless) = (Known::new(kit, MOST_MET), BTreeSet::new(), BTreeSet::new());
        Repository { sources, known, seen, endless }
    }

    /// The sources whose changes are worth watching: folders without an end are none.
    pub(crate) fn watchable(&self) -> Vec<&Source> {
        let watchable = |(index, source)| (!self.endless.contains(&index)).then_some(source);
        self.sources.iter().enumerate().filter_map(watchable).collect()
    }

    /// Looks at these sources from now on.
    pub(crate) fn set_sources(&mut self, sources: Vec<Source>) {
        self.seen.clear();
        self.sources = sources;
    }

    /// Everything that lies in the sources now.
    pub(crate) fn look(&mut self) -> Round {
        let mut round = Round::default();
        self.known.begin();
        self.endless.clear();
        let sources = self.sources.clone();
        for (index, source) in sources.iter().enumerate() {
            let mut found = Found { source: index, ..Found::default() };
            match self.look_through(source, &mut found) {
                Ok(()) => {
                    self.seen.insert(index);
                    if source.layout != Layout::Numbered {
                        round.warnings.extend(found.models.iter().flat_map(named_in_vain).map(Warning::from));
                    }
                    round.models.append(&mut found.models);
                }
                Err(problem) => {
                    let before = if self.seen.contains(&index) { Before::Seen } else { Before::Never };
                    round.warnings.push(cannot_look_at(&source.path, before, &problem).into());
                    round.dropped.push((index, problem));
                }
            }
            round.warnings.append(&mut found.warnings);
            round.passed_over.append(&mut found.passed_over);
        }
        one_of_each_name(&mut round);
        round.warnings.append(&mut self.known.end());
        round
    }

    /// Looks at a source, as far as it has an end.
    fn look_through(&mut self, source: &Source, found: &mut Found) -> Result<(), Problem> {
        self.known.begin_source();
        let looked = self.look_at(source, found);
        let ended = self.known.has_end(&source.path);
        if ended.is_err() {
            self.endless.insert(found.source);
            // What was found on the way is as little the whole as what was not.
            found.warnings.clear();
        }
        ended.and(looked)
    }

    fn look_at(&mut self, source: &Source, found: &mut Found) -> Result<(), Problem> {
        let path = &source.path;
        let metadata = std::fs::metadata(path).map_err(|error| trouble("open", path, &error));
        let above = &source.settings;
        if source.layout == Layout::Numbered {
            return self.numbered(source, metadata, found);
        }
        let metadata = metadata?;
        if !metadata.is_dir() {
            let name = source.name.clone().unwrap_or_else(|| stem(path));
            return self.single(found, name, path, parent(path), above);
        }
        let is_model = source.name.is_some() || path.join(SETTINGS_FILE).is_file();
        let children = self.known.children(path)?;
        let Children { folders, files } = &*children;
        if self.known.recognises(path) {
            return self.whole_folder(found, source, folders);
        }
        // A version may have settings of its own; a numbered folder with settings is one.
        let models = self.models_among(folders);
        if !is_model && !models.is_empty() {
            self.all_in(found, folders, files, above);
            return Ok(());
        }
        let versions = self.versions(folders, found);
        if is_model || !versions.is_empty() {
            if versions.is_empty() && !models.is_empty() && !path.join(SETTINGS_FILE).is_file() {
                let names: Vec<String> = models.iter().map(|folder| folder_name(folder)).collect();
                return Err(several(path, &names.iter().map(String::as_str).collect::<Vec<_>>()));
            }
            let name = source.name.clone().unwrap_or_else(|| folder_name(path));
            if !is_model && versions.iter().all(|seen| seen.version.number().is_none()) {
                found.warn(taken_for_versions(&name, path, &versions));
            }
            self.beside(found, &name, path, files);
            self.push(found, name, path, path, versions, above);
            return Ok(());
        }
        let before = found.models.len();
        self.all_in(found, &[], files, above);
        if found.models.len() == before && !(files.is_empty() && folders.is_empty()) {
            let nothing = self.known.holds_nothing(path);
            let deeper = self.deeper(folders);
            found.warn(nothing + &deeper);
        }
        Ok(())
    }

    /// The folders among these that a repository has for models.
    fn models_among(&mut self, folders: &[PathBuf]) -> Vec<PathBuf> {
        let mut models = folders.to_vec();
        models.retain(|child| {
            let has_settings = child.join(SETTINGS_FILE).is_file() && !is_number(child);
            has_settings || self.has_versions(child)
        });
        models
    }

    /// Which of these folders are repositories themselves, for people who named the folder above them.
    fn deeper(&mut self, folders: &[PathBuf]) -> String {
        let mut repositories = folders.to_vec();
        repositories.retain(|folder| {
            let Ok(children) = self.known.children(folder) else { return false };
            !self.models_among(&children.folders).is_empty()
                || children.files.iter().any(|file| self.known.recognises(file))
        });
        match &*repositories {
            [] => String::new(),
            [one] => format!("; models lie in {0}: name that folder (serve {0})", one.display()),
            several => {
                let shown: Vec<String> = several.iter().map(|folder| folder.display().to_string()).collect();
                format!("; models lie in {}: name those folders", shown.join(", "))
            }
        }
    }

    /// A folder that is a model as it stands.
    fn whole_folder(
        &mut self,
        found: &mut Found,
        source: &Source,
        folders: &[PathBuf],
    ) -> Result<(), Problem> {
        let path = &source.path;
        let own = folder_name(path);
        self.other_models(found, path);
        if let Some(within) = folders.iter().find(|child| self.has_versions(child) || is_number(child)) {
            let children = self.known.children(path)?;
            let file = children.files.iter().find(|file| self.known.recognises(file));
            found.warn(is_a_model_itself(path, file.map(PathBuf::as_path), within));
        }
        let above_it = absolute(path).parent().map(Path::to_owned);
        let (name, version, settings_folder) = match above_it {
            Some(folder) if is_number(path) => {
                let settings = if path.join(SETTINGS_FILE).is_file() { path.clone() } else { folder.clone() };
                (folder_name(&folder), Version::named(&own), settings)
            }
            _ => (own, Version::numbered(1), path.clone()),
        };
        let name = source.name.clone().unwrap_or(name);
        let versions = vec![self.seen(version, path)?];
        self.push(found, name, path, &settings_folder, versions, &source.settings);
        Ok(())
    }

    /// Says which files of a folder that is one model would be models of their own, by others than read the folder.
    fn other_models(&mut self, found: &mut Found, folder: &Path) {
        let (Some(reader), Ok(children)) = (self.known.reader(folder), self.known.children(folder)) else {
            return;
        };
        let readers = children.files.iter().map(|file| (file.as_path(), self.known.reader(file)));
        let readers: Vec<(&Path, Option<&str>)> = readers.collect();
        let of = |is_meant: &dyn Fn(&str) -> bool| -> Vec<&Path> {
            let meant = readers.iter().filter(|(_, reader)| reader.is_some_and(is_meant));
            meant.map(|(file, _)| *file).collect()
        };
        let (own, others) = (of(&|name| name == reader), of(&|name| name != reader));
        // Of a folder that its reader knows by other signs than one file, the files are its parts.
        if let ([own], [first, ..]) = (&*own, &*others) {
            found.warn(taken_for_one_file(folder, own, &others, first));
        }
    }

    /// Says which models lie loosely beside a model's versions.
    fn beside(&mut self, found: &mut Found, model: &str, folder: &Path, files: &[PathBuf]) {
        let mut loose: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        loose.retain(|file| self.known.recognises(file));
        found.warnings.extend(beside_versions(model, folder, &loose).map(Warning::from));
    }

    /// The models of a repository. One that cannot be looked at keeps no other from being served.
    fn all_in(&mut self, found: &mut Found, folders: &[PathBuf], files: &[PathBuf], above: &ModelSettings) {
        for folder in folders {
            let seen = self.child(found, folder, above);
            found.pass_over(folder_name(folder), folder, seen, self.known.before(folder));
        }
        for file in files {
            let seen = self.loose(found, file, above);
            found.pass_over(stem(file), file, seen, self.known.before(file));
        }
    }

    /// A child folder of a repository.
    fn child(&mut self, found: &mut Found, path: &Path, above: &ModelSettings) -> Result<(), Problem> {
        let name = folder_name(path);
        if self.known.recognises(path) {
            self.other_models(found, path);
            return self.single(found, name, path, path, above);
        }
        let children = self.known.children(path)?;
        let versions = self.versions(&children.folders, found);
        if versions.is_empty() && !path.join(SETTINGS_FILE).is_file() {
            found.warn(self.known.holds_nothing(path));
            return Ok(());
        }
        self.beside(found, &name, path, &children.files);
        self.push(found, name, path, path, versions, above);
        Ok(())
    }

    /// A file that lies loosely in a repository.
    fn loose(&mut self, found: &mut Found, file: &Path, above: &ModelSettings) -> Result<(), Problem> {
        match self.known.recognises(file) {
            // No settings: a `model.toml` in this folder would make the folder one model.
            true => self.single(found, stem(file), file, Path::new(""), above),
            false => {
                found.warnings.extend(self.known.passed_over(file).map(Warning::from));
                Ok(())
            }
        }
    }

    fn single(
        &mut self,
        found: &mut Found,
        name: String,
        path: &Path,
        settings: &Path,
        above: &ModelSettings,
    ) -> Result<(), Problem> {
        let versions = vec![self.seen(Version::numbered(1), path)?];
        self.push(found, name, path, settings, versions, above);
        Ok(())
    }

    /// The versions among a model's child folders, newest first.
    fn versions(&mut self, folders: &[PathBuf], found: &mut Found) -> Vec<SeenVersion> {
        let mut versions: Vec<SeenVersion> = Vec::new();
        for folder in folders {
            if !is_number(folder) && !self.known.recognises(folder) {
                continue;
            }
            let seen = match self.seen(Version::named(&folder_name(folder)), folder) {
                Ok(seen) => seen,
                Err(problem) => {
                    // A folder that goes while it is looked at is no version any more.
                    if !matches!(problem.reason(), Reason::FileMissing { .. }) {
                        found.warn(problem.at("a version cannot be looked at"));
                    }
                    continue;
                }
            };
            if seen.fingerprint.is_empty {
                continue;
            }
            let same = versions.iter().position(|other| other.version == seen.version);
            match same {
                None => versions.push(seen),
                Some(at) => {
                    let (kept, other) = match seen.version.name().len() < versions[at].version.name().len() {
                        true => (seen.path.clone(), std::mem::replace(&mut versions[at], seen).path),
                        false => (versions[at].path.clone(), seen.path),
                    };
                    found.warn(format!(
                        "{} and {} are one version: the first is taken",
                        kept.display(),
                        other.display()
                    ));
                }
            }
        }
        versions.sort_by_key(|seen| std::cmp::Reverse(newness(&seen.version, &seen.fingerprint)));
        versions
    }

    fn push(
        &mut self,
        found: &mut Found,
        name: String,
        path: &Path,
        settings_folder: &Path,
        mut versions: Vec<SeenVersion>,
        above: &ModelSettings,
    ) {
        let below = self.known.settings_in(settings_folder);
        found.warnings.extend(not_read(settings_folder).map(Warning::from));
        for version in versions.iter_mut().filter(|seen| seen.path != settings_folder && seen.path.is_dir()) {
            if version.path.join(SETTINGS_FILE).is_file() {
                let own = self.known.settings_in(&version.path);
                let both = own.and_then(|own| Ok(own.over(below.clone()?)));
                version.own = Some(both.map(|both| Arc::new(above.clone().over(both))));
            }
        }
        let settings = below.map(|below| Arc::new(above.clone().over(below)));
        found.models.push(Seen { name, source: found.source, path: path.to_owned(), settings, versions });
    }

    fn seen(&mut self, version: Version, path: &Path) -> Result<SeenVersion, Problem> {
        Ok(SeenVersion {
            version,
            path: path.to_owned(),
            fingerprint: self.known.fingerprint(path)?,
            settled: true,
            own: None,
        })
    }

    /// Whether a folder is no model itself, but holds versions of one.
    fn has_versions(&mut self, folder: &Path) -> bool {
        if self.known.recognises(folder) {
            return false;
        }
        let Ok(children) = self.known.children(folder) else { return false };
        children.folders.iter().any(|child| is_number(child) || self.known.recognises(child))
    }
}

#[cfg(test)]
mod tests;
