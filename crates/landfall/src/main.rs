//! Landfall: a model file becomes an endpoint that existing clients can call, and scores tables from the same binary.

mod allocator;
mod args;
mod check;
mod config;
mod confined;
mod control;
mod conversion;
mod convert;
mod elsewhere;
mod engines;
mod exit;
mod golden;
mod greeting;
mod inspect;
mod loading;
mod log;
mod output;
mod predict;
mod serve;
mod signals;
mod state;
mod tensorflow_model_server;
mod unread;

use args::{Command, Landfall};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    confined::settle();
    exit::code(match Landfall::parse_from(args::called()).command {
        Command::TensorflowModelServer(arguments) => return tensorflow_model_server::run(&arguments.flags),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Engines(arguments) => engines::run(&arguments),
        Command::Control(arguments) => control::run(&arguments),
    })
}
