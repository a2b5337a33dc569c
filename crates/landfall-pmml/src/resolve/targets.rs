//! `<Targets>`: what becomes of a prediction before it is answered.

use super::{Build, OpType};
use crate::read::Element;
use crate::value::{DataType, Value};
use landfall_model::Problem;

/// All targets of a model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets(pub(crate) Vec<Target>);

/// One target.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) field: Option<String>,
    /// What it says the values of the field are to each other, against the schema and the dictionary.
    pub(crate) optype: Option<OpType>,
    min: Option<f64>,
    max: Option<f64>,
    rescale_constant: f64,
    rescale_factor: f64,
    cast: Option<Cast>,
    /// What is answered where no prediction can be made.
    pub(crate) default: Option<f64>,
    pub(crate) values: Vec<TargetValue>,
}

/// One value of a target.
#[derive(Clone, Debug)]
pub(crate) struct TargetValue {
    pub(crate) value: Value,
    pub(crate) prior: Option<f64>,
    pub(crate) display: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Cast {
    Round,
    Ceiling,
    Floor,
}

impl Target {
    /// The prediction, within limits, rescaled and cast.
    pub(crate) fn apply(&self, value: f64, dtype: DataType) -> f64 {
        let round = |number: f64| dtype.rounded(number);
        let mut value = value;
        value = self.min.map_or(value, |min| value.max(min));
        value = self.max.map_or(value, |max| value.min(max));
        if self.rescale_factor != 1.0 {
            value = round(value * round(self.rescale_factor));
        }
        if self.rescale_constant != 0.0 {
            value = round(value + round(self.rescale_constant));
        }
        match self.cast {
            None => value,
            // Half goes up, as integers of Java round.
            Some(Cast::Round) => crate::functions::half_up(value),
            Some(Cast::Ceiling) => value.ceil(),
            Some(Cast::Floor) => value.floor(),
        }
    }
}

/// Reads `<Targets>`; `dtype` gives the type of a target field by its name.
pub(crate) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    dtype: impl Fn(Option<&str>) -> DataType,
) -> Result<Targets, Problem> {
    element.only(&b.xml, &[])?;
    let mut targets = Targets::default();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Target" => {
                let dtype = dtype(child.get("field"));
                targets.0.push(target(b, &child, dtype)?);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(targets)
}

fn target<'a>(b: &mut Build<'a>, element: &Element<'a>, dtype: DataType) -> Result<Target, Problem> {
    element.only(
        &b.xml,
        &["field", "optype", "castInteger", "min", "max", "rescaleConstant", "rescaleFactor"],
    )?;
    let cast = match element.get("castInteger") {
        None => None,
        Some("round") => Some(Cast::Round),
        Some("ceiling") => Some(Cast::Ceiling),
        Some("floor") => Some(Cast::Floor),
        Some(_) => return Err(element.value(&b.xml, "castInteger")),
    };
    let mut target = Target {
        field: element.get("field").map(str::to_owned),
        optype: OpType::of(&b.xml, element)?,
        min: element.number(&b.xml, "min")?,
        max: element.number(&b.xml, "max")?,
        rescale_constant: element.number(&b.xml, "rescaleConstant")?.unwrap_or(0.0),
        rescale_factor: element.number(&b.xml, "rescaleFactor")?.unwrap_or(1.0),
        cast,
        default: None,
        values: Vec::new(),
    };
    while let Some(child) = b.xml.child(element)? {
        if child.name != "TargetValue" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &["value", "rawDataValue", "displayValue", "priorProbability", "defaultValue"])?;
        if let Some(default) = child.number(&b.xml, "defaultValue")? {
            target.default = Some(default);
        }
        if let Some(text) = child.get("value") {
            let value = b.constant(text, dtype, child.place)?;
            target.values.push(TargetValue {
                value,
                prior: child.number(&b.xml, "priorProbability")?,
                // Called so up to 3.1.
                display: child.get("displayValue").or(child.get("rawDataValue")).map(str::to_owned),
            });
        }
        match b.xml.child(&child)? {
            None => {}
            // A partition describes the training data.
            Some(partition) if partition.name == "Partition" => {
                b.xml.skip(&partition)?;
                b.xml.leaf(&child)?;
            }
            Some(other) => return Err(b.xml.unknown(&other, &child)),
        }
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_come_before_rescaling_and_the_cast_last() {
        let target = Target {
            field: None,
            optype: None,
            min: Some(-10.0),
            max: Some(10.5),
            rescale_constant: 10.0,
            rescale_factor: 3.25,
            cast: Some(Cast::Round),
            default: None,
            values: Vec::new(),
        };
        assert_eq!(target.apply(8.0, DataType::Double), 36.0);
        assert_eq!(target.apply(12.0, DataType::Double), 44.0);
    }
}
