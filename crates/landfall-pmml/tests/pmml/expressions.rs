//! What types, tables, scopes and versions make of values in expressions, each with an answer by hand.

use crate::bad_input::document;
use crate::cases::with_fields;
use crate::files::load;
use crate::rules::{categorical, continuous};
use crate::table::answers;

const X: &str = "<FieldRef field=\"x\"/>";
const T: &str = "<FieldRef field=\"t\"/>";

fn fields() -> String {
    continuous("x") + &categorical("t", &[])
}

fn apply(function: &str, arguments: &str) -> String {
    format!("<Apply function=\"{function}\">{arguments}</Apply>")
}

fn derived(name: &str, dtype: &str, expression: &str) -> String {
    let optype = if dtype == "double" || dtype.contains('[') { "continuous" } else { "categorical" };
    format!(
        "<DerivedField name=\"{name}\" optype=\"{optype}\" dataType=\"{dtype}\">{expression}</DerivedField>"
    )
}

/// A model that answers these expressions, each in its output field of a type, over these mining fields.
fn model(schema: &str, local: &str, outputs: &[(&str, &str, &str)]) -> String {
    let output = |(name, dtype, expression): &(&str, &str, &str)| {
        format!(
            "<OutputField name=\"{name}\" dataType=\"{dtype}\" feature=\"transformedValue\">{expression}</OutputField>"
        )
    };
    let outputs: String = outputs.iter().map(output).collect();
    format!(
        "<RegressionModel functionName=\"regression\"><MiningSchema>{schema}</MiningSchema><Output>{outputs}</Output>\
         <LocalTransformations>{local}</LocalTransformations><RegressionTable intercept=\"0\"/></RegressionModel>"
    )
}

const BOTH: &str = "<MiningField name=\"x\"/><MiningField name=\"t\"/>";

/// What an expression of a type over `x` and `t` answers.
fn of(dtype: &str, expression: &str, input: &str) -> Vec<String> {
    answers(&with_fields(&fields(), &model(BOTH, "", &[("out", dtype, expression)])), input).split_off(1)
}

#[test]
fn text_that_says_a_number_is_one_where_a_number_is_taken() {
    // A table whose values are text, since no type is named.
    let table = "<MapValues outputColumn=\"v\"><FieldColumnPair field=\"t\" column=\"k\"/><InlineTable><row><k>a</k>\
                 <v>1.5</v></row></InlineTable></MapValues>";
    assert_eq!(of("double", &apply("+", &format!("{table}{X}")), "x,t\n2,a\n"), ["3.5"]);
    assert_eq!(of("double", &apply("abs", T), "x,t\n0,-4\n"), ["4"]);
    assert_eq!(of("double", &apply("max", &format!("{T}{X}")), "x,t\n3,20\n"), ["20"]);
    let invalid = of("double", &apply("abs", T), "x,t\n0,abc\n");
    assert!(invalid[0].contains("abs"), "{invalid:?}");
    let replaced = "<Apply function=\"abs\" invalidValueTreatment=\"asMissing\" defaultValue=\"9\"><FieldRef field=\"t\"/></Apply>";
    assert_eq!(of("double", replaced, "x,t\n0,abc\n0,-1\n"), ["9", "1"]);
    let line = "<NormContinuous field=\"t\" mapMissingTo=\"7\"><LinearNorm orig=\"0\" norm=\"0\"/><LinearNorm orig=\"1\" \
                norm=\"10\"/></NormContinuous>";
    let got = of("double", line, "x,t\n0,0.5\n0,NA\n0,abc\n");
    assert_eq!(got[..2], ["5", "7"]);
    assert!(got[2].starts_with("error"), "{got:?}");
    let bins = "<Discretize field=\"t\" defaultValue=\"far\" mapMissingTo=\"none\"><DiscretizeBin binValue=\"near\"><Interval \
                closure=\"closedOpen\" leftMargin=\"0\" rightMargin=\"2\"/></DiscretizeBin></Discretize>";
    assert_eq!(of("string", bins, "x,t\n0,1.5\n0,2\n0,NA\n"), ["near", "far", "none"]);
}

#[test]
fn a_constant_before_a_text_says_what_the_text_is_read_as() {
    let less = |constant: &str| apply("lessThan", &format!("{constant}{T}"));
    // As numbers 1000 is above 2.5; as text it is below.
    let number = "<Constant dataType=\"double\">2.5</Constant>";
    assert_eq!(of("boolean", &less(number), "x,t\n0,1e3\n0,2\n"), ["true", "false"]);
    let text = "<Constant dataType=\"string\">2.5</Constant>";
    assert_eq!(of("boolean", &less(text), "x,t\n0,1e3\n0,3\n"), ["false", "true"]);
    let equal = apply("equal", &format!("<Constant dataType=\"boolean\">true</Constant>{T}"));
    assert_eq!(of("boolean", &equal, "x,t\n0,TRUE\n0,0\n"), ["true", "false"]);
}

#[test]
fn large_and_small_numbers_become_text_with_powers_of_ten() {
    let joined = apply("concat", &format!("{X}<Constant dataType=\"string\">!</Constant>"));
    let rows = "x,t\n12345678.5,a\n9999999,a\n0.00025,a\n-1e10,a\n";
    assert_eq!(of("string", &joined, rows), ["1.23456785E7!", "9999999.0!", "2.5E-4!", "-1.0E10!"]);
}

#[test]
fn dates_are_no_numbers_and_the_same_whichever_year_they_are_counted_from() {
    let field = |name: &str, dtype: &str| {
        format!("<DataField name=\"{name}\" optype=\"continuous\" dataType=\"{dtype}\"/>")
    };
    let schema = "<MiningField name=\"a\"/><MiningField name=\"d\"/>";
    let fields = field("a", "x-dateDaysSince[2000]") + &field("d", "date");
    let local = derived("e", "dateDaysSince[1980]", "<FieldRef field=\"a\"/>")
        + &derived("f", "date", "<FieldRef field=\"a\"/>")
        + &derived("g", "dateTimeSecondsSince[2000]", "<FieldRef field=\"d\"/>");
    let same = apply("equal", "<FieldRef field=\"d\"/><FieldRef field=\"a\"/>");
    let later = apply("greaterThan", "<FieldRef field=\"e\"/><FieldRef field=\"d\"/>");
    let outputs = [
        ("oe", "integer", "<FieldRef field=\"e\"/>"),
        ("of", "date", "<FieldRef field=\"f\"/>"),
        ("og", "double", "<FieldRef field=\"g\"/>"),
        ("same", "boolean", same.as_str()),
        ("later", "boolean", later.as_str()),
    ];
    let text = with_fields(&fields, &model(schema, &local, &outputs));
    // 7305 days from 1980 to 2000.
    assert_eq!(
        answers(&text, "a,d\n1,2000-01-02\n2000-01-03,2000-01-02\n")[1..],
        ["7306,2000-01-02,86400,true,false", "7307,2000-01-03,86400,false,true"]
    );
    let sum = apply("+", "<FieldRef field=\"d\"/><Constant>1</Constant>");
    let clash = with_fields(&fields, &model(schema, "", &[("o", "double", &sum)]));
    let problem = load(clash.as_bytes()).err().unwrap().to_string();
    assert!(problem.contains("argument 1 is a Date") && problem.contains("line 1"), "{problem}");
    // A time of any day is no date.
    let days = apply("dateDaysSinceYear", "<FieldRef field=\"d\"/><Constant>2000</Constant>");
    let of_day =
        with_fields(&field("d", "time"), &model("<MiningField name=\"d\"/>", "", &[("o", "double", &days)]));
    assert!(answers(&of_day, "d\n01:02:03\n")[1].contains("dateDaysSinceYear"));
}

#[test]
fn a_number_of_days_beyond_all_calendars_is_invalid_and_no_more() {
    let field = "<DataField name=\"a\" optype=\"continuous\" dataType=\"dateDaysSince[1970]\"/>";
    let shown = apply("formatDatetime", "<FieldRef field=\"a\"/><Constant>%Y</Constant>");
    let text = with_fields(field, &model("<MiningField name=\"a\"/>", "", &[("o", "string", &shown)]));
    let got = answers(&text, "a\n1e300\n-9e18\n0\n");
    assert!(got[1].contains("formatDatetime") && got[2].contains("formatDatetime"), "{got:?}");
    assert_eq!(got[3], "1970");
}

#[test]
fn a_table_that_has_nothing_to_look_for_or_in_answers_its_default() {
    let looked_up = |pair: &str, table: &str| {
        let map = format!(
            "<MapValues outputColumn=\"v\" defaultValue=\"q\" mapMissingTo=\"m\">{pair}{table}</MapValues>"
        );
        of("string", &map, "x,t\n0,a\n0,NA\n")
    };
    let pair = "<FieldColumnPair field=\"t\" column=\"X-key\"/>";
    let table = "<InlineTable><row><X-key>a</X-key><v>found</v></row></InlineTable>";
    assert_eq!(looked_up(pair, table), ["found", "m"]);
    assert_eq!(looked_up("", table), ["q", "q"]);
    assert_eq!(looked_up(pair, ""), ["q", "m"]);
    // An empty cell is no number, and a missing value.
    let numbers = "<MapValues outputColumn=\"v\" dataType=\"integer\"><FieldColumnPair field=\"t\" column=\"k\"/><InlineTable>\
                   <row><k>a</k><v/></row><row><k>b</k><v> 2 </v></row></InlineTable></MapValues>";
    assert_eq!(of("integer", numbers, "x,t\n0,a\n0,b\n"), ["", "2"]);
}

#[test]
fn a_models_own_field_stands_before_the_documents_of_its_name() {
    let plus = |field: &str, number: u32| {
        apply("+", &format!("<FieldRef field=\"{field}\"/><Constant>{number}</Constant>"))
    };
    let twice = apply("*", "<FieldRef field=\"d\"/><Constant>2</Constant>");
    let global = format!(
        "<TransformationDictionary>{}{}</TransformationDictionary>",
        derived("d", "double", &plus("x", 1)),
        derived("e", "double", &twice)
    );
    let own = derived("d", "double", &plus("x", 100));
    let outputs = [("od", "double", "<FieldRef field=\"d\"/>"), ("oe", "double", "<FieldRef field=\"e\"/>")];
    let alone = model("<MiningField name=\"x\"/>", &own, &outputs);
    // The document's fields are made of what the model sees.
    assert_eq!(answers(&document(&global, &alone), "x\n1\n")[1], "101,202");
    let within = |schema: &str, outer: &str, inner: &str| {
        let chain = format!(
            "<MiningModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/></MiningSchema>\
             <LocalTransformations>{outer}</LocalTransformations><Segmentation multipleModelMethod=\"modelChain\"><Segment>\
             <True/>{}</Segment></Segmentation></MiningModel>",
            model(schema, inner, &outputs)
        );
        answers(&document(&global, &chain), "x\n1\n").remove(1)
    };
    let same = "<MiningField name=\"x\"/>";
    let treats = "<MiningField name=\"x\" missingValueReplacement=\"7\"/>";
    // A model that treats nothing in its own way has the fields of the model around it, but for its own.
    assert_eq!(within(same, "", &own), "101,4");
    assert_eq!(within(same, &own, ""), "101,202");
    assert_eq!(within(same, &own, &derived("d", "double", &plus("x", 1000))), "1001,202");
    assert_eq!(within(treats, "", &own), "101,202");
}

#[test]
fn in_4_1_a_missing_result_is_mapped_and_not_a_missing_argument() {
    let sum = format!("<Apply function=\"sum\" mapMissingTo=\"-9\">{X}<FieldRef field=\"y\"/></Apply>");
    let text = document(
        "",
        &model("<MiningField name=\"x\"/><MiningField name=\"y\"/>", "", &[("o", "double", &sum)]),
    );
    let earlier = text.replace("version=\"4.4\"", "version=\"4.1\"");
    let input = "x,y\n1,NA\nNA,NA\n";
    assert_eq!(answers(&text, input)[1..], ["-9", "-9"]);
    assert_eq!(answers(&earlier, input)[1..], ["1", "-9"]);
}

#[test]
fn treatments_of_other_versions_and_writers_are_followed() {
    let field = "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"><Interval closure=\"closedClosed\" \
                 leftMargin=\"0\" rightMargin=\"10\"/></DataField>";
    let treated = |attributes: &str| {
        let schema = format!("<MiningField name=\"x\" {attributes}/>");
        answers(&with_fields(field, &model(&schema, "", &[("o", "double", X)])), "x\n1\n50\nNA\n")
            .split_off(1)
    };
    let replaced = ["1", "5", ""];
    assert_eq!(treated("invalidValueTreatment=\"asIs\" x-invalidValueReplacement=\"5\""), replaced);
    assert_eq!(treated("invalidValueTreatment=\"asIs\" invalidValueReplacement=\"5\""), replaced);
    assert_eq!(treated("invalidValueTreatment=\"asValue\" invalidValueReplacement=\"5\""), replaced);
    assert_eq!(treated("invalidValueTreatment=\"asIs\""), ["1", "50", ""]);
    let refused = treated("invalidValueTreatment=\"asIs\" missingValueTreatment=\"x-returnInvalid\"");
    assert!(refused[2].starts_with("error"), "{refused:?}");
}

#[test]
fn an_aggregate_is_of_values_as_the_model_treats_them() {
    let fields = categorical("id", &[])
        + "<DataField name=\"v\" optype=\"continuous\" dataType=\"double\"><Interval closure=\"closedClosed\" leftMargin=\"0\" \
           rightMargin=\"10\"/></DataField>";
    let summed = |attributes: &str| {
        let schema =
            format!("<MiningField name=\"id\" usageType=\"group\"/><MiningField name=\"v\" {attributes}/>");
        let local = derived("s", "double", "<Aggregate field=\"v\" function=\"sum\" groupField=\"id\"/>");
        let text =
            with_fields(&fields, &model(&schema, &local, &[("o", "double", "<FieldRef field=\"s\"/>")]));
        answers(&text, "id,v\na,1\nb,NA\na,20\nb,2\n").split_off(1)
    };
    assert_eq!(summed("invalidValueTreatment=\"asMissing\""), ["1", "2"]);
    assert_eq!(summed("invalidValueTreatment=\"asMissing\" missingValueReplacement=\"5\""), ["6", "7"]);
    assert_eq!(
        summed(
            "invalidValueTreatment=\"asValue\" invalidValueReplacement=\"9\" outliers=\"asExtremeValues\" lowValue=\"2\""
        ),
        ["11", "2"]
    );
    let refused = summed("");
    assert!(refused[0].contains("20") && refused[1] == "2", "{refused:?}");
}

#[test]
fn an_aggregate_of_a_derived_field_makes_it_of_each_row() {
    let fields = categorical("id", &[]) + &continuous("v") + &continuous("w");
    let of = |function: &str, group: &str, asked: &str| {
        let schema = "<MiningField name=\"id\" usageType=\"group\"/><MiningField name=\"v\"/>\
                      <MiningField name=\"w\" missingValueReplacement=\"3\"/>";
        let product = apply("*", "<FieldRef field=\"v\"/><FieldRef field=\"w\"/>");
        let aggregate = format!("<Aggregate field=\"vw\" function=\"{function}\" {group}/>");
        let local = derived("vw", "double", &product) + &derived("s", "double", &aggregate);
        let outputs = [("o", "double", asked)];
        let text = with_fields(&fields, &model(schema, &local, &outputs));
        answers(&text, "id,v,w\na,1,2\nb,NA,1\na,4,NA\nb,2,5\n").split_off(1)
    };
    let whole = "<FieldRef field=\"s\"/>";
    // 1 * 2 + 4 * 3; the product of what is missing is missing, and 2 * 5.
    assert_eq!(of("sum", "groupField=\"id\"", whole), ["14", "10"]);
    assert_eq!(of("average", "", whole), ["7", "10"]);
    assert_eq!(of("count", "", whole), ["2", "1"]);
    // The row itself is what it was: the last one of each record.
    let both = apply("+", "<FieldRef field=\"s\"/><FieldRef field=\"vw\"/>");
    assert_eq!(of("max", "", &both), ["24", "20"]);
    let before = apply("+", "<FieldRef field=\"vw\"/><FieldRef field=\"s\"/>");
    assert_eq!(of("max", "", &before), ["24", "20"]);
}

#[test]
fn what_has_no_digits_is_a_word() {
    let outputs = [
        ("low", "string", apply("concat", &(apply("ln", X) + "<Constant>!</Constant>"))),
        (
            "high",
            "string",
            apply("concat", &(apply("exp", "<Constant dataType=\"double\">1000</Constant>") + X)),
        ),
    ];
    let outputs = outputs.each_ref().map(|(name, kind, text)| (*name, *kind, text.as_str()));
    let text = with_fields(&fields(), &model("<MiningField name=\"x\"/>", "", &outputs));
    assert_eq!(answers(&text, "x\n0\n")[1], "-Infinity!,Infinity0.0");
}

#[test]
fn rows_of_a_verification_are_read_as_data_is() {
    let fields = continuous("x")
        + "<DataField name=\"m\" optype=\"continuous\" dataType=\"double\"><Value value=\"?\" property=\"missing\"/></DataField>";
    let verified = |row: &str| {
        let rows = format!(
            "<ModelVerification><VerificationFields><VerificationField field=\"x\"/><VerificationField field=\"m\"/>\
             <VerificationField field=\"gone\"/><VerificationField field=\"word\"/></VerificationFields><InlineTable><row>{row}\
             </row></InlineTable></ModelVerification>"
        );
        let gone = apply("isMissing", "<FieldRef field=\"m\"/>");
        let word = "<Constant dataType=\"string\">Up</Constant>";
        let schema = "<MiningField name=\"x\"/><MiningField name=\"m\"/>";
        let model = model(schema, "", &[("gone", "boolean", &gone), ("word", "string", word)]);
        let model = model.replace("<RegressionTable", &(rows + "<RegressionTable"));
        load(with_fields(&fields, &model).as_bytes()).unwrap().verify().is_ok()
    };
    assert!(verified("<x>1</x><m>?</m><gone>true</gone>"));
    assert!(verified("<x/><m> </m><gone>1</gone>"));
    assert!(verified("<m>4</m><gone>FALSE</gone><word>Up</word>"));
    assert!(!verified("<m>4</m><gone>1</gone>"));
    assert!(!verified("<m>4</m><word>up</word>"));
    assert!(!verified("<m>four</m><gone>true</gone>"));
}

#[test]
fn a_lag_of_a_lag_looks_back_twice() {
    let lag = |field: &str| format!("<Lag field=\"{field}\"/>");
    let local = derived("once", "double", &lag("x")) + &derived("twice", "double", &lag("once"));
    // Nothing else asks for the first lag.
    let outputs = [("o", "double", "<FieldRef field=\"twice\"/>")];
    let text = with_fields(&fields(), &model(BOTH, &local, &outputs));
    assert_eq!(answers(&text, "x,t\n1,a\n2,a\n3,a\n4,a\n")[1..], ["", "", "1", "2"]);
}

#[test]
fn a_dictionary_may_stand_after_the_model_and_a_comment_is_none() {
    let dictionary = format!(
        "<p:TransformationDictionary>{}</p:TransformationDictionary>",
        derived("d", "double", &apply("+", &format!("{X}<Constant>1</Constant>")))
    );
    let model = model("<MiningField name=\"x\"/>", "", &[("o", "double", "<FieldRef field=\"d\"/>")]);
    let after = document("", &(model.clone() + "<!-- <TransformationDictionary/> -->" + &dictionary));
    let after = after.replace("<PMML ", "<PMML xmlns:p=\"http://www.dmg.org/PMML-4_4\" ");
    assert_eq!(answers(&after, "x\n1\n")[1], "2");
    let plain = dictionary.replace("p:", "");
    let before = document(&plain, &(model + "<!-- <TransformationDictionary><DerivedField name=\"d\"/> -->"));
    assert_eq!(answers(&before, "x\n1\n")[1], "2");
}

#[test]
fn an_if_of_text_and_another_kind_answers_text() {
    let asked = apply("greaterThan", &format!("{X}<Constant>0</Constant>"));
    let either = apply("if", &format!("{asked}{}{T}", apply("equal", &format!("{X}{X}"))));
    assert_eq!(of("string", &either, "x,t\n1,abc\n-1,abc\n"), ["true", "abc"]);
    // A truth value that text says is one again where one is asked for.
    assert_eq!(of("boolean", &either, "x,t\n1,abc\n-1,false\n"), ["true", "false"]);
    let other = apply("if", &format!("{asked}{T}{}", apply("isMissing", X)));
    assert_eq!(of("string", &other, "x,t\n1,abc\n-1,abc\n"), ["abc", "false"]);
}

#[test]
fn whole_numbers_as_text_have_no_negative_zero() {
    let text = apply("concat", &format!("{}{T}", apply("round", X)));
    assert_eq!(of("string", &text, "x,t\n-0.2,a\n-0.0,a\n-1,a\n"), ["0a", "0a", "-1a"]);
}

#[test]
fn a_division_by_zero_is_infinite_where_it_is_wanted_as_it_is() {
    let over = |treatment: &str, by: &str| {
        format!(
            "<Apply function=\"/\" invalidValueTreatment=\"{treatment}\">{X}<Constant>{by}</Constant></Apply>"
        )
    };
    assert_eq!(of("double", &over("asIs", "0.0"), "x,t\n3,\n-3,\n0,\n"), ["inf", "-inf", ""]);
    assert_eq!(of("double", &over("asMissing", "0.0"), "x,t\n3,\n"), [""]);
    assert!(of("double", &over("returnInvalid", "0.0"), "x,t\n3,\n")[0].starts_with("error"));
}

#[test]
fn arguments_after_a_missing_one_that_is_replaced_are_not_looked_at() {
    let fails = apply("ln", "<Constant dataType=\"double\">-1</Constant>");
    let sum = |arguments: &str| format!("<Apply function=\"+\" mapMissingTo=\"9\">{arguments}</Apply>");
    let rows = "x,t\nNA,a\n1,a\n";
    let got = of("double", &sum(&format!("{X}{fails}")), rows);
    assert!(got[0] == "9" && got[1].starts_with("error"), "{got:?}");
    let got = of("double", &sum(&format!("{fails}{X}")), rows);
    assert!(got.iter().all(|answer| answer.starts_with("error")), "{got:?}");
}

#[test]
fn a_normal_distribution_has_a_deviation_above_zero() {
    for function in ["normalCDF", "normalPDF", "normalIDF"] {
        let arguments = format!("<Constant>0.5</Constant><Constant>1</Constant>{X}");
        let got = of("double", &apply(function, &arguments), "x,t\n-1,a\n0,a\n");
        assert!(got.iter().all(|row| row.starts_with("error") && row.contains(function)), "{got:?}");
    }
    let median = apply("normalIDF", &format!("<Constant>0.5</Constant><Constant>3</Constant>{X}"));
    assert_eq!(of("double", &median, "x,t\n2,a\n"), ["3"]);
}
