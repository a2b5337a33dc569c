//! `<GaussianProcessModel>`: the mean and the deviation of a process that goes through the training rows, by the triangle of
//! their covariances (Rasmussen and Williams, Gaussian Processes for Machine Learning, algorithm 2.1).

use super::training::Training;
use super::{Body, Header};
use crate::expression;
use crate::read::{Element, array, table};
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &["optimizer"];

/// Training rows, at most: their covariances are held.
const ROWS_MAX: usize = 4_000;

#[derive(Debug)]
struct Process {
    kernel: Kernel,
    slots: Vec<Slot>,
    rows: Vec<Vec<f64>>,
    /// The lower triangle whose square is the covariance of the rows.
    triangle: Vec<Vec<f64>>,
    /// The inverse of the covariance times the targets.
    weights: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Kernel {
    kind: KernelKind,
    gamma: f64,
    noise: f64,
    lambda: Vec<f64>,
    degree: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum KernelKind {
    RadialBasis,
    SquaredExponential,
    AbsoluteExponential,
    GeneralizedExponential,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let (mut kernel, mut training) = (None, None);
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "TrainingInstances" => training = Some(Training::read(b, &child)?),
            _ => kernel = Some(read_kernel(b, &child, element)?),
        }
    }
    let (Some(mut kernel), Some(training)) = (kernel, training) else {
        return Err(b.xml.malformed(element.place, "<GaussianProcessModel> lacks its kernel or instances"));
    };
    let Some(target) = header.target.as_ref().map(|target| target.name.clone()) else {
        return Err(b.xml.malformed(element.place, "<GaussianProcessModel> has no target field"));
    };
    let (mut slots, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in training.fields.iter().filter(|(field, _)| *field != target) {
        let slot = b.resolve(header.scope, field, element.place)?;
        slots.push(expression::of_numbers(b, slot));
        columns.push(column.clone());
    }
    let Some(y_column) = training.column(&target) else {
        let what = format!("<InstanceFields> have no column for the target {target:?}");
        return Err(b.xml.malformed(element.place, what));
    };
    if training.table.len() > ROWS_MAX {
        return Err(b.xml.unsupported(element.place, format!("more than {ROWS_MAX} training instances")));
    }
    let (rows, y) = instances(b, element, &training, &columns, y_column)?;
    // One number stands for all fields.
    match kernel.lambda[..] {
        [] => kernel.lambda = vec![1.0; slots.len()],
        [one] => kernel.lambda = vec![one; slots.len()],
        _ if kernel.lambda.len() == slots.len() => {}
        _ => return Err(b.xml.malformed(element.place, "<Lambda> has not one number for each field")),
    }
    let Some(triangle) = cholesky(&kernel, &rows) else {
        return Err(b
            .xml
            .malformed(element.place, "the covariance of the training instances is not positive"));
    };
    let weights = backward(&triangle, forward(&triangle, &y));
    Ok(Box::new(Process { kernel, slots, rows, triangle, weights }))
}

/// The numbers of the training instances: those of `columns`, and those of the target's column.
fn instances<'a>(
    b: &Build<'a>,
    element: &Element<'a>,
    training: &Training,
    columns: &[String],
    y_column: &str,
) -> Result<(Vec<Vec<f64>>, Vec<f64>), Problem> {
    let (mut rows, mut y) = (Vec::new(), Vec::new());
    for (cells, place) in training.table.iter().zip(1..) {
        let number = |column: &str| {
            let number = table::cell(cells, column).and_then(crate::value::number);
            let what = || format!("training instance {place}: expected a number in column {column:?}");
            number.ok_or_else(|| b.xml.malformed(element.place, what()))
        };
        rows.push(columns.iter().map(|column| number(column)).collect::<Result<Vec<f64>, _>>()?);
        y.push(number(y_column)?);
    }
    Ok((rows, y))
}

fn read_kernel<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    parent: &Element<'a>,
) -> Result<Kernel, Problem> {
    let kind = match element.name.as_ref() {
        "RadialBasisKernel" => KernelKind::RadialBasis,
        "ARDSquaredExponentialKernel" => KernelKind::SquaredExponential,
        "AbsoluteExponentialKernel" => KernelKind::AbsoluteExponential,
        "GeneralizedExponentialKernel" => KernelKind::GeneralizedExponential,
        _ => return Err(b.xml.unknown(element, parent)),
    };
    element.only(&b.xml, &["description", "gamma", "noiseVariance", "lambda", "degree"])?;
    let number = |name: &str| Ok::<f64, Problem>(element.number(&b.xml, name)?.unwrap_or(1.0));
    let mut kernel = Kernel {
        kind,
        gamma: number("gamma")?,
        noise: number("noiseVariance")?,
        lambda: element.number(&b.xml, "lambda")?.into_iter().collect(),
        degree: number("degree")?,
    };
    while let Some(child) = b.xml.child(element)? {
        if child.name != "Lambda" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &[])?;
        while let Some(values) = b.xml.child(&child)? {
            // Those who brought this model into the specification write it in lower case.
            if values.name != "array" {
                b.xml.named(&values, &child, "Array")?;
            }
            kernel.lambda.extend(array::numbers(&mut b.xml, &values)?);
        }
    }
    Ok(kernel)
}

impl Kernel {
    fn of(&self, x: &[f64], y: &[f64]) -> f64 {
        let parts = x.iter().zip(y).zip(&self.lambda);
        let exponent: f64 = match self.kind {
            KernelKind::RadialBasis | KernelKind::SquaredExponential => {
                parts.map(|((x, y), l)| ((x - y) / l) * ((x - y) / l)).sum::<f64>() / 2.0
            }
            KernelKind::AbsoluteExponential => parts.map(|((x, y), l)| (x - y).abs() / l).sum(),
            KernelKind::GeneralizedExponential => {
                parts.map(|((x, y), l)| ((x - y).abs() / l).powf(self.degree)).sum()
            }
        };
        self.gamma * (-exponent).exp()
    }
}

/// The triangle L with L·Lᵀ = the covariance of the rows and their noise; `None` where there is none.
fn cholesky(kernel: &Kernel, rows: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let mut triangle: Vec<Vec<f64>> = Vec::with_capacity(rows.len());
    for (i, x) in rows.iter().enumerate() {
        let mut line = Vec::with_capacity(i + 1);
        for (j, y) in rows[..=i].iter().enumerate() {
            let noise = if i == j { kernel.noise } else { 0.0 };
            let other: &[f64] = if j == i { &line } else { &triangle[j] };
            let known: f64 = line.iter().zip(other).take(j).map(|(a, b)| a * b).sum();
            let rest = kernel.of(x, y) + noise - known;
            if i == j && rest <= 0.0 {
                return None;
            }
            let value = if i == j { rest.sqrt() } else { rest / triangle[j][j] };
            line.push(value);
        }
        triangle.push(line);
    }
    Some(triangle)
}

/// The solution v of L·v = y.
fn forward(triangle: &[Vec<f64>], y: &[f64]) -> Vec<f64> {
    let mut v: Vec<f64> = Vec::with_capacity(y.len());
    for (line, y) in triangle.iter().zip(y) {
        let known: f64 = line.iter().zip(&v).map(|(a, b)| a * b).sum();
        v.push((y - known) / line[line.len() - 1]);
    }
    v
}

/// The solution w of Lᵀ·w = v.
fn backward(triangle: &[Vec<f64>], mut v: Vec<f64>) -> Vec<f64> {
    for i in (0..v.len()).rev() {
        let known: f64 = (i + 1..v.len()).map(|j| triangle[j][i] * v[j]).sum();
        v[i] = (v[i] - known) / triangle[i][i];
    }
    v
}

impl Body for Process {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let mut x = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            match cx.number(*slot)? {
                Some(number) => x.push(number),
                None => return Ok(()),
            }
        }
        let k: Vec<f64> = self.rows.iter().map(|row| self.kernel.of(&x, row)).collect();
        answer.value = Value::Num(k.iter().zip(&self.weights).map(|(k, w)| k * w).sum());
        let v = forward(&self.triangle, &k);
        let variance = self.kernel.of(&x, &x) + self.kernel.noise - v.iter().map(|v| v * v).sum::<f64>();
        answer.deviation = Some(variance.max(0.0).sqrt());
        Ok(())
    }
}
