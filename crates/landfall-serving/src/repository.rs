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

use crate::files::{FolderFiles, parent, trouble};
use crate::loader::Kit;
use crate::not_there::named_in_vain;
use crate::print::Print;
use crate::{Layout, ModelSettings, Source, VersionPolicy};
use landfall_model::{Claim, Problem, Version};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the file beside a model that holds its settings.
pub(crate) const SETTINGS_FILE: &str = "model.toml";
/// The most children of one folder that are looked at.
const MAX_CHILDREN: usize = 10_000;

/// Everything that lies in the sources.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// Models, by source and name.
    pub(crate) models: Vec<Seen>,
    /// Sources that could not be looked at: what came from them stays as it is.
    pub(crate) dropped: Vec<(usize, Problem)>,
    /// What a user should look at.
    pub(crate) warnings: Vec<String>,
    /// The sources that were looked at, where they are others than before.
    pub(crate) sources: Option<Vec<Source>>,
}

/// A model that lies in a source.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) source: usize,
    pub(crate) path: PathBuf,
    /// What flags, configuration and `model.toml` say together.
    pub(crate) settings: Result<Arc<ModelSettings>, Problem>,
    /// Newest first.
    pub(crate) versions: Vec<SeenVersion>,
}

/// A version that lies in a source.
#[derive(Clone, Debug)]
pub(crate) struct SeenVersion {
    pub(crate) version: Version,
    pub(crate) path: PathBuf,
    pub(crate) print: Print,
    /// Whether its files lie still.
    pub(crate) settled: bool,
    /// Its settings, where a `model.toml` of its own says something: that file outranks the model's.
    pub(crate) own: Option<Result<Arc<ModelSettings>, Problem>>,
}

/// Looks at the sources; remembers what it read, so that looking again is cheap.
pub(crate) struct Repository {
    sources: Vec<Source>,
    kit: Arc<Kit>,
    /// Of this look: a folder is looked at as a child, as a model and as a version.
    prints: HashMap<PathBuf, Print>,
    recognised: HashMap<PathBuf, (Print, bool)>,
    settings: HashMap<PathBuf, (Print, Result<ModelSettings, Problem>)>,
}

impl Repository {
    pub(crate) fn new(sources: Vec<Source>, kit: Arc<Kit>) -> Self {
        let (prints, recognised, settings) = Default::default();
        Repository { sources, kit, prints, recognised, settings }
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Looks at these sources from now on.
    pub(crate) fn set_sources(&mut self, sources: Vec<Source>) {
        self.sources = sources;
    }

    /// Everything that lies in the sources now.
    pub(crate) fn look(&mut self) -> Round {
        let mut round = Round::default();
        self.prints.clear();
        let sources = self.sources.clone();
        for (index, source) in sources.iter().enumerate() {
            let mut found = Found { source: index, models: Vec::new(), warnings: Vec::new() };
            match self.look_at(source, &mut found) {
                Ok(()) => {
                    if source.layout != Layout::Numbered {
                        round.warnings.extend(found.models.iter().flat_map(named_in_vain));
                    }
                    round.models.append(&mut found.models);
                }
                Err(problem) => round.dropped.push((index, problem)),
            }
            round.warnings.append(&mut found.warnings);
        }
        one_of_each_name(&mut round);
        self.recognised.retain(|path, _| path.exists());
        round
    }

    fn look_at(&mut self, source: &Source, found: &mut Found) -> Result<(), Problem> {
        let path = &source.path;
        let metadata = std::fs::metadata(path).map_err(|error| trouble("open", path, &error))?;
        let above = &source.settings;
        if source.layout == Layout::Numbered {
            return self.numbered(source, &metadata, found);
        }
        if !metadata.is_dir() {
            let name = source.name.clone().unwrap_or_else(|| stem(path));
            return self.single(found, name, path, parent(path), above);
        }
        let is_model = source.name.is_some() || path.join(SETTINGS_FILE).is_file();
        let (folders, files) = children(path)?;
        if self.recognises(path)? {
            return self.whole_folder(found, source, &folders);
        }
        // A version may have settings of its own; a numbered folder with settings is one.
        let has_models = |repository: &mut Self| {
            folders.iter().any(|child| {
                let has_settings = child.join(SETTINGS_FILE).is_file() && !is_number(child);
                has_settings || repository.has_versions(child)
            })
        };
        if !is_model && has_models(self) {
            for child in &folders {
                self.child(found, child, above)?;
            }
            return self.loose(found, &files, above);
        }
        let versions = self.versions(&folders, found)?;
        if is_model || !versions.is_empty() {
            let name = source.name.clone().unwrap_or_else(|| folder_name(path));
            self.push(found, name, path, path, versions, above);
            return Ok(());
        }
        self.loose(found, &files, above)
    }

    /// One model whose versions are the folders with numbers for names.
    fn numbered(
        &mut self,
        source: &Source,
        metadata: &std::fs::Metadata,
        found: &mut Found,
    ) -> Result<(), Problem> {
        let path = &source.path;
        if !metadata.is_dir() {
            let text = format!("{} is a file: a folder of numbered versions is needed", path.display());
            return Err(Problem::invalid(text));
        }
        let name = source.name.clone().unwrap_or_else(|| folder_name(path));
        let (mut folders, _) = children(path)?;
        folders
            .retain(|folder| Version::named(&folder_name(folder)).number().is_some_and(|number| number >= 0));
        let versions = self.versions(&folders, found)?;
        if versions.is_empty() {
            found.warnings.push(format!(
                "No versions of servable {name} found under base path {}. Did you forget to name your leaf \
                 directory as a number (eg. '/1/')?",
                path.display()
            ));
        }
        if let VersionPolicy::Only(wanted) = source.settings.policy() {
            let missing = wanted.iter().filter(|&wanted| versions.iter().all(|seen| seen.version != *wanted));
            found.warnings.extend(missing.map(|version| {
                format!(
                    "Version {version} of servable {name}, which was requested to be served as a 'specific' version in \
                     the servable's config, was not found in the file system"
                )
            }));
        }
        self.push(found, name, path, path, versions, &source.settings);
        Ok(())
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
        if folders.iter().any(|child| self.has_versions(child) || is_number(child)) {
            found.warnings.push(format!(
                "{} is a model itself: the models in its folders are passed over",
                path.display()
            ));
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

    /// A child folder of a repository.
    fn child(&mut self, found: &mut Found, path: &Path, above: &ModelSettings) -> Result<(), Problem> {
        let name = folder_name(path);
        if self.recognises(path)? {
            return self.single(found, name, path, path, above);
        }
        let (folders, _) = children(path)?;
        let versions = self.versions(&folders, found)?;
        if versions.is_empty() && !path.join(SETTINGS_FILE).is_file() {
            found.warnings.push(format!("{} holds no model that an engine here reads", path.display()));
            return Ok(());
        }
        self.push(found, name, path, path, versions, above);
        Ok(())
    }

    /// Model files that lie loosely in a repository.
    fn loose(&mut self, found: &mut Found, files: &[PathBuf], above: &ModelSettings) -> Result<(), Problem> {
        for file in files {
            if self.recognises(file)? {
                // No settings: a `model.toml` in this folder would make the folder one model.
                let versions = vec![self.seen(Version::numbered(1), file)?];
                self.push(found, stem(file), file, Path::new(""), versions, above);
            }
        }
        Ok(())
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
    fn versions(&mut self, folders: &[PathBuf], found: &mut Found) -> Result<Vec<SeenVersion>, Problem> {
        let mut versions: Vec<SeenVersion> = Vec::new();
        for folder in folders {
            if !is_number(folder) && !self.recognises(folder)? {
                continue;
            }
            // A folder that goes while it is looked at is no version any more.
            let Ok(seen) = self.seen(Version::named(&folder_name(folder)), folder) else { continue };
            if seen.print.is_empty {
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
                    found.warnings.push(format!(
                        "{} and {} are one version: the first is taken",
                        kept.display(),
                        other.display()
                    ));
                }
            }
        }
        versions.sort_by_key(|seen| std::cmp::Reverse(newness(&seen.version, &seen.print)));
        Ok(versions)
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
        let below = self.settings_in(settings_folder);
        for version in versions.iter_mut().filter(|seen| seen.path != settings_folder && seen.path.is_dir()) {
            if version.path.join(SETTINGS_FILE).is_file() {
                let own = self.settings_in(&version.path);
                let both = own.and_then(|own| Ok(own.over(below.clone()?)));
                version.own = Some(both.map(|both| Arc::new(above.clone().over(both))));
            }
        }
        let settings = below.map(|below| Arc::new(above.clone().over(below)));
        found.models.push(Seen { name, source: found.source, path: path.to_owned(), settings, versions });
    }

    /// What the `model.toml` in a folder says; nothing where there is none.
    fn settings_in(&mut self, folder: &Path) -> Result<ModelSettings, Problem> {
        let path = folder.join(SETTINGS_FILE);
        if folder.as_os_str().is_empty() || !path.is_file() {
            return Ok(ModelSettings::default());
        }
        let print = Print::of(&path)?;
        if let Some((known, settings)) = self.settings.get(&path)
            && *known == print
        {
            return settings.clone();
        }
        let settings = (self.kit.settings)(&path).map_err(|problem| problem.at(path.display().to_string()));
        self.settings.insert(path, (print, settings.clone()));
        settings
    }

    fn seen(&mut self, version: Version, path: &Path) -> Result<SeenVersion, Problem> {
        Ok(SeenVersion { version, path: path.to_owned(), print: self.print(path)?, settled: true, own: None })
    }

    fn print(&mut self, path: &Path) -> Result<Print, Problem> {
        if let Some(print) = self.prints.get(path) {
            return Ok(*print);
        }
        let print = Print::of(path)?;
        self.prints.insert(path.to_owned(), print);
        Ok(print)
    }

    /// Whether an engine claims the model at this path.
    fn recognises(&mut self, path: &Path) -> Result<bool, Problem> {
        let Ok(print) = self.print(path) else { return Ok(false) };
        if let Some((known, recognised)) = self.recognised.get(path)
            && *known == print
        {
            return Ok(*recognised);
        }
        let Ok(files) = FolderFiles::open(path) else { return Ok(false) };
        let claims = |claim: Claim| !matches!(claim, Claim::No(_));
        let recognised = self.kit.engines.iter().any(|engine| claims(engine.recognise(&files)))
            || self.kit.importers.iter().any(|importer| claims(importer.recognise(&files)));
        self.recognised.insert(path.to_owned(), (print, recognised));
        Ok(recognised)
    }

    /// Whether a folder is no model itself, but holds versions of one.
    fn has_versions(&mut self, folder: &Path) -> bool {
        if self.recognises(folder).unwrap_or(false) {
            return false;
        }
        let Ok((folders, _)) = children(folder) else { return false };
        folders.iter().any(|child| is_number(child) || self.recognises(child).unwrap_or(false))
    }
}

/// What one source holds.
struct Found {
    source: usize,
    models: Vec<Seen>,
    warnings: Vec<String>,
}

/// How new a version is: numbers before all other names, then by number, then by time.
pub(crate) fn newness(version: &Version, print: &Print) -> (bool, i64, std::time::SystemTime) {
    let number = version.number();
    (number.is_some(), number.unwrap_or(0), print.changed)
}

/// Of models with one name the first source's is taken.
fn one_of_each_name(round: &mut Round) {
    let mut first: BTreeMap<String, PathBuf> = BTreeMap::new();
    let warnings = &mut round.warnings;
    round.models.retain(|model| match first.get(&model.name) {
        None => {
            first.insert(model.name.clone(), model.path.clone());
            true
        }
        Some(path) => {
            warnings.push(format!(
                "two models are named {:?}: {} is served, {} is not",
                model.name,
                path.display(),
                model.path.display()
            ));
            false
        }
    });
}

/// Child folders and child files, sorted, hidden ones left out.
fn children(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Problem> {
    let listing = std::fs::read_dir(folder).map_err(|error| trouble("list", folder, &error))?;
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for entry in listing.take(MAX_CHILDREN) {
        let entry = entry.map_err(|error| trouble("list", folder, &error))?;
        let hidden = entry.file_name().to_str().is_none_or(|name| name.starts_with('.'));
        let Ok(metadata) = std::fs::metadata(entry.path()) else { continue };
        match hidden {
            true => {}
            false if metadata.is_dir() => folders.push(entry.path()),
            false => files.push(entry.path()),
        }
    }
    folders.sort();
    files.sort();
    Ok((folders, files))
}

fn is_number(path: &Path) -> bool {
    Version::named(&folder_name(path)).number().is_some()
}

fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The name of a folder; of `.` and `..` the one that they stand for.
fn folder_name(path: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    name(path).or_else(|| name(&absolute(path))).unwrap_or_else(|| "model".to_owned())
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "model".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
