//! One entry of `inputs`: its keys may come in any order. Data that comes before name, shape and datatype are known is
//! stepped over, and read when they are.

use super::parameters::{self, other_kind, unsigned};
use super::values;
use crate::json::Scanner;
use crate::oip::errors::Refusal;
use crate::oip::gathered::{Gathered, Target};
use crate::oip::names;
use crate::oip::{asked, blob};
use landfall_model::{Buffer, DType, Shape, Tensor};
use std::borrow::Cow;

/// The bytes after the JSON, taken in the order of the inputs.
pub(super) struct Blobs<'a> {
    body: &'a Buffer,
    next: usize,
    model: &'a str,
}

impl<'a> Blobs<'a> {
    /// What follows `json_length` bytes.
    pub(super) fn new(body: &'a Buffer, json_length: usize, model: &'a str) -> Self {
        Blobs { body, next: json_length, model }
    }

    fn take(&mut self, size: u64, input: &str) -> Result<Buffer, Refusal> {
        let left = self.body.len() - self.next;
        let size = usize::try_from(size).ok().filter(|&size| size <= left).ok_or_else(|| {
            let lack = size - left as u64;
            let model = self.model;
            Refusal::invalid(format!(
                "unexpected size for input '{input}', expecting {lack} additional bytes for model '{model}'"
            ))
        })?;
        let range = self.next..self.next + size;
        self.next = range.end;
        Ok(self.body.slice(range))
    }

    /// Refuses what no input took.
    pub(super) fn finish(&self) -> Result<(), Refusal> {
        if self.next == self.body.len() {
            return Ok(());
        }
        Err(Refusal::invalid(format!("unexpected additional input data for model '{}'", self.model)))
    }
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
    Read(Target, Tensor),
    /// Stepped over; starts here.
    At(usize),
}

/// Reads the entry that comes next, and puts what it holds where it goes.
pub(super) fn read(
    scanner: &mut Scanner<'_>,
    gathered: &mut Gathered<'_>,
    blobs: &mut Blobs<'_>,
) -> Result<(), Refusal> {
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
    partial.finish(scanner, gathered, blobs)
}

impl<'a> Partial<'a> {
    fn data(&self, scanner: &mut Scanner<'_>, gathered: &Gathered<'_>) -> Result<Data, Refusal> {
        if let (Some(name), Some(Some(dtype)), Some(shape)) = (&self.name, self.dtype, &self.shape) {
            let name = text(name);
            let target = gathered.target(&name)?;
            let tensor = read_data(scanner, gathered, target, &name, dtype, shape)?;
            return Ok(Data::Read(target, tensor));
        }
        let start = scanner.at();
        scanner.skip_value()?;
        Ok(Data::At(start))
    }

    /// `binary_data_size` counts; shared memory is refused once the name is known; others are ignored, and so is what is
    /// no object.
    fn parameters(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Refusal> {
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

    fn finish(
        self,
        scanner: &Scanner<'_>,
        gathered: &mut Gathered<'_>,
        blobs: &mut Blobs<'_>,
    ) -> Result<(), Refusal> {
        if self.shared.is_none()
            && self.blob.is_none()
            && let Data::Read(target, tensor) = self.data
        {
            // It was read because all else was known.
            return Ok(gathered.put(target, tensor)?);
        }
        let name = text(self.name.as_deref().ok_or_else(|| missing("name"))?);
        if let Some(parameter) = self.shared {
            return Err(asked::shared_memory(&parameter, &name).into());
        }
        let shape = self.shape.ok_or_else(|| missing("shape"))?;
        let dtype = self.dtype.ok_or_else(|| missing("datatype"))?;
        let dtype = dtype.ok_or_else(|| invalid_datatype(&name))?;
        let target = gathered.target(&name)?;
        let tensor = match (self.data, self.blob) {
            (Data::At(start), None) => {
                read_data(&mut scanner.moved_to(start), gathered, target, &name, dtype, &shape)?
            }
            (Data::None, Some(size)) => {
                gathered.check_dtype(target, dtype)?;
                blob::tensor(dtype, shape, blobs.take(size, &name)?, &name, blobs.model)?
            }
            (Data::None, None) => return Err(one_source("no field is set")),
            (Data::Read(..) | Data::At(_), _) => return Err(one_source("set 'data' 'binary_data_size'")),
        };
        Ok(gathered.put(target, tensor)?)
    }
}

fn read_data(
    scanner: &mut Scanner<'_>,
    gathered: &Gathered<'_>,
    target: Target,
    input: &str,
    dtype: DType,
    shape: &Shape,
) -> Result<Tensor, Refusal> {
    gathered.check_dtype(target, dtype)?;
    let (null, accepts_invalid) = (gathered.null_rule(target), gathered.accepts_invalid(target));
    values::read(scanner, values::Wanted { dtype, shape, null, accepts_invalid, input })
}

fn text(name: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(name)
}

fn shape(scanner: &mut Scanner<'_>) -> Result<Shape, Refusal> {
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
pub(super) fn missing(key: &str) -> Refusal {
    Refusal::invalid(format!("Unable to parse '{key}': attempt to access non-existing object member '{key}'"))
}

#[cold]
fn invalid_datatype(input: &str) -> Refusal {
    Refusal::invalid(format!("invalid datatype for input {input}"))
}

#[cold]
fn one_source(set: &str) -> Refusal {
    Refusal::invalid(format!(
        "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', \
         'shared_memory_region' in 'parameters'. But {set}"
    ))
}
