//! The house's floors: a crate depends on lower floors only.

use std::path::Path;

use crate::metadata::{self, Dependency, Kind, Package};
use crate::{Findings, rooms, tree};

/// Every crate of the house and its floor.
const FLOORS: &[(&str, u8)] = &[
    ("landfall-model", 0),
    ("landfall-forest", 1),
    ("landfall-foreign", 1),
    ("landfall-dialects", 1),
    ("landfall-tables", 1),
    ("landfall-trees", 2),
    ("landfall-pmml", 2),
    ("landfall-onnx", 2),
    ("landfall-tensorflow", 2),
    ("landfall-convert", 2),
    ("landfall-serving", 3),
    ("landfall-net", 4),
    ("landfall", 5),
];

/// Crates that know less than their floor would let them: the highest floor that they may use.
const NO_HIGHER_THAN: &[(&str, u8)] = &[("landfall-serving", 0)];

/// Beside the house: nothing of the house may depend on them, they may depend on all of it.
const TOOLS: &[&str] = &["landfall-bench", "xtask"];

/// What only some crates may use: an async runtime, JSON, `dlopen`, a command line.
const RESERVED: &[(&str, &[&str])] = &[
    ("tokio", &["landfall-net", "landfall"]),
    ("hyper", &["landfall-net", "landfall"]),
    ("hyper-util", &["landfall-net", "landfall"]),
    ("serde", &["landfall-net", "landfall"]),
    ("serde_json", &["landfall-net", "landfall", "landfall-tables"]),
    ("libloading", &["landfall-foreign"]),
    ("clap", &["landfall"]),
];

/// All of it over the workspace below `root`, and the circles of rooms within its crates.
pub(crate) fn check_workspace(root: &Path) -> Result<Findings, String> {
    let mut findings = check(&metadata::load(root)?.packages);
    findings.extend(rooms::check(&tree::read(root)?));
    Ok(findings)
}

/// What stands on the wrong floor, or uses what it must not know. Test dependencies are free.
pub(crate) fn check(packages: &[Package]) -> Findings {
    let ours: Vec<&Package> = packages.iter().filter(|package| package.ours).collect();
    let mut findings = Findings::new();
    for package in &ours {
        if is_tool(&package.name) {
            continue;
        }
        let Some(floor) = floor(&package.name) else {
            findings.push(format!("{}: no floor; give it one in xtask/src/floors.rs", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev) {
            let known = ours.iter().any(|other| other.name == dependency.name);
            findings.extend(if known {
                climbs(package, floor, dependency)
            } else {
                reserved(package, dependency)
            });
        }
    }
    findings
}

/// Whether one of ours uses another that stands too high.
fn climbs(package: &Package, floor: u8, dependency: &Dependency) -> Option<String> {
    let (from, to) = (&package.name, &dependency.name);
    if is_tool(to) {
        return Some(format!("{from} depends on {to}, which is a tool beside the house"));
    }
    let other = self::floor(to)?;
    if other >= floor {
        return Some(format!("{from} (floor {floor}) depends on {to} (floor {other}): only lower floors"));
    }
    let limit = NO_HIGHER_THAN.iter().find(|(name, _)| name == from)?.1;
    (other > limit).then(|| format!("{from} depends on {to} (floor {other}): it may use floor {limit} only"))
}

fn reserved(package: &Package, dependency: &Dependency) -> Option<String> {
    let (name, users) = RESERVED.iter().find(|(name, _)| *name == dependency.name)?;
    let allowed = users.contains(&package.name.as_str());
    (!allowed).then(|| format!("{} depends on {name}: only {} may", package.name, users.join(", ")))
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor)
}

fn is_tool(name: &str) -> bool {
    TOOLS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(edges: &[(&str, &str, Kind)]) -> Vec<Package> {
        let mut packages: Vec<Package> = Vec::new();
        let names =
            FLOORS.iter().map(|(name, _)| *name).chain(TOOLS.iter().copied()).chain(["landfall-attic"]);
        for name in names.filter(|name| edges.iter().any(|(from, to, _)| from == name || to == name)) {
            let dependencies = edges
                .iter()
                .filter(|(from, _, _)| *from == name)
                .map(|(_, to, kind)| Dependency { name: (*to).to_owned(), kind: *kind })
                .collect();
            packages.push(Package { name: name.to_owned(), ours: true, dependencies, ..Package::default() });
        }
        packages
    }

    fn findings_of(from: &str, to: &str, kind: Kind) -> usize {
        check(&house(&[(from, to, kind)])).len()
    }

    #[test]
    fn a_crate_may_depend_on_lower_floors() {
        assert_eq!(findings_of("landfall-onnx", "landfall-foreign", Kind::Normal), 0);
        assert_eq!(findings_of("landfall", "landfall-net", Kind::Normal), 0);
        assert_eq!(findings_of("landfall-bench", "landfall", Kind::Normal), 0);
    }

    #[test]
    fn a_crate_that_climbs_or_stays_level_is_found() {
        assert_eq!(findings_of("landfall-model", "landfall-dialects", Kind::Normal), 1);
        assert_eq!(findings_of("landfall-dialects", "landfall-tables", Kind::Normal), 1);
        assert_eq!(findings_of("landfall-net", "landfall", Kind::Build), 1);
        assert_eq!(findings_of("landfall", "xtask", Kind::Normal), 1);
    }

    #[test]
    fn serving_that_learns_of_engines_or_dialects_is_found() {
        assert_eq!(findings_of("landfall-serving", "landfall-model", Kind::Normal), 0);
        assert_eq!(findings_of("landfall-serving", "landfall-dialects", Kind::Normal), 1);
        assert_eq!(findings_of("landfall-serving", "landfall-onnx", Kind::Normal), 1);
    }

    #[test]
    fn an_async_runtime_json_and_dlopen_are_for_few() {
        assert_eq!(findings_of("landfall-net", "tokio", Kind::Normal), 0);
        assert_eq!(findings_of("landfall-serving", "tokio", Kind::Normal), 1);
        assert_eq!(findings_of("landfall-dialects", "serde_json", Kind::Normal), 1);
        assert_eq!(findings_of("landfall-onnx", "libloading", Kind::Normal), 1);
        assert_eq!(findings_of("landfall-serving", "tokio", Kind::Dev), 0);
    }

    #[test]
    fn a_crate_without_a_floor_is_found() {
        assert_eq!(findings_of("landfall-attic", "half", Kind::Normal), 1);
    }
}
