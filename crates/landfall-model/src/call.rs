//! One checked question to a model.

mod fit;

use crate::{Input, Problem, RowRule, ShapeRule, Signature, Slot, Tensor, Wanted};
use fit::{as_declared, check_input, check_rows, missing_inputs, rows_have_own_names};
use std::sync::Arc;

/// One checked question to a model: inputs by slot, and the outputs wanted. It holds nothing of serving: no deadline,
/// no caller.
#[derive(Clone, Debug)]
pub struct Call {
    signature: Arc<Signature>,
    inputs: Inputs,
    rows: Option<usize>,
    wanted: Wanted,
    traced: bool,
}

/// On the heap: an input is large, and a call is handed on many times.
type Inputs = Vec<Option<Input>>;

impl Call {
    /// Holds inputs against the signature: required ones are there, types are equal, dims fit where the signature's
    /// shape rule checks them (missing trailing dims of 1 are added), and all have the same number of rows where rows
    /// mean something. Where the runtime judges shapes, a call whose arrays are not of the declared rank and dims, or not
    /// of one number of rows, has no rows: it runs alone, as it came; and so does a call whose inputs differ in rows where
    /// the model has another name for the rows of each.
    ///
    /// `inputs` is by slot and may be shorter than the signature's list.
    ///
    /// # Errors
    /// Invalid argument, with the reason that names the input.
    pub fn checked(
        signature: Arc<Signature>,
        inputs: impl IntoIterator<Item = Option<Input>>,
        wanted: Wanted,
    ) -> Result<Self, Problem> {
        let mut inputs: Inputs = inputs.into_iter().collect();
        inputs.resize(signature.inputs().len(), None);
        if inputs.iter().zip(signature.inputs()).any(|(input, spec)| input.is_none() && !spec.optional) {
            return Err(missing_inputs(&signature, &inputs));
        }
        let mut counts_rows = *signature.rows() != RowRule::None;
        let mut rows = None;
        for (slot, input) in inputs.iter_mut().enumerate() {
            let Some(input) = input else { continue };
            check_input(&signature, slot, input)?;
            if counts_rows {
                match check_rows(&signature, slot, input, &mut rows) {
                    // What the runtime judges may broadcast, and axis 0 need not be rows where others differ.
                    _ if signature.shapes() == ShapeRule::AsSent && !as_declared(&signature, slot, input) => {
                        counts_rows = false;
                    }
                    Err(_) if signature.shapes() == ShapeRule::AsSent || rows_have_own_names(&signature) => {
                        counts_rows = false;
                    }
                    checked => checked?,
                }
            }
        }
        let rows = rows.filter(|_| counts_rows);
        Ok(Call { signature, inputs, rows, wanted, traced: false })
    }

    /// A call made of the rows of other calls (or of a part of one), whose inputs passed the check already. It is traced
    /// where this one is.
    pub(crate) fn regrouped(&self, inputs: Inputs, rows: usize) -> Self {
        let (signature, wanted) = (self.signature.clone(), self.wanted.clone());
        Call { signature, inputs, rows: Some(rows), wanted, traced: self.traced }
    }

    /// Asks for the run's steps.
    pub fn trace(&mut self) {
        self.traced = true;
    }

    /// Whether an engine that knows the steps of its runs is to give them with the outputs.
    pub fn is_traced(&self) -> bool {
        self.traced
    }

    /// The signature that the inputs were held against.
    pub fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    /// What fills a slot; `None` for an optional input that did not come.
    pub fn input(&self, slot: Slot) -> Option<&Input> {
        self.inputs.get(slot).and_then(Option::as_ref)
    }

    /// All slots.
    pub fn inputs(&self) -> &[Option<Input>] {
        &self.inputs
    }

    /// Bytes of all elements of all inputs.
    pub fn bytes_total(&self) -> usize {
        self.inputs.iter().flatten().map(Input::bytes_total).sum()
    }

    /// Number of rows; `None` where rows mean nothing.
    pub fn rows(&self) -> Option<usize> {
        self.rows
    }

    /// The outputs wanted.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Whether rows of both may run in one batch: one signature, the same outputs wanted, the same inputs given, all as
    /// arrays of equal dims but for rows, or as the same columns of a matrix.
    pub fn joins(&self, other: &Call) -> bool {
        self.joins_by(other, |a, b| a.shape().get(1..) == b.shape().get(1..))
    }

    /// The same with another rule for which arrays join.
    pub(crate) fn joins_by(&self, other: &Call, arrays: impl Fn(&Tensor, &Tensor) -> bool) -> bool {
        Arc::ptr_eq(&self.signature, &other.signature)
            && self.wanted == other.wanted
            && self.rows.is_some()
            && *self.signature.rows() == RowRule::Independent
            && self.inputs.iter().zip(&other.inputs).all(|pair| match pair {
                (None, None) => true,
                (Some(Input::Dense(a)), Some(Input::Dense(b))) => arrays(a, b),
                (Some(Input::Columns(a)), Some(Input::Columns(b))) => {
                    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| columns_join(a.as_ref(), b.as_ref()))
                }
                _ => false,
            })
    }
}

/// Whether a column of one matrix goes on in another's: neither came, or both did, alike.
fn columns_join(a: Option<&Tensor>, b: Option<&Tensor>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.dtype() == b.dtype() && !a.shape().is_empty() && a.shape().get(1..) == b.shape().get(1..)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Dim, InputSpec, Kind, Method, OutputSpec, Reason};

    fn signature() -> Arc<Signature> {
        let free = Dim::Free(None);
        let mut extra = InputSpec::new("extra", DType::F32, Some(vec![free.clone()]));
        extra.optional = true;
        let inputs = vec![
            InputSpec::new("dense", DType::F32, Some(vec![free.clone(), Dim::Known(2)])),
            InputSpec::new("ids", DType::I64, Some(vec![free.clone(), free])),
            extra,
        ];
        let outputs =
            vec![OutputSpec::new("score", DType::F32, None), OutputSpec::new("other", DType::F32, None)];
        Signature::new("s", Method::Predict, inputs, outputs, RowRule::Independent, ShapeRule::Checked)
            .unwrap()
            .shared()
    }

    fn dense(rows: usize) -> Option<Input> {
        Some(Input::Dense(Tensor::from_slice(&[rows, 2], &vec![0.5f32; rows * 2]).unwrap()))
    }

    fn ids(rows: usize, width: usize) -> Option<Input> {
        Some(Input::Dense(Tensor::from_slice(&[rows, width], &vec![1i64; rows * width]).unwrap()))
    }

    fn call(inputs: Vec<Option<Input>>) -> Result<Call, Problem> {
        let signature = signature();
        let wanted = signature.default_outputs().clone();
        Call::checked(signature, inputs, wanted)
    }

    #[test]
    fn a_call_that_fits_knows_its_rows() {
        assert_eq!(call(vec![dense(3), ids(3, 4)]).unwrap().rows(), Some(3));
        assert_eq!(call(vec![dense(0), ids(0, 4)]).unwrap().rows(), Some(0));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let missing = call(vec![None, ids(1, 1)]).unwrap_err();
        assert_eq!(
            *missing.reason(),
            Reason::InputsMissing { missing: vec!["dense".into()], given: vec!["ids".into()] }
        );
        let differ = call(vec![dense(2), ids(3, 1)]).unwrap_err();
        assert_eq!(*differ.reason(), Reason::RowsDiffer { input: "ids".into(), expected: 2, found: 3 });
        let wrong = call(vec![ids(1, 2), ids(1, 2)]).unwrap_err();
        assert!(matches!(wrong.reason(), Reason::WrongDType { expected: DType::F32, found: DType::I64, .. }));
    }

    #[test]
    fn a_shape_that_holds_no_value_cannot_say_how_much_a_model_has_to_do() {
        let empty = |shape: &[usize]| Some(Input::Dense(Tensor::from_slice::<i64>(shape, &[]).unwrap()));
        assert_eq!(call(vec![dense(3), empty(&[3, 0])]).unwrap().rows(), Some(3));
        for shape in [[1 << 60, 0], [0, 1 << 60]] {
            let problem = call(vec![dense(0), empty(&shape)]).unwrap_err();
            assert_eq!(problem.kind(), Kind::InvalidArgument);
            assert!(problem.to_string().contains("holds no value"), "{problem}");
        }
    }

    #[test]
    fn whole_numbers_become_text_where_the_input_takes_them() {
        let mut spec = InputSpec::new("city", DType::String, Some(vec![Dim::Free(None)]));
        spec.integers_as_text = true;
        let outputs = vec![OutputSpec::new("score", DType::F32, None)];
        let rule = RowRule::Independent;
        let signature = Signature::new("s", Method::Predict, vec![spec], outputs, rule, ShapeRule::Checked);
        let signature = signature.unwrap().shared();
        let call = |tensor| {
            Call::checked(signature.clone(), vec![Some(Input::Dense(tensor))], Wanted::default())
                .map(|call| call.input(0).and_then(Input::dense).unwrap().clone())
        };
        let texts = |tensor: Tensor| tensor.strings().unwrap().iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
        let mut missing = crate::Bitmap::filled(3, false);
        missing.set(1, true);
        let numbers = Tensor::from_slice(&[3], &[-7i64, 5, i64::MAX]).unwrap().with_missing(missing);
        let taken = call(numbers).unwrap();
        assert_eq!(texts(taken.clone()), [&b"-7"[..], b"", b"9223372036854775807"]);
        assert!(taken.is_missing(1) && !taken.is_missing(0));
        assert_eq!(
            texts(call(Tensor::from_slice(&[1], &[u64::MAX]).unwrap()).unwrap()),
            [b"18446744073709551615"]
        );
        let refused = call(Tensor::from_slice(&[1], &[1.0f64]).unwrap()).unwrap_err();
        assert!(matches!(
            refused.reason(),
            Reason::WrongDType { expected: DType::String, found: DType::F64, .. }
        ));
    }

    #[test]
    fn a_call_that_the_runtime_judges_has_rows_only_as_declared() {
        let declared = signature();
        let (inputs, outputs) = (declared.inputs().to_vec(), declared.outputs().to_vec());
        let rule = RowRule::Independent;
        let signature = Signature::new("s", Method::Predict, inputs, outputs, rule, ShapeRule::AsSent);
        let signature = signature.unwrap().shared();
        let wanted = signature.default_outputs().clone();
        let rows = |inputs| Call::checked(signature.clone(), inputs, wanted.clone()).unwrap().rows();
        assert_eq!(rows(vec![dense(3), ids(3, 4)]), Some(3));
        assert_eq!(rows(vec![dense(3), ids(1, 4)]), None, "one may be broadcast over the other");
        let flat = Tensor::from_slice(&[3], &[0.5f32; 3]).unwrap();
        assert_eq!(rows(vec![Some(Input::Dense(flat)), ids(3, 4)]), None, "another rank");
    }

    #[test]
    fn inputs_whose_rows_have_names_of_their_own_may_differ_in_rows() {
        let rows = |names: [Option<&str>; 2], counts: [usize; 2]| {
            let input = |name: &str, rows: Option<&str>| {
                let dims = vec![Dim::Free(rows.map(str::to_owned)), Dim::Known(2)];
                InputSpec::new(name, DType::F32, Some(dims))
            };
            let inputs = vec![input("a", names[0]), input("b", names[1])];
            let output = vec![OutputSpec::new("y", DType::F32, None)];
            let rule = RowRule::Independent;
            let signature =
                Signature::new("s", Method::Predict, inputs, output, rule, ShapeRule::Checked).unwrap();
            Call::checked(signature.shared(), counts.map(dense), Wanted::default()).map(|call| call.rows())
        };
        assert_eq!(rows([Some("N"), Some("M")], [3, 3]).unwrap(), Some(3));
        assert_eq!(rows([Some("N"), Some("M")], [3, 1]).unwrap(), None, "it runs alone");
        assert!(rows([Some("N"), Some("N")], [3, 1]).is_err());
        assert!(rows([None, None], [3, 1]).is_err());
    }

    #[test]
    fn only_calls_of_like_shape_and_outputs_join() {
        let signature = signature();
        let make = |width, wanted: &[usize]| {
            Call::checked(signature.clone(), vec![dense(1), ids(1, width)], wanted.iter().copied().collect())
                .unwrap()
        };
        assert!(make(4, &[0]).joins(&make(4, &[0])));
        assert!(!make(4, &[0]).joins(&make(5, &[0])), "ids differ in width");
        assert!(!make(4, &[0]).joins(&make(4, &[0, 1])), "outputs wanted differ");
    }
}
