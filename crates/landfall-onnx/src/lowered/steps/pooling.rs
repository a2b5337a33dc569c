//! `MaxPool`, `AveragePool` and `LpPool` along any number of axes (`Operators.md` of ONNX; sums in the order in which values lie).

use super::super::Refusal;
use super::windows::{Axis, Taken, Windows, each_window, shape_of};
use super::{Ask, Built, given};
use crate::owned;
use landfall_model::{DType, Problem, Tensor};

/// What becomes of a window's values.
#[derive(Clone, Copy)]
enum Pool {
    /// The largest, and where it was; places are counted along the first axis first, or along the last.
    Largest { is_column_first: bool },
    /// The mean of them, or of the padding beside them as well.
    Mean { counts_padding: bool },
    /// The root of the sum of powers of their sizes.
    Norm { power: i32 },
}

/// One of the three operators, over float32.
pub(super) fn pool(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    let pool = match ask.node.operator {
        "MaxPool" => Pool::Largest { is_column_first: ask.flag("storage_order", false)? },
        "AveragePool" => Pool::Mean { counts_padding: ask.flag("count_include_pad", false)? },
        _ => match ask.integer("p", 2)? {
            power @ 1..=64 => Pool::Norm { power: power as i32 },
            other => return Err(Refusal::not(format!("a norm {other}"))),
        },
    };
    let windows = Windows::of(ask)?;
    if windows.kernel.is_empty() {
        return Err(Refusal::not("no kernel_shape"));
    }
    let places = ask.node.outputs.get(1).is_some_and(|name| !name.is_empty());
    let outputs = if places { vec![DType::F32, DType::I64] } else { vec![DType::F32] };
    let built = Built::exact(outputs, move |inputs| pooled(given(inputs, 0)?, pool, &windows, places));
    Ok(built.nearly().costs(usize::MAX / 2))
}

fn pooled(x: &Tensor, pool: Pool, windows: &Windows, places: bool) -> Result<Vec<Tensor>, Problem> {
    let (front, lengths) = windows.split(x.shape())?;
    let axes = windows.along(lengths)?;
    let shape = shape_of([front[0], front[1]], axes.iter().map(Axis::windows))?;
    let (planes, plane): (usize, usize) = (front.iter().product(), lengths.iter().product());
    let (elements, made): (usize, usize) = (shape.elements()?, shape[2..].iter().product());
    let (mut values, mut from) = (vec![0f32; elements], vec![0i64; if places { elements } else { 0 }]);
    let x = x.values::<f32>()?;
    let mut window = 0;
    each_window(&axes, |taken| {
        for number in 0..planes {
            let (value, place) = pool.of(&x[number * plane..][..plane], taken);
            values[number * made + window] = value;
            if places {
                from[number * made + window] = (number * plane + pool.counted(place, lengths)) as i64;
            }
        }
        window += 1;
    });
    let mut all = vec![owned::tensor(shape.clone(), values)?];
    if places {
        all.push(owned::tensor(shape, from)?);
    }
    Ok(all)
}

impl Pool {
    /// A window's value, and where it was.
    fn of(self, x: &[f32], taken: &Taken) -> (f32, usize) {
        let places = || taken.within.iter().map(|&(_, place)| place);
        match self {
            Pool::Largest { .. } => {
                let first = (f32::NEG_INFINITY, places().next().unwrap_or(0));
                places().fold(first, |best, place| if x[place] > best.0 { (x[place], place) } else { best })
            }
            Pool::Mean { counts_padding } => {
                let count = if counts_padding { taken.padded } else { taken.within.len() };
                (places().map(|place| x[place]).sum::<f32>() / count as f32, 0)
            }
            Pool::Norm { power } => {
                let sum: f32 = places().map(|place| x[place].abs().powi(power)).sum();
                (if power == 2 { sum.sqrt() } else { sum.powf(1.0 / power as f32) }, 0)
            }
        }
    }

    /// A place as it is to be counted.
    fn counted(self, place: usize, lengths: &[usize]) -> usize {
        if !matches!(self, Pool::Largest { is_column_first: true }) {
            return place;
        }
        let (mut rest, mut counted) = (place, 0);
        let mut step: usize = lengths.iter().product();
        for length in lengths.iter().rev() {
            step /= length;
            counted += rest % length * step;
            rest /= length;
        }
        counted
    }
}
