//! Arrow IPC: batches off a file or a stream, cut to chunks.

use super::decode;
use super::guarded;
use crate::chunk::Raw;
use crate::reader::{Opened, RawSource, Wants};
use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
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
    let reader = guarded(name, || StreamReader::try_new(stream, None))?;
    let (decoder, needed, ignored) =
        decode::plan(&reader.schema(), wants).map_err(|p| p.at(name.to_owned()))?;
    Ok(Opened::new(Batches::new(name, Box::new(reader), needed, wants.whole), decoder, ignored))
}

/// Opens the file form.
pub(crate) fn open_file(name: &str, file: File, wants: &Wants) -> Result<Opened, Problem> {
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
            if batch.num_rows() > 0 {
                let columns = self.needed.iter().map(|&place| batch.column(place).clone()).collect();
                return Ok(Some(Raw::Arrow { columns, rows: batch.num_rows() }));
            }
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
