//! Missing values that are replaced where a field is referred to, and texts that are replaced again and again.

use crate::bad_input::document;
use crate::cases::with_fields;
use crate::rules::{continuous, schema};
use crate::table::answers;

/// What an expression over the number `x` and the text `t` answers.
fn derived(dtype: &str, expression: &str, input: &str) -> Vec<String> {
    let fields = continuous("x") + "<DataField name=\"t\" optype=\"categorical\" dataType=\"string\"/>";
    let model = format!(
        "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/><MiningField name=\"t\"/>\
         </MiningSchema><Output><OutputField name=\"out\" feature=\"transformedValue\"><FieldRef field=\"d\"/></OutputField>\
         </Output><LocalTransformations><DerivedField name=\"d\" optype=\"categorical\" dataType=\"{dtype}\">{expression}\
         </DerivedField></LocalTransformations><RegressionTable intercept=\"0\"/></RegressionModel>"
    );
    answers(&with_fields(&fields, &model), input).split_off(1)
}

#[test]
fn what_replaces_a_missing_value_is_valid() {
    let asked = |function: &str, replaced: &str| {
        let expression = format!("<Apply function=\"{function}\"><FieldRef field=\"t\"{replaced}/></Apply>");
        derived("boolean", &expression, "x,t\n1,a\n1,NA\n")
    };
    let replaced = " mapMissingTo=\"b\"";
    assert_eq!(asked("isValid", replaced), ["true", "true"]);
    assert_eq!(asked("isNotValid", replaced), ["false", "false"]);
    assert_eq!(asked("isMissing", replaced), ["false", "false"]);
    assert_eq!(asked("isValid", ""), ["true", "false"]);
    assert_eq!(asked("isNotValid", ""), ["false", "false"]);
}

#[test]
fn what_replaces_a_missing_number_may_be_a_word_of_the_derived_field() {
    let expression = "<FieldRef field=\"x\" mapMissingTo=\"none\"/>";
    assert_eq!(derived("string", expression, "x,t\n2.5,a\nNA,a\n"), ["2.5", "none"]);
}

#[test]
fn fields_of_vectors_and_of_products_have_their_missing_values_replaced() {
    let vectors = format!(
        "<SupportVectorMachineModel functionName=\"regression\">{}<LinearKernelType/><VectorDictionary><VectorFields>\
         <FieldRef field=\"x\" mapMissingTo=\"0.5\"/></VectorFields><VectorInstance id=\"v\"><Array type=\"real\">2</Array>\
         </VectorInstance></VectorDictionary><SupportVectorMachine><SupportVectors><SupportVector vectorId=\"v\"/>\
         </SupportVectors><Coefficients absoluteValue=\"1\"><Coefficient value=\"3\"/></Coefficients></SupportVectorMachine>\
         </SupportVectorMachineModel>",
        schema("y", &["x"])
    );
    // 1 + 3 · 2 · x
    assert_eq!(answers(&document("", &vectors), "x\n1\nNA\n")[1..], ["7", "4"]);
    let product = format!(
        "<RegressionModel functionName=\"regression\">{}<RegressionTable intercept=\"1\"><PredictorTerm coefficient=\"3\">\
         <FieldRef field=\"x\" mapMissingTo=\"0.5\"/><FieldRef field=\"x\" mapMissingTo=\"4\"/></PredictorTerm>\
         </RegressionTable></RegressionModel>",
        schema("y", &["x"])
    );
    // 1 + 3 · x · x, or 1 + 3 · 0.5 · 4
    assert_eq!(answers(&document("", &product), "x\n1\nNA\n")[1..], ["4", "7"]);
}

#[test]
fn a_normalisation_that_lengthens_a_text_without_end_fails_its_row_alone() {
    for attributes in ["", "tokenize=\"false\" maxLevenshteinDistance=\"2\""] {
        let index = format!(
            "<TextIndex textField=\"t\"><TextIndexNormalization recursive=\"true\" {attributes}><InlineTable><row>\
             <string>dog</string><stem>dog dog</stem></row></InlineTable></TextIndexNormalization><Constant>cat</Constant>\
             </TextIndex>"
        );
        let lines = derived("double", &index, "x,t\n1,cat\n1,the dog\n1,cat cat\n");
        assert_eq!((lines[0].as_str(), lines[2].as_str()), ("1", "2"), "{attributes}");
        assert!(lines[1].contains("grow without end"), "{}", lines[1]);
    }
}

#[test]
fn a_penalty_lowers_the_confidence_where_a_surrogate_or_a_default_got_around_a_missing_value() {
    let less =
        |field: &str| format!("<SimplePredicate field=\"{field}\" operator=\"lessThan\" value=\"0\"/>");
    let model = format!(
        "<TreeModel functionName=\"classification\" missingValueStrategy=\"defaultChild\" missingValuePenalty=\"0.5\">{}\
         <Output><OutputField name=\"sure\" feature=\"confidence\"/></Output><Node id=\"0\" defaultChild=\"2\"><True/>\
         <Node id=\"1\" score=\"a\"><CompoundPredicate booleanOperator=\"surrogate\">{}{}</CompoundPredicate>\
         <ScoreDistribution value=\"a\" recordCount=\"4\" confidence=\"0.75\"/><ScoreDistribution value=\"b\" \
         recordCount=\"1\" confidence=\"0.25\"/></Node><Node id=\"2\" score=\"b\"><True/><ScoreDistribution value=\"a\" \
         recordCount=\"1\"/><ScoreDistribution value=\"b\" recordCount=\"3\"/></Node></Node></TreeModel>",
        schema("y", &["x", "z"]),
        less("x"),
        less("z"),
    );
    let fields = continuous("x") + &continuous("z") + &crate::rules::categorical("y", &["a", "b"]);
    let lines = answers(&with_fields(&fields, &model), "x,z\n-1,1\nNA,-1\nNA,NA\n");
    // As it is; half of 0.75; half of the probability that stands for a confidence.
    assert_eq!(lines[1..], ["a,0.75", "a,0.375", "b,0.375"]);
}
