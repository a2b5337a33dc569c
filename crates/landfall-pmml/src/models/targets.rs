//! What becomes of predictions: each is treated as `<Targets>` says, and put into the field of its target.

use super::{Answer, MiningFunction, Model};
use crate::resolve::{ClassList, OpType, Slot, Target};
use crate::run::Cx;
use crate::value::{DataType, Value};

/// A target of a model beside its first one.
#[derive(Clone, Debug)]
pub(crate) struct OtherTarget {
    pub(crate) name: String,
    /// Where the prediction is put.
    pub(crate) result: Slot,
    /// Where the actual value is, when the data has it.
    pub(crate) actual: Option<Slot>,
    pub(crate) dtype: DataType,
    pub(crate) optype: OpType,
    /// Its classes.
    pub(crate) list: ClassList,
    /// What `<Targets>` says of it.
    pub(crate) treatment: Option<Target>,
}

impl OtherTarget {
    /// Whether classes are predicted.
    pub(crate) fn is_class(&self) -> bool {
        self.optype != OpType::Continuous
    }
}

impl Model {
    /// Treats what the body has predicted, and puts it where it belongs.
    pub(super) fn put_predictions(&self, cx: &mut Cx<'_>, answer: &mut Answer) {
        let m = cx.m;
        self.finish_value(answer, &m.lists[answer.list]);
        if !self.body.sets_targets() {
            if let Some(target) = &self.target {
                cx.set(target.result, answer.value);
            }
            for (target, said) in self.others.iter().zip(&mut answer.others) {
                self.finish_other(target, said, &m.lists[target.list]);
                cx.set(target.result, said.value);
            }
        }
        if let Some(slot) = self.unnamed {
            cx.set(slot, answer.value);
        }
    }

    /// A number that a regression predicts as this model's targets want it; other values as they are.
    pub(crate) fn finished(&self, value: Value) -> Value {
        if self.function == MiningFunction::Regression { self.treated(value) } else { value }
    }

    fn treated(&self, value: Value) -> Value {
        let Value::Num(number) = value else { return value };
        let target = self.targets.as_ref();
        let number = target.map_or(number, |target| target.apply(number, self.math.dtype()));
        Value::Num(if self.target.is_some() { self.dtype.rounded(number) } else { number })
    }

    fn finish_value(&self, answer: &mut Answer, classes: &[Value]) {
        let target = self.targets.as_ref();
        match (self.function, answer.value) {
            (MiningFunction::Regression, Value::Num(_)) => answer.value = self.treated(answer.value),
            // What has no classes is a number.
            (MiningFunction::Mixed, Value::Num(_)) if answer.scores.is_empty() => {
                answer.value = self.treated(answer.value);
            }
            // What stands in for a prediction is treated as one.
            (MiningFunction::Regression, Value::Missing) => {
                answer.value = self.treated(Value::of(target.and_then(|target| target.default)));
            }
            (MiningFunction::Classification, Value::Missing) => {
                if let Some(target) = target {
                    priors(target, classes, answer);
                }
            }
            _ => {}
        }
    }

    /// The same for a further target, which is a number or a class whatever the model is for.
    fn finish_other(&self, other: &OtherTarget, said: &mut Answer, classes: &[Value]) {
        let Some(target) = &other.treatment else { return };
        if !other.is_class() {
            let predicted = said.value.num().or(target.default);
            let treated = predicted.map(|number| target.apply(number, self.math.dtype()));
            said.value = Value::of(treated.map(|number| other.dtype.rounded(number)));
        } else if said.value.is_missing() {
            priors(target, classes, said);
        }
    }
}

/// Where no class can be predicted, the prior probabilities say one.
fn priors(target: &Target, classes: &[Value], answer: &mut Answer) {
    let mut known = target.values.iter().filter_map(|value| Some((value.value, value.prior?))).peekable();
    if known.peek().is_none() {
        return;
    }
    answer.scores.clear();
    answer.scores.resize(classes.len(), 0.0);
    let mut most = f64::NEG_INFINITY;
    for (class, prior) in known {
        if prior > most {
            (answer.value, most) = (class, prior);
        }
        if let Some(place) = classes.iter().position(|other| *other == class) {
            answer.scores[place] = prior;
        }
    }
}
