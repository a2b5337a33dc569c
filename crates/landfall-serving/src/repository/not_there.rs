//! Versions that a model's settings name and that do not lie there.

use super::{Seen, SeenVersion};
use crate::VersionPolicy;
use landfall_model::{Problem, Reason, Version};
use std::path::Path;

/// A line for each version that labels or the version policy name in vain.
pub(crate) fn named_in_vain(seen: &Seen) -> Vec<String> {
    let Ok(settings) = &seen.settings else { return Vec::new() };
    let mut named: Vec<(String, Version)> = Vec::new();
    if let VersionPolicy::Only(only) = settings.policy() {
        named.extend(only.into_iter().map(|version| ("[versions] only".to_owned(), version)));
    }
    for (label, version) in &settings.labels {
        named.push((format!("label {label:?}"), Version::named(version)));
    }
    named.retain(|(_, named)| seen.versions.iter().all(|there| there.version != *named));
    let line = |(what, version): (String, Version)| {
        let there = there(&seen.versions);
        format!("model {:?}: {what} names version {version}, but {there}", seen.name)
    };
    named.into_iter().map(line).collect()
}

/// What is said of a folder of models that was named as one.
pub(crate) fn several(path: &Path, names: &[&str]) -> Problem {
    let shown = path.display();
    Problem::invalid(match names {
        [one] => {
            format!("{shown} is no model, but holds one: name its own path, {}", path.join(one).display())
        }
        _ => format!("{shown} holds several models ({}): name the path of one", names.join(", ")),
    })
}

/// Why none of a model's versions is available, where none failed.
pub(crate) fn none_available(model: &str, policy: &VersionPolicy, seen: &[SeenVersion]) -> Problem {
    let problem = Problem::new(Reason::NoVersionAvailable { model: model.to_owned() });
    match policy {
        VersionPolicy::Only(only) if !seen.is_empty() => {
            let only: Vec<&str> = only.iter().map(Version::name).collect();
            problem.at(format!("[versions] only names {}, but {}", only.join(", "), there(seen)))
        }
        _ => problem,
    }
}

fn there(seen: &[SeenVersion]) -> String {
    let names: Vec<&str> = seen.iter().map(|seen| seen.version.name()).collect();
    match names.as_slice() {
        [] => "no version is there".to_owned(),
        [only] => format!("there is {only} alone"),
        several => format!("there are {}", several.join(", ")),
    }
}
