//! Small documents with answers calculated by hand, one for each rule.

use crate::bad_input::{document, linear};
use crate::table::answers;

/// A document whose fields, model and what stands before it are given.
pub(crate) fn with_fields(fields: &str, model: &str) -> String {
    format!("<PMML version=\"4.4\"><Header/><DataDictionary>{fields}</DataDictionary>{model}</PMML>")
}

/// What one expression over double fields `x` and `z` answers, as an output field.
fn expression(text: &str, input: &str) -> Vec<String> {
    let output = format!(
        "<Output><OutputField name=\"out\" optype=\"continuous\" dataType=\"double\" feature=\"transformedValue\">\
         {text}</OutputField></Output>"
    );
    let fields = "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>\
                  <DataField name=\"z\" optype=\"continuous\" dataType=\"double\"/>";
    let model = format!(
        "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/><MiningField name=\"z\"/>\
         </MiningSchema>{output}<RegressionTable intercept=\"0\"/></RegressionModel>"
    );
    answers(&with_fields(fields, &model), input).split_off(1)
}

fn apply(function: &str, arguments: &str) -> String {
    format!("<Apply function=\"{function}\">{arguments}</Apply>")
}

const X: &str = "<FieldRef field=\"x\"/>";
const Z: &str = "<FieldRef field=\"z\"/>";

#[test]
fn arithmetic_is_missing_where_an_argument_is_and_aggregates_leave_it_out() {
    let rows = "x,z\n6,4\n6,NA\n";
    assert_eq!(expression(&apply("-", &format!("{X}{Z}")), rows), ["2", ""]);
    assert_eq!(expression(&apply("sum", &format!("{X}{Z}")), rows), ["10", "6"]);
    assert_eq!(expression(&apply("avg", &format!("{X}{Z}")), rows), ["5", "6"]);
    assert_eq!(expression(&apply("modulo", &format!("{X}{Z}")), "x,z\n-7,3\n"), ["2"]);
    assert_eq!(expression(&apply("hypot", &format!("{X}{Z}")), "x,z\n3,4\n"), ["5"]);
    assert_eq!(expression(&apply("round", X), "x,z\n2.5,0\n-2.5,0\n"), ["3", "-2"]);
    assert_eq!(expression(&apply("rint", X), "x,z\n2.5,0\n"), ["2"]);
}

#[test]
fn a_missing_argument_and_a_missing_result_may_be_replaced() {
    let text = format!("<Apply function=\"+\" mapMissingTo=\"-1\">{X}{Z}</Apply>");
    assert_eq!(expression(&text, "x,z\nNA,1\n2,3\n"), ["-1", "5"]);
    let text = format!(
        "<Apply function=\"/\" defaultValue=\"9\" invalidValueTreatment=\"asMissing\">{X}{Z}</Apply>"
    );
    assert_eq!(expression(&text, "x,z\n1,0\n6,3\n"), ["9", "2"]);
    let fails = expression(&apply("/", &format!("{X}{Z}")), "x,z\n1,0\n6,3\n");
    assert!(fails[0].starts_with("error") && fails[1] == "2", "{fails:?}");
}

#[test]
fn logic_has_three_values() {
    let choose = |condition: String| {
        let constants =
            "<Constant dataType=\"double\">1</Constant><Constant dataType=\"double\">0</Constant>";
        apply("if", &format!("{condition}{constants}"))
    };
    let big =
        |field: &str| apply("greaterThan", &format!("{field}<Constant dataType=\"double\">0</Constant>"));
    let rows = "x,z\n1,NA\n-1,NA\n1,1\n";
    assert_eq!(expression(&choose(apply("or", &(big(X) + &big(Z)))), rows), ["1", "", "1"]);
    assert_eq!(expression(&choose(apply("and", &(big(X) + &big(Z)))), rows), ["", "0", "1"]);
    assert_eq!(expression(&choose(apply("isMissing", Z)), rows), ["1", "1", "0"]);
    assert_eq!(expression(&choose(apply("not", &big(X))), rows), ["0", "1", "0"]);
}

#[test]
fn dates_count_from_a_year() {
    let days = apply(
        "dateDaysSinceYear",
        "<Constant dataType=\"date\">2003-04-01</Constant><Constant dataType=\"integer\">1960</Constant>",
    );
    assert_eq!(expression(&days, "x,z\n1,1\n"), ["15796"]);
    let seconds =
        apply("dateSecondsSinceMidnight", "<Constant dataType=\"dateTime\">2004-08-20T05:23:30</Constant>");
    assert_eq!(expression(&seconds, "x,z\n1,1\n"), ["19410"]);
    let seconds = apply(
        "dateSecondsSinceYear",
        "<Constant dataType=\"dateTime\">1960-01-03T03:30:03</Constant><Constant dataType=\"integer\">1960</Constant>",
    );
    assert_eq!(expression(&seconds, "x,z\n1,1\n"), ["185403"]);
}

#[test]
fn normal_functions_take_mean_and_deviation() {
    let constants = "<Constant dataType=\"double\">1</Constant><Constant dataType=\"double\">2</Constant>";
    let got = expression(&apply("normalCDF", &format!("{X}{constants}")), "x,z\n1,0\n3,0\n");
    assert_eq!(got[0], "0.5");
    assert!((got[1].parse::<f64>().unwrap() - 0.841_344_746_068_542_9).abs() < 1e-15);
    assert_eq!(expression(&apply("erf", X), "x,z\n0,0\n"), ["0"]);
}

#[test]
fn functions_may_be_used_before_they_are_defined() {
    let dictionary = "<TransformationDictionary>\
        <DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\"><Apply function=\"twice\"><FieldRef field=\"x\"/></Apply></DerivedField>\
        <DefineFunction name=\"twice\" optype=\"continuous\" dataType=\"double\"><ParameterField name=\"p\" dataType=\"double\"/>\
        <Apply function=\"add\"><FieldRef field=\"p\"/><FieldRef field=\"p\"/></Apply></DefineFunction>\
        <DefineFunction name=\"add\" optype=\"continuous\"><ParameterField name=\"a\"/><ParameterField name=\"b\"/>\
        <Apply function=\"+\"><FieldRef field=\"a\"/><FieldRef field=\"b\"/></Apply></DefineFunction></TransformationDictionary>";
    let model = linear("", "<NumericPredictor name=\"d\" coefficient=\"10\"/>");
    assert_eq!(answers(&document(dictionary, &model), "x\n3\n"), ["y", "61"]);
}

#[test]
fn lag_looks_back_over_rows() {
    let lag = "<LocalTransformations><DerivedField name=\"before\" optype=\"continuous\" dataType=\"double\">\
        <Lag field=\"x\" n=\"2\"/></DerivedField></LocalTransformations>";
    let model = linear(lag, "<NumericPredictor name=\"before\" coefficient=\"1\"/>");
    assert_eq!(answers(&document("", &model), "x\n5\n6\n7\n8\n"), ["y", "", "", "6", "7"]);
}

const COLOURS: &str = "<DataField name=\"c\" optype=\"categorical\" dataType=\"string\"><Value value=\"red\"/>\
    <Value value=\"blue\"/><Value value=\"?\" property=\"missing\"/></DataField>\
    <DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>";

fn colours(attributes: &str) -> Vec<String> {
    let model = format!(
        "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"y\" usageType=\"target\"/>\
         <MiningField name=\"c\" {attributes}/></MiningSchema><RegressionTable intercept=\"1\">\
         <CategoricalPredictor name=\"c\" value=\"red\" coefficient=\"10\"/>\
         <CategoricalPredictor name=\"c\" value=\"blue\" coefficient=\"20\"/></RegressionTable></RegressionModel>"
    );
    answers(&with_fields(COLOURS, &model), "c\nred\ngreen\n?\nNA\n").split_off(1)
}

#[test]
fn invalid_and_missing_values_are_treated_as_the_schema_says() {
    let fails = colours("");
    assert!(
        fails[0] == "11" && fails[1].contains("green") && fails[2] == "1" && fails[3] == "1",
        "{fails:?}"
    );
    assert_eq!(colours("invalidValueTreatment=\"asIs\""), ["11", "1", "1", "1"]);
    let replaced = "invalidValueTreatment=\"asMissing\" missingValueReplacement=\"blue\"";
    assert_eq!(colours(replaced), ["11", "21", "21", "21"]);
    let replaced = "invalidValueTreatment=\"asValue\" invalidValueReplacement=\"blue\"";
    assert_eq!(colours(replaced), ["11", "21", "1", "1"]);
    let fails = colours("invalidValueTreatment=\"asIs\" missingValueTreatment=\"returnInvalid\"");
    assert!(fails[1] == "1" && fails[3].starts_with("error"), "{fails:?}");
}

/// A chain of trees of one split each, joined by a method.
fn ensemble(method: &str) -> String {
    let tree = |low: f64, high: f64, weight: f64| {
        format!(
            "<Segment weight=\"{weight}\"><True/><TreeModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/></MiningSchema>\
             <Node score=\"0\"><True/><Node score=\"{low}\"><SimplePredicate field=\"x\" operator=\"lessThan\" value=\"1\"/></Node>\
             <Node score=\"{high}\"><SimplePredicate field=\"x\" operator=\"greaterOrEqual\" value=\"1\"/></Node></Node></TreeModel></Segment>"
        )
    };
    let segments = tree(1.0, 2.0, 1.0) + &tree(4.0, 8.0, 1.0) + &tree(10.0, 30.0, 2.0);
    document(
        "",
        &format!(
            "<MiningModel functionName=\"regression\"><MiningSchema><MiningField name=\"y\" usageType=\"target\"/>\
             <MiningField name=\"x\"/></MiningSchema><Segmentation multipleModelMethod=\"{method}\">{segments}\
             </Segmentation></MiningModel>"
        ),
    )
}

#[test]
fn segments_are_joined_by_each_method() {
    let cases = [
        ("sum", ["15", "40"]),
        ("weightedSum", ["25", "70"]),
        ("average", ["5", "13.333333333333334"]),
        ("weightedAverage", ["6.25", "17.5"]),
        ("median", ["4", "8"]),
        ("weightedMedian", ["4", "8"]),
        ("max", ["10", "30"]),
        ("selectFirst", ["1", "2"]),
        ("modelChain", ["10", "30"]),
    ];
    for (method, expected) in cases {
        assert_eq!(answers(&ensemble(method), "x\n0\n5\n").split_off(1), expected, "{method}");
    }
}

#[test]
fn a_matrix_of_binary_links_is_undone() {
    let general = |link: &str| {
        let model = format!(
            "<GeneralRegressionModel functionName=\"regression\" modelType=\"generalizedLinear\" {link}><MiningSchema>\
             <MiningField name=\"y\" usageType=\"target\"/><MiningField name=\"x\"/></MiningSchema><ParameterList>\
             <Parameter name=\"p0\"/><Parameter name=\"p1\"/></ParameterList><CovariateList><Predictor name=\"x\"/>\
             </CovariateList><PPMatrix><PPCell value=\"2\" predictorName=\"x\" parameterName=\"p1\"/></PPMatrix>\
             <ParamMatrix><PCell parameterName=\"p0\" beta=\"1\"/><PCell parameterName=\"p1\" beta=\"2\"/></ParamMatrix>\
             </GeneralRegressionModel>"
        );
        answers(&document("", &model), "x\n2\n")[1].parse::<f64>().unwrap()
    };
    assert_eq!(general(""), 9.0);
    assert_eq!(general("linkFunction=\"power\" linkParameter=\"2\""), 3.0);
    assert_eq!(general("linkFunction=\"power\" linkParameter=\"2\" trialsValue=\"5\""), 15.0);
    assert!((general("linkFunction=\"log\" offsetValue=\"1\"") - 10f64.exp()).abs() < 1e-9);
}

#[test]
fn a_model_verifies_its_own_rows() {
    let verified = |expected: &str| {
        let model = linear("", "<NumericPredictor name=\"x\" coefficient=\"2\"/>").replace(
            "</RegressionModel>",
            &format!(
                "<ModelVerification recordCount=\"1\"><VerificationFields><VerificationField field=\"x\"/>\
                 <VerificationField field=\"y\"/></VerificationFields><InlineTable><row><x>3</x><y>{expected}</y></row>\
                 </InlineTable></ModelVerification></RegressionModel>"
            ),
        );
        crate::files::load(document("", &model).as_bytes()).unwrap().verify()
    };
    assert_eq!(verified("7").unwrap(), 1);
    let problem = verified("8").unwrap_err().to_string();
    assert!(problem.contains("row 1") && problem.contains("expected 8, found 7"), "{problem}");
}
