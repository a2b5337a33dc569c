//! `<GARCH>`: a mean by autoregression and moving averages, and a variance that follows past noises and variances.

use super::arima::{self, Recursion};
use super::{Forecast, Known, Method, Transformation, array_within};
use crate::read::Element;
use crate::resolve::Build;
use landfall_model::Problem;

#[derive(Debug)]
struct Garch {
    mean: Recursion,
    constant: f64,
    /// Coefficients of squared noises and of variances, from lag 1.
    squares: Vec<f64>,
    variances: Vec<f64>,
    /// The latest last.
    past_squares: Vec<f64>,
    past_variances: Vec<f64>,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    known: &Known<'_>,
    _: Transformation,
) -> Result<Box<dyn Method>, Problem> {
    element.only(&b.xml, &[])?;
    let mut mean = Recursion {
        constant: 0.0,
        values: Vec::new(),
        noises: Vec::new(),
        past: known.values.to_vec(),
        past_noises: Vec::new(),
    };
    let mut spread = None;
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "ARMAPart" => {
                child.only(&b.xml, &["constant", "p", "q"])?;
                mean.constant = child.number(&b.xml, "constant")?.unwrap_or(0.0);
                while let Some(part) = b.xml.child(&child)? {
                    part.only(&b.xml, &[])?;
                    match part.name.as_ref() {
                        "AR" => mean.values = array_within(b, &part)?,
                        "MA" => (mean.noises, mean.past_noises) = arima::moving_average(b, &part)?,
                        _ => return Err(b.xml.unknown(&part, &child)),
                    }
                }
                child.counted(&b.xml, "p", mean.values.len(), "coefficients in its <AR>")?;
                child.counted(&b.xml, "q", mean.noises.len(), "coefficients in its <MA>")?;
            }
            "GARCHPart" => spread = Some(variance_part(b, &child)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let Some(VariancePart { constant, squares, residuals, variances, past_variances }) = spread else {
        return Err(b.xml.malformed(element.place, "<GARCH> lacks its <GARCHPart>"));
    };
    if mean.past.len() < mean.values.len() {
        return Err(b
            .xml
            .malformed(element.place, "<TimeSeries> has fewer values than the model looks back at"));
    }
    mean.fill_noises();
    let noises = if residuals.is_empty() { &mean.past_noises } else { &residuals };
    let past_squares: Vec<f64> = noises.iter().map(|noise| noise * noise).collect();
    if past_squares.len() < squares.len() || past_variances.len() < variances.len() {
        return Err(b.xml.malformed(
            element.place,
            "<GARCHPart> lacks past residuals or variances that it looks back at",
        ));
    }
    Ok(Box::new(Garch { mean, constant, squares, variances, past_squares, past_variances }))
}

/// `<GARCHPart>` as the document has it.
#[derive(Default)]
struct VariancePart {
    constant: f64,
    /// Coefficients of squared noises, and noises, the latest last.
    squares: Vec<f64>,
    residuals: Vec<f64>,
    /// Coefficients of variances, and variances, the latest last.
    variances: Vec<f64>,
    past_variances: Vec<f64>,
}

fn variance_part<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<VariancePart, Problem> {
    element.only(&b.xml, &["constant", "gp", "gq"])?;
    let constant = element.number(&b.xml, "constant")?.unwrap_or(0.0);
    let mut all = VariancePart { constant, ..VariancePart::default() };
    while let Some(child) = b.xml.child(element)? {
        if !matches!(child.name.as_ref(), "ResidualSquareCoefficients" | "VarianceCoefficients") {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &[])?;
        while let Some(part) = b.xml.child(&child)? {
            part.only(&b.xml, &[])?;
            let place = match (child.name.as_ref(), part.name.as_ref()) {
                ("ResidualSquareCoefficients", "Residuals") => &mut all.residuals,
                ("ResidualSquareCoefficients", "MACoefficients") => &mut all.squares,
                ("VarianceCoefficients", "PastVariances") => &mut all.past_variances,
                ("VarianceCoefficients", "MACoefficients") => &mut all.variances,
                _ => return Err(b.xml.unknown(&part, &child)),
            };
            *place = array_within(b, &part)?;
        }
    }
    // gp counts variances and gq squares in some texts, the other way in others: either is taken.
    let (gp, gq) = (element.count(&b.xml, "gp")?, element.count(&b.xml, "gq")?);
    let found = (Some(all.squares.len()), Some(all.variances.len()));
    if found != (gp, gq) && found != (gq, gp) {
        return Err(element.value(&b.xml, "gp"));
    }
    Ok(all)
}

impl Garch {
    /// The variance of the noise of each step ahead.
    fn spreads(&self, steps: usize) -> Vec<f64> {
        let (mut squares, mut variances) = (self.past_squares.clone(), self.past_variances.clone());
        let of = |coefficients: &[f64], past: &[f64]| {
            coefficients.iter().zip(past.iter().rev()).map(|(c, x)| c * x).sum::<f64>()
        };
        let mut all = Vec::with_capacity(steps);
        for _ in 0..steps {
            let next = self.constant + of(&self.squares, &squares) + of(&self.variances, &variances);
            // The square of a noise to come is expected to be its variance.
            squares.push(next);
            variances.push(next);
            all.push(next);
        }
        all
    }
}

impl Method for Garch {
    fn forecast(&self, steps: usize) -> Option<Forecast> {
        let weights = self.mean.weights(steps);
        let spreads = self.spreads(steps);
        let variance = weights.iter().zip(spreads.iter().rev()).map(|(w, s)| w * w * s).sum();
        Some(Forecast { value: self.mean.ahead(steps), variance: Some(variance) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variances_follow_squares_and_variances() {
        let mean = Recursion {
            constant: 3.0,
            values: Vec::new(),
            noises: Vec::new(),
            past: vec![1.0],
            past_noises: Vec::new(),
        };
        let garch = Garch {
            mean,
            constant: 0.5,
            squares: vec![0.25],
            variances: vec![0.5],
            past_squares: vec![4.0],
            past_variances: vec![2.0],
        };
        // 0.5 + 1 + 1 = 2.5; 0.5 + 0.625 + 1.25 = 2.375.
        assert_eq!(garch.spreads(2), [2.5, 2.375]);
        assert_eq!(garch.forecast(2), Some(Forecast { value: 3.0, variance: Some(2.375) }));
    }
}
