//! Measures Landfall beside its limits: bare echo servers of the same bytes, and the engine in process.
//!
//! `cargo run --release -p landfall-bench -- doors --data FOLDER` needs `wrk`, `h2load` and `taskset`.
#![forbid(unsafe_code)]

mod converted;
mod decode;
mod doors;
mod echo;
mod load;
mod offline;
mod process;
mod report;
mod rows;
mod scheduler;
mod sessions;
mod table;
mod trees;

use clap::{Parser, Subcommand};
use landfall_model::{Options, Problem};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Measures Landfall beside its limits")]
struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Every door at 1 and 64 connections, as ratios of its limit
    Doors {
        /// Folder with ctr.onnx, cnn.onnx and request bodies
        #[arg(long)]
        data: PathBuf,
        /// The binary to measure
        #[arg(long, default_value = "target/release/landfall")]
        landfall: PathBuf,
        /// Seconds of each load
        #[arg(long, default_value_t = 3)]
        seconds: u64,
        /// Rounds, taken in turn
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Only doors whose name contains this
        #[arg(long, default_value = "")]
        only: String,
        /// Folder of tensorflow/models.py, for the door of a Keras model
        #[arg(long)]
        tensorflow: Option<PathBuf>,
    },
    /// `landfall predict` over a Parquet file, beside the engine in process
    Offline {
        /// Folder with ctr.onnx
        #[arg(long)]
        data: PathBuf,
        /// The binary to measure
        #[arg(long, default_value = "target/release/landfall")]
        landfall: PathBuf,
        /// Rows of the table
        #[arg(long, default_value_t = 10_000_000)]
        rows: usize,
        /// Threads
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// SavedModels beside the ONNX files that they were converted to, in process
    Converted {
        /// Folder with SavedModels NAME/ and NAME.onnx beside each
        #[arg(long)]
        models: PathBuf,
        /// What calls a SavedModel by the C API alone (built of tensorflow/capi.c)
        #[arg(long)]
        capi: Option<PathBuf>,
        /// Seconds of each measurement
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
    },
    /// Decoding of requests and encoding of answers, without a server
    Decode,
    /// The way through the scheduler, with a model that does next to nothing
    Scheduler,
    /// An ONNX model on each engine, by rows and threads, and what a further session of it costs
    Sessions {
        model: PathBuf,
        /// Options of the engine, KEY=VALUE
        options: Vec<String>,
    },
    /// A bare server (started by `doors`)
    Echo { protocol: echo::Protocol, address: SocketAddr, answer: PathBuf },
    /// A model over a table of numbers in process (started by `pmml/run.py`): rows a second, microseconds of one row,
    /// milliseconds to load
    Table { model: PathBuf, table: PathBuf, seconds: f64 },
    /// A tree model over a matrix of float32 in process: figures as asked for on standard input (started by
    /// `trees/run.py`)
    Trees { model: PathBuf, rows: PathBuf },
    /// The engine in process, in rows a second (started by `doors`)
    Rows { model: PathBuf, rows: usize },
}

fn main() -> ExitCode {
    match run(Bench::parse().what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            report::say(&text);
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> Result<(), String> {
    match what {
        What::Doors { data, landfall, seconds, rounds, only, tensorflow } => {
            let (bench, scratch) = (this_binary()?, scratch()?);
            let setup = doors::Setup { landfall, bench, data, scratch, seconds, rounds, only, tensorflow };
            show(&doors::run(&setup)?);
        }
        What::Offline { data, landfall, rows, threads } => {
            show(&offline::run(&landfall, &this_binary()?, &data, &scratch()?, rows, threads)?);
        }
        What::Echo { protocol, address, answer } => {
            let answer = std::fs::read(&answer).map_err(|e| format!("read {}: {e}", answer.display()))?;
            echo::serve(protocol, address, answer.into()).map_err(|e| format!("{address}: {e}"))?;
        }
        What::Trees { model, rows } => told(trees::answer(&model, &rows))?,
        What::Table { model, table, seconds } => {
            let found = told(table::figures(&model, &table, seconds))?;
            let one_row = found.one_row.map_or("nan".to_owned(), |time| format!("{time:.2}"));
            report::print(&format!("{:.0} {one_row} {:.1}\n", found.rate, found.load));
        }
        What::Decode => show(&told(decode::figures())?),
        What::Scheduler => show(&told(scheduler::figures())?),
        What::Sessions { model, options } => {
            let mut set = Options::new();
            for option in &options {
                let (key, value) = option.split_once('=').ok_or_else(|| format!("{option}: no KEY=VALUE"))?;
                set.set(key, value);
            }
            show(&told(sessions::figures(&model, &set))?);
        }
        What::Converted { models, capi, seconds } => {
            told(converted::compare(&models, capi.as_deref(), seconds))?;
        }
        What::Rows { model, rows } => {
            let rate = told(rows::rate(&model, rows, 1.0))?;
            report::print(&format!("{rate}\n"));
        }
    }
    Ok(())
}

fn told<T>(result: Result<T, Problem>) -> Result<T, String> {
    result.map_err(|problem| problem.to_string())
}

fn show(table: &report::Table) {
    report::print(&format!("{}\n{table}", report::machine()));
}

fn this_binary() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|e| format!("find this binary: {e}"))
}

fn scratch() -> Result<PathBuf, String> {
    let folder = Path::new("target/bench");
    std::fs::create_dir_all(folder).map_err(|e| format!("create {}: {e}", folder.display()))?;
    Ok(folder.to_owned())
}
