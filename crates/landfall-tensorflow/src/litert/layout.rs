//! What the tables of a TensorFlow Lite file hold, field by field, and the check that a file keeps to it.
//!
//! LiteRT checks the structure too, and TensorFlow's own interpreter, which reads the same files, does not: it follows
//! offsets into noise. The check here does not depend on what a library at hand does.
//!
//! Source: `schema.fbs` of TensorFlow Lite, version 3. Fields are numbered in the order in which they are declared; a
//! union takes two numbers, its member's number and its member.

use super::flatbuffer::Table;
use landfall_model::Problem;

/// What one field holds.
enum Field {
    /// A number of this many bytes.
    Number(usize),
    /// A string.
    Text,
    /// A vector of numbers of this many bytes.
    Numbers(usize),
    /// A table.
    Table(&'static [Field]),
    /// A vector of tables.
    Tables(&'static [Field]),
    /// The number of a union's member, and the member: a table of plain fields.
    Union(&'static [&'static str]),
}

use Field::{Number, Numbers, Tables, Text, Union};

/// The file's root.
static MODEL: &[Field] = &[
    Number(4),
    Tables(OPERATOR_CODE),
    Tables(SUBGRAPH),
    Text,
    Tables(BUFFER),
    Numbers(4),
    Tables(METADATA),
    Tables(SIGNATURE),
    Tables(&[Text]),
    Tables(&[Number(4), Number(4), Number(8), Number(8), Text]),
];
static OPERATOR_CODE: &[Field] = &[Number(1), Text, Number(4), Number(4)];
static SUBGRAPH: &[Field] = &[Tables(TENSOR), Numbers(4), Numbers(4), Tables(OPERATOR), Text, Number(4)];
static BUFFER: &[Field] = &[Numbers(1), Number(8), Number(8)];
static METADATA: &[Field] = &[Text, Number(4)];
static SIGNATURE: &[Field] = &[Tables(NAMED_TENSOR), Tables(NAMED_TENSOR), Text, Text, Number(4)];
static NAMED_TENSOR: &[Field] = &[Text, Number(4)];
static TENSOR: &[Field] = &[
    Numbers(4),
    Number(1),
    Number(4),
    Text,
    Field::Table(QUANTIZATION),
    Number(1),
    Field::Table(SPARSITY),
    Numbers(4),
    Number(1),
    Tables(&[Numbers(4), Number(1), Number(1)]),
    Number(4),
];
static QUANTIZATION: &[Field] =
    &[Numbers(4), Numbers(4), Numbers(4), Numbers(8), Union(&["1", "iii", "iii4"]), Number(4)];
static SPARSITY: &[Field] = &[Numbers(4), Numbers(4), Tables(SPARSE_DIMENSION)];
static SPARSE_DIMENSION: &[Field] = &[Number(1), Number(4), Union(&["4", "2", "1"]), Union(&["4", "2", "1"])];
static OPERATOR: &[Field] = &[
    Number(4),
    Numbers(4),
    Numbers(4),
    Union(&OPTIONS),
    Numbers(1),
    Number(1),
    Numbers(1),
    Numbers(4),
    Number(8),
    Number(8),
    Union(&FURTHER_OPTIONS),
    Number(4),
];

/// Options of operators by their union's number less one, a letter for each field: numbers of 1, 2, 4 and 8 bytes are
/// `b`, `h`, `i` and `l`, a string is `s`, a vector the bytes of its elements.
#[rustfmt::skip]
static OPTIONS: [&str; 126] = [
    "biibiib", "biiibii", "i44", "b", "biiiib", "ibb", "bb", "bbbbb", "i", "ib", "bb", "b", "iiii", "biibb", "iibb",
    "i", "4", "iib", "i", "b", "b", "", "ii", "", "", "", "b", "bb", "b", "4", "bbb", "iiiiib", "", "", "i", "", "bb",
    "", "", "b", "", "", "", "", "", "", "", "", "biibb", "b", "", "", "", "", "b", "", "b", "iiib", "ii", "", "i", "",
    "", "ii", "", "", "", "", "biibbb", "bbbb", "biibbb", "", "", "bb", "i", "", "b", "", "i", "b", "", "", "", "", "",
    "", "ii", "", "", "", "", "ii", "ii", "i", "", "", "", "", "", "", "bbb", "bb", "i", "", "", "biiibiii", "ibb", "",
    "", "", "ss", "", "", "ll", "4", "b", "", "", "", "", "", "", "", "", "", "",
];

/// The same for the second union of options.
#[rustfmt::skip]
static FURTHER_OPTIONS: [&str; 23] = [
    "l", "8", "888", "88881ll8ll8ll8ll4", "sbsi41", "8i", "b888lbi", "ii", "8", "888", "l", "88884", "88888i", "lbi",
    "ii", "888l8b", "8", "", "b", "i", "si1bi", "", "4",
];

/// Holds a whole file against the layout: every table, vector and string that the schema knows lies within it.
///
/// # Errors
/// Malformed, at the first place that does not fit.
pub(super) fn check(model: Table<'_>) -> Result<(), Problem> {
    fields(model, MODEL)
}

fn fields(table: Table<'_>, layout: &[Field]) -> Result<(), Problem> {
    let mut slot = 0;
    for field in layout {
        match field {
            Number(size) => {
                table.field(slot, *size)?;
            }
            Text => {
                table.text(slot)?;
            }
            Numbers(size) => {
                table.vector(slot, *size)?;
            }
            Field::Table(inner) => {
                table.table(slot)?.map_or(Ok(()), |inner_table| fields(inner_table, inner))?;
            }
            Tables(inner) => {
                for each in table.tables(slot)? {
                    fields(each?, inner)?;
                }
            }
            Union(members) => {
                member(table, slot, members)?;
                slot += 1;
            }
        }
        slot += 1;
    }
    Ok(())
}

/// A union: the member's number at `slot`, the member behind it. Of a member that a newer schema brought, only the
/// table's own bounds are known.
fn member(table: Table<'_>, slot: usize, members: &[&str]) -> Result<(), Problem> {
    let number = usize::from(table.u8(slot)?);
    let inner = table.table(slot + 1)?;
    match (number, inner) {
        (0, _) => Ok(()),
        (_, None) => {
            let what = format!("field {slot} announces a member, and field {} holds none", slot + 1);
            Err(table.file().malformed(table.at(), what))
        }
        (number, Some(inner)) => match members.get(number - 1) {
            Some(letters) => plain(inner, letters),
            None => Ok(()),
        },
    }
}

fn plain(table: Table<'_>, letters: &str) -> Result<(), Problem> {
    for (slot, letter) in letters.bytes().enumerate() {
        match letter {
            b's' => table.text(slot).map(drop),
            b'1'..=b'8' => table.vector(slot, usize::from(letter - b'0')).map(drop),
            b'l' => table.field(slot, 8).map(drop),
            b'i' => table.field(slot, 4).map(drop),
            b'h' => table.field(slot, 2).map(drop),
            _ => table.field(slot, 1).map(drop),
        }?;
    }
    Ok(())
}
