//! Every element type through both engines: what goes in comes out, or is refused at load by name.

use crate::support::{Axis, Files, Graph, Message, answer, engines, identity, load, node, tensor_type};
use landfall_model::{DType, Kind, Scalar, Shape, Tensor, TensorMut};
use landfall_onnx::declared::ElementType;

/// Six values of a type, [3, 2].
fn sample(dtype: DType) -> Tensor {
    let mut values = TensorMut::new(dtype);
    for i in 0..6u8 {
        let scalar = match dtype {
            DType::Bool => Scalar::Bool(i % 2 == 0),
            DType::String => Scalar::Bytes(
                [&b""[..], b"a\0b", b"\xff\xfe", "Ärger".as_bytes(), b"c", b"d"][i as usize].to_vec(),
            ),
            d if d.is_float() => Scalar::Float(f64::from(i) - 2.5),
            DType::Complex64 | DType::Complex128 => Scalar::Float(f64::from(i)),
            DType::U8 | DType::U16 | DType::U32 | DType::U64 => Scalar::UInt(u64::from(i) * 40),
            _ => Scalar::Int(i64::from(i) * 25 - 60),
        };
        values.push_scalar(&scalar).unwrap();
    }
    values.freeze(Shape::new(&[3, 2])).unwrap()
}

#[test]
fn every_type_comes_back_or_is_refused_by_name() {
    let by_embedded = [DType::F32, DType::I32, DType::I8, DType::U8, DType::I64, DType::Bool, DType::F16];
    for engine in engines() {
        let mut answered = Vec::new();
        for dtype in DType::ALL {
            let file = identity(ElementType::of(dtype).0 as i64);
            match load(engine, &Files::model(&file)) {
                Ok(_) => {
                    let x = sample(dtype);
                    let outputs =
                        answer(engine, &file, &[("x", &x)]).unwrap_or_else(|p| panic!("{dtype}: {p}"));
                    assert_eq!(outputs.get(0), Some(&x), "{}", engine.name());
                    let none = x.rows(0..0);
                    let outputs =
                        answer(engine, &file, &[("x", &none)]).unwrap_or_else(|p| panic!("{dtype}: {p}"));
                    assert_eq!(outputs.get(0), Some(&none), "{}: no rows", engine.name());
                    answered.push(dtype);
                }
                Err(problem) => {
                    assert!(
                        matches!(problem.kind(), Kind::Unimplemented | Kind::InvalidArgument),
                        "{problem}"
                    );
                    assert!(
                        problem.to_string().contains("complex") || problem.to_string().contains(dtype.name()),
                        "{problem}"
                    );
                }
            }
        }
        match engine.name() {
            "embedded" => assert!(
                by_embedded.iter().all(|d| answered.contains(d)) && answered.len() == 7,
                "{answered:?}"
            ),
            _ => assert!(answered.len() >= 14, "all but complex numbers: {answered:?}"),
        }
    }
}

#[test]
fn a_bool_of_any_byte_is_true() {
    let file = identity(9);
    let x = Tensor::from_buffer(DType::Bool, Shape::new(&[1, 2]), landfall_model::Buffer::copy_of(&[0, 7]))
        .unwrap();
    for engine in engines() {
        let outputs = answer(engine, &file, &[("x", &x)]).unwrap();
        assert_eq!(outputs.get(0).unwrap().bools().unwrap(), [0, 1], "{}", engine.name());
    }
}

#[test]
fn a_cast_to_bool_gives_true_and_false() {
    let cast = |from: &str, to: &str, element| {
        let attribute = Message::new().text(1, "to").number(3, element).number(20, 2);
        node("Cast", &[from], &[to]).message(5, &attribute)
    };
    let rows = |element| tensor_type(element, Some(&[Axis::Free("n")]));
    let file = |from| {
        let graph = Graph::new().node(&cast("x", "is", 9)).node(&cast("is", "y", 1)).input("x", &rows(from));
        graph.output("y", &rows(1)).file()
    };
    let floats = [0.0f32, 0.5, 2.0, -0.0, f32::INFINITY, f32::NAN];
    for engine in engines() {
        for (element, x) in [
            (1, Tensor::from_slice(&[6], &floats)),
            (7, Tensor::from_slice(&[6], &[0i64, 1, 2, 0, -1, i64::from(i32::MIN)])),
            (6, Tensor::from_slice(&[6], &[0i32, 1, 2, 0, -1, i32::MIN])),
        ] {
            let outputs = answer(engine, &file(element), &[("x", &x.unwrap())]).unwrap();
            assert_eq!(
                outputs.get(0).unwrap().values::<f32>().unwrap(),
                [0.0, 1.0, 1.0, 0.0, 1.0, 1.0],
                "{}",
                engine.name()
            );
        }
    }
}

#[test]
fn float64_is_computed_as_float32_only_if_asked() {
    let files = Files::model(&identity(11));
    let refused = load(&landfall_onnx::Embedded, &files).err().unwrap();
    assert!(refused.to_string().contains("precision=float32"), "{refused}");
    let mut options = landfall_model::Options::new();
    options.set("precision", "float32");
    let model = landfall_model::Engine::load(&landfall_onnx::Embedded, &files, &options).unwrap();
    assert!(model.facts().notes.iter().any(|note| note.contains("float64")));
    let x = sample(DType::F64);
    let outputs = crate::support::run(&*model, &model.signatures()[0], &[("x", &x)], &[]).unwrap();
    assert_eq!(outputs.get(0), Some(&x));
}
