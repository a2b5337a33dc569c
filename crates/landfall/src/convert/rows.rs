//! Rows made for a signature, to compare two models with: deterministic, of every kind that the types allow.

use landfall_model::{
    BufferMut, DType, Dim, Input, InputSpec, Problem, RowRule, Shape, Signature, StringsMut, Tensor,
};

/// Rows of one made call, where the model takes any number.
const ROWS: usize = 16;

/// How wild the values are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Values {
    /// Numbers on both sides of 0, some large; small whole numbers; words.
    Varied,
    /// 0 and 1: for models that look things up.
    Small,
    /// Halves and whole numbers on both sides of 0, many of them equal: what is rounded, ranked and divided.
    Ties,
    /// Whole numbers up to the ends of their types.
    Wide,
    /// Infinities and NaN among others.
    Endless,
}

/// What texts are made of.
const WORDS: [&str; 8] = ["", "a", "good film", "the cat sat", "desktop", "berlin", "x1", "Mobile Phone"];

/// Inputs by slot; free axes other than rows get this length.
///
/// # Errors
/// When a shape has too many elements.
pub(super) fn made(
    signature: &Signature,
    values: Values,
    length: usize,
) -> Result<Vec<Option<Input>>, Problem> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let rows = match signature.rows() {
        // What is made of such a model may keep its length.
        RowRule::Pieces(size) => *size,
        _ => ROWS,
    };
    let each =
        |input: &InputSpec| tensor(input, rows, length, values, &mut dice).map(|t| Some(Input::Dense(t)));
    signature.inputs().iter().map(each).collect()
}

/// Whether lengths of axes other than rows are the caller's to choose.
pub(super) fn has_free_inner_axes(signature: &Signature) -> bool {
    let inner =
        |input: &InputSpec| input.dims.iter().flatten().skip(1).any(|dim| matches!(dim, Dim::Free(_)));
    signature.inputs().iter().any(inner)
}

/// Numbers from a seed (xorshift64*).
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn fraction(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.fraction() * end as f64) as usize
    }
}

fn tensor(
    input: &InputSpec,
    rows: usize,
    length: usize,
    values: Values,
    dice: &mut Dice,
) -> Result<Tensor, Problem> {
    let dims = input.dims.as_deref().unwrap_or(&[Dim::Free(None)]);
    let axis = |(place, dim): (usize, &Dim)| match dim {
        Dim::Known(known) => *known,
        Dim::Free(_) if place == 0 => rows,
        Dim::Free(_) => length,
    };
    let shape: Shape = dims.iter().enumerate().map(axis).collect();
    let elements = shape.elements()?;
    let of_a_row = elements / shape.first().copied().unwrap_or(1).max(1);
    if input.dtype == DType::String {
        let mut strings = StringsMut::default();
        for _ in 0..elements {
            strings.push(WORDS[dice.below(WORDS.len())].as_bytes());
        }
        return Tensor::from_strings(shape, strings.freeze());
    }
    let size = input.dtype.size().unwrap_or(1);
    let mut buffer = BufferMut::with_capacity(0);
    for element in 0..elements {
        let row = element / of_a_row.max(1);
        number(&mut buffer, input.dtype, size, row, values, dice);
    }
    Tensor::from_buffer(input.dtype, shape, buffer.freeze())
}

/// One number: row 0 is zeros, row 1 has large ones.
fn number(buffer: &mut BufferMut, dtype: DType, size: usize, row: usize, values: Values, dice: &mut Dice) {
    let real = match (row, values) {
        (0, _) => 0.0,
        (_, Values::Small) => dice.fraction(),
        (_, Values::Ties) => (dice.below(13) as f64 - 6.0) / 2.0,
        (_, Values::Endless) => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1.0, -1.0][dice.below(6)],
        (1, Values::Varied | Values::Wide) => 20.0 * dice.fraction() - 10.0,
        (_, Values::Varied | Values::Wide) => {
            2.0 * (dice.fraction() + dice.fraction() + dice.fraction()) - 3.0
        }
    };
    match dtype {
        DType::F32 => buffer.push(real as f32),
        DType::F64 => buffer.push(real),
        DType::F16 => buffer.push(half::f16::from_f64(real)),
        DType::BF16 => buffer.push(half::bf16::from_f64(real)),
        DType::Complex64 => buffer.push([real as f32, dice.fraction() as f32]),
        DType::Complex128 => buffer.push([real, dice.fraction()]),
        _ => buffer.extend_from_bytes(&whole(dtype, values, dice).to_le_bytes()[..size]),
    }
}

/// Whole numbers at the ends of types, and beyond what smaller types and those of real numbers hold exactly.
const WIDE: [i64; 12] = [
    -1,
    1,
    7,
    -7,
    1 << 24 | 1,
    (1 << 31) - 1,
    1 << 31 | 5,
    -(1 << 31) - 3,
    (1 << 53) + 1,
    -(1 << 53) - 1,
    i64::MAX,
    i64::MIN,
];

/// The bits of a whole number; narrower types have the lowest of them.
fn whole(dtype: DType, values: Values, dice: &mut Dice) -> i64 {
    let below = |dice: &mut Dice, end: usize| dice.below(end) as i64;
    match values {
        _ if dtype == DType::Bool => below(dice, 2),
        Values::Small => below(dice, 2),
        // Not 0: nobody divides by it. Unsigned numbers have their lowest bits.
        Values::Ties => {
            let number = below(dice, 18) - 9;
            number + i64::from(number >= 0)
        }
        Values::Wide => WIDE[dice.below(WIDE.len())],
        _ if matches!(dtype, DType::U8 | DType::I8) => below(dice, 256),
        _ => below(dice, 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{Method, OutputSpec, ShapeRule};

    fn signature(dtype: DType, rows: RowRule) -> Signature {
        let dims = vec![Dim::Free(None), Dim::Known(3), Dim::Free(None)];
        let input = InputSpec::new("x", dtype, Some(dims));
        let output = OutputSpec::new("y", DType::F32, None);
        Signature::new("s", Method::Predict, vec![input], vec![output], rows, ShapeRule::Checked).unwrap()
    }

    #[test]
    fn rows_of_every_type_have_the_declared_shape_and_are_the_same_each_time() {
        for dtype in DType::ALL {
            let signature = signature(dtype, RowRule::Unproven);
            assert!(has_free_inner_axes(&signature));
            let first = made(&signature, Values::Varied, 5).unwrap();
            let tensor = first[0].as_ref().unwrap().dense().unwrap();
            assert_eq!((tensor.dtype(), &tensor.shape()[..]), (dtype, &[ROWS, 3, 5][..]));
            let again = made(&signature, Values::Varied, 5).unwrap();
            assert_eq!(tensor, again[0].as_ref().unwrap().dense().unwrap());
        }
    }

    #[test]
    fn values_seldom_met_are_among_those_of_their_kind() {
        let made = |dtype: DType, values: Values| {
            let made = made(&signature(dtype, RowRule::None), values, 5).unwrap();
            made[0].as_ref().unwrap().dense().unwrap().clone()
        };
        let whole = made(DType::I64, Values::Ties);
        let whole = whole.values::<i64>().unwrap();
        assert!(whole.contains(&-7) && whole.contains(&9) && !whole.contains(&0));
        let wide = made(DType::I64, Values::Wide);
        assert!(WIDE.iter().all(|number| wide.values::<i64>().unwrap().contains(number)));
        let halves = made(DType::F32, Values::Ties);
        let halves = halves.values::<f32>().unwrap();
        assert!([0.5, 1.5, 2.5, -0.5, -2.5].iter().all(|half| halves.contains(half)));
        let endless = made(DType::F64, Values::Endless);
        let endless = endless.values::<f64>().unwrap();
        assert!(endless.iter().any(|value| value.is_nan()) && endless.contains(&f64::NEG_INFINITY));
        assert!(
            made(DType::F32, Values::Wide).values::<f32>().unwrap().iter().all(|value| value.is_finite())
        );
    }

    #[test]
    fn a_model_of_pieces_gets_one_piece() {
        let made = made(&signature(DType::F32, RowRule::Pieces(5)), Values::Small, 1).unwrap();
        assert_eq!(made[0].as_ref().unwrap().rows(), Some(5));
    }
}
