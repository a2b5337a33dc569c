//! What the schema lets a document leave out, with answers by hand: what is wanting follows from what is there, or the refusal
//! says what to write.

use crate::cases::with_fields;
use crate::files::load;
use crate::rules::{categorical, continuous, schema};
use crate::table::answers;

const REAL: &str = "<Array type=\"real\">";

/// A model that forecasts a series by a method; `day` is a date, `h` a number of steps.
fn forecaster(horizon: &str, best: &str, series: &str, method: &str) -> String {
    let fields = continuous("y")
        + &continuous("h")
        + "<DataField name=\"day\" optype=\"ordinal\" dataType=\"date\"/>\
           <DataField name=\"count\" optype=\"continuous\" dataType=\"dateDaysSince[1960]\"/>";
    let model = format!(
        "<TimeSeriesModel functionName=\"timeSeries\" bestFit=\"{best}\"><MiningSchema>\
         <MiningField name=\"y\" usageType=\"target\"/><MiningField name=\"{horizon}\"/></MiningSchema>{series}{method}\
         </TimeSeriesModel>"
    );
    with_fields(&fields, &model)
}

fn series(values: &str) -> String {
    let value = |(at, value): (usize, &str)| format!("<TimeValue index=\"{}\" value=\"{value}\"/>", at + 1);
    let values: String = values.split_whitespace().enumerate().map(value).collect();
    format!("<TimeSeries>{values}</TimeSeries>")
}

fn forecasts(best: &str, values: &str, method: &str) -> Vec<f64> {
    let lines = answers(&forecaster("h", best, &series(values), method), "h\n1\n2\n").split_off(1);
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

fn refusal(document: &str) -> String {
    load(document.as_bytes()).err().map(|problem| problem.to_string()).unwrap_or_default()
}

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found:?} {expected:?}");
    }
}

fn smoothing(parts: &str) -> String {
    format!("<ExponentialSmoothing>{parts}</ExponentialSmoothing>")
}

#[test]
fn a_level_and_a_trend_without_a_value_are_smoothed_from_the_series() {
    let best = "ExponentialSmoothing";
    // 4, then 5 of 6, then 5 and a half of 6.
    near(&forecasts(best, "4 6 6", &smoothing("<Level alpha=\"0.5\"/>")), &[5.5, 5.5]);
    // The second value is the level 3, and 1 the trend: 4 is expected, 6 comes; the level is 5, the trend 1 + 0.25 · 1.
    let holt = |attributes: &str| {
        smoothing(&format!("<Level alpha=\"0.5\"/><Trend_ExpoSmooth gamma=\"0.25\" {attributes}/>"))
    };
    near(&forecasts(best, "2 3 6", &holt("")), &[6.25, 7.5]);
    // What the document has stands.
    near(&forecasts(best, "2 3 6", &holt("smoothedValue=\"2\"")), &[7.0, 9.0]);
    // Damped by a half: 3.5 is expected, the level is 4.75, the trend 0.25 · 1.75 + 0.75 · 0.5, of which a half and a quarter
    // come.
    let damped = holt("trend=\"damped_additive\" phi=\"0.5\"");
    let trend = 0.25 * 1.75 + 0.75 * 0.5;
    near(&forecasts(best, "2 3 6", &damped), &[4.75 + trend * 0.5, 4.75 + trend * 0.75]);
    // Factors: 3 times 1.5 is expected and 6 comes; the level is 5.25.
    let factor = 0.25 * (5.25 / 3.0) + 0.75 * 1.5;
    let times = holt("trend=\"multiplicative\"");
    near(&forecasts(best, "2 3 6", &times), &[5.25 * factor, 5.25 * factor * factor]);
}

#[test]
fn a_level_that_nothing_tells_is_refused_with_what_to_write() {
    let season = format!(
        "<Level alpha=\"0.5\"/><Seasonality_ExpoSmooth type=\"additive\" period=\"2\">{REAL}1 2</Array>\
         </Seasonality_ExpoSmooth>"
    );
    for (values, parts) in [
        ("4 6 6", "<Level/>"),
        ("4 6 6", "<Level alpha=\"0.5\"/><Trend_ExpoSmooth/>"),
        ("4", "<Level alpha=\"0.5\"/><Trend_ExpoSmooth gamma=\"0.5\"/>"),
        ("4 6 6", &season),
    ] {
        let refused = refusal(&forecaster("h", "ExponentialSmoothing", &series(values), &smoothing(parts)));
        assert!(
            refused.contains("without smoothedValue") && refused.contains("give smoothedValue"),
            "{refused}"
        );
    }
}

#[test]
fn a_kalman_state_without_matrices_is_found_anew_from_the_series() {
    let exact = |state: &str| {
        format!(
            "<ARIMA predictionMethod=\"exactLeastSquares\"><NonseasonalComponent p=\"1\" d=\"0\" q=\"1\"><AR>{REAL}0.5</Array>\
             </AR><MA><MACoefficients>{REAL}0.3</Array></MACoefficients></MA></NonseasonalComponent>{state}</ARIMA>"
        )
    };
    let state = format!(
        "<MaximumLikelihoodStat method=\"kalman\"><KalmanState><FinalOmega><Matrix nbRows=\"2\" nbCols=\"2\">{REAL}1 0</Array>\
         {REAL}0 1</Array></Matrix></FinalOmega><FinalStateVector>{REAL}2.2 1.4</Array></FinalStateVector></KalmanState>\
         </MaximumLikelihoodStat>"
    );
    let values = "1 1.5 2 1.8 2.2";
    let found = forecasts("ARIMA", values, &exact(&state));
    assert_eq!(found, forecasts("ARIMA", values, &exact("")));
    // As statsmodels has them.
    assert!((found[0] - 1.4451385409).abs() < 1e-9, "{found:?}");
    let alone = refusal(&forecaster("h", "ARIMA", "", &exact(&state)));
    assert!(alone.contains("<KalmanState>") && alone.contains("conditionalLeastSquares"), "{alone}");
}

#[test]
fn an_autoregression_that_is_not_stationary_is_refused_with_the_way_out() {
    let method = format!(
        "<ARIMA predictionMethod=\"exactLeastSquares\"><NonseasonalComponent p=\"1\" q=\"1\"><AR>{REAL}1.5</Array></AR><MA>\
         <MACoefficients>{REAL}0.3</Array></MACoefficients></MA></NonseasonalComponent></ARIMA>"
    );
    let refused = refusal(&forecaster("h", "ARIMA", &series("1 2 3"), &method));
    assert!(refused.contains("not stationary") && refused.contains("conditionalLeastSquares"), "{refused}");
}

#[test]
fn a_date_is_a_horizon_where_an_anchor_says_its_place() {
    let of = |horizon: &str, anchor: &str| {
        let series = series("5 6 7").replace("<TimeSeries>", &format!("<TimeSeries>{anchor}"));
        let parts = "<Level smoothedValue=\"10\"/><Trend_ExpoSmooth smoothedValue=\"2\"/>";
        forecaster(horizon, "ExponentialSmoothing", &series, &smoothing(parts))
    };
    // The third value is that of 1960-01-15: weeks from the first day of 1960 on.
    let weeks = "<TimeAnchor type=\"dateDaysSince[1960]\" offset=\"-7\" stepsize=\"7\"/>";
    let rows = "day\n1960-01-22\n1960-01-29\n1960-01-23\n1960-01-15\nNA\n";
    assert_eq!(answers(&of("day", weeks), rows).split_off(1), ["12", "14", "", "", ""]);
    // The same of days counted from 1960.
    assert_eq!(answers(&of("count", weeks), "count\n1960-02-05\n").split_off(1), ["16"]);
    let months = "<TimeAnchor type=\"dateMonthsSince[1980]\" offset=\"0\"><TimeCycle type=\"includeAll\"/></TimeAnchor>";
    assert_eq!(answers(&of("day", months), "day\n1980-05-20\n1980-04-01\n").split_off(1), ["12", ""]);
    for anchor in [
        "",
        "<TimeAnchor offset=\"1\"/>",
        "<TimeAnchor type=\"dateDaysSince[1960]\"><TimeCycle length=\"7\" type=\"includeFromTo\"><Array type=\"int\">1 5</Array>\
         </TimeCycle></TimeAnchor>",
        "<TimeAnchor type=\"dateDaysSince[1960]\"><TimeException type=\"exclude\"><Array type=\"int\">3</Array></TimeException>\
         </TimeAnchor>",
    ] {
        let refused = refusal(&of("day", anchor));
        assert!(refused.contains("a horizon that is a date") && refused.contains("line "), "{refused}");
    }
}

#[test]
fn values_of_a_series_stand_in_the_order_of_their_indices() {
    // The last value is the one of the greatest index; without an index on each, they stand as they are written.
    let method = format!(
        "<ARIMA><NonseasonalComponent p=\"2\"><AR>{REAL}1 10</Array></AR></NonseasonalComponent></ARIMA>"
    );
    let of = |first: &str| {
        let series = format!(
            "<TimeSeries><TimeValue index=\"30\" value=\"3\"/><TimeValue {first} value=\"1\"/>\
             <TimeValue index=\"20\" value=\"2\"/></TimeSeries>"
        );
        answers(&forecaster("h", "ARIMA", &series, &method), "h\n1\n").split_off(1)
    };
    assert_eq!(of("index=\"-10\""), ["23"]);
    assert_eq!(of(""), ["12"]);
}

#[test]
fn a_text_model_without_documents_answers_nothing() {
    let model = |matrix: &str| {
        format!(
            "<TextModel functionName=\"classification\" numberOfTerms=\"2\" numberOfDocuments=\"0\"><MiningSchema>\
             <MiningField name=\"c\" usageType=\"target\"/><MiningField name=\"t\"/></MiningSchema><Output>\
             <OutputField name=\"a\" dataType=\"double\" feature=\"affinity\"/></Output><TextDictionary>\
             <Array type=\"string\">cat dog</Array></TextDictionary><TextCorpus/><DocumentTermMatrix>{matrix}\
             </DocumentTermMatrix></TextModel>"
        )
    };
    for matrix in ["<Matrix/>", "<Matrix nbRows=\"0\" nbCols=\"2\"/>"] {
        let document = with_fields(&(categorical("c", &[]) + &categorical("t", &[])), &model(matrix));
        assert_eq!(answers(&document, "t\ncat\n"), ["c,a", ","]);
    }
}

fn constant(value: f64) -> String {
    format!("<Constant dataType=\"double\">{value}</Constant>")
}

/// A node of a distribution whose parameters are these expressions.
fn node(name: &str, kind: &str, parameters: &[(&str, String)]) -> String {
    let parameters: String = parameters.iter().map(|(name, of)| format!("<{name}>{of}</{name}>")).collect();
    format!(
        "<ContinuousNode name=\"{name}\"><ContinuousDistribution><{kind}>{parameters}</{kind}></ContinuousDistribution>\
         </ContinuousNode>"
    )
}

/// One that is normal around what is one step away from another, with a variance of 1.
fn step(name: &str, from: &str) -> String {
    let field = format!("<FieldRef field=\"{from}\"/>");
    node(name, "NormalDistributionForBN", &[("Mean", field), ("Variance", constant(1.0))])
}

fn network(target: &str, nodes: &str, rows: &str) -> Vec<f64> {
    let names = ["a", "b", "c", "d", "e", "f"];
    let schema = |name: &&str| match *name == target {
        true => format!("<MiningField name=\"{name}\" usageType=\"target\"/>"),
        false => format!("<MiningField name=\"{name}\"/>"),
    };
    let model = format!(
        "<BayesianNetworkModel functionName=\"regression\"><MiningSchema>{}</MiningSchema><Output><OutputField name=\"sd\" \
         dataType=\"double\" feature=\"standardDeviation\"/></Output><BayesianNetworkNodes>{nodes}</BayesianNetworkNodes>\
         </BayesianNetworkModel>",
        names.iter().map(schema).collect::<String>()
    );
    let fields: String = names.iter().map(|name| continuous(name)).collect();
    let lines = answers(&with_fields(&fields, &model), rows).split_off(1);
    lines[0].split(',').map(|cell| cell.parse().unwrap()).collect()
}

#[test]
fn any_number_of_unknown_normal_nodes_has_a_closed_form() {
    let first = node("a", "NormalDistributionForBN", &[("Mean", constant(0.0)), ("Variance", constant(1.0))]);
    let walk: String = [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e")]
        .iter()
        .map(|(name, from)| step(name, from))
        .collect();
    // Six steps of variance 1 end at 12: the first is expected to be a sixth of that.
    near(&network("a", &(first.clone() + &walk), "f\n12\n"), &[2.0, (5.0f64 / 6.0).sqrt()]);
    near(&network("f", &(first + &walk), "c\n7\n"), &[7.0, 3f64.sqrt()]);
}

#[test]
fn normal_nodes_have_a_closed_form_beside_others() {
    // Where a walk of five steps begins is known to lie between 0 and 1, and it ends half-way: a normal distribution of variance
    // 5 that is cut at a half to either side.
    let first = node("a", "UniformDistributionForBN", &[("Lower", constant(0.0)), ("Upper", constant(1.0))]);
    let walk: String = [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e")]
        .iter()
        .map(|(name, from)| step(name, from))
        .collect();
    let z = 0.5 / 5f64.sqrt();
    // 2 Φ(z) - 1 by its series; z is small.
    let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let inside: f64 =
        (0..20).scan(z, |term, n| Some(std::mem::replace(term, *term * z * z / f64::from(2 * n + 3)))).sum();
    let variance = 5.0 * (1.0 - z * density / (density * inside));
    near(&network("a", &(first + &walk), "f\n0.5\n"), &[0.5, variance.sqrt()]);
}

#[test]
fn unknown_nodes_that_have_nothing_to_do_with_each_other_are_not_looked_at_together() {
    let product = |x: &str, y: &str| {
        format!("<Apply function=\"*\"><FieldRef field=\"{x}\"/><FieldRef field=\"{y}\"/></Apply>")
    };
    let around = |name: &str, mean: String| {
        node(name, "NormalDistributionForBN", &[("Mean", mean), ("Variance", constant(1.0))])
    };
    let positive = |name: &str| {
        node(name, "LognormalDistributionForBN", &[("Mean", constant(0.0)), ("Variance", constant(1.0))])
    };
    let first = node("a", "UniformDistributionForBN", &[("Lower", constant(0.0)), ("Upper", constant(1.0))]);
    let pair = first + &around("b", product("a", "a"));
    let others = positive("c") + &positive("d") + &around("e", product("c", "d"));
    let alone = network("a", &pair, "b\n0.7\n");
    // The same points are looked at, and so the digits are the same.
    assert_eq!(network("a", &(others.clone() + &pair), "b,e\n0.7,2\n"), alone);
    assert_eq!(network("a", &(pair + &others), "b,e\n0.7,2\n"), alone);
}

#[test]
fn an_isolation_forest_takes_its_sample_size_from_the_roots_of_its_trees() {
    let tree = |count: &str, score: f64| {
        format!(
            "<Segment><True/><TreeModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/></MiningSchema>\
             <Node {count} score=\"{score}\"><True/></Node></TreeModel></Segment>"
        )
    };
    let forest = |size: &str, counts: [&str; 2]| {
        let model = format!(
            "<AnomalyDetectionModel functionName=\"regression\" algorithmType=\"iforest\" {size}>{}\
             <MiningModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/></MiningSchema>\
             <Segmentation multipleModelMethod=\"average\">{}{}</Segmentation></MiningModel></AnomalyDetectionModel>",
            schema("y", &["x"]),
            tree(counts[0], 3.0),
            tree(counts[1], 4.0)
        );
        with_fields(&(continuous("x") + &continuous("y")), &model)
    };
    let of_five = "recordCount=\"5\"";
    let expected = answers(&forest("sampleDataSize=\"5\"", ["", ""]), "x\n1\n");
    assert_eq!(answers(&forest("", [of_five, of_five]), "x\n1\n"), expected);
    // What the document says itself stands.
    assert_eq!(answers(&forest("sampleDataSize=\"5\"", ["recordCount=\"9\""; 2]), "x\n1\n"), expected);
    for counts in [["", ""], [of_five, ""], [of_five, "recordCount=\"6\""]] {
        let problem = load(forest("", counts).as_bytes()).err().unwrap().to_string();
        assert!(problem.contains("sampleDataSize"), "{problem}");
    }
}

#[test]
fn orders_that_are_left_out_are_those_of_the_coefficients() {
    let of = |order: &str| {
        let method = format!(
            "<ARIMA><NonseasonalComponent {order}><AR>{REAL}0.5</Array></AR></NonseasonalComponent></ARIMA>"
        );
        forecaster("h", "ARIMA", &series("4 8"), &method)
    };
    assert_eq!(answers(&of(""), "h\n1\n")[1], "4");
    assert_eq!(answers(&of("p=\"1\""), "h\n1\n")[1], "4");
    let problem = load(of("p=\"2\"").as_bytes()).err().unwrap().to_string();
    assert!(problem.contains("p=\"2\" of <NonseasonalComponent>, which has 1 coefficients"), "{problem}");
}

#[test]
fn limits_that_nothing_asks_for_are_not_compared() {
    let of = |outliers: &str| {
        let model = format!(
            "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"y\" usageType=\"target\"/>\
             <MiningField name=\"x\" lowValue=\"2\" highValue=\"1\" {outliers}/></MiningSchema><RegressionTable \
             intercept=\"1\"><NumericPredictor name=\"x\" coefficient=\"1\"/></RegressionTable></RegressionModel>"
        );
        with_fields(&(continuous("x") + &continuous("y")), &model)
    };
    assert_eq!(answers(&of(""), "x\n3\n")[1], "4");
    let problem = load(of("outliers=\"asExtremeValues\"").as_bytes()).err().unwrap().to_string();
    assert!(problem.contains("lowValue is greater than highValue"), "{problem}");
}
