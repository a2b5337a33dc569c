//! `<BaselineModel>`: how far rows are from what is usual, by a test.
//!
//! Counts and sums are over the last rows, this one among them: so many as `windowSize` says, or all of the call.

mod counts;
mod density;

use super::{Body, Header};
use crate::expression;
use crate::read::Element;
use crate::resolve::{Build, OpType, Slot, SlotDef, Source};
use crate::run::{Answer, Cx};
use crate::value::{DataType, Value};
use counts::{Counts, Lengths};
use density::Density;
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &[];

/// Rows that are looked back at, where the document says all.
const WINDOW_MAX: usize = 100_000;

#[derive(Debug)]
struct Baseline {
    field: Slot,
    weight: Option<Slot>,
    /// Earlier rows that count.
    window: usize,
    test: Test,
}

#[derive(Debug)]
enum Test {
    /// How many deviations the mean of the rows is from the usual one.
    ZValue { mean: f64, variance: f64 },
    /// The sum of log-likelihood ratios, never below a value; it is kept in a slot of its own.
    CuSum { usual: Density, other: Density, reset: f64, sum: Slot },
    /// How far counts are from usual ones.
    ChiSquare(Counts),
    /// The product of counts and usual ones.
    ScalarProduct(Counts, Lengths),
    /// Whether fields of the data depend on each other.
    Independence(Vec<Slot>),
    /// Whether fields of a table do, whatever the data are.
    Known(Option<f64>),
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let mut found = None;
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "TestDistributions" => found = Some(test(b, &child, header)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    match found {
        Some(model) => Ok(Box::new(model)),
        None => Err(b.xml.malformed(element.place, "<BaselineModel> has no <TestDistributions>")),
    }
}

fn test<'a>(b: &mut Build<'a>, element: &Element<'a>, header: &Header) -> Result<Baseline, Problem> {
    element.only(
        &b.xml,
        &["field", "testStatistic", "resetValue", "windowSize", "weightField", "normalizationScheme"],
    )?;
    let lengths = lengths(b, element)?;
    let field = b.resolve(header.scope, element.need(&b.xml, "field")?, element.place)?;
    let weight = element.get("weightField");
    let weight = weight.map(|name| b.resolve(header.scope, name, element.place)).transpose()?;
    let statistic = element.need(&b.xml, "testStatistic")?.to_owned();
    let size = element.count(&b.xml, "windowSize")?.unwrap_or(0);
    let (mut usual, mut other) = (Vec::new(), Vec::new());
    let mut counts = None;
    let mut fields = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        let densities = match child.name.as_ref() {
            "Baseline" => &mut usual,
            "Alternate" => &mut other,
            _ => return Err(b.xml.unknown(&child, element)),
        };
        child.only(&b.xml, &[])?;
        while let Some(part) = b.xml.child(&child)? {
            match part.name.as_ref() {
                "CountTable" | "NormalizedCountTable" => {
                    counts = Some(Counts::read(b, &part, header, field)?)
                }
                "FieldRef" => {
                    fields.push(expression::referred(b, header.scope, &part)?);
                }
                _ => densities.push(Density::read(b, &part, &child)?),
            }
        }
    }
    let reset = element.number(&b.xml, "resetValue")?.unwrap_or(0.0);
    let test = match (statistic.as_str(), usual.first(), other.first(), counts) {
        ("zValue", Some(density), ..) => {
            let (mean, variance) = density.moments();
            Test::ZValue { mean, variance }
        }
        ("CUSUM", Some(usual), Some(other), _) if usual.has_density() && other.has_density() => {
            let def = SlotDef {
                name: "CUSUM".to_owned(),
                dtype: DataType::Double,
                optype: OpType::Continuous,
                source: Source::Set,
                field: None,
            };
            let sum = b.slot(def);
            b.keep_rows(sum, 1);
            Test::CuSum { usual: *usual, other: *other, reset, sum }
        }
        ("chiSquareDistribution", _, _, Some(counts)) => Test::ChiSquare(counts),
        ("scalarProduct", _, _, Some(counts)) => Test::ScalarProduct(counts, lengths),
        ("chiSquareIndependence", _, _, Some(counts)) => Test::Known(counts.independence()),
        ("chiSquareIndependence", ..) if fields.len() > 1 => Test::Independence(fields),
        (other, ..) => return Err(lacking(b, element, other)),
    };
    let window = test.window(size).ok_or_else(|| element.value(&b.xml, "windowSize"))?;
    if window > 0 {
        let looked = match &test {
            Test::Independence(fields) => fields.clone(),
            Test::ChiSquare(counts) | Test::ScalarProduct(counts, _) => counts.slots().to_vec(),
            _ => vec![field],
        };
        looked.into_iter().chain(weight).for_each(|slot| b.keep_rows(slot, window));
    }
    Ok(Baseline { field, weight, window, test })
}

fn lengths<'a>(b: &Build<'a>, element: &Element<'a>) -> Result<Lengths, Problem> {
    match element.get("normalizationScheme") {
        None | Some("none") => Ok(Lengths::Kept),
        Some("Independent") => Ok(Lengths::EachOut),
        Some("SizeWeighted") => Ok(Lengths::MeanOut),
        Some(_) => Err(element.value(&b.xml, "normalizationScheme")),
    }
}

/// What a statistic needs and the document lacks.
fn lacking<'a>(b: &Build<'a>, element: &Element<'a>, statistic: &str) -> Problem {
    let needed = match statistic {
        "zValue" => "a distribution in its <Baseline>",
        "CUSUM" => "distributions with a density in its <Baseline> and its <Alternate>",
        "chiSquareDistribution" | "scalarProduct" => "a <CountTable> in its <Baseline>",
        "chiSquareIndependence" => "two fields or more, or a <CountTable>, in its <Baseline>",
        _ => return element.value(&b.xml, "testStatistic"),
    };
    b.xml.malformed(element.place, format!("testStatistic={statistic:?} needs {needed}"))
}

impl Test {
    /// Earlier rows that count, where the document says how many rows do, 0 for all; `None` for too many.
    fn window(&self, size: usize) -> Option<usize> {
        match (self, size) {
            (Test::CuSum { .. } | Test::Known(_), _) | (_, 1) => Some(0),
            // One value alone is compared unless the document asks for more.
            (Test::ZValue { .. }, 0) => Some(0),
            (_, 0) => Some(WINDOW_MAX),
            (_, size) => (size <= WINDOW_MAX).then(|| size - 1),
        }
    }
}

impl Baseline {
    /// A slot's values in the rows of the window, this row's first.
    fn rows(&self, cx: &mut Cx<'_>, slot: Slot) -> Result<Vec<Value>, Problem> {
        let mut values = vec![cx.get(slot)?];
        values.extend(cx.earlier(slot).take(self.window));
        Ok(values)
    }

    fn weights(&self, cx: &mut Cx<'_>, count: usize) -> Result<Vec<f64>, Problem> {
        match self.weight {
            None => Ok(vec![1.0; count]),
            Some(slot) => {
                Ok(self.rows(cx, slot)?.into_iter().map(|weight| weight.num().unwrap_or(0.0)).collect())
            }
        }
    }

    /// The values of each of these fields in the rows of the window, and what each row weighs.
    fn table(&self, cx: &mut Cx<'_>, slots: &[Slot]) -> Result<(Vec<Vec<Value>>, Vec<f64>), Problem> {
        let mut columns = Vec::with_capacity(slots.len());
        for slot in slots {
            columns.push(self.rows(cx, *slot)?);
        }
        let weights = self.weights(cx, columns.first().map_or(0, Vec::len))?;
        Ok((columns, weights))
    }

    fn statistic(&self, cx: &mut Cx<'_>) -> Result<Option<f64>, Problem> {
        match &self.test {
            Test::ZValue { mean, variance } => {
                let rows = self.rows(cx, self.field)?;
                let weights = self.weights(cx, rows.len())?;
                let known = || rows.iter().zip(&weights).filter_map(|(x, w)| Some((x.num()?, *w)));
                let total: f64 = known().map(|(_, w)| w).sum();
                let sum: f64 = known().map(|(x, w)| x * w).sum();
                Ok((total > 0.0).then(|| (sum / total - mean) / (variance / total).sqrt()))
            }
            Test::CuSum { usual, other, reset, sum } => {
                let before = cx.earlier(*sum).next().and_then(Value::num).unwrap_or(0.0);
                let Some(x) = cx.number(self.field)? else {
                    // A row that says nothing leaves the sum as it was.
                    cx.set(*sum, Value::Num(before));
                    return Ok(None);
                };
                let next = (before + other.log(x) - usual.log(x)).max(*reset);
                cx.set(*sum, Value::Num(next));
                Ok(Some(next))
            }
            Test::ChiSquare(counts) | Test::ScalarProduct(counts, _) => {
                let (columns, weights) = self.table(cx, counts.slots())?;
                let seen = counts.seen(&columns, &weights);
                Ok(match &self.test {
                    Test::ScalarProduct(_, lengths) => counts.product(&seen, *lengths),
                    _ => counts.chi_square(&seen),
                })
            }
            Test::Independence(fields) => {
                let (columns, weights) = self.table(cx, fields)?;
                Ok(counts::independence(&columns, &weights))
            }
            Test::Known(statistic) => Ok(*statistic),
        }
    }
}

impl Body for Baseline {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        answer.value = Value::of(self.statistic(cx)?);
        Ok(())
    }
}
