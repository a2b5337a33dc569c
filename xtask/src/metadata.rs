//! `cargo metadata`, as far as the checks need it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// All packages of the workspace and below it.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
}

/// One package at one version.
#[derive(Debug, Default, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    /// Where it came from; `None` is a path.
    pub(crate) source: Option<String>,
    /// Whether it is one of ours.
    pub(crate) ours: bool,
    pub(crate) dependencies: Vec<Dependency>,
    /// Features that the build switches on.
    pub(crate) features: Vec<String>,
}

/// What a package's manifest asks for.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

/// Runs `cargo metadata` for this machine's target.
pub(crate) fn load(root: &Path) -> Result<Metadata, String> {
    let host = host()?;
    let output = Command::new(cargo())
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    parse(&output.stdout)
}

/// The cargo that runs us, else the one on PATH.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|e| format!("rustc -vV: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".to_owned())
}

/// Reads the JSON document of `cargo metadata --format-version 1`.
pub(crate) fn parse(json: &[u8]) -> Result<Metadata, String> {
    let root: Value = serde_json::from_slice(json).map_err(|e| format!("cargo metadata: {e}"))?;
    let members: Vec<&str> = list(&root["workspace_members"]).iter().filter_map(Value::as_str).collect();
    let nodes = list(&root["resolve"]["nodes"]);
    let packages = list(&root["packages"]).iter().map(|value| package(value, &members, nodes)).collect();
    Ok(Metadata { packages })
}

fn package(value: &Value, members: &[&str], nodes: &[Value]) -> Package {
    let id = value["id"].as_str().unwrap_or_default();
    let node = nodes.iter().find(|node| node["id"] == value["id"]);
    let features = node.map_or(&[][..], |node| list(&node["features"]));
    Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        licence: value["license"].as_str().map(str::to_owned),
        source: value["source"].as_str().map(str::to_owned),
        ours: members.contains(&id),
        dependencies: list(&value["dependencies"]).iter().map(dependency).collect(),
        features: features.iter().map(text).collect(),
    }
}

fn dependency(value: &Value) -> Dependency {
    let kind = match value["kind"].as_str() {
        Some("build") => Kind::Build,
        Some("dev") => Kind::Dev,
        _ => Kind::Normal,
    };
    Dependency { name: text(&value["name"]), kind }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_keeps_its_kinds_of_dependencies_and_its_features() {
        let json = br#"{"workspace_members":["a 1"],"resolve":{"nodes":[{"id":"a 1","features":["x"]}]},
            "packages":[{"id":"a 1","name":"a","version":"1.0.0","license":"MIT","source":null,
            "dependencies":[{"name":"b","kind":null},{"name":"c","kind":"dev"},{"name":"d","kind":"build"}]}]}"#;
        let metadata = parse(json).unwrap();
        let package = &metadata.packages[0];
        assert!(package.ours && package.source.is_none());
        assert_eq!(package.features, ["x"]);
        let kinds: Vec<Kind> = package.dependencies.iter().map(|d| d.kind).collect();
        assert_eq!(kinds, [Kind::Normal, Kind::Dev, Kind::Build]);
    }

    #[test]
    fn a_broken_document_is_an_error() {
        assert!(parse(b"{").is_err());
    }
}
