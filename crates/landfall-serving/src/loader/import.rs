//! Models that no engine reads, converted for one.

use super::Order;
use crate::kit::Kit;
use crate::repository::{FolderFiles, choose, importer_of, parent};
use landfall_model::{Imported, Importer, ModelFiles, Options, Problem, Reason, Version};
use std::path::Path;
use std::sync::Arc;

/// Converts a model that no engine reads, as loading it would: where the converted one lies, and the options that are not
/// the importer's. `None` for what needs no conversion.
///
/// # Errors
/// What could not be converted, and what to do.
pub fn import_once(
    kit: &Kit,
    path: &Path,
    options: &Options,
) -> Result<Option<(Imported, Options)>, Problem> {
    let files = FolderFiles::open(path)?;
    if choose(kit, &files, &[]).is_ok() {
        return Ok(None);
    }
    let Some(importer) = importer_of(kit, &files) else { return Ok(None) };
    let (own, rest) = split(options, &**importer);
    let name = path.file_stem().map_or_else(|| "model".into(), |name| name.to_string_lossy());
    let order = Order {
        model: name.into(),
        version: Version::numbered(1),
        path: path.to_owned(),
        settings: Ok(Arc::default()),
    };
    let imported = import(kit, &order, &**importer, &files, &own)?;
    Ok(Some((imported, rest)))
}

/// The options that an importer knows, and the others.
pub(super) fn split(options: &Options, importer: &dyn Importer) -> (Options, Options) {
    let (mut own, mut rest) = (Options::new(), Options::new());
    for (key, value) in options.iter() {
        let known = importer.options().iter().any(|spec| spec.key == key);
        if known { own.set(key, value) } else { rest.set(key, value) }
    }
    (own, rest)
}

/// Converts into a hidden folder beside the original, or where that cannot be written, into the state folder.
pub(super) fn import(
    kit: &Kit,
    order: &Order,
    importer: &dyn Importer,
    files: &FolderFiles,
    options: &Options,
) -> Result<Imported, Problem> {
    let beside = if files.is_folder() { order.path.as_path() } else { parent(&order.path) };
    let name = order.path.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy());
    let first = beside.join(format!(".landfall-{}-{name}", importer.name()));
    let second = kit.imports.as_ref().map(|folder| {
        folder.join(format!("{}-{}-{}", importer.name(), order.model.replace('/', "_"), order.version))
    });
    let mut refused = None;
    for into in [Some(first), second].into_iter().flatten() {
        match std::fs::create_dir_all(&into) {
            Ok(()) => match importer.import(files, &into, options) {
                Ok(imported) => return Ok(imported),
                Err(problem) => {
                    // Goes only where nothing was kept in it.
                    let _ = std::fs::remove_dir(&into);
                    // A folder that is there and cannot be written into.
                    match problem.reason() {
                        Reason::Io { .. } => refused = Some(problem),
                        _ => return Err(problem),
                    }
                }
            },
            Err(error) => refused = Some(Problem::io(format!("create {}", into.display()), &error)),
        }
    }
    Err(refused.unwrap_or_else(|| Problem::internal("there is no folder for converted models")))
}
