//! `landfall predict`: rows of a table through a model, on all cores, in constant memory, in order.

mod bad_rows;
mod in_order;
mod progress;
mod scoring;

use crate::args::Predict;
use crate::exit::Failure;
use crate::output::say;
use crate::{golden, loading};
use bad_rows::BadRows;
use landfall_model::{Problem, Reason, RowRule, Signature, Wanted};
use landfall_tables::{AtomicFile, Format, ReadOptions, TableInput, TableReader, TableWriter, WriteOptions};
use progress::Progress;
use scoring::Scoring;
use std::io::{BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::Path;

/// Rows of one run: enough to amortise the call, few enough that what lies between layers stays in the cache.
const CHUNK_ROWS: usize = 512;

/// Bytes that are gathered before they are written to a file.
const WRITE_BUFFER: usize = 1 << 20;

/// Scores the table.
///
/// # Errors
/// A wrong call for formats and outputs that do not exist; failed work when the model does not load, a row cannot be
/// read or answered (with `--bad-rows stop`), or a file cannot be read or written.
pub(crate) fn run(arguments: &Predict) -> Result<(), Failure> {
    let (lease, _) = loading::load(&arguments.model, &arguments.model_flags)?;
    let signature =
        golden::choose(lease.signatures(), arguments.signature.as_deref()).map_err(Failure::Call)?;
    let wanted = wanted(signature, &arguments.output).map_err(Failure::Call)?;
    let streams = arguments.input.iter().any(|input| input == "-");
    let (inputs, first_format) = inputs(arguments)?;
    let missing = arguments.missing.iter().map(|token| token.clone().into_bytes()).collect();
    let options = ReadOptions { chunk_rows: CHUNK_ROWS, missing, eager: streams };
    let reader = TableReader::open(inputs, signature.clone(), wanted.clone(), &options)?;
    let bad_rows = BadRows::new(&arguments.bad_rows);
    let threads = match signature.rows() {
        RowRule::Independent | RowRule::Pieces(_) => threads(arguments.threads),
        _ => 1,
    };
    let output = Output::open(arguments, first_format)?;
    let options =
        WriteOptions { scratch: output.folder().to_owned(), eager: streams, ..WriteOptions::default() };
    let writer = TableWriter::create(output.format, output.sink()?, signature, &wanted, &options)
        .map_err(Failure::Call)?;
    let progress = Progress::start(std::io::stderr().is_terminal() && !streams);
    let scoring = Scoring { lease: &lease, reader: &reader, threads, stop_at_bad: bad_rows.stops() };
    let (rows, bad) = scoring.run(writer, bad_rows, &progress)?;
    output.commit()?;
    progress.end();
    report(&reader, rows, bad);
    Ok(())
}

fn report(reader: &TableReader, rows: u64, bad: u64) {
    for column in reader.ignored() {
        say(&format!("landfall: column {column:?} is passed over: no input takes it"));
    }
    if bad > 0 {
        say(&format!("landfall: {bad} of {} rows could not be read or answered", rows + bad));
    }
}

fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1)
}

fn wanted(signature: &Signature, names: &[String]) -> Result<Wanted, Problem> {
    if names.is_empty() {
        return Ok(signature.default_outputs().clone());
    }
    let place = |name: &String| {
        signature.output(name).ok_or_else(|| {
            let known: Vec<&str> = signature.outputs().iter().map(|output| output.name.as_str()).collect();
            let problem = Problem::new(Reason::OutputUnknown { output: name.clone() });
            problem.at(format!("--output (there are {})", known.join(", ")))
        })
    };
    names.iter().map(place).collect()
}

/// The files named by `-i`, and the format of the first, where it is known.
fn inputs(arguments: &Predict) -> Result<(Vec<TableInput>, Option<Format>), Failure> {
    let told = arguments.format.as_deref().map(Format::of_name).transpose().map_err(Failure::Call)?;
    let mut inputs = Vec::new();
    let mut first = told;
    for text in &arguments.input {
        if text == "-" {
            let (input, format) = standard_input(told)?;
            first = first.or(Some(format));
            inputs.push(input);
            continue;
        }
        // What lies there under the whole text is a file, whatever signs it holds.
        let named = text.split_once('=').filter(|(name, _)| !name.is_empty() && !Path::new(text).exists());
        let (name, path) = named.map_or((None, text.as_str()), |(name, path)| (Some(name), path));
        first = first.or_else(|| Format::of_ending(path));
        let input = TableInput::file(path);
        let input = TableInput { format: told, ..input };
        inputs.push(name.map_or(input, |name| TableInput::file(path).for_input(name)));
    }
    Ok((inputs, first))
}

fn standard_input(told: Option<Format>) -> Result<(TableInput, Format), Failure> {
    let mut stream = BufReader::new(std::io::stdin());
    let format = match told {
        Some(format) => format,
        None => {
            let first = stream.fill_buf().map_err(|e| Problem::io("read standard input", &e))?;
            Format::detect("", first)?
        }
    };
    Ok((TableInput::stream("standard input", Some(format), stream), format))
}

/// Where the answers go.
struct Output {
    format: Format,
    /// `None` for standard output.
    file: Option<AtomicFile>,
}

impl Output {
    /// Nothing is left behind unless [`Output::commit`] is reached.
    fn open(arguments: &Predict, input_format: Option<Format>) -> Result<Self, Failure> {
        let told =
            arguments.output_format.as_deref().map(Format::of_name).transpose().map_err(Failure::Call)?;
        let path = &arguments.output_file;
        if path.as_os_str() == "-" {
            // Lines are answered with lines.
            let like_input = input_format.filter(|format| *format == Format::JsonLines);
            return Ok(Output { format: told.or(like_input).unwrap_or(Format::Csv), file: None });
        }
        let format = told.or_else(|| Format::of_ending(&path.to_string_lossy())).ok_or_else(|| {
            Failure::call(format!(
                "{}: its ending names no format; say which with --output-format",
                path.display()
            ))
        })?;
        Ok(Output { format, file: Some(AtomicFile::create(path)?) })
    }

    fn folder(&self) -> &Path {
        self.file.as_ref().map_or(Path::new("."), AtomicFile::folder)
    }

    fn sink(&self) -> Result<Box<dyn Write + Send>, Problem> {
        Ok(match &self.file {
            None => Box::new(BufWriter::new(std::io::stdout())),
            Some(file) => Box::new(BufWriter::with_capacity(WRITE_BUFFER, file.handle()?)),
        })
    }

    fn commit(self) -> Result<(), Problem> {
        self.file.map_or(Ok(()), AtomicFile::commit)
    }
}
