//! How a tree model is called: its signatures.
//!
//! A numeric model has one required input `features`, a matrix with named columns. A model whose file names categories, or
//! calls one of its features as an input is called, lists its columns as inputs; beside that way to call it there is a second
//! one, `matrix`, that takes `features` with the categories' codes in it, as the library takes a plain matrix.

use crate::compiled::{Compiled, Evaluator};
use crate::features::Categories;
use landfall_forest::Real;
use landfall_model::{
    Column, DType, Dim, Element, InputSpec, Method, NullRule, NullRuleSource, OutputSpec, Problem, RowRule,
    ShapeRule, Signature,
};
use std::sync::Arc;

/// The input of a matrix.
pub(crate) const FEATURES: &str = "features";
/// The optional input that sums start with.
pub(crate) const BASE_MARGIN: &str = "base_margin";
/// The way to call a model.
pub(crate) const DEFAULT: &str = "serving_default";
/// The way to call a model that lists its columns by a matrix, named categories by their codes.
pub(crate) const MATRIX: &str = "matrix";

/// What an output holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OutputKind {
    Prediction,
    Margin,
    Leaf,
    Contributions,
    Interactions,
    Class,
    LogProbability,
}

/// How a model is called.
pub(crate) struct Interface {
    /// The default one first.
    pub(crate) signatures: Vec<Arc<Signature>>,
    /// What stands at each place of their outputs.
    pub(crate) outputs: Vec<OutputKind>,
    /// Whether the default signature has an input for each column; else, and in [`MATRIX`], there is `features`.
    pub(crate) lists_columns: bool,
}

/// How a compiled model is called.
///
/// # Errors
/// Invalid argument, when names clash.
pub(crate) fn of<X: Real + Element, Y: Real + Element>(
    compiled: &Compiled<X, Y>,
) -> Result<Interface, Problem> {
    let (kinds, lists_columns) = (outputs(compiled), lists_columns(compiled));
    let outputs: Vec<OutputSpec> = kinds.iter().map(|(_, spec)| spec.clone()).collect();
    let signature = |name: &str, mut inputs: Vec<InputSpec>| {
        // A feature of this name comes first.
        let is_free = inputs.iter().all(|input| input.name != BASE_MARGIN);
        if compiled.takes_base_margin && is_free {
            inputs.push(base_margin::<Y>(compiled.groups));
        }
        let rows = RowRule::Independent;
        let signature =
            Signature::new(name, Method::Predict, inputs, outputs.clone(), rows, ShapeRule::Checked)?;
        let writes_blanks = compiled.blanks_are_underscores;
        let signature =
            if writes_blanks { signature.which_writes_blanks_as_underscores() } else { signature };
        Ok(signature.shared())
    };
    let signatures = match (lists_columns, compiled.has_codes()) {
        (true, false) => vec![signature(DEFAULT, columns(compiled))?],
        (true, true) => {
            vec![signature(DEFAULT, columns(compiled))?, signature(MATRIX, vec![matrix(compiled)])?]
        }
        (false, _) => vec![signature(DEFAULT, vec![matrix(compiled)])?],
    };
    let outputs = kinds.into_iter().map(|(kind, _)| kind).collect();
    Ok(Interface { signatures, outputs, lists_columns })
}

/// Whether the default way to call a model lists its columns: where one of them is a text, or where a name would else
/// mean a feature as well as a whole input. (The one column of a matrix may be called as the matrix.)
fn lists_columns<X, Y>(compiled: &Compiled<X, Y>) -> bool {
    let is_taken = |name: &str| match name {
        FEATURES => compiled.features.len() > 1,
        BASE_MARGIN => compiled.takes_base_margin,
        _ => false,
    };
    compiled.names_categories() || compiled.features.iter().any(|feature| is_taken(&feature.name))
}

fn input(name: &str, dtype: DType, dims: Vec<Dim>) -> InputSpec {
    let mut spec = InputSpec::new(name, dtype, Some(dims));
    (spec.null, spec.null_source) = (NullRule::Accept, NullRuleSource::Model);
    spec
}

fn matrix<X: Element, Y>(compiled: &Compiled<X, Y>) -> InputSpec {
    let dims = vec![Dim::Free(None), Dim::Known(compiled.features.len())];
    let mut spec = input(FEATURES, X::DTYPE, dims);
    let column = |name: &String| Column { name: name.clone(), doc: String::new() };
    spec.columns = compiled.features.iter().map(|feature| column(&feature.name)).collect();
    spec
}

fn columns<X: Element, Y>(compiled: &Compiled<X, Y>) -> Vec<InputSpec> {
    let one = |feature: &crate::features::Feature| {
        let categories = feature.categories.as_ref();
        let dtype = match categories {
            None => X::DTYPE,
            Some(categories) if categories.are_names() => DType::String,
            // Numbers are looked up as they were written, not as features are rounded.
            Some(_) => DType::F64,
        };
        let mut spec = input(&feature.name, dtype, vec![Dim::Free(None)]);
        // CatBoost knows a whole number by its decimal text.
        spec.integers_as_text = matches!(categories, Some(Categories::Hashed));
        spec.categories = categories.and_then(Categories::scalars);
        spec
    };
    compiled.features.iter().map(one).collect()
}

fn base_margin<Y: Element>(groups: usize) -> InputSpec {
    let mut spec = InputSpec::new(BASE_MARGIN, Y::DTYPE, Some(vec![Dim::Free(None), Dim::Known(groups)]));
    spec.optional = true;
    "what the sums start with, in place of the model's own base".clone_into(&mut spec.doc);
    spec
}

fn outputs<X: Real, Y: Real + Element>(compiled: &Compiled<X, Y>) -> Vec<(OutputKind, OutputSpec)> {
    let rows = || Dim::Free(None);
    let of_width = |width: usize| match width {
        1 => vec![rows()],
        width => vec![rows(), Dim::Known(width)],
    };
    let (groups, side) = (compiled.groups, compiled.features.len() + 1);
    let explained_groups = compiled.explained_groups;
    let explained = |ends: &[usize]| {
        let per_group = [explained_groups].into_iter().filter(|&groups| groups > 1);
        let dims = per_group.chain(ends.iter().copied()).map(Dim::Known);
        [rows()].into_iter().chain(dims).collect::<Vec<_>>()
    };
    let mut outputs = Vec::new();
    let mut add = |kind, name: &str, dtype, dims, doc: &str| {
        let mut spec = OutputSpec::new(name, dtype, Some(dims));
        spec.by_default = kind == OutputKind::Prediction;
        doc.clone_into(&mut spec.doc);
        outputs.push((kind, spec));
    };
    let width = compiled.transform.width();
    let doc = "what the library's predict gives";
    match compiled.classes.as_ref().filter(|_| compiled.predicts_classes) {
        Some(classes) => {
            let dims = of_width(classes.width(compiled.margins()));
            add(OutputKind::Prediction, "prediction", classes.labels.dtype(), dims, doc);
        }
        None => add(OutputKind::Prediction, "prediction", Y::DTYPE, of_width(width), doc),
    }
    add(
        OutputKind::Margin,
        "margin",
        Y::DTYPE,
        of_width(compiled.margins()),
        "raw sums, before the objective's transform",
    );
    if let Evaluator::Forest(_) = compiled.evaluator {
        let dims = vec![rows(), Dim::Known(compiled.extent.trees.len())];
        add(OutputKind::Leaf, "leaf", DType::I32, dims, "the leaf that each tree ends in");
    }
    if compiled.explains {
        let dims = if compiled.flat_contributions {
            vec![rows(), Dim::Known(groups * side)]
        } else {
            explained(&[side])
        };
        let doc = "what each feature adds to the margin (TreeSHAP); the last place is the average";
        add(OutputKind::Contributions, "contributions", Y::DTYPE, dims, doc);
    }
    if let Some(classes) = &compiled.classes {
        let values = if classes.of_margins { compiled.margins() } else { width };
        let dims = of_width(classes.width(values));
        let doc = "the class that the library's classifier chooses";
        add(OutputKind::Class, "class", classes.labels.dtype(), dims, doc);
    }
    if let Some(transform) = &compiled.log_probability {
        let doc = "logarithms of the classes' probabilities";
        add(OutputKind::LogProbability, "log_probability", Y::DTYPE, of_width(transform.width()), doc);
    }
    if compiled.interacts {
        let doc = "what each pair of features adds to the margin";
        add(OutputKind::Interactions, "interactions", Y::DTYPE, explained(&[side, side]), doc);
    }
    if let Some(classes) = &compiled.classes {
        name_classes(&mut outputs, &classes.labels.names());
    }
    outputs
}

/// Names the columns of outputs that have one for each class.
fn name_classes(outputs: &mut [(OutputKind, OutputSpec)], names: &[String]) {
    let by_class = [OutputKind::Prediction, OutputKind::Margin, OutputKind::LogProbability];
    for (kind, spec) in outputs.iter_mut() {
        let last = spec.dims.as_ref().and_then(|dims| dims.get(1));
        if by_class.contains(kind) && last == Some(&Dim::Known(names.len())) {
            spec.class_names = Some(names.to_vec());
        }
    }
}
