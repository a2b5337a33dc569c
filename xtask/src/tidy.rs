//! Rules that hold for every file of the repository.

use std::collections::BTreeSet;
use std::path::Path;

use crate::Findings;
use crate::functions::{Function, functions};
use crate::metadata;
use crate::tree::{self, File};

const FILE_LINES_MAX: usize = 450;
const FUNCTION_LINES_MAX: usize = 70;
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Marks of unfinished work; put together here, so that this file does not hold them.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("#[ig", "nore"),
];

/// Folders of one machine that no other has.
const MACHINE_FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/fa", "rm/"), concat!("/ro", "ot/")];

/// All rules over the files below `root`.
pub(crate) fn check_workspace(root: &Path) -> Result<Findings, String> {
    let files = tree::read(root)?;
    let metadata = metadata::load(root)?;
    let used =
        metadata.packages.iter().filter(|p| p.ours).flat_map(|p| &p.dependencies).map(|d| d.name.as_str());
    let mut findings = Findings::new();
    findings.extend(files.iter().filter_map(opening));
    findings.extend(files.iter().filter_map(size));
    findings.extend(files.iter().flat_map(long_functions));
    findings.extend(files.iter().flat_map(unfinished));
    findings.extend(files.iter().flat_map(machine_paths));
    findings.extend(files.iter().flat_map(|file| dead_links(file, &files)));
    findings.extend(dependencies(&files, &used.collect()));
    findings.extend(fuzz_targets(&files));
    Ok(findings)
}

/// Every source file says in its first line what it is for.
fn opening(file: &File) -> Option<String> {
    let bare = file.is(".rs") && !file.path.contains("/fixtures/") && !file.text().starts_with("//! ");
    bare.then(|| format!("{}: the first line is not `//!` and what the file is for", file.path))
}

fn size(file: &File) -> Option<String> {
    let lines = file.text().lines().count();
    if file.is(".rs") && lines > FILE_LINES_MAX {
        return Some(format!("{}: {lines} lines, over {FILE_LINES_MAX}: split it", file.path));
    }
    (file.bytes > FILE_BYTES_MAX)
        .then(|| format!("{}: {} bytes, over {FILE_BYTES_MAX}", file.path, file.bytes))
}

/// Functions over the limit.
fn long_functions(file: &File) -> Findings {
    let functions = if file.is(".rs") { functions(file.text()) } else { Vec::new() };
    let long = functions.into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX);
    let line = |function: Function| {
        format!(
            "{} {}: {} lines, over {FUNCTION_LINES_MAX}: split it",
            file.path, function.name, function.lines
        )
    };
    long.map(line).collect()
}

fn unfinished(file: &File) -> Findings {
    let code = [".rs", ".py", ".toml", ".sh"].iter().any(|ending| file.is(ending)) || file.path == ".ci/run";
    marks(file, code, UNFINISHED, |_| true, "unfinished work")
}

/// A path of one machine, anywhere in a text. A longer path that merely contains the words is none.
fn machine_paths(file: &File) -> Findings {
    let starts = |before: Option<char>| !before.is_some_and(|c| c.is_alphanumeric() || "_.-}".contains(c));
    marks(file, true, MACHINE_FOLDERS, starts, "a path of one machine")
}

fn marks(
    file: &File,
    applies: bool,
    words: &[&str],
    starts: impl Fn(Option<char>) -> bool,
    what: &str,
) -> Findings {
    let mut findings = Findings::new();
    for (number, line) in file.lines().filter(|_| applies) {
        for word in words {
            let here = line.match_indices(word).any(|(at, _)| starts(line[..at].chars().next_back()));
            if here {
                findings.push(format!("{}:{number}: {what} ({word})", file.path));
            }
        }
    }
    findings
}

/// Links in Markdown to files that are not there.
fn dead_links(file: &File, files: &[File]) -> Findings {
    if !file.is(".md") {
        return Findings::new();
    }
    let targets = file.text().split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let own = targets.filter(|target| !target.is_empty() && !target.contains(':'));
    let dead = own.filter(|target| {
        let path = resolve(&file.path, target);
        !files.iter().any(|other| other.path == path || other.path.starts_with(&format!("{path}/")))
    });
    dead.map(|target| format!("{}: links to {target}, which is not there", file.path)).collect()
}

/// A link's target as a path from the root.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The workspace's list of dependencies, what the crates use, and the table of docs/DEPENDENCIES.md must agree.
fn dependencies(files: &[File], used: &BTreeSet<&str>) -> Findings {
    let text = |path: &str| files.iter().find(|file| file.path == path).map(File::text).unwrap_or_default();
    let declared = declared(text("Cargo.toml"));
    let explained: BTreeSet<&str> = text("docs/DEPENDENCIES.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let mut findings = Findings::new();
    for name in &declared {
        if !explained.contains(name) {
            findings.push(format!("docs/DEPENDENCIES.md: no line for {name}"));
        }
        if !used.contains(name) {
            findings.push(format!("Cargo.toml: no crate uses {name}"));
        }
    }
    let gone = explained.iter().filter(|name| !declared.contains(**name));
    findings.extend(gone.map(|name| format!("docs/DEPENDENCIES.md: {name} is not in Cargo.toml")));
    findings
}

/// Foreign crates under `[workspace.dependencies]`.
fn declared(manifest: &str) -> BTreeSet<&str> {
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let lines = section.lines().filter(|line| !line.starts_with('#') && !line.contains("path = "));
    lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.trim()).collect()
}

/// Every fuzz target is listed and calls a body that a crate has; every body has its target.
fn fuzz_targets(files: &[File]) -> Findings {
    let manifest =
        files.iter().find(|file| file.path == "fuzz/Cargo.toml").map(File::text).unwrap_or_default();
    let targets: Vec<&File> =
        files.iter().filter(|file| file.path.starts_with("fuzz/fuzz_targets/") && file.is(".rs")).collect();
    let mut findings = Findings::new();
    for target in &targets {
        let path = target.path.trim_start_matches("fuzz/");
        if !manifest.contains(&format!("\"{path}\"")) {
            findings.push(format!("fuzz/Cargo.toml: {path} is not listed"));
        }
        findings.extend(missing_body(target, files));
    }
    let listed = manifest.split('"').filter(|text| text.starts_with("fuzz_targets/"));
    let gone = listed.filter(|path| !files.iter().any(|file| file.path == format!("fuzz/{path}")));
    findings.extend(gone.map(|path| format!("fuzz/Cargo.toml: {path} is not there")));
    findings.extend(files.iter().flat_map(|file| bodies_without_target(file, &targets)));
    findings
}

/// The body `landfall_x::…::fuzz::y` that a target calls, if crate landfall-x has none of that name.
fn missing_body(target: &File, files: &[File]) -> Option<String> {
    let mut words = target.text().split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let Some(call) = words.find(|word| word.starts_with("landfall_") && word.contains("::fuzz::")) else {
        return Some(format!("{}: calls no body of a crate", target.path));
    };
    let krate = call.split("::").next().unwrap_or_default();
    let (module, body) = call.rsplit_once("::").unwrap_or_default();
    let folder = format!("crates/{}/src/", krate.replace('_', "-"));
    let (function, renamed) = (format!("pub fn {body}("), format!(" as {body};"));
    let found = files.iter().filter(|file| file.path.starts_with(&folder)).any(|file| {
        let here =
            fuzz_module(&file.path).is_some_and(|own| own == module) || file.text().contains("mod fuzz {");
        here && (file.text().contains(&function) || file.text().contains(&renamed))
    });
    (!found).then(|| format!("{}: {call} is not in {folder}", target.path))
}

/// Bodies of a crate's `fuzz.rs` that no target calls.
fn bodies_without_target(file: &File, targets: &[&File]) -> Findings {
    let Some(module) = fuzz_module(&file.path) else { return Findings::new() };
    let names = file.text().lines().filter_map(|line| line.strip_prefix("pub fn ")?.split('(').next());
    let idle = names.filter(|name| {
        let call = format!("{module}::{name}(");
        !targets.iter().any(|target| target.text().contains(&call))
    });
    idle.map(|name| format!("{}: no target in fuzz/fuzz_targets calls {module}::{name}", file.path)).collect()
}

/// `landfall_x::a::fuzz` of `crates/landfall-x/src/a/fuzz.rs`.
fn fuzz_module(path: &str) -> Option<String> {
    let module = path.strip_suffix("/fuzz.rs").or_else(|| path.strip_suffix("/fuzz/mod.rs"))?;
    let (krate, inner) = module.strip_prefix("crates/")?.split_once("/src")?;
    Some(format!("{}{}::fuzz", krate.replace('-', "_"), inner.replace('/', "::")))
}

#[cfg(test)]
mod tests;
