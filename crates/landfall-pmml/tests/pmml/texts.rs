//! Patterns in the way of Perl, and files in other encodings than UTF-8.

use crate::bad_input::{document, linear};
use crate::cases::with_fields;
use crate::files::load;
use crate::table::answers;

/// What an expression of a type over the text `t` answers.
fn of_text(dtype: &str, expression: &str, rows: &[&str]) -> Vec<String> {
    let fields = "<DataField name=\"t\" optype=\"categorical\" dataType=\"string\"/>";
    let model = format!(
        "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"t\"/></MiningSchema><Output>\
         <OutputField name=\"out\" optype=\"categorical\" dataType=\"{dtype}\" feature=\"transformedValue\">{expression}\
         </OutputField></Output><RegressionTable intercept=\"0\"/></RegressionModel>"
    );
    let input = format!("t\n{}\n", rows.join("\n"));
    answers(&with_fields(fields, &model), &input).split_off(1)
}

fn matches(pattern: &str, rows: &[&str]) -> Vec<String> {
    let apply = format!(
        "<Apply function=\"matches\"><FieldRef field=\"t\"/><Constant dataType=\"string\">{pattern}</Constant></Apply>"
    );
    of_text("string", &apply, rows)
}

#[test]
fn patterns_may_look_around_and_refer_back() {
    assert_eq!(matches(r"^(?=.*\d)(?!.*x).{3,}$", &["ab1", "ab1x", "abc"]), ["true", "false", "false"]);
    assert_eq!(matches(r"\b(\w+) \1\b", &["the the", "the then"]), ["true", "false"]);
    let replace = "<Apply function=\"replace\"><FieldRef field=\"t\"/><Constant dataType=\"string\">(\\w)\\1</Constant>\
                   <Constant dataType=\"string\">$1</Constant></Apply>";
    assert_eq!(of_text("string", replace, &["letter", "cat"]), ["leter", "cat"]);
}

#[test]
fn a_row_whose_search_does_not_end_fails_alone() {
    let long = "a".repeat(64);
    let lines = matches(r"^(?=(a+)+$)(\w+\s?)+\1x$", &["aax", &long, "b"]);
    assert_eq!((lines[0].as_str(), lines[2].as_str()), ("false", "false"));
    assert!(lines[1].contains("matches") && lines[1].contains("invalid"), "{}", lines[1]);
    let index = "<TextIndex textField=\"t\"><TextIndexNormalization><InlineTable><row><string>^(?=(a+)+$)(\\w+\\s?)+\\1x$\
                 </string><stem>b</stem><regex>true</regex></row></InlineTable></TextIndexNormalization>\
                 <Constant>b</Constant></TextIndex>";
    let lines = of_text("double", index, &["b", &long]);
    assert_eq!(lines[0], "1");
    assert!(lines[1].contains("steps back"), "{}", lines[1]);
}

#[test]
fn texts_are_normalised_by_patterns_that_look_around() {
    let index = "<TextIndex textField=\"t\"><TextIndexNormalization><InlineTable><row><string>(?&lt;!not )good</string>\
                 <stem>fine</stem><regex>true</regex></row></InlineTable></TextIndexNormalization><Constant>fine</Constant>\
                 </TextIndex>";
    assert_eq!(of_text("double", index, &["good and good", "not good"]), ["2", "0"]);
}

/// A document whose answer names a class with letters beyond ASCII.
fn classes(declaration: &str) -> String {
    let fields = "<DataField name=\"größe\" optype=\"categorical\" dataType=\"string\"/>\
                  <DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>";
    let model = "<TreeModel functionName=\"classification\"><MiningSchema><MiningField name=\"größe\" usageType=\"target\"/>\
                 <MiningField name=\"x\"/></MiningSchema><Node><True/><Node score=\"groß\"><SimplePredicate field=\"x\" \
                 operator=\"greaterThan\" value=\"1\"/></Node><Node score=\"klein – très\"><True/></Node></Node></TreeModel>";
    format!("{declaration}{}", with_fields(fields, model))
}

fn answer(bytes: &[u8]) -> String {
    let model = load(bytes).unwrap_or_else(|problem| panic!("{problem}"));
    let rows = [["2"], ["0"]].map(|row| row.map(str::to_owned).to_vec());
    let (names, rows) = crate::table::run(model.as_ref(), &["x".to_owned()], &rows, &[]).unwrap();
    format!("{names:?} {rows:?}")
}

#[test]
fn a_document_answers_the_same_in_each_encoding() {
    let declared = |label: &str| classes(&format!("<?xml version=\"1.0\" encoding=\"{label}\"?>\n"));
    let expected = answer(declared("UTF-8").as_bytes());
    assert!(expected.contains("größe") && expected.contains("klein – très"), "{expected}");
    let windows: Vec<u8> = declared("windows-1252")
        .chars()
        .map(|c| if c == '–' { 0x96 } else { u8::try_from(u32::from(c)).unwrap() })
        .collect();
    let wide = declared("UTF-16");
    let little: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> =
        "\u{feff}".encode_utf16().chain(wide.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    for bytes in [windows, little, big] {
        assert_eq!(answer(&bytes), expected);
    }
}

#[test]
fn damaged_documents_of_sixteen_bits_neither_panic_nor_hang() {
    let whole: Vec<u8> = document("", &linear("", "")).encode_utf16().flat_map(u16::to_le_bytes).collect();
    landfall_pmml::fuzz::document(&whole);
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..500 {
        let mut bytes = whole.clone();
        for _ in 0..2 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let at = seed as usize % bytes.len();
            match seed >> 60 {
                0..8 => bytes[at] = (seed >> 32) as u8,
                8..12 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(2)),
            }
        }
        landfall_pmml::fuzz::document(&bytes);
    }
}

#[test]
fn a_text_that_is_not_split_holds_a_term_wherever_it_stands() {
    let index = |attributes: &str| {
        let index = format!(
            "<TextIndex textField=\"t\" tokenize=\"false\" {attributes}><Constant>ab c</Constant></TextIndex>"
        );
        of_text("double", &index, &["xab cab c", "AB C", "ab  c"])
    };
    assert_eq!(index(""), ["2", "1", "0"]);
    assert_eq!(index("isCaseSensitive=\"true\""), ["2", "0", "0"]);
    assert_eq!(index("localTermWeights=\"binary\""), ["1", "1", "0"]);
}
