//! Files beside a model that hold its tensors: checked before an engine opens them.

use crate::declared::{Declared, External};
use landfall_model::{Buffer, ModelFiles, Problem, Reason};
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// Opens every file that the model's tensors lie in, by location, and holds the parts that tensors take against them.
///
/// # Errors
/// A location that leaves the model's folder, a file that is missing, or one that is too short: each names the tensor.
pub(crate) fn checked(
    declared: &Declared,
    files: &dyn ModelFiles,
) -> Result<BTreeMap<String, Buffer>, Problem> {
    let mut opened = BTreeMap::new();
    for external in &declared.externals {
        let place = || format!("tensor {:?} in external file {:?}", external.tensor, external.location);
        if !stays_inside(&external.location) {
            let what = "an external file must lie in the model's folder";
            return Err(Problem::malformed(external.location.clone(), None, what).at(place()));
        }
        if !opened.contains_key(&external.location) {
            let buffer = files.bytes(&external.location).map_err(|problem| missing(external, problem))?;
            opened.insert(external.location.clone(), buffer);
        }
        let there = opened[&external.location].len() as u64;
        let end = external.offset.checked_add(external.bytes.unwrap_or(0));
        if end.is_none_or(|end| end > there) {
            let what = format!(
                "{} bytes from byte {} are needed, the file has {there}",
                external.bytes.unwrap_or(0),
                external.offset
            );
            return Err(Problem::malformed(external.location.clone(), None, what).at(place()));
        }
    }
    Ok(opened)
}

fn missing(external: &External, problem: Problem) -> Problem {
    let place = format!("tensor {:?} lies in an external file", external.tensor);
    match problem.reason() {
        Reason::FileMissing { .. } => {
            Problem::new(Reason::FileMissing { file: external.location.clone() }).at(place)
        }
        _ => problem.at(format!("{place}, {:?}", external.location)),
    }
}

/// Whether a location is a plain path downwards, on every system: no drive, no backslash, no way up.
fn stays_inside(location: &str) -> bool {
    !location.contains(['\\', ':', '\0'])
        && Path::new(location)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_location_leads_out_of_the_folder() {
        for inside in ["weights.bin", "parts/w.0", "./w"] {
            assert!(stays_inside(inside), "{inside}");
        }
        for outside in ["../w", "/etc/passwd", "a/../../w", "C:\\w", "..\\w", "a\0b"] {
            assert!(!stays_inside(outside), "{outside}");
        }
    }
}
