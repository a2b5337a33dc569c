//! Universal Binary JSON (draft 12, ubjson.org), big-endian, as XGBoost writes it.

use super::{MAX_DEPTH, Numbers, Typed, Value};
use landfall_model::Problem;
use landfall_model::reader::Reader;
use std::borrow::Cow;

/// Nesting of a model of XGBoost's is below 12; reading takes a stack frame for each level.
const MAX_UBJSON_DEPTH: usize = if MAX_DEPTH < 100 { MAX_DEPTH } else { 100 };

/// Fields that there is room for in an object at first: those of a tree.
const FIELDS: usize = 20;

/// Bytes of a field that is a list of numbers beside its key and its numbers: two lengths of nine bytes, markers and type.
const HEAD_BYTES: usize = 2 * 9 + 4;

/// Bytes that come near the core together.
const LINE_BYTES: usize = 64;

/// Reads a whole document.
///
/// # Errors
/// Malformed, with the offset.
pub(crate) fn read<'a>(file: &'a str, bytes: &'a [u8]) -> Result<Value<'a>, Problem> {
    let mut reader = Reader::new(file, bytes);
    let marker = reader.byte()?;
    let value = value(&mut reader, marker, 0, None)?;
    reader.finish()?;
    Ok(value)
}

/// How many values a list or object has, and of which type, where that is said at its start.
struct Head {
    typed: Option<u8>,
    count: Option<usize>,
}

/// Reads a value; `before` is the one before it in its list.
fn value<'a>(
    reader: &mut Reader<'a>,
    marker: u8,
    depth: usize,
    before: Option<&Value<'a>>,
) -> Result<Value<'a>, Problem> {
    if depth > MAX_UBJSON_DEPTH {
        return Err(reader.malformed(format!("nested deeper than {MAX_UBJSON_DEPTH}")));
    }
    Ok(match marker {
        b'Z' => Value::Null,
        b'T' => Value::Bool(true),
        b'F' => Value::Bool(false),
        b'S' => Value::Text(string(reader)?.into()),
        b'H' => {
            let digits = string(reader)?;
            let number = digits.parse().map_err(|_| reader.malformed("a number that is none"))?;
            Value::Number(number)
        }
        b'C' => {
            let byte = reader.byte()?;
            if !byte.is_ascii() {
                return Err(reader.malformed("a character beyond ASCII"));
            }
            Value::Text(char::from(byte).to_string().into())
        }
        b'[' => list(reader, depth)?,
        b'{' => object(reader, depth, before)?,
        marker => {
            let typed = typed(marker).ok_or_else(|| unknown(reader, marker))?;
            Value::Number(typed.read(reader.take(typed.size())?))
        }
    })
}

fn list<'a>(reader: &mut Reader<'a>, depth: usize) -> Result<Value<'a>, Problem> {
    let (head, mut next) = head(reader)?;
    if let (Some(marker), Some(count)) = (head.typed, head.count) {
        if let Some(typed) = typed(marker) {
            let bytes = count.saturating_mul(typed.size());
            return Ok(Value::Numbers(Numbers::Typed(typed, reader.take(bytes)?)));
        }
        // Each element of any other type but these takes bytes: a count cannot lie beyond the file's length.
        if matches!(marker, b'Z' | b'T' | b'F' | b'N') {
            return Err(reader.malformed("a list of values that take no bytes"));
        }
    }
    let mut numbers = Vec::new();
    let mut values = Vec::new();
    let mut taken = 0;
    while head.count.is_none_or(|count| taken < count) {
        let marker = match (head.typed, next.take()) {
            (Some(typed), _) => typed,
            (None, Some(marker)) => marker,
            (None, None) => reader.byte()?,
        };
        if head.count.is_none() && marker == b']' {
            break;
        }
        taken += 1;
        if marker == b'N' {
            continue;
        }
        match value(reader, marker, depth + 1, values.last())? {
            Value::Number(number) if values.is_empty() => numbers.push(number),
            Value::Bool(truth) if values.is_empty() => numbers.push(f64::from(u8::from(truth))),
            other => {
                values.extend(numbers.drain(..).map(Value::Number));
                values.push(other);
            }
        }
    }
    Ok(if values.is_empty() { Value::Numbers(Numbers::Parsed(numbers)) } else { Value::List(values) })
}

/// Reads an object. Where it has the keys of the one before it, as a model's trees have, they are kept as that one's: looked
/// for later, they lie all in one place then, instead of one by one all over the file.
fn object<'a>(
    reader: &mut Reader<'a>,
    depth: usize,
    before: Option<&Value<'a>>,
) -> Result<Value<'a>, Problem> {
    let (head, mut next) = head(reader)?;
    let before = match before {
        Some(Value::Object(fields)) => fields.as_slice(),
        _ => &[],
    };
    let mut is_ahead_unknown = !before.is_empty();
    let mut fields: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(FIELDS);
    while head.count.is_none_or(|count| fields.len() < count) {
        let marker = match next.take() {
            Some(marker) => marker,
            None => reader.byte()?,
        };
        if head.count.is_none() && marker == b'}' {
            break;
        }
        let length = length(reader, marker)?;
        let bytes = reader.take(length)?;
        let key = match before.get(fields.len()) {
            Some((Cow::Borrowed(known), _)) if known.as_bytes() == bytes => *known,
            _ => utf8(reader, bytes)?,
        };
        let marker = match head.typed {
            Some(marker) => marker,
            None => reader.byte()?,
        };
        let value = value(reader, marker, depth + 1, None)?;
        fields.push((key.into(), value));
        if is_ahead_unknown && let Some(lengths) = lengths(before, &fields) {
            bring_near(reader, &before[fields.len()..], lengths);
            is_ahead_unknown = false;
        }
    }
    Ok(Value::Object(fields))
}

/// Lengths of the list that an object's last field is: in the object before it, and its own.
fn lengths(before: &[(Cow<'_, str>, Value<'_>)], fields: &[(Cow<'_, str>, Value<'_>)]) -> Option<[usize; 2]> {
    let place = fields.len() - 1;
    match (&before.get(place)?.1, &fields[place].1) {
        (Value::Numbers(before), Value::Numbers(own)) if own.len() > 0 => Some([before.len(), own.len()]),
        _ => None,
    }
}

/// Reads a byte of each field that follows, where it begins if all lists differ in length from those of the object before as the
/// first one does. Where one ends tells where the next one begins, so that the core would wait for memory at each of them; it waits
/// for all these at once.
fn bring_near(reader: &Reader<'_>, before: &[(Cow<'_, str>, Value<'_>)], [known, own]: [usize; 2]) {
    let (mut ahead, mut distance, mut read) = (reader.clone(), 0, 0);
    for (key, value) in before {
        if distance >= LINE_BYTES {
            let Ok(byte) = ahead.take(distance).and_then(|_| ahead.clone().byte()) else { break };
            (read, distance) = (read ^ byte, 0);
        }
        distance += key.len() + HEAD_BYTES;
        match value {
            Value::Numbers(Numbers::Typed(typed, bytes)) if bytes.len() == known * typed.size() => {
                distance = distance.saturating_add(own.saturating_mul(typed.size()));
            }
            Value::Numbers(Numbers::Typed(_, bytes)) => distance += bytes.len(),
            Value::Number(_) => {}
            _ => break,
        }
    }
    std::hint::black_box(read);
}

/// The start of a list or object, and the marker after it, if it was read already.
fn head(reader: &mut Reader<'_>) -> Result<(Head, Option<u8>), Problem> {
    let mut head = Head { typed: None, count: None };
    let mut marker = reader.byte()?;
    if marker == b'$' {
        head.typed = Some(reader.byte()?);
        marker = reader.byte()?;
        if marker != b'#' {
            return Err(reader.malformed("a type without a count"));
        }
    }
    if marker != b'#' {
        return Ok((head, Some(marker)));
    }
    let marker = reader.byte()?;
    head.count = Some(length(reader, marker)?);
    Ok((head, None))
}

fn length(reader: &mut Reader<'_>, marker: u8) -> Result<usize, Problem> {
    let length = match marker {
        b'i' => i8::from_be_bytes(reader.array()?).into(),
        b'U' => reader.byte()?.into(),
        b'I' => i16::from_be_bytes(reader.array()?).into(),
        b'l' => i32::from_be_bytes(reader.array()?).into(),
        b'L' => i64::from_be_bytes(reader.array()?),
        _ => return Err(reader.malformed(format!("expected a length, found type {marker:#x}"))),
    };
    let fits = usize::try_from(length).ok().filter(|&length| length <= reader.remaining());
    fits.ok_or_else(|| {
        reader.malformed(format!("a length of {length}, {} bytes are there", reader.remaining()))
    })
}

fn string<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Problem> {
    let marker = reader.byte()?;
    let length = length(reader, marker)?;
    text(reader, length)
}

fn text<'a>(reader: &mut Reader<'a>, length: usize) -> Result<&'a str, Problem> {
    let bytes = reader.take(length)?;
    utf8(reader, bytes)
}

fn utf8<'a>(reader: &Reader<'a>, bytes: &'a [u8]) -> Result<&'a str, Problem> {
    std::str::from_utf8(bytes).map_err(|_| reader.malformed("a string that is not UTF-8"))
}

fn typed(marker: u8) -> Option<Typed> {
    Some(match marker {
        b'i' => Typed::I8,
        b'U' => Typed::U8,
        b'I' => Typed::I16,
        b'l' => Typed::I32,
        b'L' => Typed::I64,
        b'd' => Typed::F32,
        b'D' => Typed::F64,
        _ => return None,
    })
}

fn unknown(reader: &Reader<'_>, marker: u8) -> Problem {
    reader.malformed(format!("unknown type {marker:#x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_and_plain_containers_are_read() {
        let bytes = b"{L\0\0\0\0\0\0\0\x01a[$l#L\0\0\0\0\0\0\0\x02\0\0\0\x01\xff\xff\xff\xfei\x01b[i\x05TSi\x02hi]i\x01c[#i\x01Zi\x01d[$U#i\x00}";
        let document = read("f", bytes).unwrap();
        assert_eq!(document.find("a").unwrap().integers().unwrap(), [1, -2]);
        let mixed = [Value::Number(5.0), Value::Number(1.0), Value::Text("hi".into())];
        assert_eq!(document.find("b").unwrap().list().unwrap(), mixed);
        assert_eq!(document.find("c").unwrap().list().unwrap(), [Value::Null]);
        assert_eq!(document.find("d").unwrap().list().unwrap(), []);
    }

    #[test]
    fn objects_of_a_list_are_read_whatever_the_one_before_has() {
        // Lists that grow, shrink, change their type or are no list, fields that are missing or more, and the end of the file behind.
        let list = |key: &str, typed: u8, numbers: usize| {
            let head =
                [&b"i\x01"[..], key.as_bytes(), b"[$", &[typed], b"#I", &(numbers as u16).to_be_bytes()]
                    .concat();
            [head, vec![7; numbers * super::typed(typed).unwrap().size()]].concat()
        };
        let objects = [
            [list("a", b'd', 300), b"i\x01bi\x05".to_vec(), list("c", b'U', 300), list("d", b'l', 40)]
                .concat(),
            [list("a", b'd', 900), b"i\x01bI\x01\x05".to_vec(), list("c", b'U', 900), list("d", b'D', 900)]
                .concat(),
            [list("a", b'd', 2), b"i\x01bSi\x01x".to_vec(), list("c", b'U', 2)].concat(),
            [
                list("a", b'l', 500),
                list("b", b'l', 500),
                list("c", b'l', 500),
                list("d", b'l', 500),
                list("e", b'l', 0),
            ]
            .concat(),
            list("a", b'd', 300),
            list("a", b'd', 30_000),
        ];
        let objects_of = |order: &[usize]| {
            let each = order.iter().map(|&place| [&b"{"[..], &objects[place], b"}"].concat());
            [b"[".to_vec(), each.collect::<Vec<_>>().concat(), b"]".to_vec()].concat()
        };
        let alone: Vec<Vec<u8>> = (0..objects.len()).map(|place| objects_of(&[place])).collect();
        let alone: Vec<_> = alone.iter().map(|bytes| read("f", bytes).unwrap()).collect();
        for first in 0..objects.len() {
            for second in 0..objects.len() {
                let bytes = objects_of(&[first, second]);
                let both = read("f", &bytes).unwrap();
                let expected = [alone[first].list().unwrap(), alone[second].list().unwrap()].concat();
                assert_eq!(both.list().unwrap(), expected, "{first} and {second}");
            }
        }
    }

    #[test]
    fn lengths_that_lie_are_refused_before_anything_is_allocated() {
        for bytes in [
            &b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff"[..],
            b"[$L#l\x7f\xff\xff\xff",
            b"[#L\x7f\xff\xff\xff\xff\xff\xff\xff",
            b"[$T#l\0\0\0\x01",
            b"SL\xff\xff\xff\xff\xff\xff\xff\xff",
            b"{i\x05ab",
            b"[$d",
            b"[$di",
            b"Sd\0\0\0\0",
            b"x",
            b"",
            b"i\x01i",
        ] {
            let problem = read("f", bytes).unwrap_err();
            assert!(problem.to_string().starts_with("f, byte "), "{problem}");
        }
        assert!(read("f", &[b'['; 10_000]).unwrap_err().to_string().contains("nested deeper"));
    }
}
