//! Calls whose inputs differ in length, filled up to one length and put together.

use crate::{Call, Input, Kind, Problem, Shape, Tensor, TensorMut};
use smallvec::SmallVec;

/// How many copies of the value that fills up are laid down at once.
const FILL: usize = 64;

impl Call {
    /// Whether rows of both may run in one batch after [`Call::levelled`]: as [`Call::joins`], but axes other than rows
    /// may differ in length where both have a value to fill up with.
    pub fn joins_levelled(&self, other: &Call) -> bool {
        self.joins_by(other, |a, b| {
            let (fills, rank) = (|tensor: &Tensor| tensor.row_elements() > 0, a.shape().len());
            a.shape().get(1..) == b.shape().get(1..)
                || (rank > 0 && rank == b.shape().len() && fills(a) && fills(b))
        })
    }

    /// One call with the rows of all of `calls`, in order, as [`Call::stacked`] makes it. Each array is filled up at the
    /// end of each axis but that of rows, with its own first value, to the longest of its slot.
    ///
    /// # Errors
    /// Internal, when there is no call, the calls do not join even so, values are marked as missing or invalid, or what
    /// is filled up would have more than `most_bytes`.
    pub fn levelled(calls: &[&Call], most_bytes: usize) -> Result<Call, Problem> {
        let first = calls.first().ok_or_else(|| Problem::internal("a batch of no calls"))?;
        if calls.iter().all(|call| first.joins(call)) {
            return Call::stacked(calls);
        }
        if !calls.iter().all(|call| first.joins_levelled(call)) {
            return Err(Problem::internal("these calls do not join, filled up or not"));
        }
        let mut level: Vec<Vec<_>> = calls.iter().map(|call| call.inputs().to_vec()).collect();
        let mut left = most_bytes;
        for slot in 0..first.inputs().len() {
            let tensors: SmallVec<[&Tensor; 64]> =
                calls.iter().filter_map(|call| call.input(slot).and_then(Input::dense)).collect();
            if tensors.is_empty()
                || tensors.windows(2).all(|p| p[0].shape().get(1..) == p[1].shape().get(1..))
            {
                continue;
            }
            let longest = longest(&tensors);
            for (inputs, tensor) in level.iter_mut().zip(tensors) {
                inputs[slot] = Some(Input::Dense(filled(tensor, &longest, &mut left)?));
            }
        }
        let level = calls.iter().zip(level);
        let level: Vec<Call> =
            level.map(|(call, inputs)| call.regrouped(inputs, call.rows().unwrap_or(0))).collect();
        Call::stacked(&level.iter().collect::<Vec<_>>())
    }
}

/// The greatest length of each axis; that of rows means nothing.
fn longest(tensors: &[&Tensor]) -> SmallVec<[usize; 4]> {
    let mut longest: SmallVec<[usize; 4]> = SmallVec::new();
    for tensor in tensors {
        longest.resize(tensor.shape().len().max(longest.len()), 0);
        longest.iter_mut().zip(tensor.shape().iter()).for_each(|(most, &length)| *most = length.max(*most));
    }
    longest
}

/// The tensor with all axes but the first one as long as in `longest`; what is new counts against `left` bytes.
fn filled(tensor: &Tensor, longest: &[usize], left: &mut usize) -> Result<Tensor, Problem> {
    if tensor.missing().is_some() || !tensor.invalid().is_empty() {
        return Err(Problem::internal("an array with marked values is not filled up"));
    }
    let shape = Shape::new(longest).with_rows(tensor.shape().first().copied().unwrap_or(0));
    let elements = shape.elements()?;
    if elements == tensor.len() {
        return tensor.clone().reshaped(shape);
    }
    let width = match (tensor.dtype().size(), tensor.strings()) {
        (Some(width), _) => width,
        // A text of its own, and where it ends.
        (None, Ok(strings)) => strings.get(0).len() + size_of::<u64>(),
        (None, Err(problem)) => return Err(problem),
    };
    let bytes = (elements - tensor.len()).saturating_mul(width).saturating_add(tensor.bytes_total());
    *left = left.checked_sub(bytes).ok_or_else(|| {
        Problem::worded(Kind::Internal, "filled up to one length, the calls would need too much memory")
    })?;
    let mut copy = Copying {
        tensor,
        longest,
        fill: tensor.bytes().map(|bytes| bytes[..width].repeat(FILL)).unwrap_or_default(),
        out: TensorMut::with_capacity(tensor.dtype(), elements),
    };
    copy.axis(0, 0);
    copy.out.freeze(shape)
}

/// A tensor on its way into a longer one.
struct Copying<'a> {
    tensor: &'a Tensor,
    longest: &'a [usize],
    /// Some copies of the first value, where values have a width.
    fill: Vec<u8>,
    out: TensorMut,
}

impl Copying<'_> {
    /// What lies under one index of the axes before `axis`, whose first element is `start`; then what fills it up.
    fn axis(&mut self, axis: usize, start: usize) {
        let dims = self.tensor.shape();
        let below = |lengths: &[usize]| lengths[axis + 1..].iter().product::<usize>();
        let (have, step) = (dims[axis], below(dims));
        if axis + 1 == dims.len() {
            self.values(start, have);
        } else {
            (0..have).for_each(|index| self.axis(axis + 1, start + index * step));
        }
        if axis > 0 {
            self.fill((self.longest[axis] - have) * below(self.longest));
        }
    }

    fn values(&mut self, start: usize, count: usize) {
        match (self.tensor.bytes(), self.tensor.strings()) {
            (Some(bytes), _) => {
                let width = self.fill.len() / FILL;
                let range = start * width..(start + count) * width;
                self.out.plain_mut().extend_from_bytes(&bytes[range]);
            }
            (None, Ok(strings)) => (start..start + count).for_each(|i| self.out.push_str(strings.get(i))),
            (None, Err(_)) => {}
        }
    }

    fn fill(&mut self, mut count: usize) {
        if let (None, Ok(strings)) = (self.tensor.bytes(), self.tensor.strings()) {
            (0..count).for_each(|_| self.out.push_str(strings.get(0)));
            return;
        }
        let width = self.fill.len() / FILL;
        while count > 0 {
            let now = count.min(FILL);
            self.out.plain_mut().extend_from_bytes(&self.fill[..now * width]);
            count -= now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Dim, InputSpec, Method, OutputSpec, RowRule, ShapeRule, Signature, StringsMut};
    use std::sync::Arc;

    fn signature(dtype: DType) -> Arc<Signature> {
        let free = || Dim::Free(None);
        let input = InputSpec::new("x", dtype, Some(vec![free(), free(), free()]));
        let outputs = vec![OutputSpec::new("y", DType::F32, None)];
        let (rows, shapes) = (RowRule::Independent, ShapeRule::AsSent);
        Signature::new("s", Method::Predict, vec![input], outputs, rows, shapes).unwrap().shared()
    }

    fn call(signature: &Arc<Signature>, x: Tensor) -> Call {
        let wanted = signature.default_outputs().clone();
        Call::checked(signature.clone(), [Some(Input::Dense(x))], wanted).unwrap()
    }

    fn numbers(signature: &Arc<Signature>, shape: &[usize], values: &[i32]) -> Call {
        call(signature, Tensor::from_slice(shape, values).unwrap())
    }

    #[test]
    fn shorter_axes_are_filled_up_at_their_end_with_the_calls_own_first_value() {
        let s = signature(DType::I32);
        let wide = numbers(&s, &[1, 1, 3], &[1, 2, 3]);
        let tall = numbers(&s, &[2, 2, 1], &[4, 5, 6, 7]);
        assert!(!wide.joins(&tall) && wide.joins_levelled(&tall));
        let both = Call::levelled(&[&wide, &tall], 1000).unwrap();
        assert_eq!(both.rows(), Some(3));
        let x = both.input(0).and_then(Input::dense).unwrap();
        assert_eq!(x.shape()[..], [3, 2, 3]);
        let expected = [[1, 2, 3, 1, 1, 1], [4, 4, 4, 5, 4, 4], [6, 4, 4, 7, 4, 4]].concat();
        assert_eq!(x.values::<i32>().unwrap(), expected);
    }

    #[test]
    fn long_fillings_and_texts_are_filled_up_alike() {
        let s = signature(DType::I32);
        let long: Vec<i32> = (0..1000).collect();
        let both =
            Call::levelled(&[&numbers(&s, &[1, 1, 1], &[9]), &numbers(&s, &[1, 1, 1000], &long)], 1 << 20);
        let both = both.unwrap();
        let x = both.input(0).and_then(Input::dense).unwrap().values::<i32>().unwrap();
        assert_eq!((&x[..1000], &x[1000..]), (&[9; 1000][..], &long[..]));

        let s = signature(DType::String);
        let texts = |shape: &[usize], texts: &[&str]| {
            let mut strings = StringsMut::default();
            texts.iter().for_each(|text| strings.push(text.as_bytes()));
            call(&s, Tensor::from_strings(Shape::new(shape), strings.freeze()).unwrap())
        };
        let (short, long) = (texts(&[2, 1, 1], &["a", "b"]), texts(&[1, 1, 2], &["c", "d"]));
        let both = Call::levelled(&[&short, &long], 1000).unwrap();
        let strings = both.input(0).and_then(Input::dense).unwrap().strings().unwrap();
        assert_eq!(strings.iter().collect::<Vec<_>>(), [b"a", b"a", b"b", b"a", b"c", b"d"]);
    }

    #[test]
    fn what_has_no_value_to_fill_up_with_and_other_ranks_do_not_join() {
        let s = signature(DType::I32);
        let (none, one) = (numbers(&s, &[1, 1, 0], &[]), numbers(&s, &[1, 1, 1], &[1]));
        assert!(!none.joins_levelled(&one) && none.joins_levelled(&none));
        assert!(!numbers(&s, &[1, 1], &[1]).joins_levelled(&one));
        assert!(Call::levelled(&[&none, &one], 1000).is_err());
        let without_rows = numbers(&s, &[0, 1, 2], &[]);
        let both = Call::levelled(&[&without_rows, &one], 1000).unwrap();
        assert_eq!(both.input(0).and_then(Input::dense).unwrap().values::<i32>().unwrap(), [1, 1]);
    }

    #[test]
    fn one_long_call_does_not_make_many_short_ones_large() {
        let s = signature(DType::I32);
        let (short, long) = (numbers(&s, &[100, 1, 1], &[1; 100]), numbers(&s, &[1, 1, 100], &[2; 100]));
        let problem = Call::levelled(&[&short, &long], 4000).unwrap_err().to_string();
        assert!(problem.contains("too much memory"), "{problem}");
        assert!(Call::levelled(&[&short, &long], 50_000).is_ok());
    }
}
