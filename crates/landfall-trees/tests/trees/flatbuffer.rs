//! FlatBuffers, written for tests: a table's fields first, then what they lead to.

/// A field of a table.
pub(crate) enum Field {
    Absent,
    Byte(u8),
    I32(i32),
    F32(f32),
    F64(f64),
    /// A list of so many elements, as bytes.
    List(usize, Vec<u8>),
    Table(Vec<Field>),
    Tables(Vec<Vec<Field>>),
    Texts(Vec<&'static str>),
}

pub(crate) fn text(text: &str) -> Field {
    Field::List(text.len(), text.as_bytes().to_vec())
}

pub(crate) fn i32s(values: &[i32]) -> Field {
    Field::List(values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

pub(crate) fn f32s(values: &[f32]) -> Field {
    Field::List(values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

pub(crate) fn f64s(values: &[f64]) -> Field {
    Field::List(values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// The buffer of a table.
pub(crate) fn buffer(root: &[Field]) -> Vec<u8> {
    let mut out = vec![0; 4];
    let at = table(root, &mut out);
    out[..4].copy_from_slice(&(at as u32).to_le_bytes());
    out
}

fn size(field: &Field) -> usize {
    match field {
        Field::Absent => 0,
        Field::Byte(_) => 1,
        Field::F64(_) => 8,
        _ => 4,
    }
}

/// Writes a table; gives its place.
fn table(fields: &[Field], out: &mut Vec<u8>) -> usize {
    let length = 4 + 2 * fields.len();
    let total = 4 + fields.iter().map(size).sum::<usize>();
    let mut distance = 4;
    let start = out.len();
    out.extend((length as u16).to_le_bytes());
    out.extend((total as u16).to_le_bytes());
    for field in fields {
        let place = if size(field) == 0 { 0 } else { distance };
        out.extend((place as u16).to_le_bytes());
        distance += size(field);
    }
    let at = out.len();
    out.extend((length as i32).to_le_bytes());
    assert_eq!(at - start, length);
    let mut waiting = Vec::new();
    for field in fields {
        match field {
            Field::Absent => {}
            Field::Byte(value) => out.push(*value),
            Field::I32(value) => out.extend(value.to_le_bytes()),
            Field::F32(value) => out.extend(value.to_le_bytes()),
            Field::F64(value) => out.extend(value.to_le_bytes()),
            further => {
                waiting.push((out.len(), further));
                out.extend([0; 4]);
            }
        }
    }
    for (place, field) in waiting {
        let target = target(field, out);
        lead(place, target, out);
    }
    at
}

/// Writes what an offset leads to; gives its place.
fn target(field: &Field, out: &mut Vec<u8>) -> usize {
    match field {
        Field::Table(fields) => table(fields, out),
        Field::Tables(tables) => {
            let at = offsets(tables.len(), out);
            for (number, fields) in tables.iter().enumerate() {
                let target = table(fields, out);
                lead(at + 4 + 4 * number, target, out);
            }
            at
        }
        Field::Texts(texts) => {
            let at = offsets(texts.len(), out);
            for (number, value) in texts.iter().enumerate() {
                let target = target(&text(value), out);
                lead(at + 4 + 4 * number, target, out);
            }
            at
        }
        Field::List(count, bytes) => {
            let at = out.len();
            out.extend((*count as u32).to_le_bytes());
            out.extend(bytes);
            at
        }
        _ => out.len(),
    }
}

fn offsets(count: usize, out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.extend((count as u32).to_le_bytes());
    out.extend(vec![0; 4 * count]);
    at
}

fn lead(place: usize, target: usize, out: &mut [u8]) {
    out[place..place + 4].copy_from_slice(&((target - place) as u32).to_le_bytes());
}
