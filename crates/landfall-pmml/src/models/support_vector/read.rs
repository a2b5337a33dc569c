//! The machines as a document has them.

use super::dictionary::{Dictionary, Terms};
use super::{Kernel, Machine, Machines};
use crate::models::{Body, Header, MiningFunction};
use crate::read::Element;
use crate::resolve::Build;
use landfall_model::Problem;
use std::collections::HashMap;
use std::sync::Arc;

/// Reads the element's own children.
pub(in crate::models) fn read<'a>(
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
                kernel_type = Kernel::read(b, &child, header.math)?;
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
    if header.function == MiningFunction::Classification && machines.iter().any(|m| m.class.is_none()) {
        let what = "a <SupportVectorMachine> of a classification lacks targetCategory";
        return Err(b.xml.malformed(element.place, what));
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
