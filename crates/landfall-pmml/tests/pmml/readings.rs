//! What the documentation records as read so where the specification leaves room, each with an answer by hand.

use crate::bad_input::{document, linear};
use crate::cases::with_fields;
use crate::table::answers;

const X: &str = "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>";
const TEXT: &str = "<DataField name=\"t\" optype=\"categorical\" dataType=\"string\"/>\
    <DataField name=\"u\" optype=\"categorical\" dataType=\"string\"/>";

fn classes(optype: &str) -> String {
    format!(
        "<DataField name=\"y\" optype=\"{optype}\" dataType=\"string\"><Value value=\"a\"/><Value value=\"b\"/>\
         <Value value=\"c\"/></DataField>"
    )
}

fn schema(active: &str) -> String {
    format!("<MiningSchema><MiningField name=\"y\" usageType=\"target\"/>{active}</MiningSchema>")
}

fn probabilities() -> String {
    let field =
        |class: &str| format!("<OutputField name=\"p{class}\" feature=\"probability\" value=\"{class}\"/>");
    format!("<Output>{}{}{}</Output>", field("a"), field("b"), field("c"))
}

/// What an expression over the texts `t` and `u` answers.
fn of_texts(expression: &str, input: &str) -> Vec<String> {
    let model = format!(
        "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"t\"/><MiningField name=\"u\"/>\
         </MiningSchema><Output><OutputField name=\"out\" feature=\"transformedValue\">{expression}</OutputField></Output>\
         <RegressionTable intercept=\"0\"/></RegressionModel>"
    );
    answers(&with_fields(TEXT, &model), input).split_off(1)
}

const T: &str = "<FieldRef field=\"t\"/>";
const U: &str = "<FieldRef field=\"u\"/>";

#[test]
fn scores_that_are_probabilities_as_they_are_stay_within_their_bounds() {
    let model = |tables: &str| {
        format!(
            "<RegressionModel functionName=\"classification\">{}{}{tables}</RegressionModel>",
            schema("<MiningField name=\"x\"/>"),
            probabilities()
        )
    };
    let table = |class: &str, intercept: f64| {
        format!(
            "<RegressionTable targetCategory=\"{class}\" intercept=\"{intercept}\"><NumericPredictor name=\"x\" \
             coefficient=\"0.5\"/></RegressionTable>"
        )
    };
    let two = model(&(table("a", 0.25) + &table("b", 0.0)));
    let fields = X.to_owned() + &classes("categorical");
    assert_eq!(
        answers(&with_fields(&fields, &two), "x\n0\n4\n-4\n")[1..],
        ["b,0.25,0.75,0", "a,1,0,0", "b,0,1,0"]
    );
    // Of an ordinal target what is not above each class is cut: 0 and 0.5, then 1 and 1.
    let three = model(&(table("a", 0.0) + &table("b", 1.0) + &table("c", 0.0)));
    let fields = X.to_owned() + &classes("ordinal");
    assert_eq!(answers(&with_fields(&fields, &three), "x\n-1\n3\n")[1..], ["b,0,0.5,0.5", "a,1,0,0"]);
}

#[test]
fn an_offset_counts_for_each_class_of_a_multinomial_model() {
    let model = |offset: &str| {
        format!(
            "<GeneralRegressionModel functionName=\"classification\" modelType=\"multinomialLogistic\" \
             targetReferenceCategory=\"c\" {offset}>{}{}<ParameterList><Parameter name=\"p\"/></ParameterList><PPMatrix/>\
             <ParamMatrix><PCell targetCategory=\"a\" parameterName=\"p\" beta=\"1\"/><PCell targetCategory=\"b\" \
             parameterName=\"p\" beta=\"0\"/></ParamMatrix></GeneralRegressionModel>",
            schema("<MiningField name=\"x\"/>"),
            probabilities()
        )
    };
    let fields = X.to_owned() + &classes("categorical");
    let answer = |offset| answers(&with_fields(&fields, &model(offset)), "x\n1\n").remove(1);
    let e = std::f64::consts::E;
    let first = answer("");
    let found: f64 = first.split(',').nth(1).unwrap().parse().unwrap();
    assert!((found - e / (e + 2.0)).abs() < 1e-15, "{first}");
    assert_eq!(answer("offsetValue=\"3\""), first);
}

#[test]
fn the_text_is_brought_to_the_vocabulary_and_the_term_is_of_it() {
    let index = |term: &str| {
        format!(
            "<TextIndex textField=\"t\"><TextIndexNormalization inField=\"from\" outField=\"to\" regexField=\"is\"><InlineTable>\
             <row><from>fox</from><to>cat</to><is>false</is></row></InlineTable></TextIndexNormalization>\
             <Constant>{term}</Constant></TextIndex>"
        )
    };
    let input = "t,u\nthe fox and a Fox,z\n";
    assert_eq!([of_texts(&index("cat"), input), of_texts(&index("fox"), input)], [["2"], ["0"]]);
}

#[test]
fn what_is_missing_adds_nothing_to_a_text() {
    let joined = format!("<Apply function=\"concat\">{T}<Constant>-</Constant>{U}</Apply>");
    assert_eq!(of_texts(&joined, "t,u\na,b\nNA,b\n"), ["a-b", "-b"]);
    let replaced = joined.replace("<Apply ", "<Apply mapMissingTo=\"none\" ");
    assert_eq!(of_texts(&replaced, "t,u\na,b\nNA,b\n"), ["a-b", "none"]);
}

#[test]
fn patterns_may_come_from_the_data() {
    let matches = format!("<Apply function=\"matches\">{T}{U}</Apply>");
    assert_eq!(of_texts(&matches, "t,u\nabc,b\nabc,^b\n"), ["true", "false"]);
    let replace = format!("<Apply function=\"replace\">{T}{U}<Constant>[$1]</Constant></Apply>");
    assert_eq!(of_texts(&replace, "t,u\naXXb,(X+)\n"), ["a[XX]b"]);
    let invalid = of_texts(&matches, "t,u\nabc,(\nabc,b\n");
    assert!(invalid[0].starts_with("error") && invalid[1] == "true", "{invalid:?}");
}

#[test]
fn an_invalid_value_that_is_taken_as_it_is_moves_to_no_limit() {
    let field = "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"><Interval closure=\"closedClosed\" \
        leftMargin=\"0\" rightMargin=\"10\"/></DataField><DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>";
    let model = format!(
        "<RegressionModel functionName=\"regression\">{}<RegressionTable intercept=\"0\"><NumericPredictor name=\"x\" \
         coefficient=\"1\"/></RegressionTable></RegressionModel>",
        schema(
            "<MiningField name=\"x\" invalidValueTreatment=\"asIs\" outliers=\"asExtremeValues\" lowValue=\"2\" highValue=\"4\"/>"
        )
    );
    assert_eq!(answers(&with_fields(field, &model), "x\n1\n3\n9\n12\n")[1..], ["2", "3", "4", "12"]);
}

#[test]
fn of_machines_that_tie_the_class_of_the_first_vote_wins() {
    let machine = |first: &str, second: &str, value: f64| {
        format!(
            "<SupportVectorMachine targetCategory=\"{first}\" alternateTargetCategory=\"{second}\"><Coefficients \
             absoluteValue=\"{value}\"><Coefficient value=\"0\"/></Coefficients></SupportVectorMachine>"
        )
    };
    let model = format!(
        "<SupportVectorMachineModel functionName=\"classification\" classificationMethod=\"OneAgainstOne\" \
         svmRepresentation=\"Coefficients\">{}<LinearKernelType/><VectorDictionary numberOfVectors=\"0\"><VectorFields>\
         <FieldRef field=\"x\"/></VectorFields></VectorDictionary>{}{}{}</SupportVectorMachineModel>",
        schema("<MiningField name=\"x\"/>"),
        machine("a", "b", 1.0),
        machine("a", "c", -1.0),
        machine("b", "c", 1.0),
    );
    // One vote each: b, a, c.
    let fields = X.to_owned() + &classes("categorical");
    assert_eq!(answers(&with_fields(&fields, &model), "x\n1\n")[1], "b");
}

#[test]
fn neighbours_that_are_not_alike_at_all_weigh_the_same() {
    let rows = [("0", "10"), ("1", "20")].map(|(x, y)| format!("<row><x>{x}</x><y>{y}</y></row>")).concat();
    let model = format!(
        "<NearestNeighborModel functionName=\"regression\" numberOfNeighbors=\"2\" continuousScoringMethod=\"weightedAverage\">{}\
         <TrainingInstances isTransformed=\"true\"><InstanceFields><InstanceField field=\"x\" column=\"x\"/><InstanceField \
         field=\"y\" column=\"y\"/></InstanceFields><InlineTable>{rows}</InlineTable></TrainingInstances><ComparisonMeasure \
         kind=\"similarity\" compareFunction=\"equal\"><cityBlock/></ComparisonMeasure><KNNInputs><KNNInput field=\"x\"/></KNNInputs>\
         </NearestNeighborModel>",
        schema("<MiningField name=\"x\"/>")
    );
    assert_eq!(answers(&document("", &model), "x\n7\n")[1], "15");
}

#[test]
fn a_function_of_a_derived_field_is_part_of_a_linear_model() {
    let derived = "<LocalTransformations><DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\"><Apply \
        function=\"formatNumber\"><FieldRef field=\"x\"/><Constant>%.2f</Constant></Apply></DerivedField></LocalTransformations>";
    let model = linear(derived, "<NumericPredictor name=\"d\" coefficient=\"1\"/>");
    assert_eq!(answers(&document("", &model), "x\n1.23456\n")[1], "2.23");
}

#[test]
fn what_is_missing_is_in_a_list_that_holds_what_is_missing() {
    let of = |function: &str| format!("<Apply function=\"{function}\">{T}{U}<Constant>z</Constant></Apply>");
    let input = "t,u\na,a\nz,NA\nNA,a\nb,NA\nNA,NA\n";
    assert_eq!(of_texts(&of("isIn"), input), ["true", "true", "false", "false", "true"]);
    assert_eq!(of_texts(&of("isNotIn"), input), ["false", "false", "true", "true", "false"]);
    // As a one-hot encoder with rare categories writes it, whose missing values are rare.
    let rare = |function: &str| {
        format!(
            "<Apply function=\"{function}\">{T}<Constant dataType=\"string\">a</Constant>\
             <Constant dataType=\"string\" missing=\"true\"/></Apply>"
        )
    };
    let input = "t,u\na,a\nb,a\nNA,a\n";
    assert_eq!(of_texts(&rare("isIn"), input), ["true", "false", "true"]);
    assert_eq!(of_texts(&rare("isNotIn"), input), ["false", "true", "false"]);
}

#[test]
fn of_bins_that_overlap_the_last_one_stands() {
    let bin = |value: &str, left: &str, right: &str| {
        format!(
            "<DiscretizeBin binValue=\"{value}\"><Interval closure=\"closedClosed\" leftMargin=\"{left}\" \
             rightMargin=\"{right}\"/></DiscretizeBin>"
        )
    };
    let derived = format!(
        "<LocalTransformations><DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\"><Discretize field=\"x\" \
         dataType=\"double\">{}{}</Discretize></DerivedField></LocalTransformations>",
        bin("10", "0", "2"),
        bin("20", "2", "3"),
    );
    let model = linear(&derived, "<NumericPredictor name=\"d\" coefficient=\"1\"/>");
    assert_eq!(answers(&document("", &model), "x\n1\n2\n3\n")[1..], ["11", "21", "21"]);
}

#[test]
fn an_invalid_value_that_counts_as_missing_takes_the_replacement_and_does_not_fail() {
    let field = |replacement: &str| {
        schema(&format!(
            "<MiningField name=\"x\" invalidValueTreatment=\"asMissing\" missingValueTreatment=\"returnInvalid\" {replacement}/>"
        ))
    };
    let of = |replacement: &str| {
        let model = format!(
            "<RegressionModel functionName=\"regression\">{}<RegressionTable intercept=\"0\"><NumericPredictor name=\"x\" \
             coefficient=\"1\"/></RegressionTable></RegressionModel>",
            field(replacement)
        );
        answers(&document("", &model), "x\nabc\n3\nNA\n").split_off(1)
    };
    let replaced = of("missingValueReplacement=\"7\"");
    assert_eq!(replaced[..2], ["7", "3"]);
    assert!(replaced[2].starts_with("error"), "{replaced:?}");
    assert_eq!(of("")[..2], ["", "3"]);
}
