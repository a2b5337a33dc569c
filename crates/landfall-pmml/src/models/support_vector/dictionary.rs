//! `<VectorDictionary>`: what vectors are made of, and the vectors.

use super::{Field, Kernel};
use crate::blocks::Features;
use crate::expression;
use crate::models::columns::{KernelMachine, KernelMachines, VectorField, Vectors};
use crate::models::{Header, Math, MiningFunction};
use crate::read::{Element, array};
use crate::resolve::{Build, Slot};
use crate::value::Value;
use landfall_model::Problem;
use std::collections::HashMap;

/// What vectors are made of, and the vectors.
#[derive(Default)]
pub(super) struct Dictionary {
    pub(super) fields: Vec<Field>,
    pub(super) vectors: Vec<Vec<f64>>,
    pub(super) ids: HashMap<String, usize>,
}

/// What a machine adds up.
pub(super) struct Terms {
    /// Support vectors by place; empty where the coefficients are of fields.
    pub(super) vectors: Vec<usize>,
    pub(super) coefficients: Vec<f64>,
    pub(super) intercept: f64,
}

impl Dictionary {
    /// Reads the element.
    pub(super) fn read<'a>(
        &mut self,
        b: &mut Build<'a>,
        element: &Element<'a>,
        header: &Header,
    ) -> Result<(), Problem> {
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
                "REAL-SparseArray" => array::sparse(&mut b.xml, &values, Some(vector.len()))?,
                "Array" => {
                    let numbers = array::numbers(&mut b.xml, &values)?;
                    if numbers.len() < vector.len() {
                        return Err(b.xml.malformed(values.place, "a vector is shorter than its fields"));
                    }
                    numbers.into_iter().enumerate().collect()
                }
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
    pub(super) fn machines(
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
                let slot = expression::referred(b, header.scope, &child)?;
                all.push(Field::Number(expression::of_numbers(b, slot)));
            }
            "CategoricalPredictor" => {
                child.only(&b.xml, &["name", "value", "coefficient"])?;
                let slot = b.resolve(header.scope, child.need(&b.xml, "name")?, child.place)?;
                let dtype = b.slots[slot as usize].dtype;
                let value = b.constant(child.need(&b.xml, "value")?, dtype, child.place)?;
                all.push(Field::Category(slot, value));
                b.xml.leaf(&child)?;
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(())
}
