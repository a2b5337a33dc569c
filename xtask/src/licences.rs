//! Every dependency: its licence, its source, one version of it, and no feature that downloads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::metadata::{self, Package};
use crate::{Findings, spdx};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
const LICENCES_HEADING: &str = "## Licences that we take";

/// Features that no build of ours may switch on: package, feature, why.
const FORBIDDEN_FEATURES: &[(&str, &str, &str)] = &[
    ("ort-sys", "download-binaries", "a build downloads nothing"),
    ("ort", "download-binaries", "a build downloads nothing"),
    ("ort", "copy-dylibs", "the library is found at run time"),
];

/// All checks over the workspace.
pub(crate) fn check_workspace(root: &Path) -> Result<Findings, String> {
    let metadata = metadata::load(root)?;
    let read = |path: &str| std::fs::read_to_string(root.join(path)).map_err(|e| format!("{path}: {e}"));
    let taken = taken(&read("docs/DEPENDENCIES.md")?);
    let mut findings = licences(&metadata.packages, &taken);
    findings.extend(duplicates(&metadata.packages, &read("xtask/duplicates.txt")?));
    findings.extend(sources(&metadata.packages));
    findings.extend(features(&metadata.packages));
    Ok(findings)
}

/// The list under the heading of docs/DEPENDENCIES.md: lines like "- `MIT`".
fn taken(document: &str) -> BTreeSet<String> {
    let section = document.split(LICENCES_HEADING).nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let names = section.lines().filter_map(|line| line.strip_prefix("- `")?.split('`').next());
    names.map(str::to_owned).collect()
}

fn licences(packages: &[Package], taken: &BTreeSet<String>) -> Findings {
    let wrong = packages.iter().filter_map(|package| {
        let Some(licence) = &package.licence else {
            return Some(format!("{} {}: no licence named", package.name, package.version));
        };
        let met = spdx::satisfied(licence, &|name| taken.contains(name));
        (!met).then(|| {
            format!("{} {}: licence {licence} is not in docs/DEPENDENCIES.md", package.name, package.version)
        })
    });
    wrong.collect()
}

/// Crates at more than one version, unless `exceptions` (lines "name: reason") names them; and exceptions that no
/// longer are any.
fn duplicates(packages: &[Package], exceptions: &str) -> Findings {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let mut findings = Findings::new();
    let lines = exceptions.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        match line.split_once(": ") {
            Some((name, reason)) if !reason.trim().is_empty() => {
                if versions.remove(name).is_none() {
                    findings
                        .push(format!("xtask/duplicates.txt: {name} has one version now; take the line out"));
                }
            }
            _ => findings.push(format!("xtask/duplicates.txt: \"{line}\" is not \"name: reason\"")),
        }
    }
    findings.extend(versions.iter().map(|(name, versions)| {
        let versions: Vec<&str> = versions.iter().copied().collect();
        format!("{name}: built at {} versions ({})", versions.len(), versions.join(", "))
    }));
    findings
}

fn sources(packages: &[Package]) -> Findings {
    let foreign = packages.iter().filter_map(|package| match &package.source {
        None if package.ours => None,
        Some(source) if source == REGISTRY => None,
        None => Some(format!("{}: a path outside the workspace", package.name)),
        Some(source) => Some(format!("{}: from {source}; only the crates registry", package.name)),
    });
    foreign.collect()
}

fn features(packages: &[Package]) -> Findings {
    let mut findings = Findings::new();
    for (name, feature, why) in FORBIDDEN_FEATURES {
        let on = packages.iter().any(|p| p.name == *name && p.features.iter().any(|f| f == feature));
        if on {
            findings.push(format!("{name}: feature {feature} is on, but {why}"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, licence: &str) -> Package {
        let (name, version) = (name.to_owned(), version.to_owned());
        let source = Some(REGISTRY.to_owned());
        Package { name, version, licence: Some(licence.to_owned()), source, ..Package::default() }
    }

    #[test]
    fn a_licence_that_is_not_listed_is_found() {
        let taken =
            taken("# x\n\n## Licences that we take\n\n- `MIT`: yes\n- `ISC`\n\n## More\n\n- `GPL-3.0`\n");
        assert_eq!(taken.len(), 2);
        let packages = [package("a", "1.0.0", "MIT OR Apache-2.0"), package("b", "1.0.0", "GPL-3.0")];
        let findings = licences(&packages, &taken);
        assert_eq!(findings, ["b 1.0.0: licence GPL-3.0 is not in docs/DEPENDENCIES.md"]);
        let nameless = Package { licence: None, ..package("c", "1.0.0", "") };
        assert_eq!(licences(&[nameless], &taken).len(), 1);
    }

    #[test]
    fn two_versions_of_a_crate_are_found_unless_a_reason_stands_written() {
        let packages =
            [package("a", "1.0.0", "MIT"), package("a", "2.0.0", "MIT"), package("b", "1.0.0", "MIT")];
        assert_eq!(duplicates(&packages, ""), ["a: built at 2 versions (1.0.0, 2.0.0)"]);
        assert_eq!(duplicates(&packages, "# note\na: two libraries differ\n"), Findings::new());
        assert_eq!(duplicates(&packages, "a:\n").len(), 2);
    }

    #[test]
    fn an_exception_that_is_none_any_more_is_found() {
        let findings = duplicates(&[package("a", "1.0.0", "MIT")], "a: was needed\n");
        assert_eq!(findings, ["xtask/duplicates.txt: a has one version now; take the line out"]);
    }

    #[test]
    fn a_crate_from_elsewhere_than_the_registry_is_found() {
        let git =
            Package { source: Some("git+https://example.org/a".to_owned()), ..package("a", "1.0.0", "MIT") };
        let path = Package { source: None, ..package("b", "1.0.0", "MIT") };
        let ours = Package { source: None, ours: true, ..package("c", "1.0.0", "MIT") };
        assert_eq!(sources(&[git, path, ours, package("d", "1.0.0", "MIT")]).len(), 2);
    }

    #[test]
    fn a_feature_that_downloads_is_found() {
        let on =
            Package { features: vec!["download-binaries".to_owned()], ..package("ort-sys", "2.0.0", "MIT") };
        assert_eq!(features(&[on]).len(), 1);
        assert_eq!(features(&[package("ort-sys", "2.0.0", "MIT")]), Findings::new());
    }
}
