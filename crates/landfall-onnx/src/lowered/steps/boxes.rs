//! Boxes of objects that were found: of those that overlap, the best ones stay.

use super::super::Refusal;
use super::{Ask, Built, Give, given};
use crate::owned;
use landfall_model::{DType, Problem, Shape, Tensor};
use std::cmp::Ordering;

/// Which boxes stay, image by image and class by class, the best one first: rows of image, class and box.
///
/// One that shares more than a part of its area with a better one of its class goes (`NonMaxSuppression` of `Operators.md`
/// of ONNX; of equal scores the first one is the better, as in ONNX Runtime).
pub(super) fn suppressed(ask: &Ask<'_>) -> Result<Built, Refusal> {
    for (input, dtype) in [(0, DType::F32), (1, DType::F32)] {
        ask.one_of(input, &[dtype])?;
    }
    for (input, dtype) in [(2, DType::I64), (3, DType::F32), (4, DType::F32)] {
        if ask.has(input) {
            ask.one_of(input, &[dtype])?;
        }
    }
    let corners: Corners = if ask.flag("center_point_box", false)? { by_centre } else { by_corners };
    Ok(Built::one(DType::I64, move |inputs| {
        let limits = Limits::of(inputs)?;
        let (boxes, scores) = (given(inputs, 0)?, given(inputs, 1)?);
        let (&[images, count, 4], &[of_images, classes, of_boxes]) =
            (&boxes.shape()[..], &scores.shape()[..])
        else {
            return Err(shapes(boxes, scores));
        };
        if (images, count) != (of_images, of_boxes) {
            return Err(shapes(boxes, scores));
        }
        let coordinates = boxes.values::<f32>()?.as_chunks::<4>().0;
        if let Some(place) = coordinates.iter().position(|place| place.iter().any(|number| number.is_nan())) {
            return Err(Problem::invalid(format!("a coordinate of box {place} is NaN")));
        }
        let areas: Vec<Area> = coordinates.iter().map(|&place| Area::of(corners(place))).collect();
        let scores = scores.values::<f32>()?;
        let mut rows: Vec<i64> = Vec::new();
        for image in 0..images {
            for class in 0..classes {
                let areas = &areas[image * count..][..count];
                let scores = &scores[(image * classes + class) * count..][..count];
                for place in limits.best(areas, scores)? {
                    rows.extend([image as i64, class as i64, place as i64]);
                }
            }
        }
        owned::tensor(Shape::new(&[rows.len() / 3, 3]), rows)
    }))
}

fn shapes(boxes: &Tensor, scores: &Tensor) -> Problem {
    let (boxes, scores) = (boxes.shape(), scores.shape());
    let expected = "[images, boxes, 4] and [images, classes, boxes]";
    Problem::invalid(format!("boxes {boxes} and scores {scores}: expected {expected}"))
}

/// What is asked of boxes that stay.
struct Limits {
    /// How many of a class.
    most: usize,
    /// The greatest share of its area with a better one.
    share: f32,
    /// What their scores are above.
    above: Option<f32>,
}

impl Limits {
    fn of(inputs: &[Give<'_>]) -> Result<Self, Problem> {
        let input = |place: usize| inputs.get(place).copied().flatten();
        let float = |place: usize| match input(place).map(|tensor| tensor.values::<f32>()) {
            None => Ok(None),
            Some(Ok(&[value])) => Ok(Some(value)),
            Some(Ok(_)) => Err(Problem::invalid("a limit of several values")),
            Some(Err(problem)) => Err(problem),
        };
        let most = match input(2).map(|tensor| tensor.values::<i64>()).transpose()? {
            None => 0,
            Some(&[most]) => usize::try_from(most.max(0)).unwrap_or(usize::MAX),
            Some(_) => return Err(Problem::invalid("a limit of several values")),
        };
        let share = float(3)?.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&share) {
            return Err(Problem::invalid(format!("iou_threshold {share}: expected 0 to 1")));
        }
        Ok(Limits { most, share, above: float(4)? })
    }

    /// Places of the boxes that stay, the best one first.
    fn best(&self, areas: &[Area], scores: &[f32]) -> Result<Vec<usize>, Problem> {
        if let (None, Some(place)) = (self.above, scores.iter().position(|score| score.is_nan())) {
            return Err(Problem::invalid(format!("the score of box {place} is NaN")));
        }
        let is_good = |place: &usize| self.above.is_none_or(|above| scores[*place] > above);
        let mut places: Vec<usize> = (0..scores.len()).filter(is_good).collect();
        // Stable: of equal ones the first stays first.
        places.sort_by(|&a, &b| scores[b].partial_cmp(&scores[a]).unwrap_or(Ordering::Equal));
        let mut kept: Vec<usize> = Vec::new();
        for place in places {
            if kept.len() >= self.most {
                break;
            }
            if !kept.iter().any(|&better| areas[better].shared(&areas[place]) > self.share) {
                kept.push(place);
            }
        }
        Ok(kept)
    }
}

/// From the four numbers of a box to its corners: top, left, bottom, right.
type Corners = fn([f32; 4]) -> [f32; 4];

/// Two corners that lie opposite to each other.
fn by_corners([y1, x1, y2, x2]: [f32; 4]) -> [f32; 4] {
    [y1.min(y2), x1.min(x2), y1.max(y2), x1.max(x2)]
}

/// The middle, the width and the height.
fn by_centre([x, y, width, height]: [f32; 4]) -> [f32; 4] {
    let (half_width, half_height) = (width / 2.0, height / 2.0);
    [y - half_height, x - half_width, y + half_height, x + half_width]
}

/// A box with its size.
struct Area {
    corners: [f32; 4],
    size: f32,
}

impl Area {
    fn of(corners: [f32; 4]) -> Self {
        let [top, left, bottom, right] = corners;
        Area { corners, size: (right - left) * (bottom - top) }
    }

    /// The part of both that they have in common.
    fn shared(&self, other: &Area) -> f32 {
        let ([top, left, bottom, right], others) = (self.corners, other.corners);
        let width = right.min(others[3]) - left.max(others[1]);
        let height = bottom.min(others[2]) - top.max(others[0]);
        if width <= 0.0 || height <= 0.0 || self.size <= 0.0 || other.size <= 0.0 {
            return 0.0;
        }
        let common = width * height;
        let both = self.size + other.size - common;
        if both <= 0.0 { 0.0 } else { common / both }
    }
}
