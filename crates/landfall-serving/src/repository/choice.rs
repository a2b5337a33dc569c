//! Which engine reads a model: the strongest claim wins.

use super::files::FolderFiles;
use crate::kit::Kit;
use landfall_model::{Claim, Engine, FileEntry, Importer, ModelFiles, Problem, Reason};
use std::sync::Arc;

/// The engine with the strongest claim, and why it was taken.
pub(crate) fn choose<'a>(
    kit: &'a Kit,
    files: &FolderFiles,
    allowed: &[String],
) -> Result<(&'a Arc<dyn Engine>, String), Problem> {
    let may =
        |engine: &Arc<dyn Engine>| allowed.is_empty() || allowed.iter().any(|name| name == engine.name());
    let (mut tried, mut claims) = (Vec::new(), Vec::new());
    for engine in &kit.engines {
        match engine.recognise(files) {
            _ if !may(engine) => tried.push(format!("{}: not among the engines asked for", engine.name())),
            Claim::No(why) => tried.push(format!("{}: {why}", engine.name())),
            claim => claims.push((engine, claim)),
        }
    }
    for name in allowed {
        if kit.engines.iter().all(|engine| engine.name() != name) {
            tried.push(format!("{name}: there is no such engine here"));
        }
    }
    let others: Vec<&str> = claims.iter().map(|(engine, _)| engine.name()).collect();
    let Some((engine, _)) = strongest(claims.iter().map(|(engine, claim)| (*engine, claim.clone()))) else {
        let path = files.path().display().to_string();
        if let Some(problem) = refused(files) {
            return Err(problem);
        }
        if std::fs::metadata(files.path()).is_ok_and(|found| found.is_file() && found.len() == 0) {
            return Err(Problem::malformed(path, None, "the file is empty"));
        }
        return Err(
            (kit.unread)(files).unwrap_or_else(|| Problem::new(Reason::NotRecognised { path, tried }))
        );
    };
    let others: Vec<&str> = others.into_iter().filter(|name| *name != engine.name()).collect();
    let why = match (allowed.is_empty(), others.is_empty()) {
        (false, _) => "as asked for".to_owned(),
        (true, true) => "the only one that reads it".to_owned(),
        (true, false) => format!("preferred over {}", others.join(", ")),
    };
    Ok((engine, why))
}

/// How many files are asked for whether the system lets them be read.
const ASKED: usize = 64;

/// What the system says of a file that it does not let be read: no engine knows better.
fn refused(files: &FolderFiles) -> Option<Problem> {
    let head = |entry: &FileEntry| files.head(&entry.name, 1).err();
    let is_the_systems = |problem: &Problem| matches!(problem.reason(), Reason::Io { .. });
    files.entries().iter().take(ASKED).filter_map(head).find(is_the_systems)
}

/// The first of the strongest claims.
pub(super) fn strongest<T>(claims: impl Iterator<Item = (T, Claim)>) -> Option<(T, Claim)> {
    claims.fold(None, |best, next| match &best {
        Some((_, claim)) if *claim >= next.1 => best,
        _ => Some(next),
    })
}

/// The importer with the strongest claim.
pub(crate) fn importer_of<'a>(kit: &'a Kit, files: &FolderFiles) -> Option<&'a Arc<dyn Importer>> {
    let claims = kit.importers.iter().map(|importer| (importer, importer.recognise(files)));
    strongest(claims.filter(|(_, claim)| !matches!(claim, Claim::No(_)))).map(|(importer, _)| importer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_claim_wins_and_order_breaks_ties() {
        let claims = |claims: &[Claim]| strongest(claims.iter().cloned().enumerate()).map(|(index, _)| index);
        assert_eq!(claims(&[Claim::Maybe, Claim::Sure, Claim::Sure]), Some(1));
        assert_eq!(claims(&[Claim::Maybe, Claim::Maybe]), Some(0));
        assert_eq!(claims(&[]), None);
    }
}
