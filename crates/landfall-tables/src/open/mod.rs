//! From a file's format to who reads it.

mod part_files;

use crate::format::{Format, PEEKED_BYTES};
use crate::opened::{Opened, Wants};
use crate::options::ReadOptions;
use crate::source::{Source, TableInput, unpacked};
use crate::{arrow, csv, json_lines, libsvm, npy, packed};
use landfall_model::{Problem, Reason};

/// Opens a file in the format that it is in, unpacked where it is gzip; or the files of a folder. The arrays of an NPZ
/// file can come as two, to be read in step.
pub(crate) fn open_file(
    input: TableInput,
    wants: &Wants,
    options: &ReadOptions,
) -> Result<Vec<Opened>, Problem> {
    let TableInput { label, format, source, .. } = input;
    if let Source::File(path) = &source
        && path.is_dir()
    {
        return Ok(vec![part_files::open(path, format, wants, options)?]);
    }
    let peeked = source.peeked(&label, PEEKED_BYTES)?;
    let (source, first, packed) = unpacked(peeked, &label, PEEKED_BYTES)?;
    let plain = if packed { packed::plain_name(&label) } else { &label };
    let format = match format {
        Some(format) => format,
        None => Format::detect(plain, &first)?,
    };
    if options.decimal_comma && format != Format::Csv {
        return Err(no_comma(&label, format));
    }
    let length = source.length();
    let opened = match format {
        Format::Csv => csv::open(&label, source.stream(), wants, options),
        Format::JsonLines => json_lines::open(&label, source.stream(), wants, options),
        Format::Libsvm => libsvm::open(&label, source.stream(), wants, options),
        Format::Npy => npy::open_npy(&label, source, wants),
        Format::Npz => return npy::open_npz(&label, &source.file(&label)?, wants),
        Format::ArrowStream => arrow::open_stream(&label, source.stream(), wants),
        Format::ArrowFile => arrow::open_file(&label, source.file(&label)?, wants),
        Format::Parquet => arrow::open_parquet(&label, source.file(&label)?, wants, options.chunk_rows),
    }?;
    Ok(vec![match (format.is_text(), length) {
        (true, Some(length)) => opened.with_total(length),
        _ => opened,
    }])
}

#[cold]
fn no_comma(label: &str, format: Format) -> Problem {
    let why = format!("{label} is {}: decimal commas are read in CSV alone", format.name());
    Problem::new(Reason::SettingInvalid { setting: "--decimal-comma".to_owned(), why })
}
