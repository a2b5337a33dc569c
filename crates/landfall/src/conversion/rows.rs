//! Rows made for a signature, to compare two models with: deterministic, of every kind that the types allow.

use landfall_model::{
    BufferMut, DType, Dim, Input, InputSpec, Problem, RowRule, Scalar, Shape, Signature, StringsMut, Tensor,
    TensorMut,
};
use std::fmt;

/// Rows of one made call, where the model takes any number.
pub(super) const ROWS: usize = 16;

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
    /// The same, large ones below 0 alone: for graphs that may do or make something as often as a number says.
    Low,
    /// Numbers of all magnitudes up to 1e12: amounts, times in seconds and milliseconds, what is cast and overflows.
    Far,
    /// Whole numbers of all magnitudes up to 1e12: amounts and times too, that are counted.
    Amounts,
    /// Infinities and NaN among others.
    Endless,
}

/// As sentences name the rows.
impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Values::Varied => "rows of numbers around 0",
            Values::Small => "rows of numbers from 0 to 1",
            Values::Ties => "rows of halves and negative whole numbers",
            Values::Wide => "rows of whole numbers at the ends of their types",
            Values::Low => "rows of whole numbers at the lower ends of their types",
            Values::Far => "rows of numbers up to 1e12",
            Values::Amounts => "rows of whole numbers up to 1e12",
            Values::Endless => "rows of infinities and NaN",
        })
    }
}

/// How the rows of one call are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Recipe {
    pub(super) values: Values,
    /// The slot of the one input that has other values, and which.
    pub(super) apart: Option<(usize, Values)>,
    /// Length of free axes other than rows.
    pub(super) length: usize,
    /// Whether such axes are of different lengths: one that stands in another's place is found out then.
    pub(super) uneven: bool,
    pub(super) rows: usize,
    /// Another draw gives other numbers.
    pub(super) draw: u64,
}

impl Recipe {
    pub(super) fn of(values: Values, length: usize) -> Self {
        Recipe { values, apart: None, length, uneven: false, rows: ROWS, draw: 0 }
    }

    /// Whether the rows have the shapes of another recipe's.
    pub(super) fn is_of_shapes_as(&self, other: &Recipe) -> bool {
        (self.length, self.uneven, self.rows) == (other.length, other.uneven, other.rows)
    }

    /// Whether there are large numbers of the reals among the values.
    pub(super) fn is_far(&self) -> bool {
        self.values == Values::Far || self.apart.is_some_and(|(_, values)| values == Values::Far)
    }

    /// The values of the input at this slot.
    fn values_of(&self, slot: usize) -> Values {
        self.apart.filter(|(apart, _)| *apart == slot).map_or(self.values, |(_, values)| values)
    }

    /// The length of a free axis; `axis` is not the first one.
    fn length_of(&self, axis: usize) -> usize {
        match axis % 3 {
            1 if self.uneven => self.length + 1,
            2 if self.uneven => (self.length * 3).div_ceil(4),
            _ => self.length,
        }
    }
}

/// What texts are made of.
const WORDS: [&str; 8] = ["", "a", "good film", "the cat sat", "desktop", "berlin", "x1", "Mobile Phone"];

/// Inputs by slot.
///
/// # Errors
/// When a shape has too many elements.
pub(super) fn made(signature: &Signature, recipe: &Recipe) -> Result<Vec<Option<Input>>, Problem> {
    let mut dice = Dice::of(recipe.draw);
    let rows = match signature.rows() {
        // What is made of such a model may keep its length.
        RowRule::Pieces(size) => *size,
        _ => recipe.rows,
    };
    let each = |(slot, input): (usize, &InputSpec)| {
        let values = recipe.values_of(slot);
        tensor(input, rows, recipe, values, &mut dice).map(|t| Some(Input::Dense(t)))
    };
    signature.inputs().iter().enumerate().map(each).collect()
}

/// Whether an input holds rows, and not a number or a list of them that goes for the whole call.
pub(super) fn has_rows(input: &InputSpec) -> bool {
    input.dims.as_ref().is_none_or(|dims| matches!(dims.first(), Some(Dim::Free(_))))
}

/// Whether an input holds rows of whole numbers.
pub(super) fn has_whole_rows(input: &InputSpec) -> bool {
    has_rows(input) && is_of_numbers(input) && !input.dtype.is_float() && !is_complex(input.dtype)
}

/// Whether an input holds numbers, which can be large and small.
pub(super) fn is_of_numbers(input: &InputSpec) -> bool {
    !matches!(input.dtype, DType::String | DType::Bool)
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
    /// Another draw gives other numbers.
    fn of(draw: u64) -> Self {
        Dice(0x9e37_79b9_7f4a_7c15 ^ draw.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

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
    recipe: &Recipe,
    values: Values,
    dice: &mut Dice,
) -> Result<Tensor, Problem> {
    let dims = input.dims.as_deref().unwrap_or(&[Dim::Free(None)]);
    let axis = |(place, dim): (usize, &Dim)| match dim {
        Dim::Known(known) => *known,
        Dim::Free(_) if place == 0 => rows,
        Dim::Free(_) => recipe.length_of(place),
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
        match input.dtype.is_float() || is_complex(input.dtype) {
            true => real(&mut buffer, input.dtype, row, values, dice),
            false => {
                let whole = whole(input, values, dice).to_le_bytes();
                buffer.extend_from_bytes(&whole[..size]);
            }
        }
    }
    Tensor::from_buffer(input.dtype, shape, buffer.freeze())
}

fn is_complex(dtype: DType) -> bool {
    matches!(dtype, DType::Complex64 | DType::Complex128)
}

/// One number: row 0 is zeros, row 1 has large ones.
fn real(buffer: &mut BufferMut, dtype: DType, row: usize, values: Values, dice: &mut Dice) {
    let real = match (row, values) {
        (0, _) => 0.0,
        (_, Values::Small) => dice.fraction(),
        (_, Values::Ties) => (dice.below(13) as f64 - 6.0) / 2.0,
        (_, Values::Endless) => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1.0, -1.0][dice.below(6)],
        (_, Values::Far) => far(dtype, row, dice),
        (1, Values::Varied | Values::Wide | Values::Low | Values::Amounts) => 20.0 * dice.fraction() - 10.0,
        (_, Values::Varied | Values::Wide | Values::Low | Values::Amounts) => {
            2.0 * (dice.fraction() + dice.fraction() + dice.fraction()) - 3.0
        }
    };
    match dtype {
        DType::F64 => buffer.push(real),
        DType::F16 => buffer.push(half::f16::from_f64(real)),
        DType::BF16 => buffer.push(half::bf16::from_f64(real)),
        DType::Complex64 => buffer.push([real as f32, dice.fraction() as f32]),
        DType::Complex128 => buffer.push([real, dice.fraction()]),
        _ => buffer.push(real as f32),
    }
}

/// From 1 to 1e12, on both sides of 0; half floats end at 65504. The numbers of an even row are of all magnitudes alike, those
/// of an odd one of about one, which grows from row to row: there what is small is not small beside something else.
fn far(dtype: DType, row: usize, dice: &mut Dice) -> f64 {
    let digits = if dtype == DType::F16 { 4.8 } else { 12.0 };
    let sign = if dice.below(2) == 0 { 1.0 } else { -1.0 };
    let part = match row % 2 {
        0 => dice.fraction(),
        _ => ((row % ROWS) as f64 + dice.fraction()) / ROWS as f64,
    };
    sign * 10f64.powf(digits * part)
}

/// The inputs with each real number moved up or down by a part of itself; another draw moves other ones up.
///
/// # Errors
/// None that values of their own type could have.
pub(super) fn nudged(inputs: &[Option<Input>], part: f64, draw: u64) -> Result<Vec<Option<Input>>, Problem> {
    let mut dice = Dice::of(draw);
    let mut moved = |tensor: &Tensor| {
        let mut made = TensorMut::with_capacity(tensor.dtype(), tensor.len());
        for element in 0..tensor.len() {
            let sign = if dice.below(2) == 0 { 1.0 } else { -1.0 };
            made.push_scalar(&match tensor.scalar(element) {
                Scalar::Float(number) => Scalar::Float(number * (1.0 + sign * part)),
                other => other,
            })?;
        }
        made.freeze(tensor.shape().clone())
    };
    let each = |input: &Option<Input>| match input.as_ref().and_then(Input::dense) {
        Some(tensor) if tensor.dtype().is_float() => Ok(Some(Input::Dense(moved(tensor)?))),
        _ => Ok(input.clone()),
    };
    inputs.iter().map(each).collect()
}

/// Whole numbers at the ends of types, and beyond what smaller types and those of real numbers hold exactly.
const WIDE: [i64; 14] = [
    -1,
    1,
    7,
    -7,
    1 << 24 | 1,
    -(1 << 24) - 1,
    (1 << 31) - 1,
    1 << 31 | 5,
    -(1 << 31),
    -(1 << 31) - 3,
    (1 << 53) + 1,
    -(1 << 53) - 1,
    i64::MAX,
    i64::MIN,
];

/// From 1 to 1e12, or to the end of a narrower type, on both sides of 0 where there are two.
fn amount(dtype: DType, is_unsigned: bool, dice: &mut Dice) -> i64 {
    let bits = 8 * dtype.size().unwrap_or(8) - usize::from(!is_unsigned);
    let most = 1e12f64.min(2f64.powi(bits as i32) - 1.0);
    let sign = if is_unsigned || dice.below(2) == 0 { 1 } else { -1 };
    sign * most.powf(dice.fraction()) as i64
}

/// The bits of a whole number; narrower types have the lowest of them.
fn whole(input: &InputSpec, values: Values, dice: &mut Dice) -> i64 {
    let dtype = input.dtype;
    let is_unsigned = matches!(dtype, DType::U8 | DType::U16 | DType::U32 | DType::U64);
    let below = |dice: &mut Dice, end: usize| dice.below(end) as i64;
    match values {
        _ if dtype == DType::Bool => below(dice, 2),
        Values::Small => below(dice, 2),
        // Not 0: nobody divides by it. Unsigned numbers have their lowest bits.
        Values::Ties if !is_unsigned || has_rows(input) => {
            let number = below(dice, 18) - 9;
            number + i64::from(number >= 0)
        }
        // A number that goes for the whole call may say how often something is done: large ones are below 0.
        Values::Amounts if has_rows(input) => amount(dtype, is_unsigned, dice),
        Values::Wide if has_rows(input) => WIDE[dice.below(WIDE.len())],
        Values::Wide | Values::Low if !is_unsigned => {
            let lowest = i64::MIN >> (64 - 8 * dtype.size().unwrap_or(8));
            WIDE[dice.below(WIDE.len())].clamp(lowest, 9)
        }
        _ if matches!(dtype, DType::U8 | DType::I8) && has_rows(input) => below(dice, 256),
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
            let first = made(&signature, &Recipe::of(Values::Varied, 5)).unwrap();
            let tensor = first[0].as_ref().unwrap().dense().unwrap();
            assert_eq!((tensor.dtype(), &tensor.shape()[..]), (dtype, &[ROWS, 3, 5][..]));
            let again = made(&signature, &Recipe::of(Values::Varied, 5)).unwrap();
            assert_eq!(tensor, again[0].as_ref().unwrap().dense().unwrap());
        }
    }

    #[test]
    fn values_seldom_met_are_among_those_of_their_kind() {
        let made = |dtype: DType, values: Values| {
            let made = made(&signature(dtype, RowRule::None), &Recipe::of(values, 5)).unwrap();
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
    fn numbers_that_may_be_counts_are_large_below_0_alone() {
        let of = |dtype: DType, dims: Vec<Dim>, values: Values, draw: u64| {
            let inputs = vec![InputSpec::new("n", dtype, Some(dims))];
            let outputs = vec![OutputSpec::new("y", DType::F32, None)];
            let (rows, shapes) = (RowRule::None, ShapeRule::AsSent);
            let signature = Signature::new("s", Method::Predict, inputs, outputs, rows, shapes).unwrap();
            let made = made(&signature, &Recipe { draw, ..Recipe::of(values, 8) }).unwrap();
            let tensor = made[0].as_ref().unwrap().dense().unwrap();
            let number = |element: usize| match tensor.scalar(element) {
                landfall_model::Scalar::Int(number) => i128::from(number),
                landfall_model::Scalar::UInt(number) => i128::from(number),
                other => panic!("{other:?}"),
            };
            (0..tensor.len()).map(number).collect::<Vec<i128>>()
        };
        let signed = [DType::I8, DType::I16, DType::I32, DType::I64];
        // Of one byte none is large.
        for dtype in signed.into_iter().chain([DType::U16, DType::U32, DType::U64]) {
            let of_calls = (0..40).flat_map(|draw| of(dtype, vec![], Values::Wide, draw));
            let of_rows = of(dtype, vec![Dim::Free(None), Dim::Known(20)], Values::Low, 0);
            for drawn in [of_calls.collect(), of_rows] {
                assert!(drawn.iter().all(|number| *number < 10), "{dtype:?}: {drawn:?}");
                let ends = -(1i128 << (8 * dtype.size().unwrap() - 1));
                let lowest = if signed.contains(&dtype) { ends } else { 0 };
                assert!(drawn.contains(&lowest), "{dtype:?}: {drawn:?}");
            }
        }
    }

    #[test]
    fn amounts_are_whole_numbers_of_all_magnitudes_that_their_types_hold() {
        for (dtype, least, most) in [
            (DType::I64, -1e12, 1e12),
            (DType::I32, f64::from(i32::MIN), f64::from(i32::MAX)),
            (DType::U16, 1.0, 65535.0),
            (DType::I8, -128.0, 127.0),
        ] {
            let made = made(&signature(dtype, RowRule::None), &Recipe::of(Values::Amounts, 50)).unwrap();
            let tensor = made[0].as_ref().unwrap().dense().unwrap();
            let number = |element: usize| match tensor.scalar(element) {
                Scalar::Int(number) => number as f64,
                Scalar::UInt(number) => number as f64,
                other => panic!("{other:?}"),
            };
            let drawn: Vec<f64> = (0..tensor.len()).map(number).collect();
            assert!(drawn.iter().all(|x| *x >= least && *x <= most && *x != 0.0), "{dtype}");
            // A third of the digits each.
            for part in [1.0 / 3.0, 2.0 / 3.0] {
                let above = drawn.iter().filter(|x| x.abs() > most.powf(part)).count();
                assert!(above > 0 && above < drawn.len(), "{dtype}: {above}");
            }
            assert_eq!(drawn.iter().any(|x| *x < 0.0), least < 0.0, "{dtype}");
        }
    }

    #[test]
    fn one_input_has_values_of_its_own_and_axes_lengths_of_their_own() {
        let column = |name: &str| InputSpec::new(name, DType::F32, Some(vec![Dim::Free(None); 3]));
        let (inputs, outputs) =
            (vec![column("a"), column("b")], vec![OutputSpec::new("y", DType::F32, None)]);
        let signature =
            Signature::new("s", Method::Predict, inputs, outputs, RowRule::None, ShapeRule::AsSent).unwrap();
        let recipe = Recipe { apart: Some((1, Values::Far)), uneven: true, ..Recipe::of(Values::Small, 8) };
        let made = made(&signature, &recipe).unwrap();
        let tensor = |slot: usize| made[slot].as_ref().unwrap().dense().unwrap();
        assert_eq!(&tensor(0).shape()[..], [ROWS, 9, 6]);
        let most = |slot: usize| {
            tensor(slot).values::<f32>().unwrap().iter().fold(0f32, |most, x| most.max(x.abs()))
        };
        assert!(most(0) <= 1.0 && most(1) > 1e9 && most(1) <= 1e12);
    }

    #[test]
    fn a_model_of_pieces_gets_one_piece() {
        let made = made(&signature(DType::F32, RowRule::Pieces(5)), &Recipe::of(Values::Small, 1)).unwrap();
        assert_eq!(made[0].as_ref().unwrap().rows(), Some(5));
    }
}
