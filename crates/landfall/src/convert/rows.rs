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
    let varied = values == Values::Varied;
    let real = match row {
        0 => 0.0,
        _ if !varied => dice.fraction(),
        1 => 20.0 * dice.fraction() - 10.0,
        _ => 2.0 * (dice.fraction() + dice.fraction() + dice.fraction()) - 3.0,
    };
    match dtype {
        DType::F32 => buffer.push(real as f32),
        DType::F64 => buffer.push(real),
        DType::F16 => buffer.push(half::f16::from_f64(real)),
        DType::BF16 => buffer.push(half::bf16::from_f64(real)),
        DType::Complex64 => buffer.push([real as f32, dice.fraction() as f32]),
        DType::Complex128 => buffer.push([real, dice.fraction()]),
        DType::U8 if varied => buffer.push(dice.below(256) as u8),
        DType::I8 if varied => buffer.push((dice.below(256) as u8).cast_signed()),
        _ => {
            let end = if varied && dtype != DType::Bool { 10 } else { 2 };
            let mut bytes = [0u8; 8];
            bytes[0] = dice.below(end) as u8;
            buffer.extend_from_bytes(&bytes[..size]);
        }
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
    fn a_model_of_pieces_gets_one_piece() {
        let made = made(&signature(DType::F32, RowRule::Pieces(5)), Values::Small, 1).unwrap();
        assert_eq!(made[0].as_ref().unwrap().rows(), Some(5));
    }
}
