//! `ai.onnx.ml` operators of support vector machines: SVMClassifier and SVMRegressor, in their two forms (kernels of support
//! vectors, and plain coefficients).

use super::super::Refusal;
use super::super::labels::{Label, Labels};
use super::super::transform::{PostTransform, logistic};
use super::linear::{first_largest, floats, rows_of};
use super::{Ask, Built, given};
use crate::owned;
use landfall_model::{DType, Problem, Shape, Tensor};

/// What is made of a row and a support vector.
#[derive(Clone, Copy)]
enum Function {
    Linear,
    Polynomial,
    Radial,
    Sigmoid,
}

/// A row held against vectors.
struct Kernel {
    function: Function,
    gamma: f32,
    constant: f32,
    degree: f32,
    features: usize,
    /// [vectors, features]
    vectors: Vec<f32>,
}

impl Kernel {
    /// Of so many support vectors, or of plain coefficients, [vectors, features], that are multiplied with rows.
    fn read(ask: &Ask<'_>, vectors: usize, plain: Option<&[f32]>) -> Result<Self, Refusal> {
        let attributes = &ask.node.attributes;
        let params = attributes.floats("kernel_params")?;
        let param = |place: usize| params.get(place).copied().unwrap_or(0.0);
        let function = match attributes.text("kernel_type")?.unwrap_or_default() {
            _ if plain.is_some() => Function::Linear,
            b"" | b"LINEAR" => Function::Linear,
            b"POLY" => Function::Polynomial,
            b"RBF" => Function::Radial,
            b"SIGMOID" => Function::Sigmoid,
            other => return Err(Refusal::not(format!("kernel {}", String::from_utf8_lossy(other)))),
        };
        let values = match plain {
            Some(plain) => plain.to_vec(),
            None => attributes.floats("support_vectors")?,
        };
        let features = values.len().checked_div(vectors).unwrap_or(0);
        if features == 0 || features * vectors != values.len() || matches!(params.len(), 1 | 2) {
            let what = format!("{} numbers of {vectors} vectors, {} parameters", values.len(), params.len());
            return Err(Refusal::not(what));
        }
        let [gamma, constant, degree] = [0, 1, 2].map(param);
        Ok(Kernel { function, gamma, constant, degree, features, vectors: values })
    }

    /// What is made of rows ([rows, features]) and all vectors, one row at a time.
    fn each(
        &self,
        x: &Tensor,
        mut take: impl FnMut(&[f32]) -> Result<(), Problem>,
    ) -> Result<usize, Problem> {
        let (rows, columns) = rows_of(x)?;
        if columns != self.features {
            let what = format!("rows of {columns} features for support vectors of {}", self.features);
            return Err(Problem::invalid(what));
        }
        let x = floats(x)?;
        let mut made = Vec::new();
        for row in x.chunks_exact(columns) {
            made.clear();
            made.extend(self.vectors.chunks_exact(columns).map(|vector| self.of(row, vector)));
            take(&made)?;
        }
        Ok(rows)
    }

    fn of(&self, row: &[f32], vector: &[f32]) -> f32 {
        let pairs = row.iter().zip(vector);
        if let Function::Radial = self.function {
            let distance = pairs.fold(0f32, |sum, (a, b)| sum + (a - b) * (a - b));
            return (-self.gamma * distance).exp();
        }
        let sum = pairs.fold(0f64, |sum, (&a, &b)| sum + f64::from(a) * f64::from(b));
        let scaled = (f64::from(self.gamma) * sum + f64::from(self.constant)) as f32;
        match self.function {
            Function::Polynomial if self.degree == 2.0 => scaled * scaled,
            Function::Polynomial if self.degree == 3.0 => scaled * scaled * scaled,
            Function::Polynomial => scaled.powf(self.degree),
            Function::Sigmoid => scaled.tanh(),
            Function::Linear | Function::Radial => sum as f32,
        }
    }
}

/// SVMRegressor; of one class, whether a row belongs to it (1) or not (-1).
pub(super) fn regressor(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    let attributes = &ask.node.attributes;
    let coefficients = attributes.floats("coefficients")?;
    let rho = attributes.floats("rho")?.first().copied().ok_or_else(|| Refusal::not("no rho"))?;
    let vectors = usize::try_from(ask.integer("n_supports", 0)?).unwrap_or(usize::MAX);
    let is_one_class = ask.flag("one_class", false)?;
    let kernel = match vectors {
        0 => Kernel::read(ask, 1, Some(&coefficients))?,
        _ if vectors == coefficients.len() => Kernel::read(ask, vectors, None)?,
        _ => return Err(Refusal::not(format!("{} coefficients of {vectors} vectors", coefficients.len()))),
    };
    let work = kernel.vectors.len();
    let built = Built::one(DType::F32, move |inputs| {
        let mut values = Vec::new();
        let rows = kernel.each(given(inputs, 0)?, |made| {
            let products = made.iter().zip(&coefficients).map(|(&a, &b)| f64::from(a) * f64::from(b));
            let sum = if vectors == 0 { f64::from(made[0]) } else { products.sum::<f64>() };
            values.push((sum + f64::from(rho)) as f32);
            Ok(())
        })?;
        if is_one_class {
            values.iter_mut().for_each(|value| *value = if *value > 0.0 { 1.0 } else { -1.0 });
        }
        owned::tensor(Shape::new(&[rows, 1]), values)
    });
    Ok(built.nearly().costs(work))
}

/// A classifier.
struct Machine {
    kernel: Kernel,
    coefficients: Vec<f32>,
    rho: Vec<f32>,
    /// By class, the first of its support vectors, and behind the last one their number. Empty where there are none.
    starts: Vec<usize>,
    /// By two classes, how a score becomes the probability of the one against the other.
    sigmoids: Vec<(f32, f32)>,
    labels: Labels,
    transform: PostTransform,
}

/// SVMClassifier: labels, and scores of classes, or where there are no probabilities, of two classes against each other.
pub(super) fn classifier(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &super::NUMBERS)?;
    let machine = Machine::read(ask)?;
    let work = machine.kernel.vectors.len();
    let outputs = vec![machine.labels.dtype(), DType::F32];
    let built = Built::exact(outputs, move |inputs| {
        let (mut found, mut scores) = (Vec::new(), Vec::new());
        let rows = machine.kernel.each(given(inputs, 0)?, |made| {
            let start = scores.len();
            found.push(machine.row(made, &mut scores));
            machine.finish(&mut scores, start);
            Ok(())
        })?;
        let shape = Shape::new(&[rows, machine.width()]);
        Ok(vec![machine.labels.tensor(&found)?, owned::tensor(shape, scores)?])
    });
    Ok(built.nearly().costs(work))
}

impl Machine {
    fn read(ask: &Ask<'_>) -> Result<Self, Refusal> {
        let attributes = &ask.node.attributes;
        let labels = Labels::read(ask.node, "classlabels_ints")?;
        let coefficients = attributes.floats("coefficients")?;
        let rho = attributes.floats("rho")?;
        let mut starts = vec![0];
        for count in attributes.integers("vectors_per_class")? {
            let count = usize::try_from(count).ok().filter(|&count| count < 1 << 31);
            let count = count.ok_or_else(|| Refusal::not("a class of no vectors"))?;
            starts.push(starts[starts.len() - 1] + count);
        }
        let [classes, vectors] = [labels.len(), starts[starts.len() - 1]];
        let kernel = if vectors == 0 {
            starts.clear();
            Kernel::read(ask, classes, Some(&coefficients))?
        } else {
            Kernel::read(ask, vectors, None)?
        };
        let pairs = classes * classes.saturating_sub(1) / 2;
        let (a, b) = (attributes.floats("prob_a")?, attributes.floats("prob_b")?);
        let fits = if vectors == 0 {
            !rho.is_empty() && a.is_empty() && classes > 2
        } else {
            starts.len() == classes + 1
                && coefficients.len() == (classes - 1) * vectors
                && rho.len() == pairs
                && (a.is_empty() || a.len() == pairs)
        };
        let transform = PostTransform::read(attributes)?;
        let is_plain = !matches!(transform, PostTransform::Probit | PostTransform::Logistic);
        let is_written = classes > 2 || !a.is_empty() || is_plain;
        if classes < 2 || a.len() != b.len() || !fits || !is_written {
            return Err(Refusal::not(format!("{classes} classes, {} coefficients", coefficients.len())));
        }
        Ok(Machine {
            kernel,
            coefficients,
            rho,
            starts,
            sigmoids: a.into_iter().zip(b).collect(),
            labels,
            transform,
        })
    }

    /// Scores of a row.
    fn width(&self) -> usize {
        let classes = self.labels.len();
        let are_pairs = !self.starts.is_empty() && self.sigmoids.is_empty() && classes > 2;
        if are_pairs { classes * (classes - 1) / 2 } else { classes }
    }

    /// Appends a row's scores; gives its label.
    fn row(&self, made: &[f32], scores: &mut Vec<f32>) -> Label {
        let start = scores.len();
        if self.starts.is_empty() {
            scores.extend(made.iter().map(|score| score + self.rho[0]));
            return Label::Class(first_largest(&scores[start..]));
        }
        let votes = self.pairs(made, scores);
        let classes = votes.len();
        if !self.sigmoids.is_empty() {
            let against: Vec<f32> = scores.drain(start..).collect();
            scores.extend(together(&self.probabilities(&against, classes), classes));
        }
        Label::Class(first_largest(&votes))
    }

    /// Appends the scores of each two classes; gives how often each class won.
    fn pairs(&self, made: &[f32], scores: &mut Vec<f32>) -> Vec<usize> {
        let (classes, vectors) = (self.labels.len(), made.len());
        let mut votes = vec![0; classes];
        let mut pair = 0;
        for i in 0..classes {
            for j in i + 1..classes {
                let mut sum = 0f64;
                for (class, row) in [(i, j - 1), (j, i)] {
                    let own = self.starts[class]..self.starts[class + 1];
                    let weights = &self.coefficients[row * vectors..][own.clone()];
                    sum = weights.iter().zip(&made[own]).fold(sum, |sum, (a, b)| sum + f64::from(a * b));
                }
                sum += f64::from(self.rho[pair]);
                pair += 1;
                votes[if sum > 0.0 { i } else { j }] += 1;
                scores.push(sum as f32);
            }
        }
        votes
    }

    /// Of each class against each, [classes, classes]: how likely it is the one.
    fn probabilities(&self, scores: &[f32], classes: usize) -> Vec<f32> {
        let mut likely = vec![0f32; classes * classes];
        let mut pair = 0;
        for i in 0..classes {
            for j in i + 1..classes {
                let (a, b) = self.sigmoids[pair];
                let one = (1.0 - logistic(scores[pair] * a + b)).clamp(1e-7, 1.0 - 1e-7);
                (likely[i * classes + j], likely[j * classes + i]) = (one, 1.0 - one);
                pair += 1;
            }
        }
        likely
    }

    /// What is done to the scores of a row, which begin at `start`, in the end.
    fn finish(&self, scores: &mut Vec<f32>, start: usize) {
        match scores[start..] {
            // A score of two classes becomes two: that of the second class has its sign.
            [score] => {
                scores.truncate(start);
                scores.extend(match self.transform {
                    PostTransform::None => [-score, score],
                    _ => [1.0 - score, score],
                });
            }
            _ => self.transform.several(&mut scores[start..]),
        }
    }
}

/// Probabilities of classes from those of each two, which need not agree: by the second method of Wu, Lin and Weng
/// ("Probability estimates for multi-class classification by pairwise coupling", 2004), in steps as ONNX Runtime goes.
fn together(pairs: &[f32], classes: usize) -> Vec<f32> {
    const MOST_STEPS: usize = 100;
    let at = |i: usize, j: usize| i * classes + j;
    let mut q = vec![0f32; pairs.len()];
    for i in 0..classes {
        for j in (0..classes).filter(|&j| j != i) {
            q[at(i, i)] += pairs[at(j, i)] * pairs[at(j, i)];
            q[at(i, j)] = -pairs[at(j, i)] * pairs[at(i, j)];
        }
    }
    let mut likely = vec![1.0 / classes as f32; classes];
    let near = 0.005 / classes as f32;
    for _ in 0..MOST_STEPS {
        let mut by_class: Vec<f32> =
            (0..classes).map(|i| (0..classes).fold(0.0, |sum, j| sum + q[at(i, j)] * likely[j])).collect();
        let mut whole = likely.iter().zip(&by_class).fold(0.0, |sum, (a, b)| sum + a * b);
        if !by_class.iter().any(|own| (own - whole).abs() >= near) {
            break;
        }
        for i in 0..classes {
            let own = q[at(i, i)];
            let step = (whole - by_class[i]) / own;
            likely[i] += step;
            whole = (whole + step * (step * own + 2.0 * by_class[i])) / (1.0 + step) / (1.0 + step);
            for j in 0..classes {
                by_class[j] = (by_class[j] + step * q[at(i, j)]) / (1.0 + step);
                likely[j] /= 1.0 + step;
            }
        }
    }
    likely
}
