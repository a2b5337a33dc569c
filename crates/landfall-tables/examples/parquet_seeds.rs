//! Writes small Parquet files into a folder, as seeds for the fuzzer (`fuzz/seeds.py` asks for them):
//! `cargo run -p landfall-tables --example parquet_seeds FOLDER`.
#![allow(clippy::unwrap_used, reason = "what fails here fails the seeds")]

#[path = "../tests/tables/parquet_seeds.rs"]
mod parquet_seeds;

fn main() {
    let folder = std::path::PathBuf::from(std::env::args_os().nth(1).expect("a folder is named"));
    for (name, bytes) in parquet_seeds::parquet_seeds() {
        std::fs::write(folder.join(format!("{name}.parquet")), bytes).unwrap();
    }
}
