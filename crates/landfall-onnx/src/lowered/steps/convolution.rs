//! `Conv` and `ConvTranspose` along any number of axes (`Operators.md` of ONNX).

use super::super::Refusal;
use super::windows::{Axis, Outward, Windows, each_window, shape_of};
use super::{Ask, Built, Give, given};
use crate::owned;
use landfall_model::{DType, Problem, Tensor};

/// `Conv` of float32: each value is the sum of a window's values, by weights.
pub(super) fn convolution(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let (windows, groups) = read(ask)?;
    let built = Built::one(DType::F32, move |inputs| {
        let kernel = Kernel::of(inputs, groups, |[made, taken]| [taken * groups, made])?;
        kernel.convolved(inputs, &windows.of_kernel(&kernel.lengths)?)
    });
    Ok(built.nearly().costs(usize::MAX / 2))
}

/// `ConvTranspose` of float32: each value goes into all values of a window, by weights.
pub(super) fn transposed(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let (windows, groups) = read(ask)?;
    let windows = Outward::of(ask, windows)?;
    let built = Built::one(DType::F32, move |inputs| {
        let kernel = Kernel::of(inputs, groups, |[taken, made]| [taken, made * groups])?;
        kernel.spread(inputs, &windows.of_kernel(&kernel.lengths)?)
    });
    Ok(built.nearly().costs(usize::MAX / 2))
}

fn read(ask: &Ask<'_>) -> Result<(Windows, usize), Refusal> {
    for input in 0..ask.types.len().max(2) {
        if input < 2 || ask.has(input) {
            ask.one_of(input, &[DType::F32])?;
        }
    }
    let groups = usize::try_from(ask.integer("group", 1)?).ok().filter(|&groups| groups > 0);
    Ok((Windows::of(ask)?, groups.ok_or_else(|| Refusal::not("no groups"))?))
}

/// Weights of pairs of channels, each a kernel.
struct Kernel<'a> {
    weights: &'a [f32],
    lengths: Vec<usize>,
    bias: Option<&'a [f32]>,
    groups: usize,
    /// Channels that come, and that go.
    channels: [usize; 2],
}

impl<'a> Kernel<'a> {
    /// Weights and biases; `channels` says of the first axes of the weights how many channels come and go.
    fn of(
        inputs: &[Give<'a>],
        groups: usize,
        channels: impl Fn([usize; 2]) -> [usize; 2],
    ) -> Result<Self, Problem> {
        let w = given(inputs, 1)?;
        let &[first, second, ref lengths @ ..] = &w.shape()[..] else {
            return Err(Problem::invalid(format!("weights of shape {}", w.shape())));
        };
        let channels = channels([first, second]);
        let bias = inputs.get(2).copied().flatten().map(|bias| bias.values::<f32>()).transpose()?;
        let fits = channels.iter().all(|channels| channels % groups == 0);
        if !fits || bias.is_some_and(|bias| bias.len() != channels[1]) {
            let what = format!("weights of shape {} in {groups} groups, or their biases", w.shape());
            return Err(Problem::invalid(what));
        }
        let lengths = lengths.to_vec();
        Ok(Kernel { weights: w.values::<f32>()?, lengths, bias, groups, channels })
    }

    /// Images, and the lengths of their axes.
    fn images<'x>(&self, x: &'x Tensor, windows: &Windows) -> Result<(usize, &'x [usize]), Problem> {
        let (front, lengths) = windows.split(x.shape())?;
        if front[1] != self.channels[0] {
            let what = format!("shape {}: expected {} channels", x.shape(), self.channels[0]);
            return Err(Problem::invalid(what));
        }
        Ok((front[0], lengths))
    }

    /// Values of images of a number of points, each with its bias.
    fn biases(&self, images: usize, points: usize) -> Vec<f32> {
        let bias = |channel: usize| self.bias.map_or(0.0, |bias| bias[channel]);
        let channels = (0..images * self.channels[1]).map(|channel| bias(channel % self.channels[1]));
        channels.flat_map(|bias| std::iter::repeat_n(bias, points)).collect()
    }

    fn convolved(&self, inputs: &[Give<'_>], windows: &Windows) -> Result<Tensor, Problem> {
        let x = given(inputs, 0)?;
        let (images, lengths) = self.images(x, windows)?;
        let axes = windows.along(lengths)?;
        let [taken, made] = self.channels.map(|channels| channels / self.groups);
        let shape = shape_of([images, self.channels[1]], axes.iter().map(Axis::windows))?;
        let points: usize = shape[2..].iter().product();
        let (plane, each): (usize, usize) = (lengths.iter().product(), self.lengths.iter().product());
        let (x, mut values) = (x.values::<f32>()?, self.biases(images, points));
        let mut window = vec![0f32; taken * each];
        let mut point = 0;
        each_window(&axes, |places| {
            for group in 0..images * self.groups {
                window.fill(0.0);
                for (from, window) in window.chunks_mut(each).enumerate() {
                    let x = &x[(group * taken + from) * plane..][..plane];
                    places.within.iter().for_each(|&(at, place)| window[at] = x[place]);
                }
                for to in 0..made {
                    let channel = group % self.groups * made + to;
                    let weights = &self.weights[channel * taken * each..][..taken * each];
                    values[(group * made + to) * points + point] += product(&window, weights);
                }
            }
            point += 1;
        });
        owned::tensor(shape, values)
    }

    fn spread(&self, inputs: &[Give<'_>], windows: &Outward) -> Result<Tensor, Problem> {
        let x = given(inputs, 0)?;
        let (images, lengths) = self.images(x, &windows.windows)?;
        let axes = windows.along(lengths)?;
        let [taken, made] = self.channels.map(|channels| channels / self.groups);
        let shape = shape_of([images, self.channels[1]], axes.iter().map(|axis| axis.length))?;
        let plane: usize = shape[2..].iter().product();
        let (points, each): (usize, usize) = (lengths.iter().product(), self.lengths.iter().product());
        let (x, mut values) = (x.values::<f32>()?, self.biases(images, plane));
        let mut point = 0;
        each_window(&axes, |places| {
            for (channel, x) in x.iter().skip(point).step_by(points).enumerate() {
                let (group, from) = (channel / taken, channel % self.channels[0]);
                for to in 0..made {
                    let weights = &self.weights[(from * made + to) * each..][..each];
                    let values = &mut values[(group * made + to) * plane..][..plane];
                    places.within.iter().for_each(|&(at, place)| values[place] += x * weights[at]);
                }
            }
            point += 1;
        });
        owned::tensor(shape, values)
    }
}

/// The sum of products, in eight sums side by side.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0f32; 8];
    for (a, b) in a.iter().zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
