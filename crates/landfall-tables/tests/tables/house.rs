//! What the tests of tables have in common: signatures, readers that gather all rows, writers into memory.

use landfall_model::*;
use landfall_tables::*;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A column of the model: `dims` without the row axis, −1 for free.
pub(crate) fn input(name: &str, dtype: DType, dims: &[i64]) -> InputSpec {
    let mut all = vec![Dim::Free(None)];
    all.extend(dims.iter().map(|&d| usize::try_from(d).map_or(Dim::Free(None), Dim::Known)));
    InputSpec::new(name, dtype, Some(all))
}

/// The same with a rule for missing values.
pub(crate) fn with_null(mut spec: InputSpec, null: NullRule) -> InputSpec {
    spec.null = null;
    spec
}

pub(crate) fn signature(inputs: Vec<InputSpec>, rows: RowRule) -> Arc<Signature> {
    let outputs = vec![OutputSpec::new("y", DType::F32, Some(vec![Dim::Free(None)]))];
    Signature::new("s", Method::Predict, inputs, outputs, rows, ShapeRule::Checked).unwrap().shared()
}

/// All rows of a table: for each input its tensor (all calls put together), numbers of good rows, and bad rows.
#[derive(Debug, PartialEq)]
pub(crate) struct Gathered {
    pub(crate) tensors: Vec<Option<Tensor>>,
    pub(crate) rows: Vec<u64>,
    pub(crate) bad: Vec<(u64, String, String)>,
    pub(crate) ignored: Vec<String>,
}

pub(crate) fn gather(
    files: Vec<TableInput>,
    signature: &Arc<Signature>,
    options: &ReadOptions,
) -> Result<Gathered, Problem> {
    let reader = TableReader::open(files, signature.clone(), signature.default_outputs().clone(), options)?;
    let mut parts: Vec<Vec<Tensor>> = vec![Vec::new(); signature.inputs().len()];
    let (mut rows, mut bad, mut index) = (Vec::new(), Vec::new(), 0);
    while let Some(raw) = reader.next()? {
        assert_eq!(raw.index(), index, "chunks are counted without gaps");
        index += 1;
        let chunk = reader.decode(&raw)?;
        for piece in chunk.pieces {
            rows.extend(piece.rows);
            for (slot, parts) in parts.iter_mut().enumerate() {
                parts.extend(piece.call.input(slot).and_then(Input::dense).cloned());
            }
        }
        let text = |raw: Vec<u8>| String::from_utf8_lossy(&raw).into_owned();
        bad.extend(chunk.bad.into_iter().map(|b| (b.row, b.problem.to_string(), text(b.raw))));
    }
    let stacked = |parts: Vec<Tensor>| match parts.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(stack(&many.iter().collect::<Vec<_>>()).unwrap()),
    };
    Ok(Gathered { tensors: parts.into_iter().map(stacked).collect(), rows, bad, ignored: reader.ignored() })
}

/// Text in a format, chunk after chunk.
pub(crate) fn read(
    format: Format,
    bytes: &[u8],
    signature: &Arc<Signature>,
    chunk_rows: usize,
) -> Result<Gathered, Problem> {
    let input = TableInput::stream("t", Some(format), std::io::Cursor::new(bytes.to_vec()));
    let options = ReadOptions { chunk_rows, missing: vec![b"NA".to_vec()], ..ReadOptions::default() };
    gather(vec![input], signature, &options)
}

/// A file that numpy or pyarrow wrote.
pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An NPZ file of arrays.
pub(crate) fn npz(arrays: &[(&str, Tensor)]) -> Vec<u8> {
    let specs = arrays.iter().map(|(name, tensor)| OutputSpec::new(*name, tensor.dtype(), None)).collect();
    write(Format::Npz, specs, &[arrays.iter().map(|(_, tensor)| tensor.clone()).collect()]).unwrap()
}

/// Tensors as a table, in chunks.
pub(crate) fn write(
    format: Format,
    specs: Vec<OutputSpec>,
    chunks: &[Vec<Tensor>],
) -> Result<Vec<u8>, Problem> {
    let inputs = vec![input("x", DType::F32, &[])];
    let signature =
        Signature::new("s", Method::Predict, inputs, specs, RowRule::Independent, ShapeRule::Checked)?;
    let memory = Memory::default();
    let mut writer = TableWriter::create(
        format,
        Box::new(memory.clone()),
        &signature,
        signature.default_outputs(),
        &WriteOptions::default(),
    )?;
    let encoder = writer.encoder();
    for tensors in chunks {
        let mut outputs = Outputs::new();
        tensors.iter().enumerate().for_each(|(place, tensor)| outputs.set(place, tensor.clone()));
        writer.append(&encoder.encode(&outputs, &Kept::default())?)?;
    }
    writer.finish()?;
    Ok(memory.bytes())
}
