//! Which columns of a file fill which inputs: decided by name, once for each file.

use crate::column_names::{named_slot, settled};
use crate::row_dims::RowDims;
use landfall_model::{InputSpec, Problem, Reason, Signature, Slot};
use std::collections::HashMap;
use std::sync::Arc;

/// One column, or one array, of a file.
#[derive(Clone, Debug)]
pub(crate) struct SourceColumn {
    pub(crate) name: String,
    /// Whether a cell holds one value; else a list, an array, or who knows what.
    pub(crate) plain: bool,
}

/// Where the values of one input come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filling {
    /// One column, whose cells are whole rows.
    Whole(usize),
    /// Plain columns, one for each value of a row, in row-major order.
    Parts(Vec<usize>),
}

impl Filling {
    /// The columns, by place.
    pub(crate) fn places(&self) -> &[usize] {
        match self {
            Filling::Whole(place) => std::slice::from_ref(place),
            Filling::Parts(places) => places,
        }
    }

    /// The same, to count them anew.
    pub(crate) fn places_mut(&mut self) -> &mut [usize] {
        match self {
            Filling::Whole(place) => std::slice::from_mut(place),
            Filling::Parts(places) => places,
        }
    }
}

/// The filling of each input that the file has.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) signature: Arc<Signature>,
    pub(crate) fills: Vec<(Slot, Filling)>,
    /// Names of columns that no input takes.
    pub(crate) ignored: Vec<String>,
}

/// Matches names, as [`settled`]. `only` limits it to one input (a file given as `NAME=FILE`).
///
/// # Errors
/// [`Reason::InputsMissing`] with all that is missing and all that the file has; invalid argument when two columns
/// share a name that an input takes, or the number of columns of an input is not what the model takes.
pub(crate) fn by_name(
    signature: &Arc<Signature>,
    only: Option<Slot>,
    columns: &[SourceColumn],
) -> Result<Plan, Problem> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut places = HashMap::with_capacity(columns.len());
    let mut repeated = Vec::new();
    for (place, name) in settled(signature, &names).into_iter().enumerate() {
        if let Some(first) = places.insert(name, place) {
            repeated.push(first);
        }
    }
    let matcher = Matcher { signature, columns, places };
    let (mut fills, mut missing) = (Vec::new(), Vec::new());
    for slot in only.map_or(0..signature.inputs().len(), |slot| slot..slot + 1) {
        match matcher.input(slot)? {
            Found::Filling(filling) => fills.push((slot, filling)),
            Found::Missing(names) => missing.extend(names),
            Found::Absent => {}
        }
    }
    if fills.is_empty()
        && only.is_none()
        && takes_any_column(signature)
        && let Some(place) = columns.iter().position(|column| column.plain)
    {
        fills.push((0, Filling::Parts(vec![place])));
    }
    if !missing.is_empty() {
        let given = those_alike(
            columns.iter().map(|column| column.name.as_str()).collect(),
            &missing,
            Some(signature),
        );
        return Err(Problem::new(Reason::InputsMissing { missing, given }));
    }
    let mut used = vec![false; columns.len()];
    fills.iter().flat_map(|(_, filling)| filling.places()).for_each(|&place| used[place] = true);
    // Names that no input takes may stand several times: what joins tables together writes such.
    if let Some(first) = repeated.iter().find(|&&first| used[matcher.places[columns[first].name.as_str()]]) {
        return Err(Problem::invalid(format!("two columns are named {:?}", columns[*first].name)));
    }
    let unused = columns.iter().zip(used).filter(|(_, used)| !used);
    let ignored = unused.map(|(column, _)| column.name.clone()).collect();
    Ok(Plan { signature: signature.clone(), fills, ignored })
}

/// The names of a file's columns, for a message; of very many those that are most like what is missing. A name that the
/// model knows is no misspelt one, and comes after all others.
pub(crate) fn those_alike(names: Vec<&str>, missing: &[String], model: Option<&Signature>) -> Vec<String> {
    const SHOWN: usize = 60;
    if names.len() <= SHOWN {
        return names.into_iter().map(str::to_owned).collect();
    }
    let in_common = |name: &str, wanted: &str| {
        let begin = name.bytes().zip(wanted.bytes()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
        let end = name
            .bytes()
            .rev()
            .zip(wanted.bytes().rev())
            .take_while(|(a, b)| a.eq_ignore_ascii_case(b))
            .count();
        begin + end
    };
    let likeness = |name: &str| missing.iter().take(8).map(|wanted| in_common(name, wanted)).max();
    let mut ranked: Vec<(usize, &str)> = names.iter().copied().enumerate().collect();
    let known = |name: &str| model.is_some_and(|signature| named_slot(signature, name).is_some());
    ranked.sort_by_cached_key(|(place, name)| (known(name), std::cmp::Reverse(likeness(name)), *place));
    ranked.truncate(SHOWN);
    let mut shown: Vec<String> = ranked.into_iter().map(|(_, name)| name.to_owned()).collect();
    shown.push(format!("… ({} in all)", names.len()));
    shown
}

/// Whether the model only counts rows: then any column does, whatever its name.
pub(crate) fn takes_any_column(signature: &Signature) -> bool {
    let inputs = signature.inputs();
    !inputs.is_empty() && inputs.iter().all(|spec| spec.only_counts_rows)
}

/// By place, for a file without names: `count` plain columns are the one required input row-major, or one input each.
pub(crate) fn by_place(signature: &Arc<Signature>, only: Option<Slot>, count: usize) -> Option<Plan> {
    let plan = |fills| Some(Plan { signature: signature.clone(), fills, ignored: Vec::new() });
    if let Some(slot) = only.or_else(|| signature.only_required_input()) {
        let dims = RowDims::of(&signature.inputs()[slot], signature.shapes());
        if dims.cut(count).is_some() {
            return plan(vec![(slot, Filling::Parts((0..count).collect()))]);
        }
    }
    if only.is_some() {
        return None;
    }
    let slots: Vec<Slot> = (0..signature.inputs().len()).collect();
    let required: Vec<Slot> = slots.iter().copied().filter(|&s| !signature.inputs()[s].optional).collect();
    let of_count = [required, slots].into_iter().find(|slots| slots.len() == count && count > 0)?;
    let plain = |&slot: &Slot| RowDims::of(&signature.inputs()[slot], signature.shapes()).takes_one_value();
    if !of_count.iter().all(plain) {
        return None;
    }
    plan(of_count.iter().enumerate().map(|(place, &slot)| (slot, Filling::Parts(vec![place]))).collect())
}

/// By place, for a file whose names are none of the model's: where the inputs are the elements of one vector, `x[0]`,
/// `x[1]`, …, the file's columns are those, in order. Columns after them are passed over.
pub(crate) fn elements_by_place(
    signature: &Arc<Signature>,
    only: Option<Slot>,
    columns: &[SourceColumn],
) -> Option<Plan> {
    let inputs = signature.inputs();
    let vector = inputs.first()?.name.strip_suffix("[0]")?;
    let element = |(i, spec): (usize, &InputSpec)| {
        spec.optional
            && spec.name == format!("{vector}[{i}]")
            && RowDims::of(spec, signature.shapes()).takes_one_value()
    };
    let fits = only.is_none() && inputs.len() > 1 && columns.len() >= inputs.len();
    if !fits || !inputs.iter().enumerate().all(element) || !columns.iter().all(|column| column.plain) {
        return None;
    }
    let fills = (0..inputs.len()).map(|place| (place, Filling::Parts(vec![place]))).collect();
    let ignored = columns[inputs.len()..].iter().map(|column| column.name.clone()).collect();
    Some(Plan { signature: signature.clone(), fills, ignored })
}

/// The inputs and the columns that they would take, for a message: `"x" takes columns x[0]…x[3]`.
pub(crate) fn wanted_columns(signature: &Signature, only: Option<Slot>) -> String {
    let slots = only.map_or(0..signature.inputs().len(), |slot| slot..slot + 1);
    let words: Vec<String> = slots
        .map(|slot| {
            let spec = &signature.inputs()[slot];
            let dims = RowDims::of(spec, signature.shapes());
            format!(
                "input {:?} ({}, {}) takes {}",
                spec.name,
                spec.dtype,
                dims.words(),
                names_of(spec, &dims)
            )
        })
        .collect();
    words.join("; ")
}

enum Found {
    Filling(Filling),
    Missing(Vec<String>),
    /// Optional and not there.
    Absent,
}

struct Matcher<'a> {
    signature: &'a Signature,
    columns: &'a [SourceColumn],
    places: HashMap<&'a str, usize>,
}

impl Matcher<'_> {
    fn input(&self, slot: Slot) -> Result<Found, Problem> {
        let spec = &self.signature.inputs()[slot];
        let dims = RowDims::of(spec, self.signature.shapes());
        if let Some(&place) = self.places.get(spec.name.as_str()) {
            if !self.columns[place].plain {
                return Ok(Found::Filling(Filling::Whole(place)));
            }
            if dims.takes_one_value() {
                return Ok(Found::Filling(Filling::Parts(vec![place])));
            }
        }
        if let Some(found) = self.named_columns(spec) {
            return Ok(found);
        }
        for name in [|n: &str, i: usize| format!("{n}[{i}]"), |n: &str, i: usize| format!("{n}_{i}")] {
            if let Some(filling) = self.numbered(spec, &dims, name)? {
                return Ok(Found::Filling(filling));
            }
        }
        if spec.optional {
            return Ok(Found::Absent);
        }
        Ok(Found::Missing(vec![names_of(spec, &dims)]))
    }

    /// A matrix by the names of its columns, when any of them is there.
    fn named_columns(&self, spec: &InputSpec) -> Option<Found> {
        let place = |name: &str| {
            self.signature.slot(name).and_then(|found| found.column)?;
            self.places.get(name).copied().filter(|&place| self.columns[place].plain)
        };
        let places: Vec<Option<usize>> = spec.columns.iter().map(|column| place(&column.name)).collect();
        if places.iter().all(Option::is_none) {
            return None;
        }
        if let Some(all) = places.iter().copied().collect() {
            return Some(Found::Filling(Filling::Parts(all)));
        }
        let lacking = places.iter().zip(&spec.columns).filter(|(place, _)| place.is_none());
        Some(Found::Missing(lacking.map(|(_, column)| column.name.clone()).collect()))
    }

    fn numbered(
        &self,
        spec: &InputSpec,
        dims: &RowDims,
        name: impl Fn(&str, usize) -> String,
    ) -> Result<Option<Filling>, Problem> {
        let place = |i: usize| self.places.get(name(&spec.name, i).as_str()).copied();
        let places: Vec<usize> = (0..).map_while(place).collect();
        if places.is_empty() {
            return Ok(None);
        }
        if dims.cut(places.len()).is_none() {
            let there = match places.len() {
                1 => format!("of its columns {} alone", name(&spec.name, 0)),
                count => format!("the columns {}…{}", name(&spec.name, 0), name(&spec.name, count - 1)),
            };
            let lacks = match dims.elements() {
                Some(taken) if taken > places.len() => format!(", and no {}", name(&spec.name, places.len())),
                Some(_) => ": too many".to_owned(),
                None => ", which do not tell the lengths of its axes".to_owned(),
            };
            let takes = dims.words();
            return Err(Problem::invalid(format!(
                "input {:?} takes {takes}, the file has {there}{lacks}",
                spec.name
            )));
        }
        if let Some(list) = places.iter().find(|&&place| !self.columns[place].plain) {
            return Err(Problem::invalid(format!(
                "column {:?} holds lists where one value is expected",
                self.columns[*list].name
            )));
        }
        Ok(Some(Filling::Parts(places)))
    }
}

/// The columns that an input takes, by name.
pub(crate) fn names_of(spec: &InputSpec, dims: &RowDims) -> String {
    let listed = |names: Vec<&str>| match names.as_slice() {
        [first, .., last] if names.len() > 40 => format!("{first}…{last}"),
        _ => names.join(", "),
    };
    match dims.elements() {
        _ if !spec.columns.is_empty() => listed(spec.columns.iter().map(|c| c.name.as_str()).collect()),
        Some(1) => spec.name.clone(),
        Some(n) => format!("{0}[0]…{0}[{1}]", spec.name, n.saturating_sub(1)),
        None if dims.takes_one_value() => format!("{0}, or {0}[0], {0}[1], …", spec.name),
        None => format!("{0}[0], {0}[1], …", spec.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{Column, DType, Dim, Method, OutputSpec, RowRule, ShapeRule};

    fn signature(inputs: Vec<InputSpec>) -> Arc<Signature> {
        let output = OutputSpec::new("y", DType::F32, None);
        let (rows, shapes) = (RowRule::Independent, ShapeRule::Checked);
        Signature::new("s", Method::Predict, inputs, vec![output], rows, shapes).unwrap().shared()
    }

    fn input(name: &str, width: Option<usize>) -> InputSpec {
        let mut dims = vec![Dim::Free(None)];
        dims.extend(width.map(Dim::Known));
        InputSpec::new(name, DType::F32, Some(dims))
    }

    fn plain(names: &[&str]) -> Vec<SourceColumn> {
        names.iter().map(|name| SourceColumn { name: (*name).into(), plain: true }).collect()
    }

    #[test]
    fn names_and_numbered_names_fill_inputs_and_the_rest_is_named() {
        let signature = signature(vec![input("x", Some(2)), input("age", None)]);
        for names in [["x[1]", "id", "age", "x[0]"], ["x_1", "id", "age", "x_0"]] {
            let plan = by_name(&signature, None, &plain(&names)).unwrap();
            assert_eq!(plan.fills, [(0, Filling::Parts(vec![3, 0])), (1, Filling::Parts(vec![2]))]);
            assert_eq!(plan.ignored, ["id"]);
        }
    }

    #[test]
    fn all_missing_columns_are_named_together() {
        let mut matrix = input("features", Some(2));
        matrix.columns = ["a", "b"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
        let signature = signature(vec![matrix, input("x", Some(3)), input("age", None)]);
        let problem = by_name(&signature, None, &plain(&["b", "z"])).unwrap_err();
        assert_eq!(
            *problem.reason(),
            Reason::InputsMissing {
                missing: vec!["a".into(), "x[0]…x[2]".into(), "age".into()],
                given: vec!["b".into(), "z".into()]
            }
        );
    }

    #[test]
    fn of_very_many_columns_those_are_named_that_may_be_meant() {
        let mut names: Vec<String> = (0..100_000).map(|i| format!("c{i}")).collect();
        names.push("sepal_lenght".into());
        let columns: Vec<SourceColumn> =
            names.into_iter().map(|name| SourceColumn { name, plain: true }).collect();
        let problem = by_name(&signature(vec![input("sepal_length", None)]), None, &columns).unwrap_err();
        let told = problem.to_string();
        assert!(told.contains("given: sepal_lenght, ") && told.len() < 1000, "{told}");
        assert!(told.ends_with("… (100001 in all)"), "{told}");
    }

    #[test]
    fn of_very_many_columns_a_misspelt_one_stands_before_those_that_the_model_knows() {
        let mut matrix = input("features", Some(300));
        matrix.columns =
            (0..300).map(|i| Column { name: format!("feature_{i}"), doc: String::new() }).collect();
        let mut names: Vec<String> = (1..300).map(|i| format!("feature_{i}")).collect();
        names.push("Feat0".into());
        let columns: Vec<SourceColumn> =
            names.into_iter().map(|name| SourceColumn { name, plain: true }).collect();
        let told = by_name(&signature(vec![matrix]), None, &columns).unwrap_err().to_string();
        assert!(told.contains("missing: feature_0; given: Feat0, feature_"), "{told}");
    }

    #[test]
    fn a_wrong_number_of_columns_and_a_repeated_name_are_refused() {
        let signature = signature(vec![input("x", Some(2))]);
        let wide = by_name(&signature, None, &plain(&["x[0]", "x[1]", "x[2]"])).unwrap_err();
        assert!(
            wide.to_string().contains("takes 2 values, the file has the columns x[0]…x[2]: too many"),
            "{wide}"
        );
        let gap = by_name(&signature, None, &plain(&["x[0]", "x[2]"])).unwrap_err();
        assert!(gap.to_string().contains("the file has of its columns x[0] alone, and no x[1]"), "{gap}");
        let twice = by_name(&signature, None, &plain(&["x[0]", "x[1]", "x[0]"])).unwrap_err();
        assert!(twice.to_string().contains(r#"two columns are named "x[0]""#), "{twice}");
        let passed_over = by_name(&signature, None, &plain(&["q", "x[0]", "q", "x[1]"])).unwrap();
        assert_eq!(passed_over.fills, [(0, Filling::Parts(vec![1, 3]))]);
        assert_eq!(passed_over.ignored, ["q", "q"]);
    }

    #[test]
    fn a_model_that_only_counts_rows_takes_whatever_column_comes() {
        let counted = |name: &str| InputSpec { optional: true, only_counts_rows: true, ..input(name, None) };
        let signature = signature(vec![counted("y"), counted("z")]);
        let plan = by_name(&signature, None, &plain(&["a", "b"])).unwrap();
        assert_eq!(plan.fills, [(0, Filling::Parts(vec![0]))]);
        assert_eq!(plan.ignored, ["b"]);
        let named = by_name(&signature, None, &plain(&["a", "z"])).unwrap();
        assert_eq!(named.fills, [(1, Filling::Parts(vec![1]))]);
    }

    #[test]
    fn the_elements_of_one_vector_take_columns_of_other_names_in_order() {
        let element = |name: &str| InputSpec { optional: true, ..input(name, None) };
        let vector = signature(vec![element("x[0]"), element("x[1]")]);
        let plan = elements_by_place(&vector, None, &plain(&["a", "b", "c"])).unwrap();
        assert_eq!(plan.fills, [(0, Filling::Parts(vec![0])), (1, Filling::Parts(vec![1]))]);
        assert_eq!(plan.ignored, ["c"]);
        assert!(elements_by_place(&vector, None, &plain(&["a"])).is_none());
        let fields = signature(vec![element("x[0]"), element("age")]);
        assert!(elements_by_place(&fields, None, &plain(&["a", "b"])).is_none());
    }

    #[test]
    fn a_file_without_names_goes_by_place() {
        let matrix = signature(vec![input("x", Some(3))]);
        assert_eq!(by_place(&matrix, None, 3).unwrap().fills, [(0, Filling::Parts(vec![0, 1, 2]))]);
        assert!(by_place(&matrix, None, 4).is_none());
        let fields = signature(vec![input("a", None), input("b", None)]);
        assert_eq!(by_place(&fields, None, 2).unwrap().fills.len(), 2);
        assert!(by_place(&fields, None, 3).is_none());
    }
}
