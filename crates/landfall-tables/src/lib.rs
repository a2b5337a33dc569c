//! Files to calls and back, in chunks of rows: CSV, JSON Lines, NPY, NPZ, Arrow IPC, Parquet, libsvm text; packed with gzip
//! too, and in folders of part files.
//!
//! A [`TableReader`] hands out raw chunks in the table's order ([`TableReader::next`]) and decodes them
//! ([`TableReader::decode`]); both may be called from several threads. A [`TableEncoder`] turns answers into bytes, also
//! in several threads; one [`TableWriter`] appends them in order. Memory does not grow with the table. Rows that cannot
//! be read come beside the calls, with the number of the row (data rows count from 1) and the reason.
//!
//! ```
//! use landfall_model::*;
//! use landfall_tables::*;
//!
//! let n = || Dim::Free(None);
//! let inputs = vec![InputSpec::new("x", DType::F32, Some(vec![n(), Dim::Known(2)]))];
//! let outputs = vec![OutputSpec::new("y", DType::F32, Some(vec![n()]))];
//! let signature =
//!     Signature::new("s", Method::Predict, inputs, outputs, RowRule::Independent, ShapeRule::Checked)?.shared();
//! let wanted = signature.default_outputs().clone();
//!
//! let csv = TableInput::stream("rows.csv", None, &b"x[0],x[1],note\n1,2,a\n3,oops,b\n"[..]);
//! let reader = TableReader::open(vec![csv], signature.clone(), wanted.clone(), &ReadOptions::default())?;
//! assert_eq!(reader.ignored(), ["note"]);
//! let mut writer =
//!     TableWriter::create(Format::Csv, Box::new(std::io::sink()), &signature, &wanted, &WriteOptions::default())?;
//! while let Some(raw) = reader.next()? {
//!     let chunk = reader.decode(&raw)?;
//!     assert_eq!(chunk.bad[0].problem.to_string(), r#"row 2: column "x[1]": expected float32, found "oops""#);
//!     for piece in chunk.pieces {
//!         let mut outputs = Outputs::new(); // from the model
//!         outputs.set(0, Tensor::from_slice(&[piece.rows.len()], &[0.5f32])?);
//!         writer.append(&writer.encoder().encode(&outputs, &piece.kept)?)?;
//!     }
//! }
//! writer.finish()?;
//! # Ok::<(), Problem>(())
//! ```
#![forbid(unsafe_code)]

mod arrow;
mod atomic_file;
mod cell;
mod chunk;
mod column_names;
mod columns;
mod csv;
mod format;
#[doc(hidden)]
pub mod fuzz;
mod in_step;
mod join;
mod json;
mod json_lines;
mod kept;
mod kept_cells;
mod layout;
mod libsvm;
mod npy;
mod nulls;
mod number;
mod number_text;
mod open;
mod opened;
mod options;
mod packed;
mod plan;
mod read_at;
mod reader;
mod row_dims;
mod rows_builder;
mod scratch;
mod source;
mod text_rows;
mod whole;
mod writer;

pub use atomic_file::AtomicFile;
pub use chunk::{BadRow, Chunk, Piece, RawChunk};
pub use csv::push_quoted;
pub use format::Format;
pub use json::JsonNan;
pub use kept::{Kept, KeptColumn};
pub use options::ReadOptions;
pub use reader::TableReader;
pub use source::{Source, TableInput};
pub use whole::{column_of_output, read_columns, read_inputs};
pub use writer::{Encoded, TableEncoder, TableWriter, WriteOptions};
