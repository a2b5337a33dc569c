//! Features into inputs, by the rules of each type and shape.

use super::*;
use crate::protobuf::Writer;
use landfall_model::protobuf::Fields;
use landfall_model::{
    Column, DType, Dim, Input, InputSpec, Method, NullRule, OutputSpec, RowRule, Scalar, ShapeRule, Signature,
};
use proptest::prelude::*;

enum Of<'a> {
    Bytes(&'a [&'a str]),
    Floats(&'a [f32]),
    Ints(&'a [i64]),
}

fn example(features: &[(&str, Of<'_>)]) -> Vec<u8> {
    let mut inner = Vec::new();
    for (name, of) in features {
        let mut writer = FeatureWriter::Open;
        let fits = match of {
            Of::Bytes(values) => values.iter().all(|value| writer.push_bytes(value.as_bytes())),
            Of::Floats(values) => values.iter().all(|&value| writer.push_float(value)),
            Of::Ints(values) => values.iter().all(|&value| writer.push_int(value)),
        };
        assert!(fits);
        writer.write(name.as_bytes(), &mut Writer::new(&mut inner));
    }
    let mut example = Vec::new();
    Writer::new(&mut example).bytes_field(1, &inner);
    example
}

fn spec(name: &str, dtype: DType, row: &[Option<usize>]) -> InputSpec {
    let row = row.iter().map(|length| length.map_or(Dim::Free(None), Dim::Known));
    InputSpec::new(name, dtype, Some([Dim::Free(None)].into_iter().chain(row).collect()))
}

fn filled(inputs: Vec<InputSpec>, examples: &[Vec<u8>]) -> Result<Vec<Option<Input>>, Problem> {
    let outputs = vec![OutputSpec::new("y", DType::F32, None)];
    let rows = RowRule::Independent;
    let signature = Signature::new("s", Method::Predict, inputs, outputs, rows, ShapeRule::Checked).unwrap();
    super::inputs(&signature, &examples.iter().collect())
}

fn dense(input: &Option<Input>) -> &Tensor {
    input.as_ref().and_then(Input::dense).expect("a tensor")
}

#[test]
fn features_fill_the_inputs_of_their_names_whatever_their_order() {
    let inputs = vec![
        spec("age", DType::I32, &[]),
        spec("weights", DType::F32, &[Some(2)]),
        spec("name", DType::String, &[Some(1)]),
        spec("ok", DType::Bool, &[]),
        spec("ids", DType::I64, &[None]),
    ];
    let examples = [
        example(&[
            ("age", Of::Ints(&[31])),
            ("weights", Of::Floats(&[0.5, 1.5])),
            ("name", Of::Bytes(&["ä"])),
            ("ok", Of::Ints(&[1])),
            ("ids", Of::Ints(&[1, 2, 3])),
            ("unused", Of::Bytes(&["x"])),
        ]),
        example(&[
            ("ids", Of::Ints(&[4, 5, 6])),
            ("ok", Of::Ints(&[0])),
            ("name", Of::Bytes(&[""])),
            ("weights", Of::Ints(&[2, -3])),
            ("age", Of::Ints(&[-1])),
        ]),
    ];
    let inputs = filled(inputs, &examples).unwrap();
    assert_eq!(dense(&inputs[0]), &Tensor::from_slice(&[2], &[31i32, -1]).unwrap());
    assert_eq!(dense(&inputs[1]), &Tensor::from_slice(&[2, 2], &[0.5f32, 1.5, 2.0, -3.0]).unwrap());
    assert_eq!(dense(&inputs[2]).scalar(0), Scalar::Bytes("ä".into()));
    assert_eq!(dense(&inputs[2]).shape()[..], [2, 1]);
    assert_eq!(dense(&inputs[3]).bools().unwrap(), [1, 0]);
    assert_eq!(dense(&inputs[4]), &Tensor::from_slice(&[2, 3], &[1i64, 2, 3, 4, 5, 6]).unwrap());
}

#[test]
fn an_input_without_a_declared_rank_takes_as_many_values_as_the_first_example_has() {
    let of = |values: &[f32]| {
        let examples = [example(&[("x", Of::Floats(values))]), example(&[("x", Of::Floats(values))])];
        filled(vec![InputSpec::new("x", DType::F64, None)], &examples)
    };
    assert_eq!(dense(&of(&[1.5]).unwrap()[0]).shape()[..], [2]);
    assert_eq!(dense(&of(&[1.5, 2.5]).unwrap()[0]).shape()[..], [2, 2]);
}

#[test]
fn a_matrix_is_filled_whole_or_by_its_columns() {
    let mut matrix = spec("features", DType::F32, &[Some(2)]);
    matrix.columns = ["a", "b"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    matrix.null = NullRule::Nan;
    let examples = [
        example(&[("features", Of::Floats(&[1.0, 2.0]))]),
        example(&[("b", Of::Ints(&[4])), ("a", Of::Floats(&[3.0]))]),
        example(&[("b", Of::Floats(&[6.0]))]),
    ];
    let inputs = filled(vec![matrix.clone()], &examples).unwrap();
    let values = dense(&inputs[0]).values::<f32>().unwrap();
    assert_eq!((&values[..4], values[4].is_nan(), values[5]), (&[1.0, 2.0, 3.0, 4.0][..], true, 6.0));
    let two = [example(&[("a", Of::Floats(&[1.0, 2.0]))])];
    let told = filled(vec![matrix], &two).unwrap_err().to_string();
    assert_eq!(told, "example 0, feature \"a\": expected 1 values, found 2");
}

#[test]
fn what_is_missing_follows_the_rule_of_its_input() {
    let with = example(&[("x", Of::Floats(&[2.0, 3.0]))]);
    let without = example(&[]);
    let ruled = |null: NullRule, optional: bool, dims: &[Option<usize>], examples: &[Vec<u8>]| {
        let mut x = spec("x", DType::F32, dims);
        (x.null, x.optional) = (null, optional);
        filled(vec![x], examples).map(|mut inputs| inputs.remove(0))
    };
    let both = [without.clone(), with.clone()];
    for dims in [&[Some(2)][..], &[None]] {
        let zeros = ruled(NullRule::Zero, false, dims, &both).unwrap();
        assert_eq!(dense(&zeros).values::<f32>().unwrap(), [0.0, 0.0, 2.0, 3.0]);
        let marked = ruled(NullRule::Accept, true, dims, &both).unwrap();
        assert!(dense(&marked).is_missing(0) && !dense(&marked).is_missing(2));
        for optional in [true, false] {
            let refused = ruled(NullRule::Refuse, optional, dims, &both).unwrap_err();
            assert_eq!(*refused.reason(), landfall_model::Reason::ValueMissing { input: "x".into(), row: 0 });
        }
        assert!(ruled(NullRule::Refuse, true, dims, std::slice::from_ref(&without)).unwrap().is_none());
    }
    assert!(
        ruled(NullRule::Zero, false, &[None], std::slice::from_ref(&without)).is_err(),
        "nothing tells a row's length"
    );
    let many = vec![without; 100];
    let told = ruled(NullRule::Zero, false, &[Some(1 << 20)], &many).unwrap_err().to_string();
    assert!(told.starts_with("more than 67108864 bytes of missing values"), "{told}");
}

#[test]
fn values_of_another_kind_are_refused_or_marked() {
    for (dtype, of, expected) in [
        (DType::I64, Of::Floats(&[1.0]), "expected int64, found float"),
        (DType::F32, Of::Bytes(&["1"]), "expected float, found bytes"),
        (DType::String, Of::Ints(&[1]), "expected string, found int64"),
        (DType::I8, Of::Ints(&[300]), "expected int8, found int64"),
        (DType::Bool, Of::Ints(&[2]), "expected bool, found int64"),
    ] {
        let examples = [example(&[("x", of)])];
        let told = filled(vec![spec("x", dtype, &[])], &examples).unwrap_err().to_string();
        assert_eq!(told, format!("example 0, feature \"x\": data types don't match: {expected}"));
        let mut lenient = spec("x", dtype, &[]);
        lenient.accepts_invalid = true;
        assert_eq!(dense(&filled(vec![lenient], &examples).unwrap()[0]).invalid().len(), 1);
    }
}

#[test]
fn counts_and_shapes_that_make_no_rows_are_refused() {
    let of = |dims: &[Option<usize>], counts: &[usize]| {
        let examples: Vec<_> =
            counts.iter().map(|&count| example(&[("x", Of::Floats(&vec![1.0; count]))])).collect();
        filled(vec![spec("x", DType::F32, dims)], &examples).map(|_| ()).map_err(|p| p.to_string())
    };
    assert_eq!(of(&[Some(3)], &[3, 3]), Ok(()));
    assert_eq!(of(&[Some(3)], &[3, 2]).unwrap_err(), "example 1, feature \"x\": expected 3 values, found 2");
    assert_eq!(of(&[None], &[2, 3]).unwrap_err(), "example 1, feature \"x\": expected 2 values, found 3");
    assert_eq!(of(&[Some(2), None], &[6]), Ok(()));
    assert!(of(&[Some(2), None], &[5]).unwrap_err().contains("do not make a row of [-1,2,-1]"));
    assert!(of(&[None, None], &[4]).unwrap_err().contains("do not make a row"));
    let scalar = InputSpec::new("x", DType::F32, Some(vec![]));
    assert!(filled(vec![scalar], &[example(&[])]).unwrap_err().to_string().contains("use predict"));
    let broken = filled(vec![spec("x", DType::F32, &[])], &[vec![0x0a, 9, 1]]).unwrap_err().to_string();
    assert!(broken.starts_with("Could not parse example input 0: "), "{broken}");
}

#[test]
fn the_context_stands_in_front_so_that_an_examples_feature_wins() {
    let mut examples = Examples::default();
    examples.add_context(&example(&[("x", Of::Floats(&[1.0])), ("z", Of::Floats(&[7.0]))]));
    examples.push(&example(&[("x", Of::Floats(&[2.0]))]));
    examples.push(&example(&[]));
    let merged = examples.merged().unwrap();
    let inputs = vec![spec("x", DType::F32, &[]), spec("z", DType::F32, &[])];
    let examples: Vec<_> = merged.iter().map(<[u8]>::to_vec).collect();
    let inputs = filled(inputs, &examples).unwrap();
    assert_eq!(dense(&inputs[0]).values::<f32>().unwrap(), [2.0, 1.0], "TFS-REST-116");
    assert_eq!(dense(&inputs[1]).values::<f32>().unwrap(), [7.0, 7.0]);
    assert_eq!(Examples::default().merged().unwrap_err().to_string(), "Input is empty.", "TFS-GRPC-39");
    let mut large = Examples::default();
    large.add_context(&[0; 1 << 20]);
    (0..100).for_each(|_| large.push(b""));
    assert!(large.merged().unwrap_err().to_string().contains("stands before 100 examples"));
}

#[test]
fn of_the_two_kinds_of_input_the_last_counts_and_parts_are_one_list() {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    writer.message(2, |list| {
        list.bytes_field(2, b"context");
        list.bytes_field(1, b"lost");
    });
    writer.message(1, |list| list.bytes_field(1, b"a"));
    writer.message(1, |list| list.bytes_field(1, b"b"));
    let (mut examples, mut kind) = (Examples::default(), 0);
    examples.merge(Fields::new("Input", &bytes), &mut kind).unwrap();
    assert_eq!(examples.merged().unwrap().iter().collect::<Vec<_>>(), [b"a", b"b"]);
}

proptest! {
    #![proptest_config(crate::seeded::seeded(128))]

    #[test]
    fn every_value_comes_back_from_its_example(
        floats in proptest::collection::vec(any::<f32>(), 1..6),
        ints in proptest::collection::vec(any::<i64>(), 1..6),
        text: String,
    ) {
        let one = example(&[("i", Of::Ints(&ints)), ("s", Of::Bytes(&[&text])), ("f", Of::Floats(&floats))]);
        let inputs = vec![
            spec("f", DType::F32, &[None]),
            spec("i", DType::I64, &[None]),
            spec("s", DType::String, &[]),
        ];
        let inputs = filled(inputs, &[one]).unwrap();
        let found = dense(&inputs[0]).values::<f32>().unwrap();
        prop_assert!(found.iter().zip(&floats).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan()));
        prop_assert_eq!(dense(&inputs[1]).values::<i64>().unwrap(), &ints[..]);
        prop_assert_eq!(dense(&inputs[2]).scalar(0), Scalar::Bytes(text.into_bytes()));
    }
}
