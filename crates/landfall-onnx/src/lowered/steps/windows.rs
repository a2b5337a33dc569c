//! Windows that move over axes: of convolutions and of pooling (`Conv`, `MaxPool` in `Operators.md` of ONNX).

use super::super::Refusal;
use super::Ask;
use landfall_model::{Problem, Shape};

/// Elements that a result may have.
const MOST_MADE: usize = 1 << 28;

/// Windows as a node says them; lists that it leaves out are empty.
#[derive(Clone)]
pub(super) struct Windows {
    pub(super) kernel: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    padding: Padding,
    rounds_up: bool,
}

#[derive(Clone)]
enum Padding {
    /// Before each axis, then behind each; empty for none.
    Given(Vec<usize>),
    /// As much as keeps lengths: of an odd number the one more behind, or before.
    Same { more_before: bool },
}

/// An axis: what lies before and behind it, and how many windows there are.
#[derive(Clone, Copy)]
struct Ends {
    before: usize,
    behind: usize,
    made: usize,
}

/// A list of lengths, none of them less than one.
fn lengths(ask: &Ask<'_>, name: &str, least: i64) -> Result<Vec<usize>, Refusal> {
    let wrong = |value: i64| Refusal::not(format!("{name} of {value}"));
    let fits = |value: i64| {
        let fits = (least..=1 << 31).contains(&value);
        if fits { Ok(value as usize) } else { Err(wrong(value)) }
    };
    ask.node.attributes.integers(name)?.into_iter().map(fits).collect()
}

impl Windows {
    pub(super) fn of(ask: &Ask<'_>) -> Result<Self, Refusal> {
        let attributes = &ask.node.attributes;
        let lengths = |name, least| lengths(ask, name, least);
        let padding = match attributes.text("auto_pad")?.unwrap_or(b"NOTSET") {
            b"NOTSET" | b"" => Padding::Given(lengths("pads", 0)?),
            b"VALID" => Padding::Given(Vec::new()),
            b"SAME_UPPER" => Padding::Same { more_before: false },
            b"SAME_LOWER" => Padding::Same { more_before: true },
            other => return Err(Refusal::not(format!("auto_pad {:?}", String::from_utf8_lossy(other)))),
        };
        Ok(Windows {
            kernel: lengths("kernel_shape", 1)?,
            strides: lengths("strides", 1)?,
            dilations: lengths("dilations", 1)?,
            padding,
            rounds_up: ask.flag("ceil_mode", false)?,
        })
    }

    /// A shape in two: images and channels, and the axes that windows move along.
    pub(super) fn split<'s>(&self, shape: &'s Shape) -> Result<(&'s [usize], &'s [usize]), Problem> {
        let axes = self.kernel.len();
        if shape.len() != axes + 2 {
            return Err(Problem::invalid(format!("shape {shape}: expected {} axes", axes + 2)));
        }
        Ok(shape.split_at(2))
    }

    /// The same with the lengths of a kernel.
    ///
    /// # Errors
    /// Invalid argument, where the node says others.
    pub(super) fn of_kernel(&self, lengths: &[usize]) -> Result<Self, Problem> {
        if !self.kernel.is_empty() && self.kernel != lengths || lengths.contains(&0) {
            return Err(Problem::invalid(format!("a kernel of {lengths:?}: expected {:?}", self.kernel)));
        }
        Ok(Windows { kernel: lengths.to_vec(), ..self.clone() })
    }

    fn stride(&self, axis: usize) -> usize {
        self.strides.get(axis).copied().unwrap_or(1)
    }

    fn dilation(&self, axis: usize) -> usize {
        self.dilations.get(axis).copied().unwrap_or(1)
    }

    /// How windows lie along each axis of these lengths.
    ///
    /// # Errors
    /// Invalid argument, where no window fits.
    pub(super) fn along(&self, lengths: &[usize]) -> Result<Vec<Axis>, Problem> {
        let axes = lengths.iter().enumerate();
        axes.map(|(axis, &length)| Ok(self.axis(axis, length, self.ends(axis, length)?))).collect()
    }

    fn ends(&self, axis: usize, length: usize) -> Result<Ends, Problem> {
        let (stride, kernel) = (self.stride(axis), self.kernel[axis]);
        let window = (kernel - 1).saturating_mul(self.dilation(axis)).saturating_add(1);
        let pads = match &self.padding {
            Padding::Given(pads) => pads,
            Padding::Same { more_before } => {
                let made = length.div_ceil(stride);
                let lacking = (made.saturating_sub(1) * stride).saturating_add(window).saturating_sub(length);
                let before = if *more_before { lacking.div_ceil(2) } else { lacking / 2 };
                return Ok(Ends { before, behind: lacking - before, made });
            }
        };
        let pad = |place: usize| pads.get(place).copied().unwrap_or(0);
        let (before, behind) = (pad(axis), pad(self.kernel.len() + axis));
        let Some(room) = (length + before + behind).checked_sub(window) else {
            let what =
                format!("a window of {window} over {length} values, padded with {before} and {behind}");
            return Err(Problem::invalid(what));
        };
        let mut made = 1 + if self.rounds_up { room.div_ceil(stride) } else { room / stride };
        // None begins beyond the values and what lies before them.
        if self.rounds_up && (made - 1) * stride >= length + before {
            made -= 1;
        }
        Ok(Ends { before, behind, made })
    }

    fn axis(&self, axis: usize, length: usize, ends: Ends) -> Axis {
        let (kernel, stride, dilation) = (self.kernel[axis], self.stride(axis), self.dilation(axis));
        Axis { length, kernel, stride, dilation, ends }
    }
}

/// How windows lie along an axis.
pub(super) struct Axis {
    pub(super) length: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    ends: Ends,
}

impl Axis {
    /// How many windows there are.
    pub(super) fn windows(&self) -> usize {
        self.ends.made
    }

    /// The first place in a window that lies on a value, that value, and how many of them do; then how many places there are with
    /// those of the padding.
    fn span(&self, window: usize) -> (usize, usize, usize, usize) {
        let (start, Ends { before, behind, .. }) = (window * self.stride, self.ends);
        let places_up_to = |end: usize| end.saturating_sub(start).div_ceil(self.dilation).min(self.kernel);
        let (first, end) = (places_up_to(before), places_up_to(before + self.length));
        let value = (start + first * self.dilation).saturating_sub(before);
        (first, value, end - first, places_up_to(before + self.length + behind))
    }
}

/// What one window takes of all axes.
#[derive(Default)]
pub(super) struct Taken {
    /// Places in the window, and of the values there, in the order of those.
    pub(super) within: Vec<(usize, usize)>,
    /// How many places there are with those of the padding.
    pub(super) padded: usize,
}

/// Gives each window over some axes, in the order of the result's values.
pub(super) fn each_window(axes: &[Axis], mut each: impl FnMut(&Taken)) {
    let all: usize = axes.iter().map(Axis::windows).product();
    let (mut taken, mut wider) = (Taken::default(), Vec::new());
    for number in 0..all {
        let (mut rest, mut behind) = (number, all);
        taken.within.clear();
        taken.within.push((0, 0));
        taken.padded = 1;
        for axis in axes {
            behind /= axis.windows();
            let (first, value, count, padded) = axis.span(rest / behind);
            rest %= behind;
            wider.clear();
            for &(at, place) in &taken.within {
                let (at, place) = (at * axis.kernel + first, place * axis.length + value);
                wider.extend((0..count).map(|step| (at + step, place + step * axis.dilation)));
            }
            std::mem::swap(&mut taken.within, &mut wider);
            taken.padded *= padded;
        }
        each(&taken);
    }
}

/// The shape of a result along some axes: images, channels, and these lengths.
///
/// # Errors
/// Invalid argument, for more than memory is given for.
pub(super) fn shape_of(
    [images, channels]: [usize; 2],
    lengths: impl Iterator<Item = usize>,
) -> Result<Shape, Problem> {
    let shape: Shape = [images, channels].into_iter().chain(lengths).collect();
    if shape.elements()? > MOST_MADE {
        return Err(Problem::invalid(format!("a result of shape {shape} has too many elements")));
    }
    Ok(shape)
}

/// Windows that values go into: those of `ConvTranspose`.
pub(super) struct Outward {
    pub(super) windows: Windows,
    /// Lengths of the result, where the node says them.
    lengths: Vec<usize>,
    /// What is added behind each axis.
    more: Vec<usize>,
}

impl Outward {
    pub(super) fn of(ask: &Ask<'_>, windows: Windows) -> Result<Self, Refusal> {
        let (asked, more) = (lengths(ask, "output_shape", 0)?, lengths(ask, "output_padding", 0)?);
        Ok(Outward { windows, lengths: asked, more })
    }

    /// The same with the lengths of a kernel.
    ///
    /// # Errors
    /// Invalid argument, where the node says others.
    pub(super) fn of_kernel(&self, kernel: &[usize]) -> Result<Self, Problem> {
        let windows = self.windows.of_kernel(kernel)?;
        Ok(Outward { windows, lengths: self.lengths.clone(), more: self.more.clone() })
    }

    /// How windows lie along each axis of the result, for values of these lengths.
    ///
    /// # Errors
    /// Invalid argument, where nothing would be left.
    pub(super) fn along(&self, lengths: &[usize]) -> Result<Vec<Axis>, Problem> {
        let axes = lengths.iter().enumerate().map(|(axis, &made)| {
            let (length, before) = self.ends(axis, made)?;
            Ok(self.windows.axis(axis, length, Ends { before, behind: 0, made }))
        });
        axes.collect()
    }

    /// The length of the result along an axis, and what lies before it and is left out.
    fn ends(&self, axis: usize, values: usize) -> Result<(usize, usize), Problem> {
        let Windows { padding, kernel, .. } = &self.windows;
        let stride = self.windows.stride(axis);
        let window = (kernel[axis] - 1).saturating_mul(self.windows.dilation(axis)).saturating_add(1);
        let more = self.more.get(axis).copied().unwrap_or(0);
        let all = values.saturating_sub(1).saturating_mul(stride).saturating_add(window).saturating_add(more);
        let asked = match self.lengths.len().checked_sub(kernel.len()) {
            Some(front) => self.lengths.get(front + axis).copied(),
            None => None,
        };
        let (length, more_before) = match (padding, asked) {
            (Padding::Given(pads), None) => {
                let pad = |place: usize| pads.get(place).copied().unwrap_or(0);
                let left = all.checked_sub(pad(axis) + pad(kernel.len() + axis)).filter(|&left| left > 0);
                let left =
                    left.ok_or_else(|| Problem::invalid(format!("nothing is left along axis {axis}")))?;
                return Ok((left, pad(axis)));
            }
            (Padding::Given(_), Some(length)) => (length, true),
            (Padding::Same { more_before }, asked) => {
                (asked.unwrap_or((values * stride).min(all)), *more_before)
            }
        };
        let lacking = all.saturating_sub(length);
        Ok((length, if more_before { lacking.div_ceil(2) } else { lacking / 2 }))
    }
}
