//! Arrow IPC: batches off a file or a stream, cut to chunks.

use super::decode;
use super::guarded;
use super::messages::{StreamBatches, check_file};
use crate::opened::{EMPTY_VALUES, Opened, Raw, RawSource, Wants};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::FileReader;
use arrow_schema::ArrowError;
use landfall_model::Problem;
use std::fs::File;
use std::io::{BufReader, Read};

/// Opens the stream form.
pub(crate) fn open_stream(
    name: &str,
    stream: Box<dyn Read + Send>,
    wants: &Wants,
) -> Result<Opened, Problem> {
    let stream = BufReader::with_capacity(1 << 20, stream);
    let (batches, schema) = guarded(name, || StreamBatches::open(Box::new(stream)))?;
    let (decoder, needed, ignored) = decode::plan(&schema, wants).map_err(|p| p.at(name.to_owned()))?;
    Ok(Opened::new(Batches::new(name, Box::new(batches), needed, wants.whole), decoder, ignored))
}

/// Opens the file form.
pub(crate) fn open_file(name: &str, file: File, wants: &Wants) -> Result<Opened, Problem> {
    guarded(name, || check_file(&file))?;
    let reader = guarded(name, || FileReader::try_new(BufReader::with_capacity(1 << 20, file), None))?;
    let (decoder, needed, ignored) =
        decode::plan(&reader.schema(), wants).map_err(|p| p.at(name.to_owned()))?;
    Ok(Opened::new(Batches::new(name, Box::new(reader), needed, wants.whole), decoder, ignored))
}

type BatchIterator = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// Batches, cut where they are larger than a chunk.
struct Batches {
    name: String,
    batches: BatchIterator,
    needed: Vec<usize>,
    /// What is left of a batch that was cut.
    rest: Option<Raw>,
    whole: bool,
}

impl Batches {
    fn new(name: &str, batches: BatchIterator, needed: Vec<usize>, whole: bool) -> Self {
        Batches { name: name.to_owned(), batches, needed, rest: None, whole }
    }

    fn batch(&mut self) -> Result<Option<Raw>, Problem> {
        loop {
            let Some(batch) = guarded(&self.name, || self.batches.next().transpose())? else {
                return Ok(None);
            };
            let rows = batch.num_rows();
            if rows == 0 {
                continue;
            }
            let columns: Vec<ArrayRef> =
                self.needed.iter().map(|&place| batch.column(place).clone()).collect();
            if rows > EMPTY_VALUES && columns.iter().all(|column| column.get_buffer_memory_size() == 0) {
                let text = format!("{rows} rows without a value");
                return Err(Problem::malformed(self.name.as_str(), None, text));
            }
            return Ok(Some(Raw::Arrow { columns, rows }));
        }
    }
}

impl RawSource for Batches {
    fn next(&mut self, max_rows: usize) -> Result<Option<Raw>, Problem> {
        if self.whole {
            let mut all = Vec::new();
            while let Some(batch) = self.batch()? {
                all.push(batch);
            }
            return Ok((!all.is_empty()).then_some(Raw::Batches(all)));
        }
        let Some(batch) = (match self.rest.take() {
            Some(rest) => Some(rest),
            None => self.batch()?,
        }) else {
            return Ok(None);
        };
        if batch.rows() <= max_rows {
            return Ok(Some(batch));
        }
        let (head, tail) = batch.split_at(max_rows);
        self.rest = Some(tail);
        Ok(Some(head))
    }
}
