//! Output arrays through temporary files: how many rows there are is known at the end alone.

use super::header::{Header, Items};
use super::zip_file::{StoredEntry, ZipWriter};
use crate::number::cast;
use crate::scratch::ScratchFile;
use flate2::CrcWriter;
use landfall_model::{DType, Problem, Tensor};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// One array on its way.
pub(crate) struct ArraySpool {
    name: String,
    dtype: DType,
    /// `None` before the first rows.
    shape: Option<Vec<usize>>,
    file: BufWriter<ScratchFile>,
    /// Bytes of the longest string so far.
    longest: usize,
}

impl ArraySpool {
    pub(crate) fn new(name: &str, dtype: DType, folder: &Path) -> Result<Self, Problem> {
        // Every bfloat16 is a float32, and NumPy knows no bfloat16.
        let dtype = if dtype == DType::BF16 { DType::F32 } else { dtype };
        let file = BufWriter::with_capacity(256 << 10, ScratchFile::create(folder)?);
        Ok(ArraySpool { name: name.to_owned(), dtype, shape: None, file, longest: 1 })
    }

    /// Appends rows. An array without axes, or whose rows differ in shape from those before, cannot follow others.
    pub(crate) fn append(&mut self, tensor: &Tensor) -> Result<(), Problem> {
        let found = tensor.shape().to_vec();
        match &mut self.shape {
            None => self.shape = Some(found),
            Some(shape) if shape.len() == found.len() && !found.is_empty() && shape[1..] == found[1..] => {
                shape[0] += found[0];
            }
            Some(shape) => {
                return Err(Problem::worded(
                    landfall_model::Kind::FailedPrecondition,
                    format!(
                        "output {:?} has parts of shape {shape:?} and {found:?}: they make no array",
                        self.name
                    ),
                ));
            }
        }
        if self.dtype == DType::String {
            return self.append_strings(tensor);
        }
        let tensor = cast(tensor, self.dtype)?.tensor;
        let bytes = tensor.bytes().unwrap_or_default();
        self.write(bytes)
    }

    fn append_strings(&mut self, tensor: &Tensor) -> Result<(), Problem> {
        for (i, text) in tensor.strings()?.iter().enumerate() {
            if text.ends_with(b"\0") {
                return Err(Problem::worded(
                    landfall_model::Kind::FailedPrecondition,
                    format!(
                        "output {:?} has a value ending in NUL (element {i} of a chunk), which NumPy's strings cannot \
                         hold: write JSON Lines or CSV",
                        self.name
                    ),
                ));
            }
            self.longest = self.longest.max(text.len());
            let length = text.len() as u64;
            self.write(&length.to_le_bytes())?;
            self.write(text)?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.file.write_all(bytes).map_err(|e| Problem::io("write a temporary file", &e))
    }

    /// The header, now that all is known. An array that got no rows has the shape that is declared for it.
    fn header(&self, declared: &[usize]) -> Header {
        let items = match self.dtype {
            DType::String => Items::Bytes(self.longest),
            dtype => Items::Plain(dtype),
        };
        let shape = self
            .shape
            .clone()
            .unwrap_or_else(|| std::iter::once(0).chain(declared.iter().copied()).collect());
        Header { items, big_endian: false, fortran: false, shape }
    }

    /// Writes header and items.
    fn copy_to(&mut self, header: &Header, sink: &mut dyn Write) -> std::io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(0))?;
        sink.write_all(&header.to_bytes())?;
        let mut file = BufReader::with_capacity(256 << 10, file);
        if self.dtype != DType::String {
            return std::io::copy(&mut file, sink).map(drop);
        }
        let count: usize = header.shape.iter().product();
        let mut item = vec![0; self.longest];
        for _ in 0..count {
            let mut length = [0; 8];
            file.read_exact(&mut length)?;
            let length = u64::from_le_bytes(length) as usize;
            file.read_exact(&mut item[..length])?;
            item[length..].fill(0);
            sink.write_all(&item)?;
        }
        Ok(())
    }
}

/// Writes one array as an NPY file.
pub(crate) fn write_npy(
    array: &mut ArraySpool,
    declared: &[usize],
    sink: &mut dyn Write,
) -> Result<(), Problem> {
    let header = array.header(declared);
    array.copy_to(&header, sink).and_then(|()| sink.flush()).map_err(|e| Problem::io("write the output", &e))
}

/// Writes arrays, each with the axes of a row that are declared for it, as an NPZ file.
pub(crate) fn write_npz(
    arrays: &mut [(ArraySpool, Vec<usize>)],
    sink: &mut dyn Write,
) -> Result<(), Problem> {
    let mut archive = ZipWriter::new(sink);
    let write = || {
        for (array, declared) in arrays {
            let header = array.header(declared);
            let mut counted = CrcWriter::new(std::io::sink());
            array.copy_to(&header, &mut counted)?;
            let items = header.bytes_total().unwrap_or(0);
            let bytes = (header.to_bytes().len() + items) as u64;
            let name = format!("{}.npy", array.name);
            let entry = StoredEntry { name: &name, bytes, crc: counted.crc().sum() };
            archive.entry(&entry, |sink| array.copy_to(&header, sink))?;
        }
        Ok(())
    };
    let written: std::io::Result<()> = write();
    written
        .and_then(|()| archive.finish())
        .and_then(|sink| sink.flush())
        .map_err(|e| Problem::io("write the output", &e))
}
