//! `<SupportVectorMachineModel>`: kernels, support vectors or bare coefficients, one machine or one for each pair.

use super::columns::{KernelMachine, KernelMachines, VectorField, side_by_side};
use super::{Body, Header, Math, MiningFunction};
use crate::blocks::{Answers, BlockCx, BlockId, Features, RowValues, exp};
use crate::read::{Element, array};
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) const ATTRIBUTES: &[&str] =
    &["svmRepresentation", "classificationMethod", "alternateBinaryTargetCategory", "threshold", "maxWins"];

#[derive(Debug)]
struct Machines {
    fields: Vec<Field>,
    kernel: Kernel,
    vectors: Arc<Vec<Vec<f64>>>,
    machines: Vec<Machine>,
    function: MiningFunction,
    /// Machines tell pairs of classes apart.
    pairs: bool,
    max_wins: bool,
    /// The class of the one machine's second outcome.
    alternate: Option<usize>,
    math: Math,
    block: Option<BlockId>,
}

#[derive(Debug)]
enum Field {
    Number(Slot),
    Category(Slot, Value),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    Linear,
    Polynomial { gamma: f64, coef0: f64, degree: f64 },
    RadialBasis { gamma: f64 },
    Sigmoid { gamma: f64, coef0: f64 },
}

#[derive(Debug)]
struct Machine {
    class: Option<usize>,
    alternate: Option<usize>,
    threshold: f64,
    /// Support vectors by place; empty where the coefficients are of fields.
    vectors: Vec<usize>,
    coefficients: Vec<f64>,
    intercept: f64,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let of_fields = match element.get("svmRepresentation") {
        None | Some("SupportVectors") => false,
        Some("Coefficients") => true,
        Some(_) => return Err(element.value(&b.xml, "svmRepresentation")),
    };
    let method = element.get("classificationMethod");
    if !matches!(method, None | Some("OneAgainstAll" | "OneAgainstOne")) {
        return Err(element.value(&b.xml, "classificationMethod"));
    }
    let threshold = element.number(&b.xml, "threshold")?.unwrap_or(0.0);
    let mut model = Machines {
        fields: Vec::new(),
        kernel: Kernel::Linear,
        vectors: Arc::default(),
        machines: Vec::new(),
        function: header.function,
        pairs: method == Some("OneAgainstOne"),
        max_wins: element.flag(&b.xml, "maxWins", false)?,
        alternate: None,
        math: header.math,
        block: None,
    };
    let mut ids = HashMap::new();
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "LinearKernelType" | "PolynomialKernelType" | "RadialBasisKernelType" | "SigmoidKernelType" => {
                model.kernel = kernel(b, &child)?;
            }
            "VectorDictionary" if model.vectors.is_empty() && model.machines.is_empty() => {
                model.vectors = dictionary(b, &child, header, &mut model, &mut ids)?.into();
            }
            "VectorDictionary" => {
                let what = "a second <VectorDictionary>, or one after machines: there is one, before them";
                return Err(b.xml.malformed(child.place, what));
            }
            "SupportVectorMachine" => {
                let machine = machine(b, &child, header, &ids, of_fields, threshold)?;
                model.machines.push(machine);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if model.machines.is_empty() {
        return Err(b.xml.malformed(element.place, "<SupportVectorMachineModel> has no machine"));
    }
    let widths = model.machines.iter().filter(|machine| machine.vectors.is_empty());
    if of_fields && widths.into_iter().any(|machine| machine.coefficients.len() != model.fields.len()) {
        return Err(b.xml.malformed(element.place, "a machine has not one coefficient for each field"));
    }
    let both = model.machines.iter().all(|machine| machine.alternate.is_some());
    if both && (method.is_none() || model.machines.len() == 1) {
        model.pairs = true;
    }
    model.alternate =
        element.get("alternateBinaryTargetCategory").map(str::to_owned).map(|text| header.class(b, &text).0);
    model.block = b.block(|| Some(model.columns()));
    Ok(Box::new(model))
}

fn kernel<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Kernel, Problem> {
    element.only(&b.xml, &["gamma", "coef0", "degree", "description"])?;
    let number = |name: &str| Ok::<f64, Problem>(element.number(&b.xml, name)?.unwrap_or(1.0));
    let (gamma, coef0, degree) = (number("gamma")?, number("coef0")?, number("degree")?);
    b.xml.leaf(element)?;
    Ok(match element.name.as_ref() {
        "PolynomialKernelType" => Kernel::Polynomial { gamma, coef0, degree },
        "RadialBasisKernelType" => Kernel::RadialBasis { gamma },
        "SigmoidKernelType" => Kernel::Sigmoid { gamma, coef0 },
        _ => Kernel::Linear,
    })
}

fn dictionary<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
    model: &mut Machines,
    ids: &mut HashMap<String, usize>,
) -> Result<Vec<Vec<f64>>, Problem> {
    element.only(&b.xml, &["numberOfVectors"])?;
    let mut vectors = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "VectorFields" if vectors.is_empty() => fields(b, &child, header, &mut model.fields)?,
            "VectorFields" => {
                return Err(b.xml.malformed(child.place, "<VectorFields> stands before the vectors"));
            }
            "VectorInstance" => {
                child.only(&b.xml, &["id"])?;
                let mut vector = vec![0.0; model.fields.len()];
                while let Some(values) = b.xml.child(&child)? {
                    let pairs = match values.name.as_ref() {
                        "REAL-SparseArray" => array::sparse(&mut b.xml, &values)?,
                        "Array" => array::numbers(&mut b.xml, &values)?.into_iter().enumerate().collect(),
                        _ => return Err(b.xml.unknown(&values, &child)),
                    };
                    for (at, value) in pairs {
                        match vector.get_mut(at) {
                            Some(place) => *place = model.math.round(value),
                            None => {
                                return Err(b
                                    .xml
                                    .malformed(values.place, "a vector is longer than its fields"));
                            }
                        }
                    }
                }
                if ids.insert(child.need(&b.xml, "id")?.to_owned(), vectors.len()).is_some() {
                    return Err(b.xml.malformed(child.place, "a vector's id comes twice"));
                }
                vectors.push(vector);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(vectors)
}

fn fields<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
    all: &mut Vec<Field>,
) -> Result<(), Problem> {
    element.only(&b.xml, &["numberOfFields"])?;
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "FieldRef" => {
                child.only(&b.xml, &["field"])?;
                all.push(Field::Number(b.resolve(
                    header.scope,
                    child.need(&b.xml, "field")?,
                    child.place,
                )?));
            }
            "CategoricalPredictor" => {
                child.only(&b.xml, &["name", "value", "coefficient"])?;
                let slot = b.resolve(header.scope, child.need(&b.xml, "name")?, child.place)?;
                let dtype = b.slots[slot as usize].dtype;
                let value = b.constant(child.need(&b.xml, "value")?, dtype, child.place)?;
                all.push(Field::Category(slot, value));
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
        b.xml.leaf(&child)?;
    }
    Ok(())
}

fn machine<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
    ids: &HashMap<String, usize>,
    of_fields: bool,
    threshold: f64,
) -> Result<Machine, Problem> {
    element.only(&b.xml, &["targetCategory", "alternateTargetCategory", "threshold"])?;
    let class = |b: &mut Build<'a>, name: &str| {
        let text = element.get(name)?.to_owned();
        Some(header.class(b, &text).0)
    };
    let mut machine = Machine {
        class: class(b, "targetCategory"),
        alternate: class(b, "alternateTargetCategory"),
        threshold: element.number(&b.xml, "threshold")?.unwrap_or(threshold),
        vectors: Vec::new(),
        coefficients: Vec::new(),
        intercept: 0.0,
    };
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "SupportVectors" => {
                child.only(&b.xml, &["numberOfSupportVectors", "numberOfAttributes"])?;
                while let Some(vector) = b.xml.child(&child)? {
                    b.xml.named(&vector, &child, "SupportVector")?;
                    vector.only(&b.xml, &["vectorId"])?;
                    let id = vector.need(&b.xml, "vectorId")?;
                    match ids.get(id) {
                        Some(place) => machine.vectors.push(*place),
                        None => {
                            return Err(b
                                .xml
                                .malformed(vector.place, format!("vector {id:?} is not declared")));
                        }
                    }
                    b.xml.leaf(&vector)?;
                }
            }
            "Coefficients" => {
                child.only(&b.xml, &["numberOfCoefficients", "absoluteValue"])?;
                machine.intercept = header.math.number(&b.xml, &child, "absoluteValue")?.unwrap_or(0.0);
                while let Some(coefficient) = b.xml.child(&child)? {
                    b.xml.named(&coefficient, &child, "Coefficient")?;
                    coefficient.only(&b.xml, &["value"])?;
                    machine
                        .coefficients
                        .push(header.math.number(&b.xml, &coefficient, "value")?.unwrap_or(0.0));
                    b.xml.leaf(&coefficient)?;
                }
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if !of_fields && machine.vectors.len() != machine.coefficients.len() {
        return Err(b
            .xml
            .malformed(element.place, "a machine has not one coefficient for each support vector"));
    }
    Ok(machine)
}

impl Kernel {
    fn of(self, x: &[f64], y: &[f64], math: Math) -> f64 {
        let dot = || x.iter().zip(y).fold(0.0, |sum, (a, b)| math.round(sum + math.round(a * b)));
        match self {
            Kernel::RadialBasis { gamma } => {
                let square = |(a, b): (&f64, &f64)| math.round((a - b) * (a - b));
                let sum = x.iter().zip(y).fold(0.0, |sum, pair| math.round(sum + square(pair)));
                math.round(exp(-gamma * sum))
            }
            kernel => kernel.of_dot(dot(), math),
        }
    }

    /// Of two vectors' product; nothing for what is not made of it.
    #[inline(always)]
    pub(crate) fn of_dot(self, dot: f64, math: Math) -> f64 {
        match self {
            Kernel::Linear | Kernel::RadialBasis { .. } => dot,
            Kernel::Polynomial { gamma, coef0, degree } => math.round((gamma * dot + coef0).powf(degree)),
            Kernel::Sigmoid { gamma, coef0 } => math.round((gamma * dot + coef0).tanh()),
        }
    }
}

impl Machines {
    fn vector(&self, cx: &mut Cx<'_>) -> Result<Option<Vec<f64>>, Problem> {
        let mut x = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            match field {
                Field::Number(slot) => match cx.number(*slot)? {
                    Some(number) => x.push(self.math.round(number)),
                    None => return Ok(None),
                },
                Field::Category(slot, value) => match cx.get(*slot)? {
                    Value::Missing => return Ok(None),
                    found => x.push(f64::from(u8::from(found == *value))),
                },
            }
        }
        Ok(Some(x))
    }

    fn value(&self, machine: &Machine, x: &[f64]) -> f64 {
        let math = self.math;
        let sum = if machine.vectors.is_empty() {
            x.iter().zip(&machine.coefficients).fold(0.0, |sum, (x, c)| math.round(sum + math.round(x * c)))
        } else {
            machine.vectors.iter().zip(&machine.coefficients).fold(0.0, |sum, (vector, c)| {
                math.round(sum + math.round(c * self.kernel.of(x, &self.vectors[*vector], math)))
            })
        };
        math.round(sum + machine.intercept)
    }

    /// The same over columns.
    fn columns(&self) -> KernelMachines {
        let mut features = Features::default();
        let mut named: HashMap<Slot, Vec<Value>> = HashMap::new();
        for field in &self.fields {
            if let Field::Category(slot, value) = field {
                named.entry(*slot).or_default().push(*value);
            }
        }
        let entry = |field: &Field| match field {
            Field::Number(slot) => VectorField::Number(features.number(*slot)),
            Field::Category(slot, value) => {
                let place = features.category(*slot, &named[slot]);
                let feature = &mut features.list[place];
                feature.needed = true;
                VectorField::Category(place, feature.coding.code(*value).map_or(f64::NAN, f64::from))
            }
        };
        let fields = self.fields.iter().map(entry).collect();
        let machine = |machine: &Machine| KernelMachine {
            vectors: machine.vectors.clone(),
            coefficients: machine.coefficients.clone(),
            intercept: machine.intercept,
        };
        KernelMachines {
            features: features.list,
            fields,
            kernel: self.kernel,
            lanes: side_by_side(&self.vectors, self.fields.len()),
            vectors: self.vectors.clone(),
            machines: self.machines.iter().map(machine).collect(),
            math: self.math,
        }
    }

    /// The one of a machine's two classes that its value says.
    fn vote(&self, machine: &Machine, value: f64) -> Option<usize> {
        let first = if self.max_wins { value > machine.threshold } else { value < machine.threshold };
        if first { machine.class } else { machine.alternate }
    }

    /// The class, by the values of the machines; `scores` of all classes are 0 before.
    fn classify(&self, values: &[f64], scores: &mut [f64]) -> Option<usize> {
        if let (Some(alternate), [machine]) = (self.alternate, &self.machines[..]) {
            // The one machine was trained on 1 for its class and 0 for the other.
            let class = if values[0] < 0.5 { Some(alternate) } else { machine.class };
            class.into_iter().for_each(|class| scores[class] = 1.0);
            return class;
        }
        if self.pairs {
            for (machine, value) in self.machines.iter().zip(values) {
                self.vote(machine, *value).into_iter().for_each(|class| scores[class] += 1.0);
            }
            // Of classes with as many votes the one that had its first vote first.
            let most = scores.iter().copied().fold(0.0, f64::max);
            let mut votes = self.machines.iter().zip(values).filter_map(|(m, value)| self.vote(m, *value));
            let best = votes.find(|class| scores[*class] == most);
            super::normalization::simple_max(scores, self.math);
            return best;
        }
        let mut best: Option<(usize, f64)> = None;
        for (machine, value) in self.machines.iter().zip(values.iter().copied()) {
            let Some(class) = machine.class else { continue };
            scores[class] = value;
            if best.is_none_or(|(_, other)| if self.max_wins { value > other } else { value < other }) {
                best = Some((class, value));
            }
        }
        best.map(|(class, _)| class)
    }
}

impl Body for Machines {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let values: RowValues = match cx.ahead(self.block) {
            Some(values) => values,
            None => {
                let Some(x) = self.vector(cx)? else { return Ok(()) };
                self.machines.iter().map(|machine| self.value(machine, &x)).collect()
            }
        };
        if self.function != MiningFunction::Classification {
            answer.value = Value::Num(values[0]);
            return Ok(());
        }
        answer.scores.resize(cx.m.lists[answer.list].len(), 0.0);
        let class = self.classify(&values, &mut answer.scores);
        answer.value = class.map_or(Value::Missing, |class| cx.m.lists[answer.list][class]);
        Ok(())
    }

    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let Some(ready) = cx.compute(self.block) else { return false };
        let rows = cx.rows();
        if self.function != MiningFunction::Classification {
            answers.value.numbers(rows).copy_from_slice(&ready.values[..rows]);
            cx.give_back(self.block, ready);
            return true;
        }
        let classes = cx.m.lists[answers.list].len();
        answers.start_scores(classes, rows);
        let (mut values, mut scores) = (RowValues::new(), RowValues::new());
        for (row, code) in answers.value.classes(answers.list, rows).iter_mut().enumerate() {
            values.clear();
            values.extend(ready.values[row..].iter().step_by(rows).copied());
            scores.clear();
            scores.resize(classes, 0.0);
            *code = self.classify(&values, &mut scores).map_or(u32::MAX, |class| class as u32);
            answers.scores[row..].iter_mut().step_by(rows).zip(&scores).for_each(|(x, own)| *x = *own);
        }
        cx.give_back(self.block, ready);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kernel_has_its_formula() {
        let math = Math { float: false };
        let (x, y) = ([1.0, 2.0], [3.0, 0.5]);
        assert_eq!(Kernel::Linear.of(&x, &y, math), 4.0);
        assert_eq!(Kernel::Polynomial { gamma: 2.0, coef0: 1.0, degree: 2.0 }.of(&x, &y, math), 81.0);
        assert_eq!(Kernel::RadialBasis { gamma: 0.5 }.of(&x, &y, math), exp(-3.125));
        assert_eq!(Kernel::Sigmoid { gamma: 0.25, coef0: -1.0 }.of(&x, &y, math), 0.0);
    }
}
