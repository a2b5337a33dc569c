//! One entry of `inputs`: its keys may come in any order. Data that comes before name, shape and datatype are known is
//! stepped over, and read when they are.

use super::parameters::{self, other_kind, unsigned};
use super::values;
use crate::json::Scanner;
use crate::oip::asked;
use crate::oip::errors::Fault;
use crate::oip::gathered::{Gathered, Target};
use crate::oip::names;
use landfall_model::{DType, Shape, Tensor};
use std::borrow::Cow;

/// An input's description and data.
pub(super) struct Described<'a> {
    /// Where it goes.
    pub(super) target: Target,
    /// Its name.
    pub(super) name: Cow<'a, str>,
    /// Its declared type.
    pub(super) dtype: DType,
    /// Its declared shape.
    pub(super) shape: Shape,
    /// Its data.
    pub(super) source: Source,
}

/// Where an input's data is.
pub(super) enum Source {
    /// In the JSON.
    Read(Tensor),
    /// In the next so many bytes after it.
    Blob(u64),
}

/// What is known of an input while its object is read.
#[derive(Default)]
struct Partial<'a> {
    name: Option<Cow<'a, [u8]>>,
    /// `Some(None)` for a name that is no datatype's.
    dtype: Option<Option<DType>>,
    shape: Option<Shape>,
    data: Data,
    blob: Option<u64>,
    shared: Option<String>,
}

#[derive(Default)]
enum Data {
    #[default]
    None,
    Read(Tensor),
    /// Stepped over; starts here.
    At(usize),
}

/// Reads the entry that comes next.
pub(super) fn read<'a>(scanner: &mut Scanner<'a>, gathered: &Gathered<'_>) -> Result<Described<'a>, Fault> {
    if !scanner.take(b'{') {
        scanner.skip_value()?;
        return Err(missing("name"));
    }
    let mut partial = Partial::default();
    let mut first = true;
    while let Some(key) = scanner.next_name(first)? {
        first = false;
        match &*key {
            b"name" if partial.name.is_none() => partial.name = Some(parameters::string(scanner, "name")?),
            b"shape" if partial.shape.is_none() => partial.shape = Some(shape(scanner)?),
            b"datatype" if partial.dtype.is_none() => {
                partial.dtype = Some(names::dtype(&parameters::string(scanner, "datatype")?));
            }
            b"data" if matches!(partial.data, Data::None) => {
                partial.data = partial.data(scanner, gathered)?
            }
            b"parameters" => partial.parameters(scanner)?,
            _ => scanner.skip_value()?,
        }
    }
    partial.finish(scanner, gathered)
}

impl<'a> Partial<'a> {
    fn data(&self, scanner: &mut Scanner<'_>, gathered: &Gathered<'_>) -> Result<Data, Fault> {
        if let (Some(name), Some(Some(dtype)), Some(shape)) = (&self.name, self.dtype, &self.shape) {
            let name = text(name);
            let target = gathered.target(&name)?;
            return read_data(scanner, gathered, target, &name, dtype, shape).map(Data::Read);
        }
        let start = scanner.at();
        scanner.skip_value()?;
        Ok(Data::At(start))
    }

    /// `binary_data_size` counts; shared memory is refused once the name is known; others are ignored, and so is what is
    /// no object.
    fn parameters(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Fault> {
        if !scanner.take(b'{') {
            return Ok(scanner.skip_value()?);
        }
        let mut first = true;
        while let Some(key) = scanner.next_name(first)? {
            first = false;
            match &*key {
                b"binary_data_size" => {
                    self.blob = Some(unsigned(scanner, "Unable to parse 'binary_data_size'")?);
                }
                key => {
                    if asked::is_shared_memory(key) {
                        self.shared = Some(String::from_utf8_lossy(key).into_owned());
                    }
                    scanner.skip_value()?;
                }
            }
        }
        Ok(())
    }

    fn finish(self, scanner: &Scanner<'_>, gathered: &Gathered<'_>) -> Result<Described<'a>, Fault> {
        let name = owned_text(self.name.ok_or_else(|| missing("name"))?);
        if let Some(parameter) = self.shared {
            return Err(asked::shared_memory(&parameter, &name).into());
        }
        let shape = self.shape.ok_or_else(|| missing("shape"))?;
        let dtype = self.dtype.ok_or_else(|| missing("datatype"))?;
        let dtype = dtype.ok_or_else(|| invalid_datatype(&name))?;
        let target = gathered.target(&name)?;
        let source = match (self.data, self.blob) {
            (Data::Read(tensor), None) => Source::Read(tensor),
            (Data::At(start), None) => {
                let mut scanner = scanner.moved_to(start);
                Source::Read(read_data(&mut scanner, gathered, target, &name, dtype, &shape)?)
            }
            (Data::None, Some(size)) => {
                gathered.check_dtype(target, dtype)?;
                Source::Blob(size)
            }
            (Data::None, None) => return Err(one_source("no field is set")),
            (_, Some(_)) => return Err(one_source("set 'data' 'binary_data_size'")),
        };
        Ok(Described { target, name, dtype, shape, source })
    }
}

fn read_data(
    scanner: &mut Scanner<'_>,
    gathered: &Gathered<'_>,
    target: Target,
    input: &str,
    dtype: DType,
    shape: &Shape,
) -> Result<Tensor, Fault> {
    gathered.check_dtype(target, dtype)?;
    let (null, accepts_invalid) = (gathered.null_rule(target), gathered.accepts_invalid(target));
    values::read(scanner, values::Wanted { dtype, shape, null, accepts_invalid, input })
}

fn text<'b>(name: &'b [u8]) -> Cow<'b, str> {
    String::from_utf8_lossy(name)
}

fn owned_text(name: Cow<'_, [u8]>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => text(name),
        Cow::Owned(name) => Cow::Owned(text(&name).into_owned()),
    }
}

fn shape(scanner: &mut Scanner<'_>) -> Result<Shape, Fault> {
    if !scanner.take(b'[') {
        return Err(other_kind(scanner, "Unable to parse 'shape'", "non-array as array"));
    }
    let mut shape = Shape::default();
    let mut first = true;
    while scanner.next_element(first)? {
        first = false;
        let dim = unsigned(scanner, "Unable to parse 'shape'")?;
        shape.push(usize::try_from(dim).unwrap_or(usize::MAX));
    }
    Ok(shape)
}

#[cold]
pub(super) fn missing(key: &str) -> Fault {
    Fault::invalid(format!("Unable to parse '{key}': attempt to access non-existing object member '{key}'"))
}

#[cold]
fn invalid_datatype(input: &str) -> Fault {
    Fault::invalid(format!("invalid datatype for input {input}"))
}

#[cold]
fn one_source(set: &str) -> Fault {
    Fault::invalid(format!(
        "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', \
         'shared_memory_region' in 'parameters'. But {set}"
    ))
}
