//! Whole columns into inputs: cast, nulls by rule, values of several columns side by side, bad rows taken out.

use crate::cell;
use crate::nulls::with_missing;
use crate::number::cast;
use crate::opened::Part;
use landfall_model::{
    Bitmap, BufferMut, DType, Element, Input, InputSpec, Invalid, Problem, Shape, Slot, Strings, Tensor,
    stack,
};
use std::collections::BTreeMap;

/// Rows of a chunk that cannot be read, each with its first problem.
pub(crate) type BadRows = BTreeMap<usize, Problem>;

/// Values of one or more rows as they came, in the order of the input's elements.
pub(crate) struct Values<'a> {
    /// Name of the column, for messages.
    pub(crate) column: &'a str,
    /// Flat, of any type that can be cast; without marks.
    pub(crate) tensor: Tensor,
    /// Elements that are null, ascending.
    pub(crate) nulls: Vec<usize>,
    /// Elements of one row.
    pub(crate) row_elements: usize,
}

/// Brings values to the input's type and rule. Values that cannot be so are marked invalid where the input takes that,
/// else their rows are put into `bad`, and what the tensor holds for them means nothing.
pub(crate) fn fitted(values: Values<'_>, spec: &InputSpec, bad: &mut BadRows) -> Result<Tensor, Problem> {
    if spec.takes_as_text(values.tensor.dtype()) {
        return with_missing(values.tensor.integers_as_text()?, &values.nulls, spec);
    }
    let cast = cast(&values.tensor, spec.dtype)?;
    let row_of = |element: usize| element / values.row_elements.max(1);
    let mut invalid = Vec::new();
    for &element in &cast.misfits {
        if values.nulls.binary_search(&element).is_err() {
            let text = values.tensor.scalar(element).to_string();
            if spec.accepts_invalid {
                invalid.push(Invalid { element, text: text.into_bytes().into() });
                continue;
            }
            let problem = || cell::unfit_number(values.column, spec.dtype, text.as_bytes());
            bad.entry(row_of(element)).or_insert_with(problem);
        }
    }
    if spec.null == landfall_model::NullRule::Refuse {
        for &element in &values.nulls {
            bad.entry(row_of(element)).or_insert_with(|| cell::missing(values.column));
        }
    }
    let tensor = with_missing(cast.tensor, &values.nulls, spec)?;
    Ok(if invalid.is_empty() { tensor } else { tensor.with_invalid(invalid) })
}

/// Columns [n] of one type side by side as [n × columns], row-major.
pub(crate) fn side_by_side(columns: Vec<Tensor>, rows: usize) -> Result<Tensor, Problem> {
    let [first, ..] = columns.as_slice() else { return Err(Problem::internal("a matrix of no columns")) };
    if columns.len() == 1 {
        return Ok(first.clone());
    }
    let (dtype, width) = (first.dtype(), columns.len());
    let shape = Shape::new(&[rows * width]);
    let matrix = match dtype.size() {
        None => {
            let strings: Vec<&Strings> = columns.iter().map(Tensor::strings).collect::<Result<_, _>>()?;
            let values = (0..rows).flat_map(|row| strings.iter().map(move |column| column.get(row)));
            Tensor::from_strings(shape, values.collect())?
        }
        Some(size) => {
            let mut buffer = BufferMut::zeroed(rows * width * size)?;
            for (place, column) in columns.iter().enumerate() {
                let bytes =
                    column.bytes().ok_or_else(|| Problem::internal("numbers lie in a plain buffer"))?;
                match size {
                    1 => spread::<u8>(bytes, &mut buffer, place, width),
                    2 => spread::<u16>(bytes, &mut buffer, place, width),
                    4 => spread::<u32>(bytes, &mut buffer, place, width),
                    8 => spread::<u64>(bytes, &mut buffer, place, width),
                    _ => spread::<[f64; 2]>(bytes, &mut buffer, place, width),
                }
            }
            Tensor::from_buffer(dtype, shape, buffer.freeze())?
        }
    };
    let invalid_of = |(place, column): (usize, &Tensor)| {
        let placed = |one: &Invalid| Invalid { element: one.element * width + place, text: one.text.clone() };
        column.invalid().iter().map(placed).collect::<Vec<_>>()
    };
    let mut invalid: Vec<Invalid> = columns.iter().enumerate().flat_map(invalid_of).collect();
    invalid.sort_by_key(|one| one.element);
    let matrix = matrix.with_invalid(invalid);
    if columns.iter().all(|column| column.missing().is_none()) {
        return Ok(matrix);
    }
    let mut marks = Bitmap::filled(rows * width, false);
    for (place, column) in columns.iter().enumerate() {
        column
            .missing()
            .into_iter()
            .flat_map(Bitmap::ones)
            .for_each(|row| marks.set(row * width + place, true));
    }
    Ok(matrix.with_missing(marks))
}

fn spread<T: Element>(column: &[u8], matrix: &mut BufferMut, place: usize, width: usize) {
    let column: &[T] = bytemuck::cast_slice(column);
    for (row, &value) in matrix.values_mut::<T>().chunks_exact_mut(width).zip(column) {
        row[place] = value;
    }
}

/// Tensors of equal numbers of rows as a part, without the bad rows; `None` when all are bad.
pub(crate) fn without_bad(
    tensors: Vec<(Slot, Tensor)>,
    rows: usize,
    start: usize,
    bad: &BadRows,
) -> Result<Option<Part>, Problem> {
    let dense = |(slot, tensor)| (slot, Input::Dense(tensor));
    if bad.is_empty() {
        let inputs = tensors.into_iter().map(dense).collect();
        return Ok(Some(Part { inputs, rows: (start..start + rows).collect() }));
    }
    let good: Vec<usize> = (0..rows).filter(|row| !bad.contains_key(row)).collect();
    if good.is_empty() {
        return Ok(None);
    }
    let runs: Vec<_> = good.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[0] + run.len()).collect();
    let mut inputs = Vec::with_capacity(tensors.len());
    for (slot, tensor) in tensors {
        let kept: Vec<Tensor> = runs.iter().map(|run| tensor.rows(run.clone())).collect();
        inputs.push(dense((slot, stack(&kept.iter().collect::<Vec<_>>())?)));
    }
    Ok(Some(Part { inputs, rows: good.iter().map(|row| start + row).collect() }))
}

/// Parts that follow each other and are of equal axes, as one.
pub(crate) fn merged(parts: Vec<Part>) -> Result<Vec<Part>, Problem> {
    let mut groups: Vec<Vec<Part>> = Vec::new();
    for part in parts {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|last| alike(last, &part)) => group.push(part),
            _ => groups.push(vec![part]),
        }
    }
    groups.into_iter().map(stacked).collect()
}

fn alike(a: &Part, b: &Part) -> bool {
    a.inputs.len() == b.inputs.len()
        && a.inputs.iter().zip(&b.inputs).all(|((slot_a, a), (slot_b, b))| match (a.dense(), b.dense()) {
            (Some(a), Some(b)) => slot_a == slot_b && a.shape().get(1..) == b.shape().get(1..),
            _ => false,
        })
}

fn stacked(mut group: Vec<Part>) -> Result<Part, Problem> {
    if group.len() == 1
        && let Some(part) = group.pop()
    {
        return Ok(part);
    }
    let mut inputs = Vec::new();
    for place in 0..group[0].inputs.len() {
        let tensors: Vec<&Tensor> = group.iter().filter_map(|part| part.inputs[place].1.dense()).collect();
        inputs.push((group[0].inputs[place].0, Input::Dense(stack(&tensors)?)));
    }
    Ok(Part { inputs, rows: group.into_iter().flat_map(|part| part.rows).collect() })
}

/// Whether a column of this type can fill the input.
///
/// # Errors
/// [`landfall_model::Reason::WrongDType`].
pub(crate) fn check_type(spec: &InputSpec, found: DType) -> Result<(), Problem> {
    if crate::number::can_cast(found, spec.dtype) || spec.takes_as_text(found) {
        return Ok(());
    }
    Err(Problem::new(landfall_model::Reason::WrongDType {
        input: spec.name.clone(),
        expected: spec.dtype,
        found,
    }))
}
