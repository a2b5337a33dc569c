//! Tests against a baseline, with statistics calculated by hand.

use crate::bad_input::document;
use crate::cases::with_fields;
use crate::table::answers;

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{found:?} {expected:?}");
    }
}

fn numbers(lines: &[String]) -> Vec<f64> {
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

fn baseline(test: &str, input: &str) -> Vec<String> {
    let model = format!(
        "<BaselineModel functionName=\"regression\"><MiningSchema><MiningField name=\"y\" usageType=\"target\"/>\
         <MiningField name=\"x\"/></MiningSchema>{test}</BaselineModel>"
    );
    answers(&document("", &model), input).split_off(1)
}

#[test]
fn a_baseline_is_tested_row_by_row_or_over_a_window() {
    let gauss = |attributes: &str| {
        format!(
            "<TestDistributions field=\"x\" testStatistic=\"zValue\" {attributes}><Baseline>\
             <GaussianDistribution mean=\"10\" variance=\"4\"/></Baseline></TestDistributions>"
        )
    };
    assert_eq!(baseline(&gauss(""), "x\n14\n8\nNA\n"), ["2", "-1", ""]);
    // Means of the last two rows.
    let two: Vec<f64> =
        baseline(&gauss("windowSize=\"2\""), "x\n14\n8\n").iter().map(|v| v.parse().unwrap()).collect();
    near(&two, &[2.0, 2f64.sqrt() / 2.0]);
    // log f1/f0 of unit variances around 1 and 0 is x - 1/2.
    let cusum = "<TestDistributions field=\"x\" testStatistic=\"CUSUM\" resetValue=\"0\"><Baseline>\
        <GaussianDistribution mean=\"0\" variance=\"1\"/></Baseline><Alternate><GaussianDistribution mean=\"1\" variance=\"1\"/>\
        </Alternate></TestDistributions>";
    let sums = baseline(cusum, "x\n1.5\n2.5\nNA\n-5\n1\n");
    let known: Vec<f64> = sums.iter().filter_map(|sum| sum.parse().ok()).collect();
    near(&known, &[1.0, 3.0, 0.0, 0.5]);
    let counts = "<TestDistributions field=\"x\" testStatistic=\"chiSquareDistribution\"><Baseline><CountTable sample=\"40\">\
        <FieldValueCount field=\"x\" value=\"1\" count=\"10\"/><FieldValueCount field=\"x\" value=\"2\" count=\"30\"/></CountTable>\
        </Baseline></TestDistributions>";
    let statistics: Vec<f64> =
        baseline(counts, "x\n1\n2\n1\n2\n").iter().map(|v| v.parse().unwrap()).collect();
    near(&[statistics[0], statistics[3]], &[3.0, 1.0 + 1.0 / 3.0]);
}

/// Statistics over three fields of categories.
fn of_categories(test: &str, input: &str) -> Vec<f64> {
    let category =
        |name: &str| format!("<DataField name=\"{name}\" optype=\"categorical\" dataType=\"string\"/>");
    let fields = ["a", "b", "c"].map(category).concat();
    let model = format!(
        "<BaselineModel functionName=\"regression\"><MiningSchema><MiningField name=\"a\"/><MiningField name=\"b\"/>\
         <MiningField name=\"c\"/></MiningSchema><Output><OutputField name=\"s\" optype=\"continuous\" dataType=\"double\" \
         feature=\"predictedValue\"/></Output>{test}</BaselineModel>"
    );
    numbers(&answers(&with_fields(&fields, &model), input)[1..])
}

#[test]
fn counts_are_multiplied_as_the_scheme_has_it() {
    let product = |scheme: &str| {
        let test = format!(
            "<TestDistributions field=\"a\" testStatistic=\"scalarProduct\" {scheme}><Baseline><CountTable>\
             <FieldValueCount field=\"a\" value=\"u\" count=\"3\"/><FieldValueCount field=\"a\" value=\"v\" count=\"4\"/>\
             </CountTable></Baseline></TestDistributions>"
        );
        of_categories(&test, "a,b,c\nu,x,p\nu,x,p\nv,x,p\nw,x,p\nz,x,p\n")
    };
    // Seen are u twice and v, then w and z beside: 3, 6, 10, 10, 10 of lengths 1, 2, √5, √6, √7 beside 5.
    near(&product(""), &[3.0, 6.0, 10.0, 10.0, 10.0]);
    let cosines: Vec<f64> =
        [3.0, 3.0, 10.0 / 5f64.sqrt(), 10.0 / 6f64.sqrt(), 10.0 / 7f64.sqrt()].map(|x| x / 5.0).to_vec();
    near(&product("normalizationScheme=\"Independent\""), &cosines);
    let means = [6.0 / 26.0, 12.0 / 29.0, 20.0 / 30.0, 20.0 / 31.0, 20.0 / 32.0];
    near(&product("normalizationScheme=\"SizeWeighted\""), &means);
}

#[test]
fn any_number_of_fields_may_be_independent() {
    let test = "<TestDistributions field=\"a\" testStatistic=\"chiSquareIndependence\"><Baseline><FieldRef field=\"a\"/>\
                <FieldRef field=\"b\"/><FieldRef field=\"c\"/></Baseline></TestDistributions>";
    let statistics = of_categories(test, "a,b,c\nu,x,p\nu,y,q\nv,x,q\nv,y,p\n");
    // One row of each half of the eight combinations, where a half row of each is expected.
    near(&[statistics[0], statistics[3]], &[0.0, 4.0]);
}

#[test]
fn a_table_of_two_fields_says_itself_whether_they_are_independent() {
    let cell = |a: &str, counts: [u32; 2]| {
        format!(
            "<FieldValue field=\"a\" value=\"{a}\"><FieldValueCount field=\"b\" value=\"x\" count=\"{}\"/>\
             <FieldValueCount field=\"b\" value=\"y\" count=\"{}\"/></FieldValue>",
            counts[0], counts[1]
        )
    };
    let test = format!(
        "<TestDistributions field=\"a\" testStatistic=\"chiSquareIndependence\"><Baseline><CountTable>{}{}</CountTable>\
         </Baseline></TestDistributions>",
        cell("u", [10, 30]),
        cell("v", [30, 10]),
    );
    // 20 are expected in each cell, and 10 more or less were counted.
    near(&of_categories(&test, "a,b,c\nu,x,p\nv,y,p\n"), &[20.0, 20.0]);
}
