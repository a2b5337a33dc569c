//! The built-in functions by name, each with arguments of its domain and an answer by hand or by Python's `math` and `statistics`.

use crate::cases::with_fields;
use crate::rules::continuous;
use crate::table::answers;

/// Function; arguments, each a type and a value; type of the answer; the answer.
#[rustfmt::skip]
const ANSWERS: &[(&str, &[&str], &str, &str)] = &[
    ("+", &["double 2.5", "double -1.25"], "double", "1.25"),
    ("-", &["double 2.5", "double -1.25"], "double", "3.75"),
    ("*", &["double 2.5", "double -1.25"], "double", "-3.125"),
    ("/", &["double 2.5", "double -1.25"], "double", "-2.0"),
    ("min", &["double 2.5", "double -1.25", "double 0.75"], "double", "-1.25"),
    ("max", &["double 2.5", "double -1.25", "double 0.75"], "double", "2.5"),
    ("sum", &["double 2.5", "double -1.25", "double 0.75"], "double", "2.0"),
    ("avg", &["double 2.5", "double -1.25", "double 0.75"], "double", "0.6666666666666666"),
    ("median", &["double 2.5", "double -1.25", "double 0.75"], "double", "0.75"),
    ("median", &["double 2.5", "double 0.75"], "double", "1.625"),
    ("product", &["double 2.5", "double -1.25", "double 0.75"], "double", "-2.34375"),
    ("log10", &["double 2.5"], "double", "0.3979400086720376"),
    ("ln", &["double 2.5"], "double", "0.9162907318741551"),
    ("sqrt", &["double 2.5"], "double", "1.5811388300841898"),
    ("abs", &["double -1.25"], "double", "1.25"),
    ("exp", &["double -1.25"], "double", "0.2865047968601901"),
    ("floor", &["double -1.25"], "double", "-2.0"),
    ("ceil", &["double -1.25"], "double", "-1.0"),
    ("expm1", &["double 0.75"], "double", "1.1170000166126748"),
    ("ln1p", &["double 0.75"], "double", "0.5596157879354227"),
    ("sin", &["double 2.5"], "double", "0.5984721441039565"),
    ("cos", &["double 2.5"], "double", "-0.8011436155469337"),
    ("tan", &["double 2.5"], "double", "-0.7470222972386603"),
    ("sinh", &["double 2.5"], "double", "6.0502044810397875"),
    ("cosh", &["double 2.5"], "double", "6.132289479663686"),
    ("tanh", &["double 2.5"], "double", "0.9866142981514303"),
    ("asin", &["double 0.75"], "double", "0.848062078981481"),
    ("acos", &["double 0.75"], "double", "0.7227342478134157"),
    ("atan", &["double -1.25"], "double", "-0.8960553845713439"),
    ("erf", &["double 0.75"], "double", "0.7111556336535151"),
    ("stdNormalCDF", &["double -1.25"], "double", "0.1056497736668553"),
    ("stdNormalPDF", &["double -1.25"], "double", "0.18264908538902191"),
    ("stdNormalIDF", &["double 0.75"], "double", "0.6744897501960817"),
    ("pow", &["double 2.5", "double -1.25"], "double", "0.31810829150682024"),
    ("pow", &["double 0", "double 0"], "double", "1.0"),
    ("threshold", &["double 2.5", "double -1.25"], "double", "1.0"),
    ("threshold", &["double -1.25", "double 2.5"], "double", "0.0"),
    ("threshold", &["double 2.5", "double 2.5"], "double", "0.0"),
    ("hypot", &["double 2.5", "double -1.25"], "double", "2.7950849718747373"),
    ("atan2", &["double -1.25", "double 2.5"], "double", "-0.4636476090008061"),
    ("modulo", &["double 11", "double 4"], "double", "3.0"),
    ("modulo", &["double 11", "double -4"], "double", "-1.0"),
    ("modulo", &["double -11", "double 4"], "double", "1.0"),
    ("modulo", &["double -11", "double -4"], "double", "-3.0"),
    ("modulo", &["double 5.5", "double 2"], "double", "1.5"),
    ("round", &["double 2.5"], "double", "3.0"),
    ("round", &["double -2.5"], "double", "-2.0"),
    ("round", &["double 2.4"], "double", "2.0"),
    ("round", &["double 3.5"], "double", "4.0"),
    ("rint", &["double 2.5"], "double", "2.0"),
    ("rint", &["double 3.5"], "double", "4.0"),
    ("rint", &["double -2.5"], "double", "-2.0"),
    ("rint", &["double -1.5"], "double", "-2.0"),
    ("normalCDF", &["double 0.75", "double -1.25", "double 2.5"], "double", "0.7881446014166034"),
    ("normalPDF", &["double 0.75", "double -1.25", "double 2.5"], "double", "0.1158766211045931"),
    ("normalIDF", &["double 0.75", "double -1.25", "double 2.5"], "double", "0.4362243754902042"),
    ("equal", &["double 2.5", "double 2.5"], "boolean", "true"),
    ("notEqual", &["double 2.5", "double -1.25"], "boolean", "true"),
    ("lessThan", &["double -1.25", "double 2.5"], "boolean", "true"),
    ("lessThan", &["double 2.5", "double 2.5"], "boolean", "false"),
    ("lessOrEqual", &["double 2.5", "double 2.5"], "boolean", "true"),
    ("greaterThan", &["double 2.5", "double -1.25"], "boolean", "true"),
    ("greaterOrEqual", &["double 2.5", "double 2.5"], "boolean", "true"),
    ("greaterOrEqual", &["double -1.25", "double 2.5"], "boolean", "false"),
    ("isIn", &["double 2.5", "double 1", "double 2.5"], "boolean", "true"),
    ("isIn", &["double 2.5", "double 1", "double 2"], "boolean", "false"),
    ("isNotIn", &["double 2.5", "double 1"], "boolean", "true"),
    ("isNotIn", &["double 2.5", "double 2.5"], "boolean", "false"),
    ("and", &["boolean true", "boolean false"], "boolean", "false"),
    ("or", &["boolean false", "boolean true"], "boolean", "true"),
    ("not", &["boolean true"], "boolean", "false"),
    ("isMissing", &["double 2.5"], "boolean", "false"),
    ("isNotMissing", &["double 2.5"], "boolean", "true"),
    ("isValid", &["double 2.5"], "boolean", "true"),
    ("isNotValid", &["double 2.5"], "boolean", "false"),
    ("if", &["boolean true", "double 2.5", "double -1.25"], "double", "2.5"),
    ("if", &["boolean false", "double 2.5", "double -1.25"], "double", "-1.25"),
    ("uppercase", &["string héLlo"], "string", "HÉLLO"),
    ("lowercase", &["string HÉLlo"], "string", "héllo"),
    ("stringLength", &["string héllo"], "integer", "5"),
    ("substring", &["string héllo", "integer 2", "integer 2"], "string", "él"),
    ("substring", &["string héllo", "integer 4", "integer 9"], "string", "lo"),
    ("trimBlanks", &["string   b c "], "string", "b c"),
    ("concat", &["string ab", "string -", "string cd"], "string", "ab-cd"),
    ("concat", &["integer 2", "string -x"], "string", "2-x"),
    ("replace", &["string a1b22c", "string [0-9]+", "string -"], "string", "a-b-c"),
    ("matches", &["string aXbc", "string X"], "boolean", "true"),
    ("matches", &["string abc", "string ^b"], "boolean", "false"),
    ("formatNumber", &["integer 2", "string %3d"], "string", "  2"),
    ("formatNumber", &["double 2.5", "string %.2f"], "string", "2.50"),
    ("formatDatetime", &["date 2004-08-20", "string %m/%d/%y"], "string", "08/20/04"),
    ("dateDaysSinceYear", &["date 2003-04-01", "integer 1960"], "integer", "15796"),
    ("dateSecondsSinceYear", &["dateTime 1960-01-03T03:30:03", "integer 1960"], "integer", "185403"),
    ("dateSecondsSinceMidnight", &["time 05:23:30"], "integer", "19410"),
];

fn applied((function, arguments, dtype, _): &(&str, &[&str], &str, &str)) -> String {
    let constant = |argument: &&str| {
        let (dtype, value) = argument.split_once(' ').unwrap();
        format!("<Constant dataType=\"{dtype}\">{value}</Constant>")
    };
    let arguments: String = arguments.iter().map(constant).collect();
    format!(
        "<OutputField name=\"out\" dataType=\"{dtype}\" feature=\"transformedValue\"><Apply function=\"{function}\">\
         {arguments}</Apply></OutputField>"
    )
}

#[test]
fn each_built_in_function_answers_as_its_name_says() {
    for case in ANSWERS {
        let model = format!(
            "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/></MiningSchema>\
             <Output>{}</Output><RegressionTable intercept=\"0\"/></RegressionModel>",
            applied(case)
        );
        let found = answers(&with_fields(&continuous("x"), &model), "x\n1\n").split_off(1);
        let (dtype, expected) = (case.2, case.3);
        let is_equal = match (found[0].parse::<f64>(), expected.parse::<f64>()) {
            (Ok(found), Ok(expected)) if dtype == "double" => {
                (found - expected).abs() <= 1e-14 * expected.abs().max(1.0)
            }
            _ => found[0] == expected,
        };
        assert!(is_equal, "{case:?}: {found:?}");
    }
}
