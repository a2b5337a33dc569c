//! Which of a model's targets an output field asks about, and how that is shown to people.

use super::Document;
use crate::models::{MiningFunction, Model};
use crate::resolve::{Build, ClassList, Slot, Target};
use crate::run::Cx;
use crate::value::{DataType, Value};

/// A target that a field asks about.
#[derive(Clone, Copy)]
pub(super) struct Asked<'m> {
    pub(super) dtype: DataType,
    list: ClassList,
    /// Its place among the model's other targets; `None` for the model's own.
    pub(super) other: Option<usize>,
    pub(super) actual: Option<Slot>,
    treatment: Option<&'m Target>,
    /// Whether a number is predicted.
    pub(super) is_number: bool,
}

impl<'m> Asked<'m> {
    /// The target that a field names, or the model's own. Where what a model is made of predicts several targets, all
    /// that is known beside the predictions is what the last one said.
    pub(super) fn of(model: &'m Model, document: &Document) -> Self {
        let other = document.target.as_ref().filter(|_| !model.body.sets_targets());
        let other = other.and_then(|name| model.others.iter().position(|other| other.name == *name));
        match other.map(|other| &model.others[other]) {
            None => Asked {
                dtype: model.dtype,
                list: model.list,
                other,
                actual: model.target.as_ref().and_then(|target| target.actual),
                treatment: model.targets.as_ref(),
                is_number: model.function == MiningFunction::Regression,
            },
            Some(of) => Asked {
                dtype: of.dtype,
                list: of.list,
                other,
                actual: of.actual,
                treatment: of.treatment.as_ref(),
                is_number: !of.is_class(),
            },
        }
    }

    /// Whether classes are predicted by this model.
    pub(super) fn is_class(&self, model: &Model) -> bool {
        match self.other {
            Some(_) => !self.is_number,
            None => model.function == MiningFunction::Classification,
        }
    }

    /// The class that a field names.
    pub(super) fn class(&self, b: &mut Build<'_>, document: &Document) -> Option<usize> {
        let text = document.value.as_ref()?;
        Some(b.class_named(self.list, self.dtype, text).0)
    }
}

/// How predictions are shown to people.
#[derive(Debug)]
pub(super) struct Names {
    names: Vec<(Value, Value)>,
    dtype: DataType,
}

impl Names {
    /// As the model says, else as the data dictionary does.
    pub(super) fn of(b: &mut Build<'_>, asked: &Asked<'_>) -> Self {
        let mut names = Vec::new();
        for value in asked.treatment.iter().flat_map(|target| &target.values) {
            if let Some(display) = &value.display {
                names.push((value.value, Value::Text(b.symbols.intern(display))));
            }
        }
        let field = asked.actual.and_then(|actual| b.slots[actual as usize].field);
        if let Some(field) = field.map(|field| b.dictionary[field].clone()) {
            for (value, display) in &field.display {
                names.push((*value, Value::Text(b.symbols.intern(display))));
            }
        }
        Names { names, dtype: asked.dtype }
    }

    pub(super) fn named(&self, value: Value) -> Option<Value> {
        self.names.iter().find(|(other, _)| *other == value).map(|(_, display)| *display)
    }

    /// A value as it is shown: by a name of its own, else as text.
    pub(super) fn displayed(&self, cx: &mut Cx<'_>, value: Value) -> Value {
        match self.named(value) {
            Some(display) => display,
            None if value.is_missing() => Value::Missing,
            None => {
                let text = cx.shown(value, self.dtype);
                Value::Text(cx.symbol(&text))
            }
        }
    }
}
