//! What is written is read back: every format, every type, any values.

use crate::house::*;
use landfall_model::*;
use landfall_tables::*;
use proptest::prelude::*;

/// Bits as elements of a type; strings from the same bits. NaN is left out where text or a cast would change its bits.
fn tensor(dtype: DType, axes: &[usize], rows: usize, bits: &[u64]) -> Tensor {
    let count = rows * axes.iter().product::<usize>();
    let mut builder = TensorMut::new(dtype);
    for i in 0..count {
        let bits = bits[i % bits.len()].rotate_left(i as u32);
        match dtype {
            DType::Bool => builder.push_bool(bits & 1 == 1),
            DType::String => {
                let text = ["", "a", "ä,\"b\"\n", "\r\n", " x ", "NULL", "0", "line\tend\u{1}"];
                builder.push_str(text[(bits % 8) as usize].as_bytes());
            }
            DType::F32 => builder.push(finite(f64::from(f32::from_bits(bits as u32))) as f32),
            DType::F64 => builder.push(finite(f64::from_bits(bits))),
            DType::F16 => {
                builder.push(half::f16::from_f64(finite(half::f16::from_bits(bits as u16).to_f64())))
            }
            DType::BF16 => {
                builder.push(half::bf16::from_f64(finite(half::bf16::from_bits(bits as u16).to_f64())))
            }
            _ => {
                let bytes = bits.to_le_bytes();
                let twice = [bytes, bytes].concat();
                builder.plain_mut().extend_from_bytes(&twice[..dtype.size().unwrap()]);
            }
        }
    }
    builder.freeze(std::iter::once(rows).chain(axes.iter().copied()).collect()).unwrap()
}

fn finite(value: f64) -> f64 {
    if value.is_nan() { f64::INFINITY } else { value }
}

/// The formats that take a type.
fn formats(dtype: DType) -> Vec<Format> {
    match dtype {
        DType::Complex64 | DType::Complex128 => vec![Format::Npy, Format::Npz],
        _ => Format::ALL.into_iter().filter(|format| *format != Format::Libsvm).collect(),
    }
}

/// Writes in chunks of two rows, reads in chunks of `chunk_rows`.
fn through(format: Format, tensor: &Tensor, chunk_rows: usize) -> Gathered {
    let axes: Vec<i64> = tensor.shape()[1..].iter().map(|&n| n as i64).collect();
    let spec = input("x", tensor.dtype(), &axes);
    let output = OutputSpec::new("x", tensor.dtype(), spec.dims.clone());
    let rows = tensor.shape()[0];
    let chunks: Vec<Vec<Tensor>> =
        (0..rows).step_by(2).map(|start| vec![tensor.rows(start..rows.min(start + 2))]).collect();
    let bytes = write(format, vec![output], &chunks).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    std::fs::write(&path, &bytes).unwrap();
    let signature = signature(vec![spec], RowRule::Independent);
    let options = ReadOptions { chunk_rows, ..ReadOptions::default() };
    let gathered = gather(vec![TableInput::file(path).with_format(format)], &signature, &options).unwrap();
    let streamed = read(format, &bytes, &signature, chunk_rows).unwrap();
    assert_eq!(
        (&streamed.tensors, &streamed.rows),
        (&gathered.tensors, &gathered.rows),
        "{format:?} as a stream"
    );
    gathered
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(
        bits in proptest::collection::vec(any::<u64>(), 1..20),
        rows in 1usize..7,
        axes in proptest::sample::select(vec![vec![], vec![1], vec![3], vec![2, 2]]),
        chunk_rows in proptest::sample::select(vec![1usize, 3, 1000]),
    ) {
        for dtype in DType::ALL {
            let tensor = tensor(dtype, &axes, rows, &bits);
            for format in formats(dtype) {
                let read = through(format, &tensor, chunk_rows);
                prop_assert!(read.bad.is_empty(), "{:?} {dtype}: {:?}", format, read.bad);
                prop_assert_eq!(read.tensors[0].as_ref(), Some(&tensor), "{:?} {}", format, dtype);
            }
        }
    }
}

#[test]
fn missing_values_stay_missing_in_formats_that_know_them() {
    let rule = NullRule::Accept;
    for dtype in [DType::F64, DType::I32, DType::Bool] {
        let mut builder = TensorMut::new(dtype);
        builder.push_scalar(&if dtype == DType::Bool { Scalar::Bool(true) } else { Scalar::Int(1) }).unwrap();
        builder.push_missing(&rule, "x", 0).unwrap();
        let tensor = builder.freeze(Shape::new(&[2])).unwrap();
        for format in
            [Format::Csv, Format::JsonLines, Format::Parquet, Format::ArrowFile, Format::ArrowStream]
        {
            let output = OutputSpec::new("x", dtype, Some(vec![Dim::Free(None)]));
            let bytes = write(format, vec![output], &[vec![tensor.clone()]]).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("table");
            std::fs::write(&path, bytes).unwrap();
            let signature =
                signature(vec![with_null(input("x", dtype, &[]), rule.clone())], RowRule::Independent);
            let file = TableInput::file(path).with_format(format);
            let read = gather(vec![file], &signature, &ReadOptions::default()).unwrap();
            assert_eq!(read.tensors[0].as_ref(), Some(&tensor), "{format:?} {dtype}");
        }
    }
}

#[test]
fn csv_is_written_as_people_expect_it() {
    let mut p = OutputSpec::new("p", DType::F32, Some(vec![Dim::Free(None), Dim::Known(2)]));
    p.class_names = Some(vec!["no".into(), "yes, sure".into()]);
    let specs =
        vec![OutputSpec::new("label", DType::String, None), p, OutputSpec::new("n", DType::I64, None)];
    let label: Strings = ["a", "b \"c\""].iter().collect();
    let tensors = vec![
        Tensor::from_strings(Shape::new(&[2]), label).unwrap(),
        Tensor::from_slice(&[2, 2], &[0.1f32, 1e-7, f32::NAN, f32::NEG_INFINITY]).unwrap(),
        Tensor::from_slice(&[2, 1], &[1i64, -5]).unwrap(),
    ];
    let csv = write(Format::Csv, specs.clone(), std::slice::from_ref(&tensors)).unwrap();
    let expected = "label,p[no],\"p[yes, sure]\",n\na,0.1,1e-7,1\n\"b \"\"c\"\"\",NaN,-inf,-5\n";
    assert_eq!(String::from_utf8(csv).unwrap(), expected);
    let json = write(Format::JsonLines, specs.clone(), &[tensors]).unwrap();
    let expected = "{\"label\":\"a\",\"p\":[0.1,1e-7],\"n\":1}\n{\"label\":\"b \\\"c\\\"\",\"p\":[NaN,-Infinity],\"n\":-5}\n";
    assert_eq!(String::from_utf8(json).unwrap(), expected);
    let empty = write(Format::Csv, specs, &[]).unwrap();
    assert_eq!(String::from_utf8(empty).unwrap(), "label,p[no],\"p[yes, sure]\",n\n");
}

#[test]
fn rows_that_failed_are_left_out() {
    let inputs = vec![input("x", DType::F32, &[])];
    let specs = vec![OutputSpec::new("y", DType::I32, None)];
    let signature =
        Signature::new("s", Method::Predict, inputs, specs, RowRule::Independent, ShapeRule::Checked)
            .unwrap();
    let memory = Memory::default();
    let wanted = signature.default_outputs();
    let mut writer = TableWriter::create(
        Format::Csv,
        Box::new(memory.clone()),
        &signature,
        wanted,
        &WriteOptions::default(),
    )
    .unwrap();
    let mut outputs = Outputs::new();
    outputs.set(0, Tensor::from_slice(&[4], &[0i32, 1, 2, 3]).unwrap());
    outputs.fail_row(0, Problem::invalid("no"));
    outputs.fail_row(2, Problem::invalid("no"));
    writer.append(&writer.encoder().encode(&outputs, &Kept::default()).unwrap()).unwrap();
    writer.finish().unwrap();
    assert_eq!(memory.bytes(), b"y\n1\n3\n");
}

#[test]
fn what_a_format_cannot_hold_is_refused_by_name() {
    let of = |dtype| vec![OutputSpec::new("y", dtype, None)];
    let nul = Tensor::from_strings(Shape::new(&[1]), ["a\0"].iter().collect()).unwrap();
    let refused = write(Format::Npz, of(DType::String), &[vec![nul]]).unwrap_err();
    assert!(refused.to_string().contains("ending in NUL"), "{refused}");
    let complex = Tensor::from_slice(&[1], &[[1.0f32, 2.0]]).unwrap();
    for format in [Format::Csv, Format::JsonLines, Format::Parquet, Format::ArrowFile] {
        let refused = write(format, of(DType::Complex64), &[vec![complex.clone()]]).unwrap_err();
        assert!(refused.to_string().contains("complex"), "{format:?} {refused}");
    }
    let two = vec![OutputSpec::new("a", DType::F32, None), OutputSpec::new("b", DType::F32, None)];
    assert!(write(Format::Npy, two, &[]).unwrap_err().to_string().contains("--output"));
    assert!(write(Format::Libsvm, of(DType::F32), &[]).is_err());
    let bytes = Tensor::from_strings(Shape::new(&[1]), [b"\xff"].iter().collect()).unwrap();
    assert!(write(Format::Parquet, of(DType::String), &[vec![bytes]]).is_err());
    let widths = [2usize, 3].map(|n| vec![Tensor::from_slice(&[1, n], &vec![0.5f32; n]).unwrap()]);
    assert!(write(Format::Csv, of(DType::F32), &widths).unwrap_err().to_string().contains("JSON Lines"));
    assert_eq!(
        write(Format::JsonLines, of(DType::F32), &widths).unwrap(),
        b"{\"y\":[0.5,0.5]}\n{\"y\":[0.5,0.5,0.5]}\n"
    );
}

#[test]
fn rows_without_a_value_stay_rows() {
    for (axes, rows) in [(vec![0], 5), (vec![2, 0], 3)] {
        let tensor = tensor(DType::F32, &axes, rows, &[]);
        for format in formats(DType::F32).into_iter().filter(|format| *format != Format::Csv) {
            let found = through(format, &tensor, 2);
            assert_eq!((found.rows.len(), found.bad.len()), (rows, 0), "{format:?} {axes:?}");
            assert_eq!(found.tensors[0].as_ref(), Some(&tensor), "{format:?} {axes:?}");
        }
    }
}

#[test]
fn a_number_that_does_not_fit_stays_with_its_text_where_the_model_takes_invalid_values() {
    let outputs = vec![OutputSpec::new("n", DType::F64, Some(vec![Dim::Free(None)]))];
    let column = Tensor::from_slice(&[4], &[1.0, 2.5, 1e300, 4.0]).unwrap();
    for format in [Format::Parquet, Format::ArrowFile, Format::ArrowStream, Format::Npz] {
        let bytes = write(format, outputs.clone(), &[vec![column.clone()]]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table");
        std::fs::write(&path, bytes).unwrap();
        let rows = |accepts: bool| {
            let mut spec = with_null(input("n", DType::I64, &[]), NullRule::Accept);
            spec.accepts_invalid = accepts;
            let file = TableInput::file(&path).with_format(format);
            gather(vec![file], &signature(vec![spec], RowRule::Independent), &ReadOptions::default()).unwrap()
        };
        assert_eq!(rows(false).rows, [1, 4], "{format:?}");
        let taken = rows(true);
        let tensor = taken.tensors[0].as_ref().unwrap();
        assert_eq!((taken.bad.len(), tensor.len()), (0, 4), "{format:?}");
        let invalid: Vec<_> = tensor.invalid().iter().map(|one| (one.element, one.text.clone())).collect();
        assert_eq!(invalid.iter().map(|(element, _)| *element).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(&*invalid[0].1, b"2.5");
    }
}
