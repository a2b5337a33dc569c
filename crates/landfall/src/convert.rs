//! `landfall convert`: load the original, convert, open, compare, and only then let the file be.

use crate::args::Convert;
use crate::conversion::{Parity, compare, may_count, task};
use crate::engines::{self, registry};
use crate::exit::Failure;
use crate::output::print;
use crate::signals::Signals;
use crate::{golden, loading, state};
use landfall_convert::{Staging, to_onnx};
use landfall_model::Problem;
use landfall_serving::{
    ComputePool, GoldenReport, Kit, Lease, Source, SystemClock, Tolerance, import_once, load_once,
};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Converts.
///
/// # Errors
/// When the original cannot be loaded, an operator has no counterpart, or the answers differ. No file is left then.
pub(crate) fn run(arguments: &Convert) -> Result<(), Failure> {
    let target = &arguments.target;
    if target.extension().is_none_or(|ending| ending != "onnx") {
        return Err(Failure::call(format!("{} does not end in .onnx", target.display())));
    }
    let _obeyed = Signals::listen()?.obey()?;
    let settings = loading::settings(&arguments.load);
    let options = &settings.options;
    let imports = state::folder().as_deref().map(state::imports);
    let registry = registry(&arguments.engines, None)?;
    let kit = loading::kit(registry, ComputePool::new(1, Arc::new(SystemClock)), imports);

    // A Keras file becomes a SavedModel first; what was made earlier is used again.
    let imported = import_once(&kit, &arguments.model, options)?;
    let (path, options) = match &imported {
        Some((imported, rest)) => (imported.path.as_path(), rest),
        None => (arguments.model.as_path(), options),
    };
    let own = landfall_serving::ModelSettings { options: options.clone(), ..settings.clone() };
    let (original, _) = load_once(&kit, &Source { settings: own, ..Source::path(path) })?;
    let signature = match &arguments.signature {
        Some(name) => golden::choose(original.signatures(), Some(name))?,
        None => {
            original.signatures().first().ok_or_else(|| Problem::invalid("the model has no signature"))?
        }
    };
    let source = the_version(path, &original);
    let conversion =
        task(&source, original.facts().engine, original.signatures(), signature, options, arguments.opset)?;
    let python = engines::python(&engines::surroundings(&arguments.engines));

    let staging = staging_beside(target)?;
    let file = staging.path().join("model.onnx");
    let by = to_onnx(&mut python.converter(), &conversion, &file)?;
    let converted = opened(&kit, &file)?;
    let golden = arguments.golden.as_deref();
    let golden =
        golden.map(|rows| golden::read(rows, original.signatures(), Some(signature.name()))).transpose()?;
    let tolerance = Tolerance { relative: arguments.rtol, absolute: arguments.atol };
    let counts = may_count(&source);
    let parity = compare(&original, signature, &converted, golden.as_ref(), tolerance, counts)?;
    print(&report(&original, signature.name(), &by, &parity, tolerance))?;
    parity.accepted()?;
    drop(converted);
    fs::rename(&file, target).map_err(|error| Problem::io(format!("write {}", target.display()), &error))?;
    print(&format!("{}: written\n", target.display()))?;
    Ok(())
}

/// The folder or file that the original was loaded from: of a folder of versions, the version's own.
fn the_version(path: &Path, original: &Lease) -> PathBuf {
    let version = path.join(original.version().to_string());
    if path.is_dir() && !path.join("saved_model.pb").is_file() && version.is_dir() {
        return version;
    }
    path.to_owned()
}

/// Opens what the converter has written: its own success says nothing.
fn opened(kit: &Arc<Kit>, file: &Path) -> Result<Lease, Problem> {
    let (converted, _) = load_once(kit, &Source::path(file))
        .map_err(|problem| problem.at("the converted file does not open"))?;
    Ok(converted)
}

fn report(original: &Lease, signature: &str, by: &str, parity: &Parity, tolerance: Tolerance) -> String {
    let mut text = format!("{} {signature:?}: converted by {by}\n", original.model());
    let Tolerance { relative, absolute } = tolerance;
    let line = |what: &str, found: &GoldenReport| {
        let GoldenReport { rows, values, differing, largest, .. } = found;
        let verdict = match differing {
            0 => format!("all within rtol {relative:e}, atol {absolute:e} (largest distance {largest:e})"),
            _ => format!("{differing} differ by more than rtol {relative:e}, atol {absolute:e}"),
        };
        format!("{what}: {rows} rows, {values} values, {verdict}\n")
    };
    match &parity.made {
        Ok(made) => text += &line("rows made for it", made),
        Err(problem) => {
            let _ = writeln!(text, "rows made for it: the original answers none ({problem})");
        }
    }
    text += &line("rows of values and shapes seldom met", &parity.seldom);
    if let Some(differs) = &parity.endless {
        let _ = writeln!(text, "infinities and NaN are answered in another way: {differs}");
    }
    if let Some(golden) = &parity.golden {
        let mut line = |what: &str, found: &GoldenReport| {
            let _ = writeln!(
                text,
                "{what}: {} rows, {} values, {} differ",
                found.rows, found.values, found.differing
            );
        };
        line("golden rows", golden);
    }
    text
}

/// A hidden folder beside the file that is to be written, gone at the end.
fn staging_beside(target: &Path) -> Result<Staging, Problem> {
    let parent = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Staging::new(parent.join(format!(".landfall-convert-{}", std::process::id())))
}
