//! Two tensors of like shape: axes of length 1, and axes that one of them lacks in front, are repeated.

use landfall_model::{Problem, Shape};

/// Elements that repeating may make of few.
const MOST_REPEATED: usize = 1 << 28;

/// The shape of both, and for each of its elements the places in the one and in the other.
pub(super) struct Pairs {
    pub(super) shape: Shape,
    elements: usize,
    a: Steps,
    b: Steps,
}

/// How a tensor is walked along the shape of both.
enum Steps {
    /// Place by place.
    Along,
    /// The one element there is.
    One,
    /// By each axis: its length, and how many elements a step along it passes.
    Strides(Vec<(usize, usize)>),
}

impl Pairs {
    /// # Errors
    /// Invalid argument, when the shapes do not fit each other.
    pub(super) fn of(a: &Shape, b: &Shape) -> Result<Self, Problem> {
        let rank = a.len().max(b.len());
        let axis = |shape: &Shape, at: usize| (at + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
        let mut shape = Shape::new(&[]);
        for at in 0..rank {
            shape.push(match (axis(a, at), axis(b, at)) {
                (a, b) if a == b => a,
                (1, other) | (other, 1) => other,
                _ => return Err(Problem::invalid(format!("shapes {a} and {b} do not fit each other"))),
            });
        }
        let elements = shape.elements()?;
        if elements > MOST_REPEATED.max(a.elements()?).max(b.elements()?) {
            return Err(Problem::invalid(format!("shapes {a} and {b} make {shape} of each other")));
        }
        let (a, b) = (Steps::of(a, &shape)?, Steps::of(b, &shape)?);
        Ok(Pairs { shape, elements, a, b })
    }

    /// The places of each element.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.elements).map(|element| (self.a.place(element), self.b.place(element)))
    }
}

impl Steps {
    fn of(shape: &Shape, whole: &Shape) -> Result<Self, Problem> {
        if shape == whole {
            return Ok(Steps::Along);
        }
        if shape.elements()? == 1 {
            return Ok(Steps::One);
        }
        let (mut strides, mut stride) = (Vec::new(), 1);
        for (back, &length) in whole.iter().rev().enumerate() {
            let own = if back < shape.len() { shape[shape.len() - 1 - back] } else { 1 };
            strides.push((length, if own == 1 { 0 } else { stride }));
            stride *= own;
        }
        Ok(Steps::Strides(strides))
    }

    #[inline]
    fn place(&self, element: usize) -> usize {
        match self {
            Steps::Along => element,
            Steps::One => 0,
            Steps::Strides(strides) => {
                let (mut rest, mut place) = (element, 0);
                for &(length, stride) in strides {
                    place += rest % length * stride;
                    rest /= length;
                }
                place
            }
        }
    }
}
