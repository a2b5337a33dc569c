//! Models over columns beside the same one row at a time: random documents of what the shared cases have little of, and
//! neighbours beside a search of all.

use crate::{files, table, ways};

/// Random numbers of a fixed seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % limit
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

const FIELDS: &str = "<DataField name=\"n\" optype=\"continuous\" dataType=\"double\"/>\
    <DataField name=\"i\" optype=\"categorical\" dataType=\"integer\"><Value value=\"1\"/><Value value=\"2\"/>\
    <Value value=\"3\"/></DataField>\
    <DataField name=\"c\" optype=\"categorical\" dataType=\"string\"/>\
    <DataField name=\"o\" optype=\"ordinal\" dataType=\"string\"><Value value=\"low\"/><Value value=\"mid\"/>\
    <Value value=\"high\"/></DataField>";

const NAMES: [&str; 4] = ["n", "i", "c", "o"];
const NUMBERS: [&str; 5] = ["-1", "0", "0.5", "1", "2"];
const WHOLE: [&str; 3] = ["1", "2", "3"];
const LETTERS: [&str; 3] = ["a", "b", "c"];
const RANKS: [&str; 3] = ["low", "mid", "high"];
const ORDERS: [&str; 4] = ["lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"];

fn value(random: &mut Random, field: &str) -> &'static str {
    match field {
        "n" => random.one(&NUMBERS),
        "i" => random.one(&WHOLE),
        "c" => random.one(&LETTERS),
        _ => random.one(&RANKS),
    }
}

fn predicate(random: &mut Random, depth: usize) -> String {
    let field = random.one(&NAMES);
    let value = value(random, field);
    let simple = |operator: &str| {
        format!("<SimplePredicate field=\"{field}\" operator=\"{operator}\" value=\"{value}\"/>")
    };
    match random.below(if depth == 0 { 5 } else { 8 }) {
        0 => simple(random.one(&["equal", "notEqual"])),
        1 | 2 if field == "n" || field == "o" => simple(random.one(&ORDERS)),
        1 | 2 => {
            let operator = random.one(&["isIn", "isNotIn"]);
            format!(
                "<SimpleSetPredicate field=\"{field}\" booleanOperator=\"{operator}\"><Array type=\"string\">{value}</Array>\
                 </SimpleSetPredicate>"
            )
        }
        3 => format!(
            "<SimplePredicate field=\"{field}\" operator=\"{}\"/>",
            random.one(&["isMissing", "isNotMissing"])
        ),
        4 => random.one(&["<True/>", "<False/>"]).to_owned(),
        _ => {
            let operator = random.one(&["and", "or", "xor", "surrogate"]);
            let parts: String = (0..2 + random.below(2)).map(|_| predicate(random, depth - 1)).collect();
            format!("<CompoundPredicate booleanOperator=\"{operator}\">{parts}</CompoundPredicate>")
        }
    }
}

fn rule(random: &mut Random, number: &mut usize, depth: usize, shares: bool) -> String {
    let condition = predicate(random, 2);
    if depth > 0 && random.below(4) == 0 {
        let inner: String = (0..2).map(|_| rule(random, number, depth - 1, shares)).collect();
        return format!("<CompoundRule>{condition}{inner}</CompoundRule>");
    }
    *number += 1;
    let distribution = match shares {
        true => {
            "<ScoreDistribution value=\"yes\" recordCount=\"3\"/><ScoreDistribution value=\"no\" recordCount=\"1\"/>"
        }
        false => "",
    };
    format!(
        "<SimpleRule id=\"r{number}\" score=\"{}\" weight=\"{}\" confidence=\"0.{}\">{condition}{distribution}</SimpleRule>",
        random.one(&["yes", "no", "perhaps"]),
        random.one(&["0.2", "0.3", "0.5"]),
        1 + random.below(9)
    )
}

fn rule_set(random: &mut Random) -> String {
    let (mut number, shares) = (0, random.below(3) == 0);
    let rules: String = (0..6).map(|_| rule(random, &mut number, 2, shares)).collect();
    let criterion = random.one(&["firstHit", "weightedSum", "weightedMax"]);
    let default = random.one(&["", " defaultScore=\"no\"", " defaultScore=\"no\" defaultConfidence=\"0.1\""]);
    let schema: String = NAMES.iter().map(|name| format!("<MiningField name=\"{name}\"/>")).collect();
    format!(
        "<PMML version=\"4.4\"><DataDictionary>{FIELDS}<DataField name=\"y\" optype=\"categorical\" dataType=\"string\">\
         <Value value=\"yes\"/><Value value=\"no\"/><Value value=\"perhaps\"/></DataField></DataDictionary>\
         <RuleSetModel functionName=\"classification\"><MiningSchema>{schema}<MiningField name=\"y\" usageType=\"target\"/>\
         </MiningSchema><Output><OutputField name=\"rule\" feature=\"entityId\"/>\
         <OutputField name=\"sure\" feature=\"confidence\"/><OutputField name=\"p\" feature=\"probability\" value=\"yes\"/>\
         </Output><RuleSet{default}><RuleSelectionMethod criterion=\"{criterion}\"/>{rules}</RuleSet></RuleSetModel></PMML>"
    )
}

/// Some rows of the four fields, with gaps and values that the document does not name.
fn rows(random: &mut Random) -> Vec<Vec<String>> {
    let cell = |random: &mut Random, name: &str| match random.below(12) {
        0 | 1 => String::new(),
        2 if name == "c" => "elsewhere".to_owned(),
        2 if random.below(8) == 0 => "7".to_owned(),
        _ => value(random, name).to_owned(),
    };
    (0..24).map(|_| NAMES.iter().map(|name| cell(random, name)).collect()).collect()
}

fn assert_one_answer(random: &mut Random, document: &str) {
    files::load(document.as_bytes()).unwrap_or_else(|problem| panic!("{problem}: {document}"));
    let found = ways::differences(document.as_bytes(), &NAMES.map(str::to_owned), &rows(random), &[]);
    assert!(found.is_empty(), "{found:?} {document}");
}

#[test]
fn rule_sets_answer_blocks_as_they_answer_rows() {
    let mut random = Random(88_172_645_463_325_252);
    for _ in 0..200 {
        let document = rule_set(&mut random);
        assert_one_answer(&mut random, &document);
    }
}

/// A node and those below it, numbered as they stand.
fn node(random: &mut Random, number: &mut usize, depth: usize, strategy: &str) -> String {
    *number += 1;
    let own = *number;
    let condition = if own == 1 { "<True/>".to_owned() } else { predicate(random, 2) };
    let score = if depth > 0 && random.below(3) == 0 { "" } else { random.one(&["yes", "no", "perhaps"]) };
    let score = if score.is_empty() { String::new() } else { format!(" score=\"{score}\"") };
    let (mut inner, mut default) = (String::new(), String::new());
    if depth > 0 {
        if strategy == "defaultChild" {
            default = format!(" defaultChild=\"{}\"", *number + 1);
        }
        (0..2 + random.below(2)).for_each(|_| inner += &node(random, number, depth - 1, strategy));
    }
    format!("<Node id=\"{own}\"{score}{default}>{condition}{inner}</Node>")
}

#[test]
fn trees_of_all_predicates_answer_blocks_as_they_answer_rows() {
    let mut random = Random(88_172_645_463_325_252);
    for _ in 0..200 {
        let strategy = random.one(&["none", "nullPrediction", "lastPrediction", "defaultChild"]);
        let without = random.one(&["returnNullPrediction", "returnLastPrediction"]);
        let nodes = node(&mut random, &mut 0, 3, strategy);
        let schema: String = NAMES.iter().map(|name| format!("<MiningField name=\"{name}\"/>")).collect();
        let document = format!(
            "<PMML version=\"4.4\"><DataDictionary>{FIELDS}<DataField name=\"y\" optype=\"categorical\" \
             dataType=\"string\"><Value value=\"yes\"/><Value value=\"no\"/><Value value=\"perhaps\"/></DataField>\
             </DataDictionary><TreeModel functionName=\"classification\" missingValueStrategy=\"{strategy}\" \
             noTrueChildStrategy=\"{without}\"><MiningSchema>{schema}<MiningField name=\"y\" usageType=\"target\"/>\
             </MiningSchema><Output><OutputField name=\"node\" feature=\"entityId\"/>\
             <OutputField name=\"p\" feature=\"probability\" value=\"yes\"/></Output>{nodes}</TreeModel></PMML>"
        );
        assert_one_answer(&mut random, &document);
    }
}

/// Training rows, as integers, so that many are equally far.
fn training(random: &mut Random, rows: usize) -> Vec<[f64; 3]> {
    (0..rows).map(|_| [(); 3].map(|()| random.below(4) as f64)).collect()
}

fn neighbors(measure: &str, weights: [f64; 3], training: &[[f64; 3]]) -> String {
    let names = ["u", "v", "w"];
    let fields: String = names
        .iter()
        .map(|name| format!("<DataField name=\"{name}\" optype=\"continuous\" dataType=\"double\"/>"))
        .collect();
    let schema: String = names.iter().map(|name| format!("<MiningField name=\"{name}\"/>")).collect();
    let columns: String = names.iter().map(|name| format!("<InstanceField field=\"{name}\"/>")).collect();
    let rows: String =
        training.iter().map(|[u, v, w]| format!("<row><u>{u}</u><v>{v}</v><w>{w}</w></row>")).collect();
    let inputs: String = names
        .iter()
        .zip(weights)
        .map(|(name, weight)| format!("<KNNInput field=\"{name}\" fieldWeight=\"{weight}\"/>"))
        .collect();
    let outputs: String = (1..=5)
        .map(|rank| {
            format!(
                "<OutputField name=\"id{rank}\" feature=\"entityId\" rank=\"{rank}\"/>\
                 <OutputField name=\"far{rank}\" feature=\"affinity\" rank=\"{rank}\"/>"
            )
        })
        .collect();
    format!(
        "<PMML version=\"4.4\"><DataDictionary>{fields}</DataDictionary>\
         <NearestNeighborModel functionName=\"clustering\" numberOfNeighbors=\"5\"><MiningSchema>{schema}</MiningSchema>\
         <Output>{outputs}</Output><TrainingInstances isTransformed=\"true\"><InstanceFields>{columns}</InstanceFields>\
         <InlineTable>{rows}</InlineTable></TrainingInstances><ComparisonMeasure kind=\"distance\"><{measure}/>\
         </ComparisonMeasure><KNNInputs>{inputs}</KNNInputs></NearestNeighborModel></PMML>"
    )
}

#[test]
fn neighbors_are_those_that_a_search_of_all_finds() {
    let mut random = Random(88_172_645_463_325_252);
    let head = ["u", "v", "w"].map(str::to_owned);
    for (measure, weights) in [
        ("euclidean", [1.0; 3]),
        ("euclidean", [0.3, 2.0, 1.0]),
        ("squaredEuclidean", [1.0; 3]),
        ("cityBlock", [0.3, 2.0, 1.0]),
    ] {
        let training = training(&mut random, 150);
        let document = neighbors(measure, weights, &training);
        let model = files::load(document.as_bytes()).unwrap();
        let rows: Vec<[f64; 3]> =
            (0..40).map(|_| [(); 3].map(|()| random.below(8) as f64 / 2.0 - 0.25)).collect();
        let cells: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(f64::to_string).collect()).collect();
        let (_, answers) = table::run(model.as_ref(), &head, &cells, &[]).unwrap();
        for (row, answer) in rows.iter().zip(answers) {
            let far = |other: &[f64; 3]| -> f64 {
                let apart = row.iter().zip(other).zip(weights).map(|((x, y), weight)| {
                    let apart = (x - y).abs();
                    if measure == "cityBlock" { weight * apart } else { weight * apart * apart }
                });
                let sum: f64 = apart.sum();
                if measure == "euclidean" { sum.sqrt() } else { sum }
            };
            let mut all: Vec<(usize, f64)> =
                training.iter().enumerate().map(|(at, other)| (at + 1, far(other))).collect();
            all.sort_by(|a, b| a.1.total_cmp(&b.1));
            let expected: Vec<String> =
                all[..5].iter().flat_map(|(at, far)| [at.to_string(), far.to_string()]).collect();
            assert_eq!(answer[answer.len() - 10..], expected, "{measure} {row:?}");
        }
        let mut with_gaps = cells;
        (0..20).for_each(|row| with_gaps[row][row % 3].clear());
        assert_eq!(ways::differences(document.as_bytes(), &head, &with_gaps, &[]), [""; 0]);
    }
}
