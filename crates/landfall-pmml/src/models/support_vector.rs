//! `<SupportVectorMachineModel>`: kernels, support vectors or bare coefficients, one machine or one for each pair.

use super::columns::{KernelMachine, KernelMachines, VectorField, Vectors};
use super::{Body, Header, Math, MiningFunction};
use crate::blocks::{Answers, BlockCx, BlockId, Features, RowValues};
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
    machines: Vec<Machine>,
    computed: Arc<KernelMachines>,
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
    let max_wins = element.flag(&b.xml, "maxWins", false)?;
    let (mut kernel_type, mut machines, mut all_terms) = (Kernel::Linear, Vec::new(), Vec::new());
    let mut dictionary = Dictionary::default();
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "LinearKernelType" | "PolynomialKernelType" | "RadialBasisKernelType" | "SigmoidKernelType" => {
                kernel_type = kernel(b, &child)?;
            }
            "VectorDictionary" if dictionary.vectors.is_empty() && machines.is_empty() => {
                dictionary.read(b, &child, header)?;
            }
            "VectorDictionary" => {
                let what = "a second <VectorDictionary>, or one after machines: there is one, before them";
                return Err(b.xml.malformed(child.place, what));
            }
            "SupportVectorMachine" => {
                let (machine, terms) = machine(b, &child, header, &dictionary.ids, of_fields, threshold)?;
                machines.push(machine);
                all_terms.push(terms);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if machines.is_empty() {
        return Err(b.xml.malformed(element.place, "<SupportVectorMachineModel> has no machine"));
    }
    let mut of_entries = all_terms.iter().filter(|terms| terms.vectors.is_empty());
    if of_fields && of_entries.any(|terms| terms.coefficients.len() != dictionary.fields.len()) {
        return Err(b.xml.malformed(element.place, "a machine has not one coefficient for each field"));
    }
    let both = machines.iter().all(|machine| machine.alternate.is_some());
    let alternate = element.get("alternateBinaryTargetCategory").map(str::to_owned);
    let computed = Arc::new(dictionary.machines(&all_terms, kernel_type, header.function, header.math));
    Ok(Box::new(Machines {
        pairs: method == Some("OneAgainstOne") || (both && (method.is_none() || machines.len() == 1)),
        fields: dictionary.fields,
        machines,
        function: header.function,
        max_wins,
        alternate: alternate.map(|text| header.class(b, &text).0),
        math: header.math,
        block: b.block(|| Some(computed.clone())),
        computed,
    }))
}

/// What vectors are made of, and the vectors.
#[derive(Default)]
struct Dictionary {
    fields: Vec<Field>,
    vectors: Vec<Vec<f64>>,
    ids: HashMap<String, usize>,
}

/// What a machine adds up.
struct Terms {
    /// Support vectors by place; empty where the coefficients are of fields.
    vectors: Vec<usize>,
    coefficients: Vec<f64>,
    intercept: f64,
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

impl Dictionary {
    fn read<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>, header: &Header) -> Result<(), Problem> {
        element.only(&b.xml, &["numberOfVectors"])?;
        while let Some(child) = b.xml.child(element)? {
            match child.name.as_ref() {
                "VectorFields" if self.vectors.is_empty() => fields(b, &child, header, &mut self.fields)?,
                "VectorFields" => {
                    return Err(b.xml.malformed(child.place, "<VectorFields> stands before the vectors"));
                }
                "VectorInstance" => self.instance(b, &child, header.math)?,
                _ => return Err(b.xml.unknown(&child, element)),
            }
        }
        Ok(())
    }

    fn instance<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>, math: Math) -> Result<(), Problem> {
        element.only(&b.xml, &["id"])?;
        let mut vector = vec![0.0; self.fields.len()];
        while let Some(values) = b.xml.child(element)? {
            let pairs = match values.name.as_ref() {
                "REAL-SparseArray" => array::sparse(&mut b.xml, &values)?,
                "Array" => array::numbers(&mut b.xml, &values)?.into_iter().enumerate().collect(),
                _ => return Err(b.xml.unknown(&values, element)),
            };
            for (at, value) in pairs {
                match vector.get_mut(at) {
                    Some(place) => *place = math.round(value),
                    None => return Err(b.xml.malformed(values.place, "a vector is longer than its fields")),
                }
            }
        }
        if self.ids.insert(element.need(&b.xml, "id")?.to_owned(), self.vectors.len()).is_some() {
            return Err(b.xml.malformed(element.place, "a vector's id comes twice"));
        }
        self.vectors.push(vector);
        Ok(())
    }

    /// Machines over columns.
    fn machines(
        &self,
        terms: &[Terms],
        kernel: Kernel,
        function: MiningFunction,
        math: Math,
    ) -> KernelMachines {
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
        let machine = |terms: &Terms| {
            let of_entries = terms.vectors.is_empty();
            let coefficients = terms.coefficients.iter().copied();
            let weights = match of_entries {
                true => coefficients.enumerate().collect(),
                false => terms.vectors.iter().copied().zip(coefficients).collect(),
            };
            KernelMachine::new(weights, of_entries, terms.intercept)
        };
        let length = |terms: &Terms| terms.coefficients.iter().map(|c| c * c).sum::<f64>().sqrt();
        let longest = terms.iter().map(length).fold(0.0, f64::max);
        let are_compared = function == MiningFunction::Classification;
        let vectors = Vectors::new(&self.vectors, self.fields.len(), kernel, (longest, are_compared), math);
        let machines = terms.iter().map(machine).collect();
        KernelMachines::new(features.list, fields, vectors, machines, math)
    }
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
) -> Result<(Machine, Terms), Problem> {
    element.only(&b.xml, &["targetCategory", "alternateTargetCategory", "threshold"])?;
    let class = |b: &mut Build<'a>, name: &str| {
        let text = element.get(name)?.to_owned();
        Some(header.class(b, &text).0)
    };
    let machine = Machine {
        class: class(b, "targetCategory"),
        alternate: class(b, "alternateTargetCategory"),
        threshold: element.number(&b.xml, "threshold")?.unwrap_or(threshold),
    };
    let mut terms = Terms { vectors: Vec::new(), coefficients: Vec::new(), intercept: 0.0 };
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "SupportVectors" => {
                child.only(&b.xml, &["numberOfSupportVectors", "numberOfAttributes"])?;
                while let Some(vector) = b.xml.child(&child)? {
                    b.xml.named(&vector, &child, "SupportVector")?;
                    vector.only(&b.xml, &["vectorId"])?;
                    let id = vector.need(&b.xml, "vectorId")?;
                    match ids.get(id) {
                        Some(place) => terms.vectors.push(*place),
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
                terms.intercept = header.math.number(&b.xml, &child, "absoluteValue")?.unwrap_or(0.0);
                while let Some(coefficient) = b.xml.child(&child)? {
                    b.xml.named(&coefficient, &child, "Coefficient")?;
                    coefficient.only(&b.xml, &["value"])?;
                    terms
                        .coefficients
                        .push(header.math.number(&b.xml, &coefficient, "value")?.unwrap_or(0.0));
                    b.xml.leaf(&coefficient)?;
                }
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if !of_fields && terms.vectors.len() != terms.coefficients.len() {
        return Err(b
            .xml
            .malformed(element.place, "a machine has not one coefficient for each support vector"));
    }
    Ok((machine, terms))
}

impl Kernel {
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
                self.computed.of_row(&x)
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
