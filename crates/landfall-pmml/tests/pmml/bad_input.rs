//! What is no model, or no honest one, is refused with its place and never takes the process down.

use crate::files::load;
use crate::table::answers;
use landfall_model::Kind;

/// A document with one double field `x`, one target `y`, and this model.
pub(crate) fn document(dictionary: &str, model: &str) -> String {
    format!(
        "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\"><Header/>\n<DataDictionary>\
         <DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>\
         <DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/></DataDictionary>\n{dictionary}\n{model}</PMML>"
    )
}

/// A linear model of `x` and of what stands before its table.
pub(crate) fn linear(before: &str, predictors: &str) -> String {
    format!(
        "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"y\" usageType=\"target\"/>\
         <MiningField name=\"x\"/></MiningSchema>{before}\
         <RegressionTable intercept=\"1\">{predictors}</RegressionTable></RegressionModel>"
    )
}

const X: &str = "<NumericPredictor name=\"x\" coefficient=\"2\"/>";

#[test]
fn a_small_model_answers() {
    assert_eq!(answers(&document("", &linear("", X)), "x\n3\nNA\n"), ["y", "7", ""]);
}

#[test]
fn a_row_that_cannot_be_read_fails_alone_and_says_why() {
    let lines = answers(&document("", &linear("", X)), "x\nabc\n1\n");
    assert!(lines[1].contains("\"x\"") && lines[1].contains("abc"), "{}", lines[1]);
    assert!(lines[1].contains("expected a number, as the model's data dictionary has it"), "{}", lines[1]);
    assert_eq!(lines[2], "3");
    let whole = document("", &linear("", X)).replace(
        "name=\"x\" optype=\"continuous\" dataType=\"double\"",
        "name=\"x\" optype=\"continuous\" dataType=\"integer\"",
    );
    let lines = answers(&whole, "x\n1.5\n1\n");
    assert!(lines[1].contains("expected a whole number") && lines[1].contains("1.5"), "{}", lines[1]);
}

#[test]
fn refusals_name_line_and_column() {
    let unknown = document("", &linear("", "<NumericPredictor name=\"z\" coefficient=\"2\"/>"));
    let cyclic = "<LocalTransformations>\
        <DerivedField name=\"a\" optype=\"continuous\" dataType=\"double\"><FieldRef field=\"b\"/></DerivedField>\
        <DerivedField name=\"b\" optype=\"continuous\" dataType=\"double\"><FieldRef field=\"a\"/></DerivedField>\
        </LocalTransformations>";
    let recursive = "<TransformationDictionary><DefineFunction name=\"f\" optype=\"continuous\">\
        <ParameterField name=\"p\"/><Apply function=\"f\"><FieldRef field=\"p\"/></Apply></DefineFunction>\
        <DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\"><Apply function=\"f\">\
        <FieldRef field=\"x\"/></Apply></DerivedField></TransformationDictionary>";
    let cases = [
        (unknown, "\"z\" is not declared"),
        (document("", &linear(cyclic, X)), "depends on itself"),
        (
            document(recursive, &linear("", "<NumericPredictor name=\"d\" coefficient=\"1\"/>")),
            "depends on itself",
        ),
        (
            document("", &linear("", "<NumericPredictor name=\"x\" coefficient=\"2\" colour=\"red\"/>")),
            "colour",
        ),
        (document("", &linear("", "<Surprise/>")), "<Surprise>"),
        (document("", "<BaselineModel functionName=\"regression\"/>"), "<BaselineModel>"),
        (
            document("", &linear("", "<NumericPredictor name=\"x\" coefficient=\"two\"/>")),
            "expected a number",
        ),
        (document("<!DOCTYPE a [<!ENTITY b \"c\">]>", ""), "entities"),
    ];
    for (text, what) in cases {
        let problem = load(text.as_bytes()).err().unwrap_or_else(|| panic!("{what}: loads")).to_string();
        assert!(problem.contains(what) && problem.contains("line "), "{what}: {problem}");
    }
}

/// A Gaussian process of these training instances.
fn process(columns: &str, rows: &str) -> String {
    let model = format!(
        "<GaussianProcessModel functionName=\"regression\">{}<RadialBasisKernel/><TrainingInstances><InstanceFields>\
         <InstanceField field=\"x\" column=\"x\"/>{columns}</InstanceFields><InlineTable>{rows}</InlineTable>\
         </TrainingInstances></GaussianProcessModel>",
        crate::rules::schema("y", &["x"])
    );
    document("", &model)
}

/// A baseline of counts of `x`.
fn counted(counts: &str) -> String {
    let model = format!(
        "<BaselineModel functionName=\"regression\">{}<TestDistributions field=\"x\" testStatistic=\"chiSquareDistribution\">\
         <Baseline><CountTable>{counts}</CountTable></Baseline></TestDistributions></BaselineModel>",
        crate::rules::schema("y", &["x"])
    );
    document("", &model)
}

#[test]
fn numbers_that_a_model_lacks_are_named_with_their_place() {
    let target = "<InstanceField field=\"y\" column=\"t\"/>";
    let count = |field: &str, count: &str| {
        format!("<FieldValueCount field=\"{field}\" value=\"1\" count=\"{count}\"/>")
    };
    let asked = linear("", "").replace("name=\"x\"", "name=\"x\" invalidValueTreatment=\"asValue\"");
    for (text, what) in [
        (process("", "<row><x>1</x></row>"), "no column for the target \"y\""),
        (
            process(target, "<row><x>1</x><t>2</t></row><row><x>3</x><t>two</t></row>"),
            "training instance 2: expected a number in column \"t\"",
        ),
        (counted(&(count("x", "3") + &count("y", "1"))), "other fields than the table's first"),
        (counted(&count("x", "-3")), "count=\"-3\" is below zero"),
        (document("", &asked), "of field \"x\" lacks invalidValueReplacement"),
    ] {
        let problem = load(text.as_bytes()).err().unwrap_or_else(|| panic!("{what}: loads")).to_string();
        assert!(problem.contains(what) && problem.contains("line "), "{what}: {problem}");
    }
}

#[test]
fn other_namespaces_and_versions_are_refused() {
    for head in ["xmlns=\"http://www.w3.org/2000/svg\"", "version=\"5.0\"", "version=\"four\""] {
        let text = format!("<PMML {head}/>");
        assert_eq!(
            load(text.as_bytes()).err().map(|problem| problem.kind()),
            Some(Kind::Unimplemented),
            "{head}"
        );
    }
    assert!(load(b"not xml at all").is_err());
    assert!(load(b"").is_err());
}

#[test]
fn damaged_documents_neither_panic_nor_hang() {
    let whole = document(
        "<TransformationDictionary><DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\">\
         <Apply function=\"+\"><FieldRef field=\"x\"/><Constant>1</Constant></Apply></DerivedField>\
         </TransformationDictionary>",
        &linear("", "<NumericPredictor name=\"d\" coefficient=\"2\" exponent=\"2\"/>"),
    );
    landfall_pmml::fuzz::document(whole.as_bytes());
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for _ in 0..3_000 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..random() % 4 + 1 {
            let at = random() % bytes.len();
            match random() % 3 {
                0 => bytes[at] = b"<>\"/=&;0 x9e-"[random() % 13],
                1 => bytes.truncate(at.max(1)),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                bytes.push(b'<');
            }
        }
        landfall_pmml::fuzz::document(&bytes);
    }
}

#[test]
fn foreign_values_neither_panic_nor_hang() {
    let cells: [&[u8]; 13] = [
        b"",
        b"12345678",
        b"\x00\x00\x00\x00\x00\x00\xf0\x7f",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        b"2024-02-30",
        b"9999-12-31T23:59:60",
        b"(a+)+$",
        b"(?=(a+)+$)(x|y)*+\\1",
        b"%9999999999d %.400f %q",
        b"\xc3\xa9\xf0\x9f\x98\x80 x",
        b"$1 \\ ${",
        b"-0001-01-01",
        b"\xff",
    ];
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for _ in 0..400 {
        let mut bytes = Vec::new();
        for at in 0..28 {
            bytes.extend_from_slice(cells[random() % cells.len()]);
            bytes.push(if at % 7 == 6 { b'\n' } else { b'\t' });
        }
        landfall_pmml::fuzz::values(&bytes);
    }
}

#[test]
fn a_support_vector_has_a_number_for_each_field() {
    let refused = |array: &str| {
        let model = format!(
            "<SupportVectorMachineModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/><MiningField name=\"y\"/>\
             </MiningSchema><LinearKernelType/><VectorDictionary><VectorFields><FieldRef field=\"x\"/><FieldRef field=\"y\"/>\
             </VectorFields><VectorInstance id=\"v\">{array}</VectorInstance></VectorDictionary><SupportVectorMachine>\
             <SupportVectors><SupportVector vectorId=\"v\"/></SupportVectors><Coefficients><Coefficient value=\"1\"/>\
             </Coefficients></SupportVectorMachine></SupportVectorMachineModel>"
        );
        load(document("", &model).as_bytes()).err().map(|problem| problem.to_string()).unwrap_or_default()
    };
    assert_eq!(refused("<Array type=\"real\">1 2</Array>"), "");
    assert!(refused("<Array type=\"real\">1</Array>").contains("shorter than its fields"));
    assert!(refused("<Array type=\"real\">1 2 3</Array>").contains("longer than its fields"));
    // A sparse one leaves out zeros.
    assert_eq!(
        refused(
            "<REAL-SparseArray n=\"2\"><Indices>2</Indices><REAL-Entries>1</REAL-Entries></REAL-SparseArray>"
        ),
        ""
    );
}
