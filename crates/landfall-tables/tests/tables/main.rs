//! Tables through the crate's front door.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod bad_rows;
mod csv;
mod declared_sizes;
mod foreign_files;
mod fuzzing;
mod house;
mod json_lines;
mod kept;
mod kept_arrays;
mod libsvm;
mod moments;
mod parquet_seeds;
mod part_files;
mod round_trips;
mod several_files;
mod sparse_arrays;
mod threads;
mod whole_tables;
