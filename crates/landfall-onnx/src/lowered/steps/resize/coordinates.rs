//! Where a value of the result lies among those that come (`coordinate_transformation_mode` of `Resize`).

/// An axis that changes: how many values come, how many go, how many go on one, and the part that is taken.
pub(super) struct Line {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) scale: f32,
    pub(super) region: [f32; 2],
}

/// From places to places.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Coordinates {
    Asymmetric,
    HalfPixel,
    HalfPixelSymmetric,
    HalfPixelOfTorch,
    HalfPixelOfNearest,
    AlignCorners,
    Region,
}

impl Coordinates {
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"asymmetric" => Coordinates::Asymmetric,
            b"half_pixel" => Coordinates::HalfPixel,
            b"half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
            b"pytorch_half_pixel" => Coordinates::HalfPixelOfTorch,
            b"tf_half_pixel_for_nn" => Coordinates::HalfPixelOfNearest,
            b"align_corners" => Coordinates::AlignCorners,
            b"tf_crop_and_resize" => Coordinates::Region,
            _ => return None,
        })
    }

    /// Whether only a part is taken, beyond which nothing is.
    pub(super) fn is_of_region(self) -> bool {
        self == Coordinates::Region
    }

    /// Where a place of the result lies.
    pub(super) fn place(self, place: usize, line: &Line) -> f32 {
        let &Line { from, to, scale, region: [start, end] } = line;
        let at = place as f32;
        let last = from as f32 - 1.0;
        match self {
            Coordinates::Asymmetric => at / scale,
            Coordinates::HalfPixel => (at + 0.5) / scale - 0.5,
            Coordinates::HalfPixelSymmetric => {
                // What is cut off of a length is taken from both sides.
                let share = to as f32 / (scale * from as f32);
                let offset = from as f32 / 2.0 * (1.0 - share);
                offset + (at + 0.5) / scale - 0.5
            }
            Coordinates::HalfPixelOfTorch if to > 1 => (at + 0.5) / scale - 0.5,
            Coordinates::HalfPixelOfTorch => 0.0,
            Coordinates::HalfPixelOfNearest => (at + 0.5) / scale,
            Coordinates::AlignCorners if to > 1 => at * last / (to as f32 - 1.0),
            Coordinates::AlignCorners => 0.0,
            Coordinates::Region if to > 1 => start * last + at * (end - start) * last / (to as f32 - 1.0),
            Coordinates::Region => 0.5 * (start + end) * last,
        }
    }
}
