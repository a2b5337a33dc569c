//! Files that numpy and pyarrow wrote (`tests/data/make.py`).

use crate::house::*;
use landfall_model::*;
use landfall_tables::*;

fn read_file(name: &str, inputs: Vec<InputSpec>, chunk_rows: usize) -> Result<Gathered, Problem> {
    let options = ReadOptions { chunk_rows, ..ReadOptions::default() };
    gather(vec![TableInput::file(fixture(name))], &signature(inputs, RowRule::Independent), &options)
}

fn same_for_all_chunk_sizes(name: &str, inputs: Vec<InputSpec>) -> Gathered {
    let one = read_file(name, inputs.clone(), 1).unwrap();
    for chunk_rows in [3, 1000] {
        assert_eq!(read_file(name, inputs.clone(), chunk_rows).unwrap(), one, "{name}");
    }
    one
}

fn quarters() -> Vec<f32> {
    (0..12u8).map(|i| f32::from(i) / 4.0).collect()
}

fn texts(tensor: &Option<Tensor>) -> Vec<Vec<u8>> {
    tensor.as_ref().unwrap().strings().unwrap().iter().map(<[u8]>::to_vec).collect()
}

const TYPES: [&str; 5] = ["types.parquet", "types.arrow", "types.arrows", "lz4.arrow", "zstd.arrow"];

#[test]
fn npy_of_all_versions_orders_and_byte_orders_is_the_same_array() {
    for name in
        ["version1.npy", "version2.npy", "version3.npy", "fortran.npy", "big_endian.npy", "nameless.npz"]
    {
        let read = same_for_all_chunk_sizes(name, vec![input("x", DType::F32, &[3])]);
        assert_eq!(read.tensors[0].as_ref().unwrap().values::<f32>().unwrap(), quarters(), "{name}");
    }
    let cube = same_for_all_chunk_sizes("fortran3.npy", vec![input("x", DType::I64, &[3, 4])]);
    assert_eq!(cube.tensors[0].as_ref().unwrap().values::<i64>().unwrap(), (0..24).collect::<Vec<i64>>());
    let names = same_for_all_chunk_sizes("big_endian_text.npy", vec![input("s", DType::String, &[])]);
    assert_eq!(texts(&names.tensors[0]), ["a", "", "zwölf", "😀"].map(|s| s.as_bytes().to_vec()));
    let objects = read_file("objects.npy", vec![input("s", DType::String, &[])], 10).unwrap_err();
    assert!(objects.to_string().contains("Python objects"), "{objects}");
}

#[test]
fn npz_stored_and_packed_is_read_by_name() {
    let inputs = || {
        vec![input("names", DType::String, &[1]), input("x", DType::F64, &[3]), input("ids", DType::I64, &[])]
    };
    for name in ["stored.npz", "packed.npz"] {
        let read = same_for_all_chunk_sizes(name, inputs());
        assert_eq!(read.tensors[2].as_ref().unwrap().values::<i64>().unwrap(), [7, -1, 1 << 62, 0], "{name}");
        assert_eq!(read.tensors[0].as_ref().unwrap().shape().to_vec(), [4, 1]);
    }
    let stored = read_file("stored.npz", inputs(), 10).unwrap();
    assert_eq!(stored.ignored, ["raw", "extra"]);
    let raw = read_file("stored.npz", vec![input("raw", DType::String, &[])], 10).unwrap();
    assert_eq!(texts(&raw.tensors[0]), [&b"a"[..], b"b\0c", b"", b"xyz"]);
}

#[test]
fn integers_of_an_array_that_do_not_fit_are_bad_rows() {
    let read = same_for_all_chunk_sizes("stored.npz", vec![input("ids", DType::I32, &[])]);
    assert_eq!(read.rows, [1, 2, 4]);
    let (row, why, raw) = &read.bad[0];
    assert!(*row == 3 && why.contains("expected int32, found 4611686018427387904"), "{why}");
    assert_eq!(raw, "{\"ids\":4611686018427387904}");
    let text = read_file("stored.npz", vec![input("names", DType::F32, &[])], 10).unwrap_err();
    assert!(matches!(text.reason(), Reason::WrongDType { .. }), "text is never parsed: {text}");
}

#[test]
fn every_number_column_becomes_every_number_type() {
    let names = [
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float",
        "double",
        "halffloat",
    ];
    for file in TYPES {
        for dtype in DType::ALL.into_iter().filter(|dtype| dtype.is_number()) {
            let inputs = names.map(|name| with_null(input(name, dtype, &[]), NullRule::Zero)).to_vec();
            let read = same_for_all_chunk_sizes(file, inputs);
            for (tensor, name) in read.tensors.iter().zip(names) {
                let tensor = tensor.as_ref().unwrap();
                let values: Vec<String> = (0..4).map(|i| tensor.scalar(i).to_string()).collect();
                assert_eq!(values, ["1", "0", "3", "100"], "{file} {name} {dtype}");
            }
        }
    }
}

#[test]
fn decimals_are_numbers() {
    let of = |file: &str, name: &str, dtype| {
        let inputs = vec![with_null(input(name, dtype, &[]), NullRule::Zero)];
        let read = same_for_all_chunk_sizes(file, inputs);
        let tensor = read.tensors[0].clone().unwrap();
        let values: Vec<String> = (0..tensor.len()).map(|i| tensor.scalar(i).to_string()).collect();
        (values.join(" "), read.bad)
    };
    for file in ["decimals.parquet", "decimals.arrow"] {
        assert_eq!(of(file, "small", DType::F64).0, "1.1 0 -3.25 0.3");
        let single = format!("{} 0 -3.25 {}", f64::from(1.1f32), f64::from(0.3f32));
        assert_eq!(of(file, "small", DType::F32).0, single);
        assert_eq!(of(file, "whole", DType::I64).0, "7 0 -8 100000000000000000");
        assert_eq!(of(file, "long", DType::F64).0, "0.1111111111111111 0 12345678.9 0");
        assert_eq!(of(file, "wide", DType::F64).0, format!("{} 0 1 -2", 2f64.powi(80)));
        let (values, bad) = of(file, "small", DType::I64);
        assert_eq!((values.as_str(), bad.len()), ("0", 3), "amounts are no whole numbers: {bad:?}");
    }
    assert_eq!(of("decimals.arrow", "coarse", DType::I32).0, "120000 0 3000 0");
}

#[test]
fn truth_values_of_a_dictionary_are_truth_values() {
    let flags = with_null(input("flags", DType::Bool, &[]), NullRule::Zero);
    let read = same_for_all_chunk_sizes("dictionary_of_truths.parquet", vec![flags]);
    let tensor = read.tensors[0].as_ref().unwrap();
    assert_eq!(tensor.bytes().unwrap(), [1, 0, 0, 1]);
    assert!(read.bad.is_empty());
}

#[test]
fn nulls_follow_the_rule_in_every_column() {
    for file in TYPES {
        let accepted = vec![
            with_null(input("int32", DType::F32, &[]), NullRule::Accept),
            with_null(input("dictionary", DType::String, &[1]), NullRule::Accept),
            with_null(input("bool", DType::Bool, &[]), NullRule::Default(Scalar::Bool(true))),
        ];
        let read = same_for_all_chunk_sizes(file, accepted);
        let missing =
            |slot: usize| read.tensors[slot].as_ref().unwrap().missing().map(|m| m.ones().collect());
        assert_eq!(missing(0), Some(vec![1usize]), "{file}");
        assert_eq!(missing(1), Some(vec![1usize]), "{file}");
        assert_eq!(read.tensors[2].as_ref().unwrap().bools().unwrap(), [1, 1, 0, 1]);
        let refused = same_for_all_chunk_sizes(file, vec![input("int32", DType::F32, &[])]);
        assert_eq!(refused.rows, [1, 3, 4]);
        assert!(
            refused.bad[0].1.starts_with("row 2: column \"int32\": the value is missing"),
            "{:?}",
            refused.bad
        );
        assert_eq!(refused.bad[0].2, "{\"int32\":null}");
    }
}

#[test]
fn strings_of_every_kind_are_read_and_never_parsed() {
    for file in TYPES {
        for name in ["string", "large_string", "string_view", "dictionary", "binary"] {
            let read = same_for_all_chunk_sizes(
                file,
                vec![with_null(
                    input(name, DType::String, &[]),
                    NullRule::Default(Scalar::Bytes(b"?".to_vec())),
                )],
            );
            let texts = texts(&read.tensors[0]);
            assert_eq!((texts[0].as_slice(), texts[1].as_slice()), (&b"a"[..], &b"?"[..]), "{file} {name}");
            let expected: &[u8] = if name == "binary" { b"\xff\0" } else { "zwölf".as_bytes() };
            assert_eq!(texts[2], expected, "{file} {name}");
        }
        let parsed = read_file(file, vec![input("string", DType::F32, &[])], 10).unwrap_err();
        assert!(matches!(parsed.reason(), Reason::WrongDType { .. }), "{parsed}");
        let when = read_file(file, vec![input("when", DType::I64, &[])], 10).unwrap_err().to_string();
        assert!(when.contains("\"when\"") && when.contains("Timestamp"), "{when}");
    }
}

#[test]
fn lists_fill_inputs_of_higher_rank() {
    for file in TYPES {
        let read = same_for_all_chunk_sizes(
            file,
            vec![
                input("fixed", DType::F32, &[2]),
                input("nested", DType::I64, &[2, 2]),
                with_null(input("list", DType::F32, &[2]), NullRule::Nan),
            ],
        );
        assert_eq!(read.rows, [1, 2, 3, 4], "{file}: {:?}", read.bad);
        assert_eq!(
            read.tensors[0].as_ref().unwrap().values::<f32>().unwrap(),
            [1., 2., 3., 4., 5., 6., 7., 8.]
        );
        assert_eq!(read.tensors[1].as_ref().unwrap().shape().to_vec(), [4, 2, 2]);
        let list = read.tensors[2].as_ref().unwrap().values::<f32>().unwrap().to_vec();
        assert!(list[..3] == [1., 2., 3.] && list[3..6].iter().all(|v| v.is_nan()) && list[6..] == [7., 8.]);
        let refused = same_for_all_chunk_sizes(file, vec![input("list", DType::F32, &[2])]);
        assert_eq!((refused.rows.as_slice(), refused.bad.len()), (&[1, 4][..], 2), "{file}");
        let unlike = same_for_all_chunk_sizes(file, vec![input("large_list", DType::I64, &[1])]);
        assert_eq!(unlike.rows, [1, 4], "{file}");
        assert!(unlike.bad[0].1.contains("expected one value, found [2]"), "{:?}", unlike.bad);
        let plain = read_file(file, vec![input("large_list", DType::I64, &[])], 10).unwrap();
        assert_eq!(plain.rows, [1, 4], "{file}");
    }
}

#[test]
fn free_lists_go_in_calls_of_equal_shape() {
    for file in TYPES {
        let signature = signature(vec![input("large_list", DType::I64, &[-1])], RowRule::Independent);
        let wanted = signature.default_outputs().clone();
        let files = vec![TableInput::file(fixture(file))];
        let reader = TableReader::open(files, signature, wanted, &ReadOptions::default()).unwrap();
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        while let Some(raw) = reader.next().unwrap() {
            for piece in reader.decode(&raw).unwrap().pieces {
                rows.extend(piece.rows);
                let tensor = piece.call.input(0).and_then(Input::dense).unwrap();
                values.extend(tensor.values::<i64>().unwrap().to_vec());
            }
        }
        assert_eq!((rows, values), (vec![1, 2, 3, 4], vec![1, 2, 3, 4]), "{file}");
    }
}

#[test]
fn plain_columns_side_by_side_are_a_matrix() {
    let mut matrix = input("m", DType::F64, &[3]);
    matrix.columns =
        ["int8", "float", "uint64"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    matrix.null = NullRule::Nan;
    for file in TYPES {
        let read = same_for_all_chunk_sizes(file, vec![matrix.clone()]);
        let values = read.tensors[0].as_ref().unwrap().values::<f64>().unwrap().to_vec();
        assert_eq!(values[..3], [1.0; 3]);
        assert!(values[3..6].iter().all(|v| v.is_nan()));
        assert_eq!(values[9..], [100.0; 3]);
        assert!(read.ignored.contains(&"when".to_owned()) && read.ignored.len() == 19, "{:?}", read.ignored);
    }
}

#[test]
fn a_format_that_is_read_from_its_end_comes_through_a_stream_all_the_same() {
    let signature = signature(vec![input("int8", DType::F32, &[])], RowRule::Independent);
    for (format, file) in [(Format::Parquet, "types.parquet"), (Format::ArrowFile, "types.arrow")] {
        let bytes = std::fs::read(fixture(file)).unwrap();
        let streamed = read(format, &bytes, &signature, 10).unwrap();
        let options = ReadOptions { chunk_rows: 10, ..ReadOptions::default() };
        let from_file = gather(vec![TableInput::file(fixture(file))], &signature, &options).unwrap();
        assert_eq!((streamed.tensors, streamed.rows), (from_file.tensors, from_file.rows), "{file}");
        let cut = read(format, &bytes[..bytes.len() / 2], &signature, 10).unwrap_err();
        assert!(cut.to_string().starts_with("t"), "{cut}");
    }
}

#[test]
fn many_threads_see_every_parquet_row_once_and_in_step() {
    let tensors = vec![
        Tensor::from_slice(&[5000], &(0..5000).collect::<Vec<i32>>()).unwrap(),
        Tensor::from_slice(&[5000, 3], &(0..15000i64).collect::<Vec<_>>()).unwrap(),
        Tensor::from_slice(&[5000], &(0..5000u16).map(f32::from).collect::<Vec<_>>()).unwrap(),
    ];
    let specs = vec![
        OutputSpec::new("a", DType::I32, None),
        OutputSpec::new("b", DType::I64, None),
        OutputSpec::new("c", DType::F32, None),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.parquet");
    std::fs::write(&path, write(Format::Parquet, specs, &[tensors]).unwrap()).unwrap();
    let signature = signature(
        vec![input("a", DType::I64, &[]), input("b", DType::I64, &[3]), input("c", DType::I64, &[])],
        RowRule::Independent,
    );
    let wanted = signature.default_outputs().clone();
    let options = ReadOptions { chunk_rows: 7, ..ReadOptions::default() };
    let reader = TableReader::open(vec![TableInput::file(path)], signature, wanted, &options).unwrap();
    let seen = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(raw) = reader.next().unwrap() {
                    for piece in reader.decode(&raw).unwrap().pieces {
                        let values = |slot| {
                            piece
                                .call
                                .input(slot)
                                .and_then(Input::dense)
                                .unwrap()
                                .values::<i64>()
                                .unwrap()
                                .to_vec()
                        };
                        let (a, b, c) = (values(0), values(1), values(2));
                        assert!(a == c && b.chunks(3).zip(&a).all(|(b, a)| b[0] == 3 * a));
                        assert!(piece.rows.iter().zip(&a).all(|(row, a)| *row as i64 == a + 1));
                        seen.lock().unwrap().extend(a);
                    }
                }
            });
        }
    });
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (0..5000).collect::<Vec<i64>>());
    assert_eq!(reader.progress(), Some(1.0));
}

#[test]
fn columns_of_whole_numbers_are_text_where_the_input_takes_them_so() {
    let mut ids = with_null(input("ids", DType::String, &[]), NullRule::Accept);
    ids.integers_as_text = true;
    let expected = ["7", "-1", "4611686018427387904", "0"].map(|text| text.as_bytes().to_vec());
    let stored = same_for_all_chunk_sizes("stored.npz", vec![ids.clone()]);
    assert_eq!(texts(&stored.tensors[0]), expected);
    for file in TYPES {
        for name in ["int8", "int64", "uint32"] {
            let spec = InputSpec { name: name.to_owned(), ..ids.clone() };
            let read = same_for_all_chunk_sizes(file, vec![spec]);
            let found = texts(&read.tensors[0]);
            assert_eq!(found, ["1", "", "3", "100"].map(|text| text.as_bytes().to_vec()), "{file} {name}");
        }
        let float = InputSpec { name: "double".to_owned(), ..ids.clone() };
        let refused = read_file(file, vec![float], 10).unwrap_err();
        assert!(matches!(refused.reason(), Reason::WrongDType { .. }), "{refused}");
    }
    let lines =
        b"{\"ids\":7}\n{\"ids\":-1}\n{\"ids\":\"x\"}\n{\"ids\":true}\n{\"ids\":null}\n{\"ids\":1.0}\n";
    let read = read(Format::JsonLines, lines, &signature(vec![ids], RowRule::Independent), 10).unwrap();
    assert_eq!(texts(&read.tensors[0]), ["7", "-1", "x", "1", ""].map(|text| text.as_bytes().to_vec()));
    assert!(read.tensors[0].as_ref().unwrap().is_missing(4));
    assert_eq!(read.bad.len(), 1, "a float is no category");
}
