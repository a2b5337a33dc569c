//! `landfall predict`: rows of a table through a model, on all cores, in constant memory, in order.

mod bad_rows;
mod in_order;
mod interrupt;
mod progress;
mod scoring;

use crate::args::{Predict, name_and_path};
use crate::exit::Failure;
use crate::output::say;
use crate::{golden, loading};
use bad_rows::BadRows;
use landfall_model::{Problem, Reason, RowRule, Signature, Wanted};
use landfall_tables::{AtomicFile, Format, ReadOptions, TableInput, TableReader, TableWriter, WriteOptions};
use progress::Progress;
use scoring::Scoring;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

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
    let streams = arguments.input.iter().any(|input| input == "-");
    let Opened { signature, wanted, reader, first_format } = open(arguments, lease.signatures(), streams)?;
    // Said before the work, so that a wrong file shows at once and whatever becomes of the work.
    let mut passed_over = PassedOver::default();
    passed_over.say_new(&reader);
    // What the engine has to say of options interests those who gave some.
    let optional = !arguments.model_flags.set.is_empty();
    let of_engine = lease.facts().notes.iter().filter(|_| optional);
    of_engine.chain(&reader.notes()).for_each(|note| say(&format!("landfall: {note}")));
    let bad_rows = BadRows::new(&arguments.bad_rows, label(&arguments.input))?;
    let threads = match signature.rows() {
        RowRule::Independent | RowRule::Pieces(_) => threads(arguments.threads),
        _ => 1,
    };
    interrupt::watch()?;
    let output = Output::open(arguments, first_format)?;
    let options =
        WriteOptions { scratch: output.folder().to_owned(), eager: streams, ..WriteOptions::default() };
    let writer = TableWriter::create(output.format, output.sink()?, &signature, &wanted, &options)
        .map_err(Failure::Call)?;
    let progress = Progress::start(std::io::stderr().is_terminal() && !streams);
    let scoring = Scoring { lease: &lease, reader: &reader, threads, stop_at_bad: bad_rows.stops() };
    let (rows, bad) = match scoring.run(writer, bad_rows, &progress) {
        // Whoever reads the answers has seen enough (`predict … | head`): there is nothing more to do, and nothing to say.
        Err(_) if output.is_closed() => return Ok(()),
        scored => scored?,
    };
    output.commit()?;
    progress.end();
    passed_over.say_new(&reader);
    report(rows, bad);
    Ok(())
}

/// The table's name before a row's number; nothing where several files make the table.
fn label(inputs: &[OsString]) -> Option<String> {
    match inputs {
        [only] if only == "-" => Some("standard input".to_owned()),
        [only] => Some(name_and_path(only).1.display().to_string()),
        _ => None,
    }
}

/// A table that one of the model's signatures takes.
struct Opened {
    signature: Arc<Signature>,
    wanted: Wanted,
    reader: TableReader,
    first_format: Option<Format>,
}

/// Opens the table with the signature that was asked for; else with the first, in the model's order, that takes it: a
/// model may be called with named columns and with a nameless matrix.
fn open(arguments: &Predict, signatures: &[Arc<Signature>], streams: bool) -> Result<Opened, Failure> {
    let default = golden::choose(signatures, arguments.signature.as_deref()).map_err(Failure::Call)?;
    let refused = match open_with(arguments, default, streams) {
        Ok(opened) => return Ok(opened),
        Err(refused) => refused,
    };
    // A stream cannot be read twice.
    if arguments.signature.is_some() || streams {
        return Err(refused);
    }
    let others = signatures.iter().filter(|other| !Arc::ptr_eq(other, default));
    others.map(|other| open_with(arguments, other, streams)).find_map(Result::ok).ok_or(refused)
}

fn open_with(arguments: &Predict, signature: &Arc<Signature>, streams: bool) -> Result<Opened, Failure> {
    let wanted = wanted(signature, &arguments.output).map_err(Failure::Call)?;
    let (inputs, first_format) = inputs(arguments, signature)?;
    let missing = arguments.missing.iter().map(|token| token.clone().into_bytes()).collect();
    let options = ReadOptions { chunk_rows: CHUNK_ROWS, missing, eager: streams };
    let reader = TableReader::open(inputs, signature.clone(), wanted.clone(), &options)?;
    Ok(Opened { signature: signature.clone(), wanted, reader, first_format })
}

/// Each column that no input takes gets a line of its own; more of them share one.
const LINES_OF_COLUMNS: usize = 10;

/// Columns that no input takes, each named once.
#[derive(Default)]
struct PassedOver(BTreeSet<String>);

impl PassedOver {
    /// Names those that were not named before: some formats show their columns with their rows only.
    fn say_new(&mut self, reader: &TableReader) {
        let new: Vec<String> =
            reader.ignored().into_iter().filter(|column| self.0.insert(column.clone())).collect();
        if new.len() > LINES_OF_COLUMNS {
            let names: Vec<String> = new.iter().map(|column| format!("{column:?}")).collect();
            say(&format!(
                "landfall: {} columns are passed over, since no input takes them: {}",
                new.len(),
                names.join(", ")
            ));
            return;
        }
        for column in new {
            say(&format!("landfall: column {column:?} is passed over: no input takes it"));
        }
    }
}

fn report(rows: u64, bad: u64) {
    if bad > 0 {
        say(&format!("landfall: {bad} of {} rows could not be read or answered", rows + bad));
    }
}

fn threads(asked: Option<NonZeroUsize>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
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
fn inputs(arguments: &Predict, signature: &Signature) -> Result<(Vec<TableInput>, Option<Format>), Failure> {
    let told = arguments.format.as_deref().map(Format::of_name).transpose().map_err(Failure::Call)?;
    let mut inputs = Vec::new();
    let mut first = told;
    for text in &arguments.input {
        let (name, path) = name_and_path(text);
        if name.is_none() && arguments.input.iter().filter(|other| *other == text).count() > 1 {
            return Err(Failure::call(format!("--input: {} is given twice", path.display())));
        }
        if text == "-" {
            let (input, format) = standard_input(told)?;
            first = first.or(Some(format));
            inputs.push(input);
            continue;
        }
        if let Some(name) = name {
            known_input(signature, name).map_err(Failure::Call)?;
            if inputs.iter().any(|input: &TableInput| input.name.as_deref() == Some(name)) {
                return Err(Failure::call(format!("--input: input {name:?} is given twice")));
            }
        }
        first = first.or_else(|| Format::of_ending(&path.to_string_lossy()));
        let input = TableInput::file(path);
        let input = TableInput { format: told, ..input };
        inputs.push(match name {
            None => input,
            Some(name) => input.for_input(name),
        });
    }
    Ok((inputs, first))
}

/// Refuses a name that is no input's, with those that are.
fn known_input(signature: &Signature, name: &str) -> Result<(), Problem> {
    let known: Vec<&str> = signature.inputs().iter().map(|input| input.name.as_str()).collect();
    if known.contains(&name) {
        return Ok(());
    }
    let problem = Problem::new(Reason::InputUnknown { input: name.to_owned() });
    Err(problem.at(format!("--input (there are {})", known.join(", "))))
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
    /// Whether the reader of standard output has closed it.
    closed: Arc<AtomicBool>,
}

/// Standard output, which remembers that its reader has closed it.
struct Pipe {
    out: std::io::Stdout,
    closed: Arc<AtomicBool>,
}

impl Pipe {
    fn noted<T>(&self, done: std::io::Result<T>) -> std::io::Result<T> {
        if done.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
            self.closed.store(true, Relaxed);
        }
        done
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let done = self.out.write(bytes);
        self.noted(done)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let done = self.out.flush();
        self.noted(done)
    }
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
            let format = told.or(like_input).unwrap_or(Format::Csv);
            return Ok(Output { format, file: None, closed: Arc::default() });
        }
        let format = told.or_else(|| Format::of_ending(&path.to_string_lossy())).ok_or_else(|| {
            Failure::call(format!(
                "{}: its ending names no format; say which with --output-format",
                path.display()
            ))
        })?;
        Ok(Output { format, file: Some(AtomicFile::create(path)?), closed: Arc::default() })
    }

    fn folder(&self) -> &Path {
        self.file.as_ref().map_or(Path::new("."), AtomicFile::folder)
    }

    fn sink(&self) -> Result<Box<dyn Write + Send>, Problem> {
        Ok(match &self.file {
            None => Box::new(BufWriter::new(Pipe { out: std::io::stdout(), closed: self.closed.clone() })),
            Some(file) => Box::new(BufWriter::with_capacity(WRITE_BUFFER, file.handle()?)),
        })
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    fn commit(self) -> Result<(), Problem> {
        self.file.map_or(Ok(()), AtomicFile::commit)
    }
}
