//! When an answered cell is the expected one: the rules of the shared cases' own runner.

/// How cells are compared in one case.
pub(crate) struct Rule {
    pub(crate) rtol: f64,
    pub(crate) atol: f64,
    pub(crate) missing: Vec<String>,
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "inf" | "+inf" | "infinity" | "+infinity" => Some(f64::INFINITY),
        "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

impl Rule {
    fn is_missing(&self, cell: Option<&str>) -> bool {
        cell.is_none_or(|cell| cell.is_empty() || self.missing.iter().any(|token| token == cell))
    }

    /// Whether both say the same.
    pub(crate) fn same(&self, expected: Option<&str>, got: Option<&str>) -> bool {
        let (Some(e), Some(g)) = (expected, got) else {
            return self.is_missing(expected) && self.is_missing(got);
        };
        if self.is_missing(expected) || self.is_missing(got) {
            return self.is_missing(expected) && self.is_missing(got);
        }
        if e == g {
            return true;
        }
        let truth = |text: &str| match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(1.0),
            "false" => Some(0.0),
            _ => None,
        };
        if truth(e).is_some() || truth(g).is_some() {
            let value = |text: &str| truth(text).or_else(|| number(text));
            return value(e).is_some() && value(e) == value(g);
        }
        match (number(e), number(g)) {
            (Some(e), Some(g)) if e.is_nan() || g.is_nan() => e.is_nan() && g.is_nan(),
            (Some(e), Some(g)) if e.is_infinite() || g.is_infinite() => e == g,
            (Some(e), Some(g)) => (e - g).abs() <= self.atol + self.rtol * e.abs(),
            _ => false,
        }
    }
}

#[test]
fn numbers_truth_values_and_missing_cells_are_compared_by_what_they_mean() {
    let rule = Rule { rtol: 1e-6, atol: 0.0, missing: vec!["NA".into()] };
    assert!(rule.same(Some("1"), Some("1.0000001")));
    assert!(!rule.same(Some("1"), Some("1.1")));
    assert!(rule.same(Some("TRUE"), Some("true")) && rule.same(Some("true"), Some("1")));
    assert!(rule.same(Some("NA"), Some("")) && !rule.same(Some("NA"), Some("0")));
    assert!(!rule.same(Some("a"), Some("b")));
}
