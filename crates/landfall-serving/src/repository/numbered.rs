//! One model whose versions are the folders with numbers for names, and nothing else.

use super::Repository;
use super::folder::folder_name;
use super::found::Found;
use crate::{Source, VersionPolicy};
use landfall_model::{Problem, Reason, Version};
use std::fs::Metadata;

impl Repository {
    /// Looks at a source of that layout.
    ///
    /// # Errors
    /// [`Reason::ModelFolder`], where there is no folder that can be listed.
    pub(super) fn numbered(
        &mut self,
        source: &Source,
        metadata: Result<Metadata, Problem>,
        found: &mut Found,
    ) -> Result<(), Problem> {
        let path = &source.path;
        let name = source.name.clone().unwrap_or_else(|| folder_name(path));
        let cannot = |why: Problem| {
            let folder = path.display().to_string();
            Problem::new(Reason::ModelFolder { model: name.clone(), folder, why })
        };
        if !metadata.map_err(cannot)?.is_dir() {
            let text = format!("{} is a file: a folder of numbered versions is needed", path.display());
            return Err(Problem::invalid(text));
        }
        let mut folders = self.known.children(path)?.folders.clone();
        folders
            .retain(|folder| Version::named(&folder_name(folder)).number().is_some_and(|number| number >= 0));
        let versions = self.versions(&folders, found);
        if versions.is_empty() {
            let folder = path.display().to_string();
            found.warn(Problem::new(Reason::VersionFoldersMissing { model: name.clone(), folder }));
        }
        if let VersionPolicy::Only(wanted) = source.settings.policy() {
            for version in wanted.iter().filter(|&wanted| versions.iter().all(|seen| seen.version != *wanted))
            {
                let version = version.to_string();
                found.warn(Problem::new(Reason::VersionNotFound { model: name.clone(), version }));
            }
        }
        self.push(found, name, path, path, versions, &source.settings);
        Ok(())
    }
}
