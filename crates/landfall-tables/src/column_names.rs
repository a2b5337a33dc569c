//! Which of the model's names a file's column means: the very name, else the one that the model has for it, else the same but
//! for blanks at its ends.

use landfall_model::{Signature, Slot};
use std::collections::{HashMap, HashSet};

/// The columns' names as the model has them. A name that the model does not know means the one that differs from it in
/// blanks at the ends alone (and, where a model writes blanks as underscores, in those within), where that is one of the
/// model's, and no second column is, or means, the same; else it stays as it is.
pub(crate) fn settled<'a>(signature: &'a Signature, columns: &[&'a str]) -> Vec<&'a str> {
    let padded = padded_names(signature);
    let meant = |column: &&'a str| {
        let bare = column.trim();
        if let Some(own) = signature.own_name(column).or_else(|| signature.own_name(bare)) {
            (own != *column).then_some(own)
        } else if named_slot(signature, column).is_some() || (bare.len() == column.len() && padded.is_empty())
        {
            None
        } else if named_slot(signature, bare).is_some() {
            Some(bare)
        } else {
            padded.get(bare).copied().flatten()
        }
    };
    let meant: Vec<Option<&str>> = columns.iter().map(meant).collect();
    let exact: HashSet<&str> = columns.iter().copied().collect();
    let mut times = HashMap::new();
    meant.iter().flatten().for_each(|name| *times.entry(*name).or_insert(0) += 1);
    let settle = |(column, meant): (&&'a str, &Option<&'a str>)| {
        meant.filter(|name| times[name] == 1 && !exact.contains(name)).unwrap_or(column)
    };
    columns.iter().zip(&meant).map(settle).collect()
}

/// The input that a name means: its own, that of a column of it, or, with a number, that of a value of it.
pub(crate) fn named_slot(signature: &Signature, name: &str) -> Option<Slot> {
    // What ends in a blank ends in no number.
    let numbered = || name.trim_end().len() == name.len();
    let stem = || name.split_once('[').or_else(|| name.rsplit_once('_')).filter(|_| numbered());
    Some(signature.slot(name).or_else(|| signature.slot(stem()?.0))?.slot)
}

/// The model's names that have blanks at their ends, by what they are without; `None` where two are alike.
fn padded_names(signature: &Signature) -> HashMap<&str, Option<&str>> {
    let inputs = signature.inputs().iter();
    let all = inputs.flat_map(|spec| {
        std::iter::once(spec.name.as_str()).chain(spec.columns.iter().map(|column| column.name.as_str()))
    });
    let mut padded = HashMap::new();
    for name in all.filter(|name| name.trim().len() < name.len()) {
        padded.entry(name.trim()).and_modify(|other| *other = None).or_insert(Some(name));
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{DType, InputSpec, Method, OutputSpec, RowRule, ShapeRule};

    fn settle(model: &[&str], columns: &[&str]) -> Vec<String> {
        settled(&signature(model), columns).into_iter().map(str::to_owned).collect()
    }

    fn signature(model: &[&str]) -> Signature {
        let inputs = model.iter().map(|name| InputSpec::new(*name, DType::F32, None)).collect();
        let output = OutputSpec::new("y", DType::F32, None);
        let (rows, shapes) = (RowRule::Independent, ShapeRule::AsSent);
        Signature::new("s", Method::Predict, inputs, vec![output], rows, shapes).unwrap()
    }

    #[test]
    fn blanks_within_a_name_are_the_underscores_that_a_model_writes_for_them() {
        let signature = signature(&["a_b", "c"]).which_writes_blanks_as_underscores();
        assert_eq!(settled(&signature, &["c", "a b"]), ["c", "a_b"]);
        assert_eq!(settled(&signature, &["a b ", "c"]), ["a_b", "c"]);
        assert_eq!(settled(&signature, &["a b", "a_b"]), ["a b", "a_b"], "the very name comes first");
        assert_eq!(settled(&signature, &["a b", " a b"]), ["a b", " a b"], "either could be meant");
        assert_eq!(settle(&["a_b"], &["a b"]), ["a b"], "of most models a name is what it is");
    }

    #[test]
    fn blanks_at_the_ends_are_passed_over_where_no_name_fits_with_them() {
        assert_eq!(settle(&["a", "b"], &["a", " b", "c "]), ["a", "b", "c "]);
        assert_eq!(settle(&["a ", "b"], &["a", "b\t"]), ["a ", "b"]);
        assert_eq!(settle(&[" a"], &["a "]), [" a"]);
        assert_eq!(settle(&["x"], &[" x[0]", "x_1 "]), ["x[0]", "x_1"]);
    }

    #[test]
    fn names_that_differ_in_blanks_alone_are_told_apart() {
        assert_eq!(settle(&["a", "a "], &["a ", "a"]), ["a ", "a"]);
        assert_eq!(settle(&["a"], &["a", " a"]), ["a", " a"], "the very name comes first");
        assert_eq!(settle(&["a"], &["a ", " a"]), ["a ", " a"], "either could be meant");
        assert_eq!(settle(&[" a", "a "], &["a"]), ["a"], "either could be meant");
    }
}
