//! Whether LiteRT can prepare a file's signatures for calls. An operator looks at the types and shapes that it is given when
//! memory is laid out for a call; one that refuses them then refuses every call.
//!
//! LiteRT's Interpreter prepares a file with the lengths that it was converted with, unless its caller has given others
//! before. A free axis was converted with length 1, which may be too short for what is done along it: others are tried.

use super::declared::{DeclaredSignature, DeclaredTensor};
use super::run::LiteRtInstance;
use landfall_model::Problem;

/// How a signature was prepared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Prepared {
    /// As the file was converted.
    AsConverted,
    /// With other lengths of free axes: that of axes other than rows, where it was not the converted one.
    WithLengths(Option<usize>),
    /// With no lengths that were tried, in LiteRT's words for those of the conversion.
    Never {
        why: String,
        /// Whether other lengths may do: there are axes other than rows whose lengths are free.
        is_open: bool,
    },
}

impl Prepared {
    /// A line for people, where calls fail.
    pub(super) fn note(&self, name: &str) -> Option<String> {
        match self {
            Prepared::Never { why, is_open } => {
                let but = if *is_open { ", unless inputs have other lengths" } else { "" };
                Some(format!("signature {name:?} cannot be called{but}: {why}"))
            }
            _ => None,
        }
    }
}

/// Rows, and the length of all other free axes, in the order in which they are tried; `None`: as converted.
const TRIALS: [(Option<usize>, Option<usize>); 5] =
    [(Some(8), None), (None, Some(8)), (None, Some(64)), (None, Some(256)), (Some(8), Some(8))];

/// Prepares a signature, as far as it goes; `place` is its place among the instance's.
///
/// # Errors
/// When the library cannot compile the file anew.
pub(super) fn prepared(
    instance: &mut LiteRtInstance,
    place: usize,
    own: &DeclaredSignature,
) -> Result<Prepared, Problem> {
    let shapes = |rows, inner| own.inputs.iter().map(|tensor| shape(tensor, rows, inner)).collect::<Vec<_>>();
    let converted = shapes(None, None);
    let Err(said) = instance.prepare(place, &converted)? else { return Ok(Prepared::AsConverted) };
    let mut tried = vec![converted];
    for (rows, inner) in TRIALS {
        let shapes = shapes(rows, inner);
        if tried.contains(&shapes) {
            continue;
        }
        if instance.prepare(place, &shapes)?.is_ok() {
            return Ok(Prepared::WithLengths(inner));
        }
        tried.push(shapes);
    }
    let why = format!("LiteRT cannot prepare it for inputs of shapes {}: {said}", shown(&tried[0]));
    Ok(Prepared::Never { why, is_open: own.inputs.iter().any(is_open) })
}

/// The problem of a file of which no signature can be called; nothing, where one can, or might be with other lengths.
pub(super) fn refused(file: &str, names: &[&str], prepared: &[Prepared]) -> Result<(), Problem> {
    let why = prepared.iter().map(|prepared| match prepared {
        Prepared::Never { why, is_open: false } => Some(why),
        _ => None,
    });
    let why: Option<Vec<&String>> = why.collect();
    match why.as_deref().and_then(<[_]>::first) {
        Some(why) => Err(Problem::unsupported(
            format!("{file}: signature {:?}: {why}", names.first().unwrap_or(&"")),
            "",
        )),
        None => Ok(()),
    }
}

/// A tensor's lengths, with others for those of its axes that are free.
fn shape(tensor: &DeclaredTensor, rows: Option<usize>, inner: Option<usize>) -> Vec<i32> {
    let of = |(axis, (&converted, &free)): (usize, (&i32, &i32))| {
        let length = if axis == 0 { rows } else { inner };
        length.filter(|_| free < 0).and_then(|length| i32::try_from(length).ok()).unwrap_or(converted)
    };
    tensor.shape.iter().zip(&tensor.free_shape).enumerate().map(of).collect()
}

/// Whether lengths beyond rows are for callers to say: of free axes, or of a rank that the file leaves open.
fn is_open(tensor: &DeclaredTensor) -> bool {
    let is_ranked = tensor.has_rank || !tensor.shape.is_empty();
    !is_ranked || tensor.free_shape.iter().skip(1).any(|&length| length < 0)
}

fn shown(shapes: &[Vec<i32>]) -> String {
    let one = |shape: &Vec<i32>| format!("{shape:?}").replace(' ', "");
    shapes.iter().map(one).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::DType;

    fn tensor(shape: &[i32], free_shape: &[i32]) -> DeclaredTensor {
        DeclaredTensor {
            name: "x".to_owned(),
            dtype: Ok(DType::F32),
            shape: shape.to_vec(),
            free_shape: free_shape.to_vec(),
            has_rank: true,
            quantisation: None,
        }
    }

    #[test]
    fn only_free_axes_get_other_lengths() {
        let images = tensor(&[1, 1, 1, 3], &[-1, -1, -1, 3]);
        assert_eq!(shape(&images, None, None), [1, 1, 1, 3]);
        assert_eq!(shape(&images, Some(8), None), [8, 1, 1, 3]);
        assert_eq!(shape(&images, None, Some(64)), [1, 64, 64, 3]);
        assert_eq!(shape(&tensor(&[2, 3], &[2, 3]), Some(8), Some(8)), [2, 3]);
        assert!(is_open(&images) && !is_open(&tensor(&[1, 3], &[-1, 3])) && !is_open(&tensor(&[], &[])));
    }

    #[test]
    fn a_file_is_refused_where_none_of_its_signatures_can_be_called() {
        let never = |is_open| Prepared::Never { why: "no".to_owned(), is_open };
        let refused =
            |prepared: &[Prepared]| refused("m.tflite", &["a", "b"], prepared).map_err(|p| p.to_string());
        assert!(refused(&[never(false), Prepared::AsConverted]).is_ok());
        assert!(refused(&[never(false), Prepared::WithLengths(None)]).is_ok());
        assert!(refused(&[never(false), never(true)]).is_ok());
        let problem = refused(&[never(false), never(false)]).unwrap_err();
        assert!(problem.contains("m.tflite: signature \"a\": no"), "{problem}");
    }
}
