//! Which answers a caller takes: `Accept`, as RFC 9110 (12.5.1) has it.

use http::HeaderMap;
use http::header::ACCEPT;

/// Whether a caller says that JSON is welcome. One that says nothing has not asked for it.
pub(crate) fn admits_json(headers: &HeaderMap) -> bool {
    let texts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = texts.flat_map(|text| text.split(',')).filter_map(range);
    // The closest range decides; of two alike, the first.
    let closest = ranges.fold(None, |best: Option<(u8, bool)>, (closeness, admitted)| match best {
        Some((closest, _)) if closest >= closeness => best,
        _ => Some((closeness, admitted)),
    });
    closest.is_some_and(|(_, admitted)| admitted)
}

/// Whether a caller names OpenMetrics' text format, as Prometheus does.
pub(crate) fn admits_open_metrics(headers: &HeaderMap) -> bool {
    let texts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named =
            parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/openmetrics-text"));
        named && !is_refused(parts)
    })
}

/// How closely a range fits JSON, and whether it admits it; `None` for a range that has nothing to do with it.
fn range(text: &str) -> Option<(u8, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let closeness = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/json" => 2,
        "application/*" => 1,
        "*/*" => 0,
        _ => return None,
    };
    Some((closeness, !is_refused(parts)))
}

/// Whether a range's parameters say that it is not wanted at all.
fn is_refused<'a>(parameters: impl Iterator<Item = &'a str>) -> bool {
    let mut named = parameters.filter_map(|part| part.split_once('='));
    let weight = named.find(|(key, _)| key.eq_ignore_ascii_case("q"));
    weight.is_some_and(|(_, weight)| weight.parse().is_ok_and(|weight: f32| weight <= 0.0))
}

/// Fuzz body: no header panics, and JSON is welcome to nobody who does not name it or all that it belongs to.
pub(crate) fn fuzz(bytes: &[u8]) {
    let Ok(value) = http::HeaderValue::from_bytes(bytes) else { return };
    let headers = HeaderMap::from_iter([(ACCEPT, value)]);
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    assert!(!admits_json(&headers) || ["application/json", "/*"].iter().any(|range| text.contains(range)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn admits(values: &[&'static str]) -> bool {
        let named = values.iter().map(|value| (ACCEPT, HeaderValue::from_static(value)));
        admits_json(&named.collect::<HeaderMap>())
    }

    #[test]
    fn curl_browsers_and_clients_of_kserve_admit_json() {
        for value in [
            "*/*",
            "application/json",
            "APPLICATION/JSON; charset=utf-8",
            "application/*;q=0.1",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "*/*;q=0, application/json",
        ] {
            assert!(admits(&[value]), "{value}");
        }
        assert!(admits(&["text/html", "application/json"]), "two lines");
    }

    #[test]
    fn open_metrics_go_to_who_names_them() {
        let admits = |value: &'static str| {
            admits_open_metrics(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))]))
        };
        assert!(admits(
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        ));
        assert!(!admits_open_metrics(&HeaderMap::new()));
        for value in ["*/*", "text/plain", "application/openmetrics-text;q=0", "application/json"] {
            assert!(!admits(value), "{value}");
        }
    }

    #[test]
    fn who_says_nothing_or_wants_something_else_does_not() {
        assert!(!admits(&[]));
        for value in
            ["", "text/plain", "application/xml", "*/*;q=0", "application/json;q=0.0, */*", ",;,", "json"]
        {
            assert!(!admits(&[value]), "{value}");
        }
    }
}
