//! Parquet: columns are decoded side by side, in the order of chunks.
//!
//! Pages can only be decoded front to back, so rows are not dealt out to workers; columns are. The columns that are
//! needed are put into a few lanes, each with a reader of its own over the same file. A worker goes through the lanes
//! in order and holds a lane's lock until it has the next one's: chunks stay in order in every lane, while several
//! workers decode different columns of different chunks.

use super::at_place::AtPlace;
use super::decode;
use super::guarded;
use crate::opened::{Opened, Raw, Rows, SharedSource, Wants, lock};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field};
use landfall_model::Problem;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// More lanes than this find no more workers, and each holds pages in memory.
const LANES: usize = 4;

/// Opens a file.
pub(crate) fn open(name: &str, file: File, wants: &Wants, chunk_rows: usize) -> Result<Opened, Problem> {
    let file = AtPlace::new(file).map_err(|e| Problem::io(format!("read {name}"), &e))?;
    let metadata = metadata(name, &file)?;
    let (decoder, needed, ignored) =
        decode::plan(metadata.schema(), wants).map_err(|p| p.at(name.to_owned()))?;
    known_packing(name, &metadata)?;
    let mut groups =
        metadata.metadata().row_groups().iter().map(|group| u64::try_from(group.num_rows()).ok());
    let total = groups.try_fold(0u64, |total, rows| total.checked_add(rows?));
    let total = total.ok_or_else(|| Problem::malformed(name, None, "the number of rows makes no sense"))?;
    let chunk_rows = chunk_rows.min(usize::try_from(total).unwrap_or(usize::MAX)).max(1);
    let source = LanesInStep {
        name: name.to_owned(),
        lanes: lanes(name, &file, &metadata, &needed, chunk_rows)?,
        columns: needed.len(),
        chunk_rows,
        total,
        handed_out: Mutex::new(Position::default()),
        failed: AtomicBool::new(false),
    };
    Ok(Opened {
        rows: Rows::SideBySide(Box::new(source)),
        decoder: Arc::new(decoder),
        ignored,
        total: Some(total),
    })
}

/// What the file says of itself. Truth values in a dictionary, as pandas writes categories of them, make the library's reader
/// panic: such files are read by the types of Parquet, and not by those of Arrow that are stored beside them.
fn metadata(name: &str, file: &AtPlace) -> Result<ArrowReaderMetadata, Problem> {
    let load = |options: ArrowReaderOptions| guarded(name, || ArrowReaderMetadata::load(file, options));
    let metadata = load(ArrowReaderOptions::new())?;
    let fields = metadata.schema().flattened_fields();
    let of_truths = |field: &Field| match field.data_type() {
        DataType::Dictionary(_, values) => **values == DataType::Boolean,
        _ => false,
    };
    if fields.into_iter().any(of_truths) {
        return load(ArrowReaderOptions::new().with_skip_arrow_metadata(true));
    }
    Ok(metadata)
}

/// Refuses columns that are packed in a way that is not unpacked here.
fn known_packing(name: &str, metadata: &ArrowReaderMetadata) -> Result<(), Problem> {
    let columns = metadata.metadata().row_groups().iter().flat_map(|group| group.columns());
    let unknown = |packing: &Compression| matches!(packing, Compression::BROTLI(_) | Compression::LZO);
    match columns.map(|column| column.compression()).find(unknown) {
        None => Ok(()),
        Some(packing) => Err(Problem::unsupported(
            format!(
                "{name}: Parquet packed with {}",
                packing.to_string().split('(').next().unwrap_or_default()
            ),
            "write it with Snappy, Zstandard, LZ4 or gzip",
        )),
    }
}

#[derive(Default)]
struct Position {
    index: u64,
    row: u64,
}

struct LanesInStep {
    name: String,
    lanes: Vec<Mutex<Lane>>,
    columns: usize,
    chunk_rows: usize,
    total: u64,
    handed_out: Mutex<Position>,
    failed: AtomicBool,
}

/// Some of the columns.
struct Lane {
    reader: ParquetRecordBatchReader,
    /// Place in the projection of each column of the reader's batches.
    places: Vec<usize>,
}

fn lanes(
    name: &str,
    file: &AtPlace,
    metadata: &ArrowReaderMetadata,
    needed: &[usize],
    chunk_rows: usize,
) -> Result<Vec<Mutex<Lane>>, Problem> {
    let count = LANES.min(needed.len());
    let mut lanes = Vec::with_capacity(count);
    for lane in 0..count {
        // Neighbours share a lane: their chunks lie beside each other in the file.
        let places: Vec<usize> = (needed.len() * lane / count..needed.len() * (lane + 1) / count).collect();
        let columns = places.iter().map(|&place| needed[place]);
        let mask = ProjectionMask::roots(metadata.parquet_schema(), columns);
        let file = file.clone();
        let reader = guarded(name, || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
                .with_batch_size(chunk_rows)
                .with_projection(mask)
                .build()
        })?;
        lanes.push(Mutex::new(Lane { reader, places }));
    }
    Ok(lanes)
}

impl SharedSource for LanesInStep {
    fn next(&self) -> Result<Option<(u64, u64, Raw)>, Problem> {
        let mut position = lock(&self.handed_out);
        if self.failed.load(Ordering::Relaxed) || position.row >= self.total {
            return Ok(None);
        }
        let (index, row) = (position.index, position.row);
        let rows = self.chunk_rows.min(usize::try_from(self.total - row).unwrap_or(usize::MAX));
        position.index += 1;
        position.row += rows as u64;
        let chunk = self.columns(rows, position);
        if chunk.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        Ok(Some((index, row, chunk?)))
    }
}

impl LanesInStep {
    /// Goes through the lanes; `position` is let go once the first lane is held.
    fn columns<G>(&self, rows: usize, position: G) -> Result<Raw, Problem> {
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.columns];
        let mut lanes = self.lanes.iter();
        let mut held = lanes.next().map(lock);
        drop(position);
        while let Some(mut lane) = held {
            if self.failed.load(Ordering::Relaxed) {
                return Err(Problem::malformed(self.name.as_str(), None, "reading has failed before"));
            }
            let batch = self.batch(&mut lane, rows)?;
            for (column, &place) in batch.columns().iter().zip(&lane.places) {
                columns[place] = Some(column.clone());
            }
            held = lanes.next().map(lock);
        }
        let columns: Option<Vec<ArrayRef>> = columns.into_iter().collect();
        let columns = columns.ok_or_else(|| Problem::internal("a column came in no lane"))?;
        Ok(Raw::Arrow { columns, rows })
    }

    fn batch(&self, lane: &mut Lane, rows: usize) -> Result<RecordBatch, Problem> {
        let batch = guarded(&self.name, || lane.reader.next().transpose()).inspect_err(|_| {
            self.failed.store(true, Ordering::Relaxed);
        })?;
        batch.filter(|batch| batch.num_rows() == rows && batch.num_columns() == lane.places.len()).ok_or_else(
            || {
                self.failed.store(true, Ordering::Relaxed);
                Problem::malformed(self.name.as_str(), None, "a column has fewer rows than the file says")
            },
        )
    }
}
