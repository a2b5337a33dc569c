//! `landfall predict`: rows of a table through a model, on all cores, in constant memory, in order.

mod bad_rows;
mod in_order;
mod output;
mod passed_over;
mod progress;
mod scoring;
mod table;

use crate::args::Predict;
use crate::exit::Failure;
use crate::loading;
use crate::output::say;
use crate::signals::Signals;
use bad_rows::BadRows;
use landfall_model::RowRule;
use landfall_tables::{TableWriter, WriteOptions};
use output::Output;
use passed_over::PassedOver;
use progress::Progress;
use scoring::{Scoring, Total};
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use table::Opened;

/// Scores the table.
///
/// # Errors
/// A wrong call for formats and outputs that do not exist; failed work when the model does not load, a row cannot be
/// read or answered (with `--bad-rows stop`), or a file cannot be read or written.
pub(crate) fn run(arguments: &Predict) -> Result<(), Failure> {
    let _obeyed = Signals::listen()?.obey()?;
    let (lease, loaded) = loading::load(&arguments.model, &arguments.model_flags)?;
    let streams = arguments.input.iter().any(|input| input == "-");
    let Opened { signature, wanted, reader, first_format } =
        table::open(arguments, lease.signatures(), streams)?;
    // Said before the work, so that a wrong file shows at once and whatever becomes of the work.
    let mut passed_over = PassedOver::default();
    passed_over.say_new(&reader);
    // What a load has to say interests those who gave options, and whose rows are not taken one by one.
    let interests = !arguments.model_flags.load.set.is_empty() || *signature.rows() == RowRule::None;
    let of_load = loaded.notes.iter().filter(|_| interests);
    of_load.chain(&reader.notes()).for_each(|note| say(&format!("landfall: {note}")));
    output::kept_apart(arguments).map_err(Failure::call)?;
    let bad_rows = BadRows::new(&arguments.bad_rows, table::label(&arguments.input))?;
    let threads = match signature.rows() {
        RowRule::Independent | RowRule::Pieces(_) => threads(arguments.threads),
        _ => 1,
    };
    let output = Output::open(arguments, first_format)?;
    let options = WriteOptions {
        scratch: output.folder().to_owned(),
        eager: streams,
        kept: reader.kept(),
        ..WriteOptions::default()
    };
    let writer = TableWriter::create(output.format, output.sink()?, &signature, &wanted, &options)
        .map_err(Failure::Call)?;
    let progress = Progress::start(std::io::stderr().is_terminal() && !streams);
    let scoring = Scoring { lease: &lease, reader: &reader, threads, stop_at_bad: bad_rows.stops() };
    let total = match scoring.run(writer, bad_rows, &progress) {
        // Whoever reads the answers has seen enough (`predict … | head`): there is nothing more to do, and nothing to say.
        Err(_) if output.is_closed() => return Ok(()),
        scored => scored?,
    };
    output.commit()?;
    progress.end();
    passed_over.say_new(&reader);
    report(total);
    Ok(())
}

fn report(Total { rows, bad, first_bad }: Total) {
    if let Some(first) = first_bad {
        say(&format!(
            "landfall: {bad} of {} rows could not be read or answered; the first: {first}",
            rows + bad
        ));
    }
}

fn threads(asked: Option<NonZeroUsize>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}
