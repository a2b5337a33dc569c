//! CSV corner cases.

use crate::house::*;
use landfall_model::*;
use landfall_tables::*;
use std::sync::Arc;

fn floats(gathered: &Gathered, slot: usize) -> Vec<f32> {
    gathered.tensors[slot].as_ref().map_or_else(Vec::new, |t| t.values::<f32>().unwrap().to_vec())
}

#[test]
fn cells_fill_inputs_whatever_the_chunk_size() {
    let signature = signature(
        vec![input("x", DType::F32, &[2]), input("s", DType::String, &[]), input("n", DType::I64, &[1])],
        RowRule::Independent,
    );
    let text = "\u{feff}s,x[1],\"n\",x[0],note\r\n\"a\nb\",2,5,1,q\r\n\"c \"\"d\"\"\",4,6,3,\r\n\n,6,7,5,é";
    let one = read(Format::Csv, text.as_bytes(), &signature, 1).unwrap();
    for chunk_rows in [3, 1000] {
        assert_eq!(read(Format::Csv, text.as_bytes(), &signature, chunk_rows).unwrap(), one);
    }
    assert_eq!(floats(&one, 0), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(one.tensors[0].as_ref().unwrap().shape().to_vec(), [3, 2]);
    let strings = one.tensors[1].as_ref().unwrap();
    assert_eq!(strings.strings().unwrap().iter().collect::<Vec<_>>(), [&b"a\nb"[..], b"c \"d\"", b""]);
    assert_eq!(one.tensors[2].as_ref().unwrap().shape().to_vec(), [3, 1]);
    assert_eq!((one.rows.as_slice(), one.ignored.as_slice()), (&[1, 2, 3][..], &["note".to_owned()][..]));
}

#[test]
fn another_sign_between_cells_is_taken_where_the_header_fits_only_so() {
    let inputs = vec![input("s", DType::String, &[]), input("n", DType::F32, &[])];
    let signature = signature(inputs, RowRule::Independent);
    let with_commas = "\"n\",s\n1.5,\"a,b\nc\"\n2,\"d;e|f\"\n3,\n";
    let expected = read(Format::Csv, with_commas.as_bytes(), &signature, 10).unwrap();
    for separator in [";", "\t", "|"] {
        let quoted = "\"n\"@s\n1.5@\"a,b\nc\"\n2@\"d;e|f\"\n3@\n".replace('@', separator);
        for chunk_rows in [1, 10] {
            let found = read(Format::Csv, quoted.as_bytes(), &signature, chunk_rows).unwrap();
            assert_eq!(found, expected, "{separator:?}");
        }
    }
    let comma = read(Format::Csv, b"n;s\n1,5;a\n", &signature, 10).unwrap();
    assert!(comma.bad[0].1.contains(r#"expected float32, found "1,5""#), "{:?}", comma.bad);
    let other = read(Format::Csv, b"a;b\n1;a\n", &signature, 10).unwrap_err().to_string();
    assert!(other.contains("another sign between cells"), "{other}");
}

fn with_decimal_commas(text: &str, signature: &Arc<Signature>) -> Result<Gathered, Problem> {
    let input = TableInput::stream("t", Some(Format::Csv), std::io::Cursor::new(text.as_bytes().to_vec()));
    let missing = vec![b"k.A.".to_vec()];
    let options = ReadOptions { decimal_comma: true, missing, ..ReadOptions::default() };
    gather(vec![input], signature, &options)
}

#[test]
fn decimal_commas_are_read_where_asked_for_with_semicolons_between_cells() {
    let inputs = vec![
        input("n", DType::F32, &[]),
        with_null(input("i", DType::I64, &[]), NullRule::Zero),
        input("s", DType::String, &[]),
    ];
    let signature = signature(inputs, RowRule::Independent);
    let found = with_decimal_commas(
        "n;i;s\n1,5;7;1,5\n-2,5e-1;3,0;a.b\n 4 ;;c\n,5;k.A.;d\nTRUE;1e3;e\n\"6,25\";0;\"f;\"\n",
        &signature,
    );
    let found = found.unwrap();
    assert_eq!((floats(&found, 0), found.bad.len()), (vec![1.5, -0.25, 4.0, 0.5, 1.0, 6.25], 0));
    assert_eq!(found.tensors[1].as_ref().unwrap().values::<i64>().unwrap(), [7, 3, 0, 0, 1000, 0]);
    let texts = found.tensors[2].as_ref().unwrap();
    let texts: Vec<&[u8]> = texts.strings().unwrap().iter().collect();
    assert_eq!(texts, [&b"1,5"[..], b"a.b", b"c", b"d", b"e", b"f;"]);

    for (text, values) in [
        ("n,i,s\n\"1,5\",1,a\n", vec![1.5]),
        ("s\ti\tn\na,b\t1\t2,5\n", vec![2.5]),
        ("1,5;2;a\n2,5;3;b\n", vec![1.5, 2.5]),
        ("n;i;s\n", vec![]),
    ] {
        let found = with_decimal_commas(text, &signature).unwrap();
        assert_eq!((floats(&found, 0), found.bad.len()), (values, 0), "{text:?}");
    }
}

#[test]
fn numbers_among_decimal_commas_have_no_point_and_no_thousands() {
    let inputs = vec![input("n", DType::F32, &[]), input("i", DType::I64, &[])];
    let signature = signature(inputs, RowRule::Independent);
    let text = "n;i\n1.5;1\n1.234,5;1\n1 234,5;1\n1,2,3;1\n1;1,5\n-;1\n1;1\n";
    let found = with_decimal_commas(text, &signature).unwrap();
    assert_eq!(floats(&found, 0), [1.0]);
    let told: Vec<&str> = found.bad.iter().map(|(_, problem, _)| problem.as_str()).collect();
    assert!(told[0].ends_with("found \"1.5\" (with --decimal-comma a number has no point)"), "{told:?}");
    assert!(told[1].ends_with("found \"1.234,5\" (with --decimal-comma a number has no point)"), "{told:?}");
    assert!(told[2].ends_with("(write thousands without a sign between them)"), "{told:?}");
    assert!(told[3].contains("found \"1,2,3\""), "{told:?}");
    assert!(told[4].ends_with("expected int64, found \"1,5\""), "{told:?}");
    assert!(told[5].ends_with("(--missing '-' takes it for a missing value)"), "{told:?}");
    let default = read(Format::Csv, b"n;i\n1,5;1\n", &signature, 10).unwrap();
    let told = &default.bad[0].1;
    assert!(told.ends_with("(a decimal point is read, a comma is not; --decimal-comma reads it)"), "{told}");
}

#[test]
fn a_comma_that_may_stand_between_thousands_is_not_taken_for_a_decimal_one() {
    let signature = signature(vec![input("n", DType::F32, &[])], RowRule::Independent);
    let text = b"n\n\"41,215\"\n\"-1,234,567\"\n\"0,125\"\n\"41,2150\"\n";
    let found = read(Format::Csv, text, &signature, 10).unwrap();
    let told: Vec<&str> = found.bad.iter().map(|(_, problem, _)| problem.as_str()).collect();
    let either = "(write thousands without the comma; --decimal-comma reads it where it is a decimal one)";
    assert!(told[0].ends_with(either), "{told:?}");
    assert!(told[1].ends_with("(write thousands without a sign between them)"), "{told:?}");
    assert!(told[2..].iter().all(|told| told.ends_with("--decimal-comma reads it)")), "{told:?}");
}

#[test]
fn decimal_commas_are_refused_of_other_formats_by_name() {
    let signature = signature(vec![input("n", DType::F32, &[])], RowRule::Independent);
    for format in Format::ALL.iter().copied().filter(|format| *format != Format::Csv) {
        let input = TableInput::stream("t", Some(format), std::io::Cursor::new(b"{}".to_vec()));
        let options = ReadOptions { decimal_comma: true, ..ReadOptions::default() };
        let told = gather(vec![input], &signature, &options).unwrap_err().to_string();
        let expected = format!("t is {}: decimal commas are read in CSV alone", format.name());
        assert!(told.contains("--decimal-comma") && told.contains(&expected), "{told}");
    }
}

#[test]
fn blanks_around_a_columns_name_belong_to_it_where_the_model_has_them() {
    let padded =
        signature(vec![input("a", DType::F32, &[]), input("a ", DType::F32, &[])], RowRule::Independent);
    let found = read(Format::Csv, b"a ,a\n1,2\n", &padded, 10).unwrap();
    assert_eq!((floats(&found, 0), floats(&found, 1)), (vec![2.0], vec![1.0]));
    let one =
        signature(vec![input("a", DType::F32, &[]), input(" b", DType::F32, &[])], RowRule::Independent);
    for header in ["a,b", "a, b", " a ,b ", "\" a\",b"] {
        let found = read(Format::Csv, format!("{header}\n1,2\n").as_bytes(), &one, 10).unwrap();
        assert_eq!((floats(&found, 0), floats(&found, 1)), (vec![1.0], vec![2.0]), "{header:?}");
    }
    let other = read(Format::Csv, b"a,b, a\n1,2,3\n", &one, 10).unwrap();
    assert_eq!((floats(&other, 0), other.ignored), (vec![1.0], vec![" a".to_owned()]));
    let several = read(Format::Csv, b"a , a,b\n1,2,3\n", &one, 10).unwrap_err();
    assert!(several.to_string().contains("missing"), "{several}");
}

#[test]
fn a_text_that_is_not_utf8_is_a_bad_row_and_no_other_text() {
    let signature = signature(vec![input("s", DType::String, &[])], RowRule::Independent);
    for (format, text) in [
        (Format::Csv, &b"s\nK\xc3\xb6ln\nK\xf6ln\n"[..]),
        (Format::JsonLines, b"{\"s\": \"K\xc3\xb6ln\"}\n{\"s\": \"K\xf6ln\"}\n"),
    ] {
        let read = read(format, text, &signature, 10).unwrap();
        assert_eq!(read.tensors[0].as_ref().unwrap().strings().unwrap().get(0), "Köln".as_bytes());
        assert_eq!((read.rows.as_slice(), read.bad[0].0), (&[1][..], 2));
        assert!(read.bad[0].1.contains("column \"s\": \"K\u{fffd}ln\" is not UTF-8: save"), "{:?}", read.bad);
    }
}

#[test]
fn a_cell_that_looks_missing_is_told_how_it_becomes_so() {
    let signature = signature(vec![input("x", DType::I64, &[])], RowRule::Independent);
    let read = read(Format::Csv, b"x\nNaN\nNone\nNone!\n", &signature, 10).unwrap();
    let told: Vec<bool> =
        read.bad.iter().map(|(_, told, _)| told.contains("takes it for a missing")).collect();
    assert_eq!(told, [true, true, false]);
    assert!(read.bad[1].1.ends_with("found \"None\" (--missing None takes it for a missing value)"));
}

#[test]
fn a_very_long_cell_passes() {
    let signature = signature(vec![input("s", DType::String, &[])], RowRule::Independent);
    let long = "x,".repeat(1 << 20);
    let read = read(Format::Csv, format!("s\n\"{long}\"\nb\n").as_bytes(), &signature, 10).unwrap();
    assert_eq!(read.tensors[0].as_ref().unwrap().strings().unwrap().get(0).len(), 2 << 20);
}

#[test]
fn missing_cells_follow_the_rule_of_their_input() {
    let rules = [
        (NullRule::Refuse, DType::F32, None),
        (NullRule::Zero, DType::F32, Some(Scalar::Float(0.0))),
        (NullRule::Default(Scalar::Int(7)), DType::I64, Some(Scalar::Int(7))),
        (NullRule::Accept, DType::I64, Some(Scalar::Int(0))),
        (NullRule::Refuse, DType::String, Some(Scalar::Bytes(Vec::new()))),
        (NullRule::Accept, DType::String, Some(Scalar::Bytes(Vec::new()))),
    ];
    for (null, dtype, expected) in rules {
        let marked = null == NullRule::Accept;
        let signature = signature(
            vec![with_null(input("v", dtype, &[]), null.clone()), input("k", DType::I64, &[])],
            RowRule::Independent,
        );
        let read = read(Format::Csv, b"v,k\n,1\n", &signature, 10).unwrap();
        let found = read.tensors[0].as_ref().map(|tensor| tensor.scalar(0));
        assert_eq!(found, expected, "{null:?} {dtype}");
        if let Some(tensor) = &read.tensors[0] {
            assert_eq!(tensor.is_missing(0), marked, "{null:?} {dtype}");
        } else {
            assert!(read.bad[0].1.starts_with("row 1: column \"v\": the value is missing"), "{:?}", read.bad);
        }
    }
    let tokens = signature(vec![with_null(input("v", DType::F32, &[]), NullRule::Nan)], RowRule::Independent);
    let read = read(Format::Csv, b"v\nNA\n1\nNaN\n-inf\n", &tokens, 10).unwrap();
    let values = floats(&read, 0);
    assert!(values[0].is_nan() && values[1] == 1.0 && values[2].is_nan() && values[3] == f32::NEG_INFINITY);
}

#[test]
fn a_missing_token_is_no_text_either() {
    let signature = signature(vec![input("s", DType::String, &[])], RowRule::Independent);
    let read = read(Format::Csv, b"s\nNA\nok\n", &signature, 10).unwrap();
    assert_eq!((read.rows.as_slice(), read.bad[0].0), (&[2][..], 1));
}

#[test]
fn a_row_with_truth_values_is_no_header_either() {
    let signature = signature(vec![input("x", DType::F32, &[3])], RowRule::Independent);
    let found = read(Format::Csv, b"1.5,True,2\n3,FALSE,4\n", &signature, 10).unwrap();
    assert_eq!(floats(&found, 0), [1.5, 1.0, 2.0, 3.0, 0.0, 4.0]);
}

#[test]
fn what_is_no_table_of_text_is_told_instead_of_its_names() {
    let signature = signature(vec![input("x", DType::F32, &[])], RowRule::Independent);
    let said = |text: &[u8]| read(Format::Csv, text, &signature, 10).unwrap_err().to_string();
    assert!(said(b"r\x02\x01\0\x05\0x,\n1\n").contains("is no text"));
    for text in [&b"<table border=\"1\">\n"[..], b"\xef\xbb\xbf<?xml version='1.0'?>\n"] {
        assert!(said(text).contains("HTML or XML is not supported: save it as CSV"), "{}", said(text));
    }
}

#[test]
fn a_file_without_header_goes_by_place_and_others_are_told_what_to_do() {
    let signature = signature(vec![input("x", DType::F32, &[3])], RowRule::Independent);
    for chunk_rows in [1, 1000] {
        let read = read(Format::Csv, b"1,2,3\n4,5,6\n", &signature, chunk_rows).unwrap();
        assert_eq!(floats(&read, 0), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(read.rows, [1, 2]);
    }
    let problem = read(Format::Csv, b"sepal,petal,width\n1,2,3\n", &signature, 10).unwrap_err().to_string();
    assert!(problem.contains("x[0]…x[2]") && problem.contains("sepal, petal, width"), "{problem}");
    assert!(problem.contains("leave the header out"), "{problem}");
    let wide = read(Format::Csv, b"1,2,3,4\n", &signature, 10);
    assert!(wide.is_err());
}

#[test]
fn named_columns_fill_a_matrix_in_the_models_order() {
    let mut features = input("features", DType::F64, &[3]);
    features.columns = ["a", "b", "c"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    features.null = NullRule::Nan;
    let signature = signature(vec![features], RowRule::Independent);
    let good = read(Format::Csv, b"c,z,a,b\n3,9,1,\n", &signature, 10).unwrap();
    let values = good.tensors[0].as_ref().unwrap().values::<f64>().unwrap().to_vec();
    assert!(values[0] == 1.0 && values[1].is_nan() && values[2] == 3.0);
    let lacking = read(Format::Csv, b"c,z\n3,9\n", &signature, 10).unwrap_err();
    let expected =
        Reason::InputsMissing { missing: vec!["a".into(), "b".into()], given: vec!["c".into(), "z".into()] };
    assert_eq!(*lacking.reason(), expected);
}

#[test]
fn repeated_names_are_refused_and_an_empty_file_has_no_rows() {
    let signature = signature(vec![input("x", DType::F32, &[])], RowRule::Independent);
    assert!(
        read(Format::Csv, b"x,x\n1,2\n", &signature, 10).unwrap_err().to_string().contains("two columns")
    );
    for nothing in [&b""[..], b"\n\n"] {
        let read = read(Format::Csv, nothing, &signature, 10).unwrap();
        assert_eq!((read.rows, read.bad.len(), read.ignored.len()), (vec![], 0, 0));
    }
    assert_eq!(read(Format::Csv, b"x\n", &signature, 10).unwrap().rows, [0u64; 0]);
}

#[test]
fn a_line_from_a_pipe_is_handed_out_as_it_comes() {
    let (out, mut into) = std::io::pipe().unwrap();
    let signature = signature(vec![input("x", DType::F32, &[])], RowRule::Independent);
    std::io::Write::write_all(&mut into, b"x\n1\n").unwrap();
    let options = ReadOptions { eager: true, ..ReadOptions::default() };
    let input = TableInput::stream("-", None, out);
    let reader =
        TableReader::open(vec![input], signature.clone(), signature.default_outputs().clone(), &options)
            .unwrap();
    assert_eq!(reader.next().unwrap().unwrap().rows(), 1);
    std::io::Write::write_all(&mut into, b"2\n3\n").unwrap();
    assert_eq!(reader.next().unwrap().unwrap().rows(), 2);
    drop(into);
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn truth_values_count_as_numbers_but_where_the_model_takes_invalid_ones() {
    let mut spec = input("x", DType::F32, &[]);
    let good =
        read(Format::Csv, b"x\nTrue\nfalse\nyes\n", &signature(vec![spec.clone()], RowRule::Independent), 10)
            .unwrap();
    assert_eq!((floats(&good, 0), good.rows), (vec![1.0, 0.0], vec![1, 2]));
    (spec.null, spec.accepts_invalid) = (NullRule::Accept, true);
    let marked = read(Format::Csv, b"x\nTrue\n", &signature(vec![spec], RowRule::Independent), 10).unwrap();
    assert_eq!(&*marked.tensors[0].as_ref().unwrap().invalid()[0].text, b"True");
}

#[test]
fn a_cell_that_is_no_value_stays_with_its_text_where_the_model_takes_invalid_values() {
    let mut spec = with_null(input("n", DType::I64, &[]), NullRule::Accept);
    let refused =
        read(Format::Csv, b"n\n1\nabc\n2\n", &signature(vec![spec.clone()], RowRule::Independent), 10);
    assert!(refused.is_ok_and(|read| read.rows == [1, 3]), "row 2 alone is bad");
    spec.accepts_invalid = true;
    let taken =
        read(Format::Csv, b"n\n1\nabc\n2\n", &signature(vec![spec], RowRule::Independent), 10).unwrap();
    assert_eq!(taken.rows, [1, 2, 3]);
    let tensor = taken.tensors[0].as_ref().unwrap();
    assert_eq!(tensor.values::<i64>().unwrap(), [1, 0, 2]);
    assert_eq!((tensor.invalid()[0].element, &*tensor.invalid()[0].text), (1, &b"abc"[..]));
}
