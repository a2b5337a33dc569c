//! NumPy's files: NPY, one array; NPZ, a zip file of them.

mod array_stream;
mod decode;
mod header;
mod npz;
mod open;
mod sparse;
mod sparse_rows;
mod spool;
mod text;
mod zip_file;

pub(crate) use open::{open_npy, open_npz};
pub(crate) use spool::{ArraySpool, write_npy, write_npz};
