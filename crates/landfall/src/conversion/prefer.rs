//! `--prefer onnx`: TensorFlow's engine, whose signatures run on ONNX where that was shown to be exact enough.

use super::parity::compare;
use super::preferred::Preferred;
use super::{OPSET, TOLERANCE, may_count, task};
use landfall_convert::{Converter, Key, Python, kept, places, to_onnx};
use landfall_model::{
    Claim, Engine, Kind, Model, ModelFiles, OptionSpec, Options, Problem, Signature, Version,
};
use landfall_serving::{BatchSettings, ComputePool, FolderFiles, Lease};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file of a conversion that is kept.
const FILE: &str = "model.onnx";
/// The rows that conversions are compared on: those that passed fewer are made anew.
const COMPARED: &str = "varied, ties, wide, amounts, far by its own size, endless; whole; apart; several lengths, numbers of rows and draws; refusals";
/// The file that says why there is none.
const REFUSED: &str = "refused";

/// The engines, TensorFlow's with a preference for ONNX. `state` is where conversions are kept that cannot lie beside the
/// model; nothing is submitted to the pool.
pub(crate) fn preferring_onnx(
    engines: Vec<Arc<dyn Engine>>,
    python: &Python,
    state: Option<&Path>,
    pool: &Arc<ComputePool>,
) -> Vec<Arc<dyn Engine>> {
    let named = |name: &str| engines.iter().find(|engine| engine.name() == name);
    let Some(onnx) = named("onnxruntime").or(named("embedded")).cloned() else { return engines };
    let preferring = |original: Arc<dyn Engine>| -> Arc<dyn Engine> {
        if original.name() != "tensorflow" {
            return original;
        }
        let (onnx, python, pool) = (onnx.clone(), python.clone(), pool.clone());
        Arc::new(PreferOnnx { original, onnx, python, state: state.map(Path::to_owned), pool })
    };
    engines.iter().cloned().map(preferring).collect()
}

/// TensorFlow's engine, and ONNX for what converts.
struct PreferOnnx {
    original: Arc<dyn Engine>,
    onnx: Arc<dyn Engine>,
    python: Python,
    state: Option<PathBuf>,
    pool: Arc<ComputePool>,
}

impl Engine for PreferOnnx {
    fn name(&self) -> &'static str {
        self.original.name()
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        self.original.recognise(files)
    }

    fn options(&self) -> &'static [OptionSpec] {
        self.original.options()
    }

    fn load(&self, files: &dyn ModelFiles, options: &Options) -> Result<Arc<dyn Model>, Problem> {
        let original = self.original.load(files, options)?;
        if original.signatures().is_empty() {
            return Ok(original);
        }
        let bytes = key_of(files)?;
        let mut converter = self.python.converter();
        let (mut files_made, mut converted, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for signature in original.signatures() {
            let made = self.converted(&mut converter, files, &bytes, options, &original, signature);
            let opened = made.and_then(|(file, note)| Ok((self.opened(file, &mut files_made)?, note)));
            let (onnx, note) = match opened {
                Ok((onnx, note)) => (Some(onnx), note),
                Err(why) => (None, format!("runs on {}, not on ONNX: {why}", self.original.name())),
            };
            converted.push(onnx);
            notes.push(format!("signature {:?} {note}", signature.name()));
        }
        Ok(Arc::new(Preferred::new(original, converted, notes)?))
    }
}

impl PreferOnnx {
    /// A converted file as a model. Signatures that came to the same file share one.
    fn opened(
        &self,
        file: PathBuf,
        opened: &mut Vec<(PathBuf, Arc<dyn Model>)>,
    ) -> Result<Arc<dyn Model>, Problem> {
        let known = opened.iter().find(|(other, _)| are_alike(other, &file));
        if let Some((_, model)) = known {
            return Ok(model.clone());
        }
        let model = self.onnx.load(&FolderFiles::open(&file)?, &Options::new())?;
        opened.push((file, model.clone()));
        Ok(model)
    }

    /// The file of a signature's conversion, made now or earlier, and what was done.
    fn converted(
        &self,
        converter: &mut Converter,
        files: &dyn ModelFiles,
        bytes: &str,
        options: &Options,
        original: &Arc<dyn Model>,
        signature: &Arc<Signature>,
    ) -> Result<(PathBuf, String), Problem> {
        let conversion =
            task(files.path(), self.original.name(), original.signatures(), signature, options, OPSET)?;
        let key = conversion.key().with(COMPARED).with(bytes);
        let make = |folder: &Path| {
            let file = folder.join(FILE);
            let verdict = to_onnx(converter, &conversion, &file)
                .and_then(|by| Ok(by + &self.agrees(files.path(), original, signature, &file)?));
            let (name, text) = match verdict {
                Ok(by) => ("made by", by),
                Err(problem) if is_final(&problem) => {
                    let _ = fs::remove_file(&file);
                    (REFUSED, problem.to_string())
                }
                Err(problem) => return Err(problem),
            };
            fs::write(folder.join(name), text).map_err(|error| Problem::io("write what was found", &error))
        };
        let folder = self.kept_somewhere(files, &key, make)?;
        if let Ok(why) = fs::read_to_string(folder.join(REFUSED)) {
            return Err(Problem::worded(Kind::Unimplemented, why));
        }
        let file = folder.join(FILE);
        let by = fs::read_to_string(folder.join("made by")).unwrap_or_default();
        let note = format!("runs on ONNX, converted by {by}; it is kept at {}", file.display());
        Ok((file, note))
    }

    /// Beside the model, or where that cannot be written, in the state folder.
    fn kept_somewhere(
        &self,
        files: &dyn ModelFiles,
        key: &Key,
        mut make: impl FnMut(&Path) -> Result<(), Problem>,
    ) -> Result<PathBuf, Problem> {
        let mut refused = Problem::internal("there is no folder for converted models");
        for into in places("onnx", files, self.state.as_deref()) {
            match kept(&into, &key.to_string(), &mut make) {
                Ok(kept) => return Ok(kept.folder),
                Err(problem) => {
                    let _ = fs::remove_dir(&into);
                    if !matches!(problem.reason(), landfall_model::Reason::Io { .. }) {
                        return Err(problem);
                    }
                    refused = problem;
                }
            }
        }
        Err(refused)
    }

    /// Opens a converted file and compares it with its original; gives what is to be said of it beside.
    fn agrees(
        &self,
        source: &Path,
        original: &Arc<dyn Model>,
        signature: &Arc<Signature>,
        file: &Path,
    ) -> Result<String, Problem> {
        let onnx = self.onnx.load(&FolderFiles::open(file)?, &Options::new());
        let onnx = onnx.map_err(|problem| problem.at("the converted file does not open"))?;
        let lease = |model: Arc<dyn Model>| {
            Lease::on_model(
                "compared",
                Version::numbered(1),
                model,
                BatchSettings::default(),
                self.pool.clone(),
            )
        };
        let counts = may_count(source);
        let parity = compare(&lease(original.clone())?, signature, &lease(onnx)?, None, TOLERANCE, counts)?;
        parity.accepted()?;
        Ok(parity.endless.map_or_else(String::new, |differs| {
            format!(" (infinities and NaN are answered in another way: {differs})")
        }))
    }
}

/// A key of all of a model's files.
fn key_of(files: &dyn ModelFiles) -> Result<String, Problem> {
    let key = files.entries().iter().try_fold(Key::new(), |key, entry| {
        Ok::<_, Problem>(key.with(&entry.name).with(files.bytes(&entry.name)?.bytes()))
    });
    Ok(key?.to_string())
}

/// Whether two files hold the same bytes.
fn are_alike(one: &Path, other: &Path) -> bool {
    let length = |path: &Path| fs::metadata(path).map(|about| about.len()).ok();
    let alike = || Some(fs::read(one).ok()? == fs::read(other).ok()?);
    one == other || (length(one) == length(other) && alike() == Some(true))
}

/// Whether a further try would come to the same: what lies in the model, not in the Python at hand.
fn is_final(problem: &Problem) -> bool {
    matches!(problem.kind(), Kind::Unimplemented | Kind::DataLoss | Kind::InvalidArgument)
}
