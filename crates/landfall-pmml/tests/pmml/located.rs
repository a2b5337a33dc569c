//! Tables in files beside the document.

use crate::bad_input::{document, linear};
use crate::cases::with_fields;
use crate::rules::{categorical, continuous, schema};
use crate::table::answers_of;
use landfall_model::{FilesInMemory, Model, Options, Problem};
use std::sync::Arc;

fn load(document: &str, tables: &[(&str, &str)]) -> Result<Arc<dyn Model>, Problem> {
    let files = FilesInMemory::new("model.pmml", document.as_bytes());
    let files = tables.iter().fold(files, |files, (name, text)| files.with(name, text.as_bytes()));
    landfall_pmml::engine().load(&files, &Options::new())
}

fn locator(file: &str) -> String {
    format!("<TableLocator>\n<Extension name=\"file\" value=\"{file}\"/></TableLocator>")
}

/// A document that maps the text field `zone` to a number.
fn mapping(table: &str) -> String {
    let derived = format!(
        "<LocalTransformations><DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\"><MapValues \
         outputColumn=\"rate\" dataType=\"double\" defaultValue=\"-1\" mapMissingTo=\"-2\"><FieldColumnPair field=\"zone\" \
         column=\"Zone code\"/>{table}</MapValues></DerivedField></LocalTransformations>"
    );
    let model = format!(
        "<RegressionModel functionName=\"regression\">{}{derived}<RegressionTable intercept=\"0\"><NumericPredictor \
         name=\"d\" coefficient=\"1\"/></RegressionTable></RegressionModel>",
        schema("y", &["zone"])
    );
    with_fields(&(categorical("zone", &[]) + &continuous("y")), &model)
}

#[test]
fn values_are_mapped_by_a_table_in_a_file_beside_the_document() {
    let table = "Zone code,rate\nnorth,0.5\n\"a, b\",1.5\nsouth,\n";
    let model = load(&mapping(&locator("rates/zones.csv")), &[("rates/zones.csv", table)]);
    // South has no rate: that is missing, and so is the answer.
    assert_eq!(
        answers_of(model, "zone\nnorth\n\"a, b\"\nsouth\nwest\nNA\n")[1..],
        ["0.5", "1.5", "", "-1", "-2"]
    );
}

#[test]
fn training_rows_of_neighbours_may_lie_in_a_file() {
    let model = format!(
        "<NearestNeighborModel functionName=\"regression\" numberOfNeighbors=\"2\">{}<TrainingInstances><InstanceFields>\
         <InstanceField field=\"x\" column=\"X\"/><InstanceField field=\"y\" column=\"Y\"/></InstanceFields>{}\
         </TrainingInstances><ComparisonMeasure kind=\"distance\"><euclidean/></ComparisonMeasure><KNNInputs>\
         <KNNInput field=\"x\"/></KNNInputs></NearestNeighborModel>",
        schema("y", &["x"]),
        locator("rows.tsv")
    );
    let model = load(&document("", &model), &[("rows.tsv", "X\tY\n1\t10\n2\t20\n9\t90\n")]);
    assert_eq!(answers_of(model, "x\n1.4\n8\n")[1..], ["15", "55"]);
}

#[test]
fn a_table_that_is_not_there_or_not_named_is_refused_with_its_place() {
    let refused = |table: &str, tables: &[(&str, &str)]| {
        load(&mapping(table), tables).err().map(|problem| problem.to_string()).unwrap_or_default()
    };
    let absent = refused(&locator("zones.csv"), &[]);
    assert!(absent.contains("line 2, column 1") && absent.contains("zones.csv"), "{absent}");
    let short = refused(&locator("z.csv"), &[("z.csv", "Zone code,rate\nnorth\n")]);
    assert!(short.contains("z.csv") && short.contains("line 2: expected 2 cells, found 1"), "{short}");
    for unnamed in ["<TableLocator/>", "<TableLocator><Extension name=\"x\" value=\"a.csv\"/></TableLocator>"]
    {
        let problem = refused(unnamed, &[]);
        assert!(problem.contains("names no file") && problem.contains("<InlineTable>"), "{problem}");
        assert!(problem.contains("line 1, column"), "{problem}");
    }
    let foreign = refused("<TableLocator location=\"taxonomy\" name=\"zones\"/>", &[]);
    assert!(foreign.contains("attributes of its own"), "{foreign}");
}

#[test]
fn a_model_without_inputs_counts_the_rows_that_come() {
    let model = load(&document("", &linear("", "")), &[]).unwrap();
    assert!(model.signatures()[0].inputs().iter().all(|input| !input.only_counts_rows));
    let model = "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"y\" usageType=\"target\"/>\
        </MiningSchema><RegressionTable intercept=\"7\"/></RegressionModel>";
    let model = load(&document("", model), &[]).unwrap();
    assert!(model.signatures()[0].inputs().iter().all(|input| input.only_counts_rows));
    assert_eq!(answers_of(Ok(model), "y\n1\nNA\n"), ["y", "7", "7"]);
}

#[test]
fn foreign_tables_neither_panic_nor_hang() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for _ in 0..4_000 {
        let pieces = [",", ";", "\t", "\"", "\"\"", "\r\n", "\n", "\r", "a", "é", "1", " ", "\u{feff}"];
        let text: String = (0..random() % 40).map(|_| pieces[random() % pieces.len()]).collect();
        landfall_pmml::fuzz::located(text.as_bytes());
    }
    landfall_pmml::fuzz::located(b"\xff,\n");
}
