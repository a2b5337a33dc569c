//! How a tree model is called: its signatures.
//!
//! A numeric model has one required input `features`, a matrix with named columns. A model whose file names categories
//! lists its columns as inputs; beside that way to call it there is a second one, `matrix`, that takes `features` with
//! the categories' codes in it, as the library takes a plain matrix.

use crate::features::Categories;
use crate::model::{Compiled, Evaluator};
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
/// The way to call a model with named categories by a matrix of their codes.
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

/// The signatures of a model, the default one first, and what stands at each place of their outputs.
///
/// # Errors
/// Invalid argument, when names clash.
pub(crate) fn of<X: Real + Element, Y: Real + Element>(
    compiled: &Compiled<X, Y>,
) -> Result<(Vec<Arc<Signature>>, Vec<OutputKind>), Problem> {
    let kinds = outputs(compiled);
    let outputs: Vec<OutputSpec> = kinds.iter().map(|(_, spec)| spec.clone()).collect();
    let signature = |name: &str, mut inputs: Vec<InputSpec>| {
        if compiled.takes_base_margin {
            inputs.push(base_margin::<Y>(compiled.groups));
        }
        let rows = RowRule::Independent;
        Signature::new(name, Method::Predict, inputs, outputs.clone(), rows, ShapeRule::Checked)
            .map(Signature::shared)
    };
    let signatures = if compiled.lists_columns() && !compiled.has_codes() {
        vec![signature(DEFAULT, columns(compiled))?]
    } else if compiled.lists_columns() {
        vec![signature(DEFAULT, columns(compiled))?, signature(MATRIX, vec![matrix(compiled)])?]
    } else {
        vec![signature(DEFAULT, vec![matrix(compiled)])?]
    };
    Ok((signatures, kinds.into_iter().map(|(kind, _)| kind).collect()))
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
            let dims = of_width(classes.width(groups));
            add(OutputKind::Prediction, "prediction", classes.labels.dtype(), dims, doc);
        }
        None => add(OutputKind::Prediction, "prediction", Y::DTYPE, of_width(width), doc),
    }
    add(
        OutputKind::Margin,
        "margin",
        Y::DTYPE,
        of_width(groups),
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
        let values = if classes.of_margins { groups } else { width };
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
