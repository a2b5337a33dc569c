//! A classify or regress body: `{"signature_name": …, "context": {…}, "examples": [{…}, …]}`.

use super::base64;
use super::decode::parse_error;
use super::explain::about;
use crate::json::{Number, Scanner};
use crate::protobuf::Writer;
use crate::tfs::examples::FeatureWriter;
use crate::tfs::inference::{Examples, Question, Task};
use landfall_model::Problem;

/// Reads a classify or regress body. No model is needed for it: every value says itself what it is.
///
/// # Errors
/// Invalid argument, in the original's words.
pub fn decode_question(task: Task, body: &[u8]) -> Result<Question, Problem> {
    let root = Root::read(body)?;
    let signature = match &root.signature {
        None => String::new(),
        Some(place) => {
            let mut scanner = root.scanner.moved_to(*place);
            if scanner.peek() != b'"' {
                return Err(
                    root.about("not formatted correctly. 'signature_name' key must be a string value.")
                );
            }
            String::from_utf8_lossy(&scanner.string().map_err(parse_error)?).into_owned()
        }
    };
    let mut examples = Examples::default();
    if let Some(place) = root.context {
        examples.add_context(&example(&mut root.scanner.moved_to(place))?);
    }
    let Some(place) = root.examples else {
        let verb = match task {
            Task::Classify => "classify",
            Task::Regress => "regress",
        };
        return Err(
            root.about(&format!("When method is {verb}, key 'examples' is expected and was not found"))
        );
    };
    let mut list = root.scanner.moved_to(place);
    if !list.take(b'[') {
        return Err(root.about("Expecting 'examples' value to be an list/array"));
    }
    if !list.next_element(true).map_err(parse_error)? {
        return Err(root.about("'examples' value is an empty array"));
    }
    loop {
        examples.push(&example(&mut list)?);
        if !list.next_element(false).map_err(parse_error)? {
            return Ok(Question { task, signature, examples });
        }
    }
}

/// Where the members of the root are; of one that is repeated the first counts.
struct Root<'a> {
    scanner: Scanner<'a>,
    start: usize,
    signature: Option<usize>,
    context: Option<usize>,
    examples: Option<usize>,
}

impl<'a> Root<'a> {
    /// Reads all of the document, so that what follows walks over well-formed JSON.
    fn read(body: &'a [u8]) -> Result<Self, Problem> {
        let mut scanner = Scanner::new(body);
        let byte = scanner.root().map_err(parse_error)?;
        let (start, signature, context, examples) = (scanner.at(), None, None, None);
        let mut root = Root { scanner: scanner.clone(), start, signature, context, examples };
        if byte != b'{' {
            scanner.skip_value().map_err(parse_error)?;
            return Err(root.about("Is not object"));
        }
        scanner.step();
        let mut first = true;
        while let Some(name) = scanner.next_name(first).map_err(parse_error)? {
            first = false;
            match &*name {
                b"signature_name" => _ = root.signature.get_or_insert(scanner.at()),
                b"context" => _ = root.context.get_or_insert(scanner.at()),
                b"examples" => _ = root.examples.get_or_insert(scanner.at()),
                _ => {}
            }
            scanner.skip_value().map_err(parse_error)?;
        }
        Ok(root)
    }

    #[cold]
    fn about(&self, what: &str) -> Problem {
        about(&self.scanner.moved_to(self.start), what)
    }
}

/// An object of features as a serialized `tf.Example`.
fn example(scanner: &mut Scanner<'_>) -> Result<Vec<u8>, Problem> {
    if scanner.peek() != b'{' {
        let text = format!("Example must be JSON object but got JSON {}", scanner.type_name());
        return Err(Problem::invalid(text));
    }
    scanner.step();
    let mut example = Vec::new();
    let mut features = Vec::new();
    let mut first = true;
    while let Some(name) = scanner.next_name(first).map_err(parse_error)? {
        first = false;
        feature(&name, scanner)?.write(&name, &mut Writer::new(&mut features));
    }
    Writer::new(&mut example).bytes_field(1, &features);
    Ok(example)
}

/// A value, or a list of them.
fn feature(name: &[u8], scanner: &mut Scanner<'_>) -> Result<FeatureWriter, Problem> {
    let mut feature = FeatureWriter::Open;
    if !scanner.take(b'[') {
        value(name, scanner, &mut feature)?;
        return Ok(feature);
    }
    let mut more = scanner.next_element(true).map_err(parse_error)?;
    while more {
        value(name, scanner, &mut feature)?;
        more = scanner.next_element(false).map_err(parse_error)?;
    }
    Ok(feature)
}

fn value(name: &[u8], scanner: &mut Scanner<'_>, feature: &mut FeatureWriter) -> Result<(), Problem> {
    let fits = match scanner.peek() {
        b'"' => feature.push_bytes(&scanner.string().map_err(parse_error)?),
        b'{' if base64::is_base64(scanner) => {
            let mut bytes = Vec::new();
            base64::decode(scanner, &mut bytes).ok_or_else(|| Problem::invalid("Unable to base64 decode"))?;
            feature.push_bytes(&bytes)
        }
        b'n' | b'[' | b'{' => {
            return Err(Problem::invalid(format!(
                "Feature: {} has element with unexpected JSON type: {}",
                String::from_utf8_lossy(name),
                scanner.type_name()
            )));
        }
        word @ (b't' | b'f') => {
            scanner.skip_scalar().map_err(parse_error)?;
            feature.push_int(i64::from(word == b't'))
        }
        _ => match scanner.number().map_err(parse_error)? {
            Number::Float(value) => feature.push_float(value as f32),
            Number::Int(value) => feature.push_int(value),
            Number::UInt(_) if matches!(feature, FeatureWriter::Open | FeatureWriter::Ints(_)) => {
                return Err(Problem::invalid(format!(
                    "Feature: {} has uint64_t element. Only int64_t is supported.",
                    String::from_utf8_lossy(name)
                )));
            }
            Number::UInt(_) => false,
        },
    };
    if fits {
        return Ok(());
    }
    Err(Problem::invalid(format!(
        "Unexpected element type in feature: {} expecting type: {}",
        String::from_utf8_lossy(name),
        feature.kind()
    )))
}
