//! One array of an NPY or NPZ file, read from its first byte to its last.

use super::header::Header;
use super::npz::Entry;
use landfall_model::Problem;
use std::fs::File;
use std::io::{Cursor, Read};

/// An array being read, its header done.
pub(super) struct ArrayStream {
    /// The file and the array, for messages.
    pub(super) name: String,
    /// The array's name in its file; of a file of one array, the file's.
    pub(super) array: String,
    pub(super) header: Header,
    stream: Box<dyn Read + Send>,
    /// Whether the stream ends with the array.
    ends: bool,
}

impl ArrayStream {
    /// An array of an NPZ file.
    pub(super) fn of(file_name: &str, file: &File, entry: &Entry) -> Result<Self, Problem> {
        let name = format!("{file_name}, array {:?}", entry.name);
        Ok(ArrayStream { array: entry.name.clone(), ..ArrayStream::open(&name, entry.reader(file)?, true)? })
    }

    /// An array whose header comes next; `ends` where nothing may follow it.
    ///
    /// # Errors
    /// What is wrong with the header.
    pub(super) fn open(name: &str, mut stream: Box<dyn Read + Send>, ends: bool) -> Result<Self, Problem> {
        let header = Header::read(name, &mut *stream)?;
        let array = ArrayStream { name: name.to_owned(), array: name.to_owned(), header, stream, ends };
        if array.header.fortran && array.header.shape.len() > 1 { array.in_c_order() } else { Ok(array) }
    }

    /// Bytes of one row.
    pub(super) fn row_bytes(&self) -> usize {
        self.header.row_items() * self.header.items.size()
    }

    /// Reads all of an array whose first axis runs fastest, and turns it. Such an array does lie in memory.
    fn in_c_order(mut self) -> Result<Self, Problem> {
        let total =
            self.header.bytes_total().ok_or_else(|| Problem::invalid("the array's shape is absurd"))?;
        let fortran = self.take(total)?;
        let (shape, size) = (&self.header.shape, self.header.items.size());
        let mut bytes = Vec::with_capacity(fortran.len());
        let count = total.checked_div(size).unwrap_or(0);
        // Distance between neighbours along each axis, in items.
        let steps: Vec<usize> = shape
            .iter()
            .scan(1usize, |step, &n| {
                let this = *step;
                *step *= n;
                Some(this)
            })
            .collect();
        let mut index = vec![0usize; shape.len()];
        for _ in 0..count {
            let at: usize = index.iter().zip(&steps).map(|(i, step)| i * step).sum();
            bytes.extend_from_slice(&fortran[at * size..(at + 1) * size]);
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        self.header.fortran = false;
        let rest = std::mem::replace(&mut self.stream, Box::new(std::io::empty()));
        self.stream = Box::new(Cursor::new(bytes).chain(rest));
        Ok(self)
    }

    /// The next bytes. Memory grows with what comes, not with what the header says.
    pub(super) fn take(&mut self, count: usize) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        let read = (&mut self.stream).take(count as u64).read_to_end(&mut bytes);
        self.all_of(count as u64, read.map(|read| read as u64))?;
        Ok(bytes)
    }

    /// Passes over the next bytes.
    pub(super) fn skip(&mut self, count: usize) -> Result<(), Problem> {
        let read = std::io::copy(&mut (&mut self.stream).take(count as u64), &mut std::io::sink());
        self.all_of(count as u64, read)
    }

    fn all_of(&self, count: u64, read: std::io::Result<u64>) -> Result<(), Problem> {
        use std::io::ErrorKind::{InvalidData, InvalidInput};
        let name = self.name.as_str();
        match read {
            Ok(read) if read < count => Err(Problem::malformed(name, None, "the file ends too early")),
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind(), InvalidData | InvalidInput) => {
                Err(Problem::malformed(name, None, error.to_string()))
            }
            Err(error) => Err(Problem::io(format!("read {name}"), &error)),
        }
    }

    /// Refuses what follows the last row, where nothing may (which also has a checksum looked at).
    pub(super) fn finish(&mut self) -> Result<(), Problem> {
        if !self.ends {
            return Ok(());
        }
        match self.stream.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Problem::malformed(self.name.as_str(), None, "bytes follow the array")),
            Err(error) => Err(Problem::malformed(self.name.as_str(), None, error.to_string())),
        }
    }

    /// Values of an array of one axis.
    pub(super) fn length(&self) -> usize {
        self.header.shape.first().copied().unwrap_or(0)
    }
}
