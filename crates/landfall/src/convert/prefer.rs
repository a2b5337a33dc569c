//! `--prefer onnx`: TensorFlow's engine, whose default signature runs on ONNX where that was shown to be exact enough.

use super::parity::compare;
use super::{OPSET, TOLERANCE, task};
use landfall_convert::{Key, Python, kept, places, to_onnx};
use landfall_model::{
    Call, Claim, Engine, Facts, Instance, Kind, Model, ModelFiles, OptionSpec, Options, Outputs, Problem,
    Signature, Version,
};
use landfall_serving::{BatchSettings, ComputePool, FolderFiles, Lease};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file of a conversion that is kept.
const FILE: &str = "model.onnx";
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
        let Some(signature) = original.signatures().first().cloned() else { return Ok(original) };
        let (onnx, note) = match self.converted(files, options, &original, &signature) {
            Ok((onnx, note)) => (Some(onnx), note),
            Err(why) => (None, format!("runs on {}, not on ONNX: {why}", self.original.name())),
        };
        Ok(Arc::new(Preferred::new(original, &signature, onnx, note)?))
    }
}

impl PreferOnnx {
    /// The converted model, made now or earlier, and what was done.
    fn converted(
        &self,
        files: &dyn ModelFiles,
        options: &Options,
        original: &Arc<dyn Model>,
        signature: &Arc<Signature>,
    ) -> Result<(Arc<dyn Model>, String), Problem> {
        let conversion = task(files.path(), self.original.name(), signature, options, OPSET)?;
        let mut key = conversion.key();
        for entry in files.entries() {
            key = key.with(&entry.name).with(files.bytes(&entry.name)?.bytes());
        }
        let make = |folder: &Path| {
            let file = folder.join(FILE);
            let verdict = to_onnx(&self.python, &conversion, &file)
                .and_then(|by| self.agrees(original, signature, &file).map(|()| by));
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
        let note = format!(
            "signature {:?} runs on ONNX, converted by {by}; it is kept at {}",
            signature.name(),
            file.display()
        );
        Ok((self.onnx.load(&FolderFiles::open(&file)?, &Options::new())?, note))
    }

    /// Beside the model, or where that cannot be written, in the state folder.
    fn kept_somewhere(
        &self,
        files: &dyn ModelFiles,
        key: &Key,
        make: impl Fn(&Path) -> Result<(), Problem>,
    ) -> Result<PathBuf, Problem> {
        let mut refused = Problem::internal("there is no folder for converted models");
        for into in places("onnx", files, self.state.as_deref()) {
            match kept(&into, &key.to_string(), &make) {
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

    /// Opens a converted file and compares it with its original.
    fn agrees(
        &self,
        original: &Arc<dyn Model>,
        signature: &Arc<Signature>,
        file: &Path,
    ) -> Result<(), Problem> {
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
        compare(&lease(original.clone())?, signature, &lease(onnx)?, None, TOLERANCE)?.accepted()
    }
}

/// Whether a further try would come to the same: what lies in the model, not in the Python at hand.
fn is_final(problem: &Problem) -> bool {
    matches!(problem.kind(), Kind::Unimplemented | Kind::DataLoss | Kind::InvalidArgument)
}

/// A model of two: one signature on ONNX, the others on the original.
struct Preferred {
    /// `None` where its one signature runs on ONNX: it is not kept in memory for nothing.
    original: Option<Arc<dyn Model>>,
    onnx: Option<Arc<dyn Model>>,
    signatures: Vec<Arc<Signature>>,
    /// The signature that runs on ONNX.
    name: String,
    /// The original's.
    facts: Facts,
    note: String,
}

impl Preferred {
    fn new(
        original: Arc<dyn Model>,
        signature: &Signature,
        onnx: Option<Arc<dyn Model>>,
        note: String,
    ) -> Result<Self, Problem> {
        let mut signatures = original.signatures().to_vec();
        if let Some(own) = onnx.as_ref().and_then(|onnx| onnx.signatures().first()) {
            let (inputs, outputs) = (own.inputs().to_vec(), own.outputs().to_vec());
            let (rows, shapes) = (own.rows().clone(), own.shapes());
            let method = signature.method().clone();
            let named = Signature::new(signature.name(), method, inputs, outputs, rows, shapes)?;
            signatures[0] = named.shared();
        }
        let (facts, name) = (original.facts(), signature.name().to_owned());
        let original = Some(original).filter(|_| onnx.is_none() || signatures.len() > 1);
        Ok(Preferred { original, onnx, signatures, name, facts, note })
    }
}

impl Model for Preferred {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        match (&self.onnx, &self.original) {
            (Some(onnx), Some(original)) => {
                let (onnx, original) = (onnx.instance()?, original.clone());
                Ok(Box::new(PreferredInstance { onnx, original, others: None, name: self.name.clone() }))
            }
            (Some(model), None) | (None, Some(model)) => model.instance(),
            (None, None) => Err(Problem::internal("a model of nothing")),
        }
    }

    fn facts(&self) -> Facts {
        let original = self.facts.clone();
        let mut facts = match &self.onnx {
            Some(onnx) => Facts { format: original.format, ..onnx.facts() },
            None => original,
        };
        facts.notes.push(self.note.clone());
        facts
    }

    fn verify(&self) -> Result<usize, Problem> {
        self.original.as_ref().map_or(Ok(0), |original| original.verify())
    }
}

struct PreferredInstance {
    onnx: Box<dyn Instance>,
    original: Arc<dyn Model>,
    /// Made when another signature is called for the first time.
    others: Option<Box<dyn Instance>>,
    name: String,
}

impl Instance for PreferredInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        if call.signature().name() == self.name {
            return self.onnx.run(call, outputs);
        }
        if self.others.is_none() {
            self.others = Some(self.original.instance()?);
        }
        match &mut self.others {
            Some(others) => others.run(call, outputs),
            None => Err(Problem::internal("no workspace for this signature")),
        }
    }
}
