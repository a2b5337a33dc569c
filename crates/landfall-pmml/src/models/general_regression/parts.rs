//! The model's children, and how they are put together.

use super::hazard::{Baseline, Hazard};
use super::{Cell, Equation, Parameter};
use crate::expression;
use crate::models::{Header, MiningFunction};
use crate::read::{Element, Matrix, Place};
use crate::resolve::Build;
use crate::value::Value;
use landfall_model::Problem;
use std::collections::{HashMap, HashSet};

/// A predictor of the factor list: its categories and contrast matrix, where it has them.
type Contrast = Option<(Vec<String>, Vec<Vec<f64>>)>;

/// A `<PPCell>` as the document has it.
struct CellDocument {
    value: String,
    predictor: String,
    parameter: String,
    /// The class whose equation alone it is part of.
    class: Option<String>,
    place: Place,
}

/// The model's children, before they are put together.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) parameters: Vec<Parameter>,
    factors: HashMap<String, Contrast>,
    covariates: Vec<String>,
    cells: Vec<CellDocument>,
    /// Parameter and class, of cells that are of one class alone.
    of_class: Vec<(usize, usize, Cell)>,
    /// Class, parameter, coefficient.
    betas: Vec<(Option<String>, String, f64, Place)>,
    strata: Vec<(String, Baseline)>,
    /// Two parameters and their covariance.
    covariances: Vec<(String, String, f64)>,
}

impl Parts {
    pub(super) fn child<'a>(
        &mut self,
        b: &mut Build<'a>,
        element: &Element<'a>,
        parent: &Element<'a>,
    ) -> Result<(), Problem> {
        match element.name.as_ref() {
            // Events of the training data change no prediction.
            "EventValues" => b.xml.skip(element),
            "ParameterList" => self.each(b, element, "Parameter", Parts::parameter),
            "FactorList" => self.each(b, element, "Predictor", Parts::factor),
            "CovariateList" => self.each(b, element, "Predictor", Parts::covariate),
            "PPMatrix" => self.each(b, element, "PPCell", Parts::design_cell),
            "ParamMatrix" => self.each(b, element, "PCell", Parts::beta),
            "PCovMatrix" => {
                element.only(&b.xml, &["type"])?;
                self.each(b, element, "PCovCell", Parts::covariance)
            }
            "BaseCumHazardTables" => self.hazard_tables(b, element),
            _ => Err(b.xml.unknown(element, parent)),
        }
    }

    /// Reads the children of an element, all of one name.
    fn each<'a>(
        &mut self,
        b: &mut Build<'a>,
        element: &Element<'a>,
        name: &str,
        read: fn(&mut Self, &mut Build<'a>, &Element<'a>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if element.name != "PCovMatrix" {
            element.only(&b.xml, &[])?;
        }
        while let Some(child) = b.xml.child(element)? {
            if child.name != name {
                return Err(b.xml.unknown(&child, element));
            }
            read(self, b, &child)?;
        }
        Ok(())
    }

    fn parameter<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>) -> Result<(), Problem> {
        element.only(&b.xml, &["name", "label", "referencePoint"])?;
        self.parameters.push(Parameter {
            name: element.need(&b.xml, "name")?.to_owned(),
            reference_point: element.number(&b.xml, "referencePoint")?.unwrap_or(0.0),
            cells: Vec::new(),
        });
        b.xml.leaf(element)
    }

    fn factor<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>) -> Result<(), Problem> {
        let name = element.need(&b.xml, "name")?.to_owned();
        let contrast = contrast(b, element)?;
        self.factors.insert(name, contrast);
        Ok(())
    }

    fn covariate<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>) -> Result<(), Problem> {
        // A contrast is one of categories: of a number nothing is contrasted.
        element.only(&b.xml, &["name", "contrastMatrixType"])?;
        self.covariates.push(element.need(&b.xml, "name")?.to_owned());
        b.xml.leaf(element)
    }

    fn design_cell<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>) -> Result<(), Problem> {
        element.only(&b.xml, &["value", "predictorName", "parameterName", "targetCategory"])?;
        let text = |name: &str| element.need(&b.xml, name).map(str::to_owned);
        self.cells.push(CellDocument {
            value: text("value")?,
            predictor: text("predictorName")?,
            parameter: text("parameterName")?,
            class: element.get("targetCategory").map(str::to_owned),
            place: element.place,
        });
        b.xml.leaf(element)
    }

    fn beta<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>) -> Result<(), Problem> {
        element.only(&b.xml, &["targetCategory", "parameterName", "beta", "df"])?;
        let name = element.need(&b.xml, "parameterName")?.to_owned();
        let class = element.get("targetCategory").map(str::to_owned);
        self.betas.push((class, name, element.need_number(&b.xml, "beta")?, element.place));
        b.xml.leaf(element)
    }

    fn covariance<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>) -> Result<(), Problem> {
        element.only(&b.xml, &["pRow", "pCol", "tRow", "tCol", "value", "targetCategory"])?;
        // Of several equations no one deviation is asked.
        if ["tRow", "tCol", "targetCategory"].iter().all(|class| element.get(class).is_none()) {
            let text = |name: &str| element.need(&b.xml, name).map(str::to_owned);
            self.covariances.push((text("pRow")?, text("pCol")?, element.need_number(&b.xml, "value")?));
        }
        b.xml.leaf(element)
    }

    fn hazard_tables<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>) -> Result<(), Problem> {
        element.only(&b.xml, &["maxTime"])?;
        let mut whole = Baseline {
            max_time: element.number(&b.xml, "maxTime")?.unwrap_or(f64::INFINITY),
            cells: Vec::new(),
        };
        while let Some(child) = b.xml.child(element)? {
            match child.name.as_ref() {
                "BaselineCell" => whole.cells.push(baseline_cell(b, &child)?),
                "BaselineStratum" => {
                    child.only(&b.xml, &["value", "label", "maxTime"])?;
                    let mut stratum =
                        Baseline { max_time: child.need_number(&b.xml, "maxTime")?, cells: Vec::new() };
                    while let Some(cell) = b.xml.child(&child)? {
                        b.xml.named(&cell, &child, "BaselineCell")?;
                        stratum.cells.push(baseline_cell(b, &cell)?);
                    }
                    self.strata.push((child.need(&b.xml, "value")?.to_owned(), stratum));
                }
                _ => return Err(b.xml.unknown(&child, element)),
            }
        }
        if !whole.cells.is_empty() {
            self.strata.push((String::new(), whole));
        }
        Ok(())
    }

    /// Covariances of parameters by their places, each pair as often as it counts.
    pub(super) fn covariances(&self) -> Vec<(usize, usize, f64)> {
        let place = |name: &String| self.parameters.iter().position(|parameter| parameter.name == *name);
        let mut all: Vec<(usize, usize, f64)> = Vec::new();
        for (row, column, value) in &self.covariances {
            let (Some(row), Some(column)) = (place(row), place(column)) else { continue };
            // One half of a symmetric matrix may stand for both.
            let other =
                self.covariances.iter().any(|(r, c, _)| place(r) == Some(column) && place(c) == Some(row));
            all.push((row, column, if other { *value } else { 2.0 * value }));
        }
        all
    }

    /// Parameters that have no coefficient take no part: their predictors are not looked at, and may be missing.
    pub(super) fn forget_unused(&mut self, equations: &[Equation], covariances: &[(usize, usize, f64)]) {
        let counted = equations.iter().flat_map(|equation| &equation.betas).map(|(parameter, _)| *parameter);
        let varied = covariances.iter().flat_map(|(row, column, _)| [*row, *column]);
        let used: HashSet<usize> = counted.chain(varied).collect();
        for (place, parameter) in self.parameters.iter_mut().enumerate() {
            if !used.contains(&place) {
                parameter.cells.clear();
            }
        }
    }

    /// Cells become products of the parameters.
    pub(super) fn link_cells<'a>(&mut self, b: &mut Build<'a>, header: &Header) -> Result<(), Problem> {
        for document in std::mem::take(&mut self.cells) {
            let cell = self.cell(b, header, &document)?;
            let Some(at) = self.parameters.iter().position(|other| other.name == document.parameter) else {
                let what = format!("parameter {:?} is not declared", document.parameter);
                return Err(b.xml.malformed(document.place, what));
            };
            match document.class.filter(|_| header.function == MiningFunction::Classification) {
                Some(class) => self.of_class.push((at, header.class(b, &class).0, cell)),
                None => self.parameters[at].cells.push(cell),
            }
        }
        Ok(())
    }

    fn cell<'a>(&self, b: &mut Build<'a>, header: &Header, document: &CellDocument) -> Result<Cell, Problem> {
        let CellDocument { value: text, predictor, place, .. } = document;
        let slot = b.resolve(header.scope, predictor, *place)?;
        let dtype = b.slots[slot as usize].dtype;
        let categorical = self.factors.contains_key(predictor)
            || (!self.covariates.contains(predictor) && !dtype.is_number());
        Ok(match self.factors.get(predictor) {
            Some(Some((categories, matrix))) => {
                // In the order of the field's own values, where no other is given.
                let mut named = match categories.is_empty() {
                    true => b.values_in_order(slot).map(<[Value]>::to_vec).unwrap_or_default(),
                    false => Vec::with_capacity(categories.len()),
                };
                for category in categories {
                    named.push(b.constant(category, dtype, *place)?);
                }
                let value = b.constant(text, dtype, *place)?;
                let Some(column) = named.iter().position(|other| *other == value) else {
                    return Err(b.xml.malformed(*place, format!("{text:?} is no category of {predictor:?}")));
                };
                let of = |row: &Vec<f64>| row.get(column).copied().unwrap_or(0.0);
                Cell::Contrast { slot, values: named.into_iter().zip(matrix.iter().map(of)).collect() }
            }
            _ if categorical => Cell::Factor { slot, value: b.constant(text, dtype, *place)? },
            _ => {
                let exponent = crate::value::number(text).ok_or_else(|| {
                    b.xml.malformed(*place, format!("exponent {text:?}: expected a number"))
                })?;
                Cell::Power { slot: expression::of_numbers(b, slot), exponent }
            }
        })
    }

    /// A parameter as the equation of a class has it.
    fn parameter_of(&mut self, parameter: usize, class: Option<usize>) -> usize {
        let is_own = |(at, of, _): &&(usize, usize, Cell)| *at == parameter && Some(*of) == class;
        let own: Vec<Cell> = self.of_class.iter().filter(is_own).map(|(.., cell)| cell.clone()).collect();
        if own.is_empty() {
            return parameter;
        }
        let mut of_class = self.parameters[parameter].clone();
        of_class.cells.extend(own);
        self.parameters.push(of_class);
        self.parameters.len() - 1
    }

    /// The equations that coefficients make.
    pub(super) fn equations<'a>(
        &mut self,
        b: &mut Build<'a>,
        header: &Header,
    ) -> Result<Vec<Equation>, Problem> {
        let named = |(place, parameter): (usize, &Parameter)| (parameter.name.clone(), place);
        let places: HashMap<String, usize> = self.parameters.iter().enumerate().map(named).collect();
        let mut equations: Vec<Equation> = Vec::new();
        let mut shared = Vec::new();
        for (class, name, beta, place) in std::mem::take(&mut self.betas) {
            let beta = header.math.round(beta);
            let Some(parameter) = places.get(&name).copied() else {
                return Err(b.xml.malformed(place, format!("parameter {name:?} is not declared")));
            };
            let Some(text) = class.filter(|_| header.function == MiningFunction::Classification) else {
                shared.push((parameter, beta));
                continue;
            };
            let class = Some(header.class(b, &text).0);
            let parameter = self.parameter_of(parameter, class);
            match equations.iter_mut().find(|equation| equation.class == class) {
                Some(equation) => equation.betas.push((parameter, beta)),
                None => equations.push(Equation { class, betas: vec![(parameter, beta)] }),
            }
        }
        if equations.is_empty() {
            return Ok(vec![Equation { class: None, betas: shared }]);
        }
        // Coefficients without a class belong to all of them.
        for equation in &mut equations {
            let class = equation.class;
            let own = shared.iter().map(|(parameter, beta)| (self.parameter_of(*parameter, class), *beta));
            equation.betas.extend(own);
        }
        Ok(equations)
    }

    /// What a Cox regression needs beside its coefficients.
    pub(super) fn hazard<'a>(
        &mut self,
        b: &mut Build<'a>,
        element: &Element<'a>,
        header: &Header,
    ) -> Result<Hazard, Problem> {
        let time = b.resolve(header.scope, element.need(&b.xml, "endTimeVariable")?, element.place)?;
        let strata = element.get("baselineStrataVariable");
        let strata = strata.map(|name| b.resolve(header.scope, name, element.place)).transpose()?;
        let mut tables = Vec::new();
        for (text, mut baseline) in self.strata.drain(..) {
            let value = match strata {
                Some(slot) => b.constant(&text, b.slots[slot as usize].dtype, element.place)?,
                None => Value::Missing,
            };
            // The last one that is not after a row's time is looked for.
            baseline.cells.sort_by(|a, b| a.0.total_cmp(&b.0));
            tables.push((value, baseline));
        }
        Ok(Hazard { time, strata, tables })
    }
}

fn baseline_cell<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<(f64, f64), Problem> {
    element.only(&b.xml, &["time", "cumHazard"])?;
    let cell = (element.need_number(&b.xml, "time")?, element.need_number(&b.xml, "cumHazard")?);
    b.xml.leaf(element)?;
    Ok(cell)
}

fn contrast<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Contrast, Problem> {
    element.only(&b.xml, &["name", "contrastMatrixType"])?;
    let (mut categories, mut matrix) = (Vec::new(), Vec::new());
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Categories" => {
                child.only(&b.xml, &[])?;
                while let Some(category) = b.xml.child(&child)? {
                    b.xml.named(&category, &child, "Category")?;
                    category.only(&b.xml, &["value"])?;
                    categories.push(category.need(&b.xml, "value")?.to_owned());
                    b.xml.leaf(&category)?;
                }
            }
            "Matrix" => {
                let found = Matrix::read(&mut b.xml, &child)?;
                matrix = (0..found.rows).map(|row| found.row(row).to_vec()).collect();
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    // What a contrast is called does not say its numbers: writers differ in them.
    if matrix.is_empty() && element.get("contrastMatrixType").is_some() {
        return Err(b
            .xml
            .malformed(element.place, "contrastMatrixType of a <Predictor> without its <Matrix>"));
    }
    Ok((!matrix.is_empty()).then_some((categories, matrix)))
}
