//! Columns of a table that stand before the answers, with the values that came.

use crate::json;
use crate::plan::those_alike;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt64Array};
use arrow_schema::{ArrowError, DataType};
use landfall_model::{Problem, Reason};
use std::ops::Range;
use std::sync::Arc;

/// A column that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptColumn {
    pub(crate) name: String,
    pub(crate) holds: Holds,
}

impl KeptColumn {
    /// Its type in Parquet and Arrow.
    pub(crate) fn data_type(&self) -> DataType {
        match &self.holds {
            Holds::Text | Holds::Json => DataType::Utf8,
            Holds::Typed(data_type) => data_type.clone(),
        }
    }

    /// Its cells where there are none.
    pub(crate) fn no_rows(&self) -> ArrayRef {
        arrow_array::new_empty_array(match &self.holds {
            Holds::Text | Holds::Json => &DataType::Binary,
            Holds::Typed(data_type) => data_type,
        })
    }
}

/// What the cells of a kept column are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Holds {
    /// Text, as CSV has it: bytes, in an array of binary values.
    Text,
    /// JSON as it came: bytes, in an array of binary values.
    Json,
    /// Values of an Arrow type.
    Typed(DataType),
}

/// The kept columns of some rows, in the order that they were asked for in.
#[derive(Clone, Debug, Default)]
pub struct Kept(pub(crate) Vec<ArrayRef>);

impl Kept {
    /// Whether no column is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of a part of the rows.
    ///
    /// # Panics
    /// When the range goes beyond the rows.
    #[must_use]
    pub fn rows(&self, range: Range<usize>) -> Self {
        Kept(self.0.iter().map(|column| column.slice(range.start, range.len())).collect())
    }

    /// Those of the rows at these places, ascending.
    ///
    /// # Errors
    /// Invalid argument, where a column has no such row: files of different lengths in one call.
    pub(crate) fn at(&self, places: &[usize]) -> Result<Self, Problem> {
        let (Some(&first), Some(&last)) = (places.first(), places.last()) else { return Ok(self.rows(0..0)) };
        if let Some(short) = self.0.iter().find(|column| column.len() <= last) {
            return Err(Problem::invalid(format!(
                "a column to keep has {} rows, the rows of the call are more",
                short.len()
            )));
        }
        if last - first + 1 == places.len() {
            return Ok(self.rows(first..last + 1));
        }
        let places: UInt64Array = places.iter().map(|&place| place as u64).collect();
        let taken = self.0.iter().map(|column| arrow_select::take::take(column, &places, None));
        taken.collect::<Result<_, _>>().map(Kept).map_err(|error| failed(&error))
    }

    /// Without the rows at these places.
    pub(crate) fn without(&self, places: impl Fn(usize) -> bool) -> Result<Self, Problem> {
        let rows = self.0.first().map_or(0, Array::len);
        self.at(&(0..rows).filter(|&row| !places(row)).collect::<Vec<_>>())
    }
}

/// Refuses more text than one array's offsets can count: only a table that goes as one chunk has so much.
pub(crate) fn bytes_fit(bytes: usize) -> Result<(), Problem> {
    if i32::try_from(bytes).is_ok() {
        return Ok(());
    }
    Err(Problem::unsupported("--keep with more than 2 GiB of text in one call", "keep nothing of this table"))
}

/// Batches of a column as one.
pub(crate) fn in_one(batches: &[ArrayRef]) -> Result<ArrayRef, Problem> {
    let batches: Vec<&dyn Array> = batches.iter().map(AsRef::as_ref).collect();
    arrow_select::concat::concat(&batches).map_err(|error| failed(&error))
}

/// A column as it can be written part by part: with dictionaries looked through, since an Arrow file cannot change one on
/// its way, and with views that share no bytes with rows of other parts, since all that they share would be written.
pub(crate) fn plain(column: &ArrayRef) -> Result<ArrayRef, Problem> {
    match column.data_type() {
        DataType::Utf8View => Ok(Arc::new(column.as_string_view().gc())),
        DataType::BinaryView => Ok(Arc::new(column.as_binary_view().gc())),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let values = arrow_select::take::take(dictionary.values(), dictionary.keys(), None);
            plain(&values.map_err(|error| failed(&error))?)
        }
        _ => Ok(column.clone()),
    }
}

/// The type of a column with dictionaries looked through.
pub(crate) fn plain_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain_type(values),
        other => other,
    }
}

fn failed(error: &ArrowError) -> Problem {
    Problem::invalid(format!("a column to keep cannot be held: {error}"))
}

/// Where the columns to keep stand among the columns of a file; `None` for those that it does not have. A name means the
/// very name, else the one column whose name differs in blanks at the ends alone.
///
/// # Errors
/// Invalid argument, where several columns have the name.
pub(crate) fn places<'a>(
    keep: &[String],
    columns: impl Iterator<Item = &'a str> + Clone,
) -> Result<Vec<Option<usize>>, Problem> {
    let place = |name: &String| {
        for bare in [false, true] {
            let named = |column: &str| if bare { column.trim() == name.trim() } else { column == name };
            let mut found = columns.clone().enumerate().filter(|(_, column)| named(column));
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => {
                    return Err(wrong(format!("two columns are named {name:?}")));
                }
                (Some((place, _)), None) => return Ok(Some(place)),
                (None, _) => {}
            }
        }
        Ok(None)
    };
    keep.iter().map(place).collect()
}

/// Refuses names that are asked for twice.
pub(crate) fn all_different(keep: &[String]) -> Result<(), Problem> {
    let twice = keep.iter().enumerate().find(|(place, name)| keep[..*place].contains(name));
    twice.map_or(Ok(()), |(_, name)| Err(wrong(format!("{name:?} is named twice"))))
}

/// What is wrong with what is asked for.
#[cold]
pub(crate) fn wrong(why: String) -> Problem {
    Problem::new(Reason::SettingInvalid { setting: "--keep".to_owned(), why })
}

/// A name that none of the files has, with those that they have.
#[cold]
pub(crate) fn unknown(name: &str, known: &[String]) -> Problem {
    if known.is_empty() {
        return wrong(format!(
            "no column can be {name:?}, the table's have no names: give a CSV file with a header, JSON Lines, NPZ, \
             Parquet or Arrow"
        ));
    }
    let known = those_alike(known.iter().map(String::as_str).collect(), &[name.to_owned()], None);
    wrong(format!("the table has no column {name:?} (there are {})", known.join(", ")))
}

/// What a cell of JSON stands for as text: a string's text, `None` for null, else the JSON itself.
pub(crate) fn text_of_json(json: &[u8]) -> Option<std::borrow::Cow<'_, [u8]>> {
    match json {
        b"null" => None,
        [b'"', ..] => json::text(json),
        other => Some(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::StringViewArray;

    #[test]
    fn a_part_of_views_holds_the_bytes_of_its_own_rows_alone() {
        let texts = (0..10_000).map(|i| format!("longer than twelve bytes {i}"));
        let all: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
        let part = plain(&all.slice(5000, 2)).unwrap();
        assert_eq!(part.as_string_view().value(1), "longer than twelve bytes 5001");
        assert!(part.get_buffer_memory_size() < 20_000, "{}", part.get_buffer_memory_size());
    }

    #[test]
    fn rows_are_picked_with_gaps_and_without() {
        let kept = Kept(vec![Arc::new((0..6u64).collect::<UInt64Array>())]);
        let picked = |places: &[usize]| -> Vec<u64> {
            let kept = kept.at(places).unwrap();
            kept.0[0].as_primitive::<arrow_array::types::UInt64Type>().values().to_vec()
        };
        assert_eq!(picked(&[2, 3, 4]), [2, 3, 4]);
        assert_eq!(picked(&[0, 3, 5]), [0, 3, 5]);
        assert!(picked(&[]).is_empty());
        assert!(kept.at(&[5, 6]).is_err());
    }
}
