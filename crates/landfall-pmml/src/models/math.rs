//! The precision that a model counts in.

use crate::read::{Element, Xml};
use crate::value::DataType;
use landfall_model::Problem;

/// The arithmetic that a model asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Math {
    /// Single precision: each result is rounded to it.
    pub(crate) float: bool,
}

impl Math {
    /// A result.
    #[inline]
    pub(crate) fn round(self, number: f64) -> f64 {
        if self.float { f64::from(number as f32) } else { number }
    }

    pub(crate) fn dtype(self) -> DataType {
        if self.float { DataType::Float } else { DataType::Double }
    }

    /// A number of the document.
    pub(crate) fn number<'a>(
        self,
        xml: &Xml<'a>,
        element: &Element<'a>,
        name: &str,
    ) -> Result<Option<f64>, Problem> {
        let Some(double) = element.number(xml, name)? else { return Ok(None) };
        let float = || element.get(name).and_then(|text| text.trim().parse::<f32>().ok());
        Ok(Some(if self.float { float().map_or(double, f64::from) } else { double }))
    }
}
