//! A small writer of ONNX files, files in a folder, and the engines that this machine has.

use landfall_foreign::Surroundings;
use landfall_model::protobuf::push_varint;
use landfall_model::{
    Buffer, Call, Engine, FileEntry, Input, Model, ModelFiles, Options, Outputs, Problem, Reason, RowRule,
    Signature, Tensor, Wanted,
};
use landfall_onnx::{Embedded, OnnxRuntime};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// One protobuf message under construction.
#[derive(Clone, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    pub(crate) fn new() -> Self {
        Message::default()
    }

    fn varint(mut self, value: u64) -> Self {
        push_varint(&mut self.0, value);
        self
    }

    pub(crate) fn number(self, field: u32, value: i64) -> Self {
        self.varint(u64::from(field) << 3).varint(value as u64)
    }

    pub(crate) fn float(mut self, field: u32, value: f32) -> Self {
        self.0.push((field << 3 | 5) as u8);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn bytes(self, field: u32, bytes: &[u8]) -> Self {
        let mut message = self.varint(u64::from(field) << 3 | 2).varint(bytes.len() as u64);
        message.0.extend_from_slice(bytes);
        message
    }

    pub(crate) fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(crate) fn message(self, field: u32, inner: &Message) -> Self {
        self.bytes(field, &inner.0)
    }
}

/// A free axis, with its name, or a known one.
pub(crate) enum Axis {
    Free(&'static str),
    Known(i64),
}

/// `TypeProto` of a tensor; no dims: no rank is declared.
pub(crate) fn tensor_type(element: i64, dims: Option<&[Axis]>) -> Message {
    let mut tensor = Message::new().number(1, element);
    if let Some(dims) = dims {
        let shape = dims.iter().fold(Message::new(), |shape, axis| {
            shape.message(
                1,
                &match axis {
                    Axis::Free(name) => Message::new().text(2, name),
                    Axis::Known(length) => Message::new().number(1, *length),
                },
            )
        });
        tensor = tensor.message(2, &shape);
    }
    Message::new().message(1, &tensor)
}

/// `ValueInfoProto`.
pub(crate) fn value(name: &str, ty: &Message) -> Message {
    Message::new().text(1, name).message(2, ty)
}

/// `NodeProto` of the default domain.
pub(crate) fn node(operator: &str, inputs: &[&str], outputs: &[&str]) -> Message {
    let node = inputs.iter().fold(Message::new(), |node, name| node.text(1, name));
    outputs.iter().fold(node, |node, name| node.text(2, name)).text(4, operator)
}

/// `TensorProto` with raw data.
pub(crate) fn stored(name: &str, element: i64, dims: &[i64], raw: &[u8]) -> Message {
    let tensor = dims.iter().fold(Message::new(), |tensor, &dim| tensor.number(1, dim));
    tensor.number(2, element).text(8, name).bytes(9, raw)
}

/// A graph under construction.
#[derive(Clone, Default)]
pub(crate) struct Graph(pub(crate) Message);

impl Graph {
    pub(crate) fn new() -> Self {
        Graph(Message::new().text(2, "g"))
    }
    pub(crate) fn node(self, node: &Message) -> Self {
        Graph(self.0.message(1, node))
    }
    pub(crate) fn initializer(self, tensor: &Message) -> Self {
        Graph(self.0.message(5, tensor))
    }
    pub(crate) fn input(self, name: &str, ty: &Message) -> Self {
        Graph(self.0.message(11, &value(name, ty)))
    }
    pub(crate) fn output(self, name: &str, ty: &Message) -> Self {
        Graph(self.0.message(12, &value(name, ty)))
    }
    /// The whole file: IR version 8, operator sets 17 and 3 (of `ai.onnx.ml`).
    pub(crate) fn file(self) -> Vec<u8> {
        self.file_with(17, &[])
    }
    /// The same of another version of the operators, with functions of the domain `own`.
    pub(crate) fn file_with(self, version: i64, functions: &[Message]) -> Vec<u8> {
        let opset = |domain: &str, version| Message::new().text(1, domain).number(2, version);
        let head = Message::new().number(1, 8).text(2, "test").message(7, &self.0);
        let head = head.message(8, &opset("", version)).message(8, &opset("ai.onnx.ml", 3));
        let head = head.message(8, &opset("own", 1));
        functions.iter().fold(head, |file, function| file.message(25, function)).0
    }
}

/// `y = Identity(x)` of an element type, [n, 2].
pub(crate) fn identity(element: i64) -> Vec<u8> {
    let ty = tensor_type(element, Some(&[Axis::Free("n"), Axis::Known(2)]));
    Graph::new().node(&node("Identity", &["x"], &["y"])).input("x", &ty).output("y", &ty).file()
}

/// A folder or file of a model, as the serving floor would show it.
pub(crate) struct Files {
    root: PathBuf,
    folder: bool,
    entries: Vec<FileEntry>,
    _kept: Option<tempfile::TempDir>,
}

impl Files {
    /// A file that lies somewhere.
    pub(crate) fn file(path: &Path) -> Self {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::metadata(path).unwrap().len();
        Files { root: path.to_owned(), folder: false, entries: vec![FileEntry { name, bytes }], _kept: None }
    }

    /// A folder with these files.
    pub(crate) fn folder(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut entries = Vec::new();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
            entries.push(FileEntry { name: (*name).to_owned(), bytes: bytes.len() as u64 });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Files { root: folder.path().to_owned(), folder: true, entries, _kept: Some(folder) }
    }

    /// A folder with `model.onnx` alone.
    pub(crate) fn model(bytes: &[u8]) -> Self {
        Files::folder(&[("model.onnx", bytes)])
    }
}

impl ModelFiles for Files {
    fn path(&self) -> &Path {
        &self.root
    }
    fn is_folder(&self) -> bool {
        self.folder
    }
    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }
    fn head(&self, name: &str, bytes: usize) -> Result<Vec<u8>, Problem> {
        Ok(self.bytes(name)?.bytes().iter().copied().take(bytes).collect())
    }
    fn bytes(&self, name: &str) -> Result<Buffer, Problem> {
        let folder = if self.folder { self.root.clone() } else { self.root.parent().unwrap().to_owned() };
        match std::fs::read(folder.join(name)) {
            Ok(bytes) => Ok(Buffer::from_owner(bytes)),
            Err(_) => Err(Problem::new(Reason::FileMissing { file: name.to_owned() })),
        }
    }
}

/// ONNX Runtime, where it is found. Without it, a line says what was left out; under `LANDFALL_COMPLETE=1` that fails.
pub(crate) fn onnxruntime() -> Option<&'static OnnxRuntime> {
    static FOUND: OnceLock<Option<OnnxRuntime>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let search = OnnxRuntime::find(None, &Surroundings::of_process());
            if search.taken.is_none() {
                let complete = std::env::var("LANDFALL_COMPLETE").is_ok_and(|value| value == "1");
                assert!(!complete, "{}", search.report);
                eprintln!("left out: tests with ONNX Runtime: {}", search.report);
            }
            search.taken
        })
        .as_ref()
}

/// The engines of this machine.
pub(crate) fn engines() -> Vec<&'static dyn Engine> {
    static EMBEDDED: Embedded = Embedded;
    let found = onnxruntime().map(|engine| engine as &dyn Engine);
    found.into_iter().chain([&EMBEDDED as &dyn Engine]).collect()
}

pub(crate) fn load(engine: &dyn Engine, files: &Files) -> Result<Arc<dyn Model>, Problem> {
    engine.load(files, &Options::new())
}

/// A model's signature with its rows taken as proven, as after a probe.
pub(crate) fn proven(model: &dyn Model) -> Arc<Signature> {
    let signature = &*model.signatures()[0];
    assert_eq!(*signature.rows(), RowRule::Unproven);
    signature.clone().with_rows(RowRule::Independent).shared()
}

/// Runs one call by input names; all outputs by default, or those named.
pub(crate) fn run(
    model: &dyn Model,
    signature: &Arc<Signature>,
    inputs: &[(&str, &Tensor)],
    wanted: &[&str],
) -> Result<Outputs, Problem> {
    let wanted: Wanted = match wanted {
        [] => signature.default_outputs().clone(),
        names => names.iter().map(|name| signature.output(name).expect("an output of the model")).collect(),
    };
    let slots = signature.inputs().iter().map(|spec| {
        inputs.iter().find(|(name, _)| *name == spec.name).map(|(_, tensor)| Input::Dense((*tensor).clone()))
    });
    let call = Call::checked(signature.clone(), slots.collect::<Vec<_>>(), wanted)?;
    let mut outputs = Outputs::new();
    model.instance()?.run(&call, &mut outputs)?;
    Ok(outputs)
}

/// A model, and its answer to one call with the file's own signature.
pub(crate) fn answer(
    engine: &dyn Engine,
    file: &[u8],
    inputs: &[(&str, &Tensor)],
) -> Result<Outputs, Problem> {
    let model = load(engine, &Files::model(file))?;
    run(&*model, &model.signatures()[0], inputs, &[])
}

/// A file of the fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A table of the fixtures: names of the columns, and rows of text.
pub(crate) fn table(name: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::fs::read_to_string(fixture(name)).unwrap();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let cells = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
    let header = cells(lines.next().unwrap());
    (header, lines.map(cells).collect())
}

/// The columns `range` of a table as a float32 matrix.
pub(crate) fn floats(rows: &[Vec<String>], range: std::ops::Range<usize>) -> Tensor {
    let values: Vec<f32> =
        rows.iter().flat_map(|row| row[range.clone()].iter().map(|cell| cell.parse().unwrap())).collect();
    Tensor::from_slice(&[rows.len(), range.len()], &values).unwrap()
}

pub(crate) fn assert_close(found: &Tensor, expected: &Tensor, tolerance: f32) {
    assert_eq!(found.shape(), expected.shape());
    for (i, (a, b)) in
        found.values::<f32>().unwrap().iter().zip(expected.values::<f32>().unwrap()).enumerate()
    {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "element {i}: {a} for {b}");
    }
}

/// The folder of shared cases, where there is one.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = std::env::var_os("LANDFALL_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    let found = workspace.join(root).join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("left out: {} is not there", found.display());
    None
}
