//! What is scraped.

use crate::grpc_client::{Grpc, INFER, infer, runtime};
use crate::house::{FAILS, House};
use crate::http_client::{ask, get, oip, tfs};

#[test]
fn requests_are_counted_by_door_and_outcome_and_runs_by_model() {
    let house = House::open();
    for _ in 0..3 {
        assert_eq!(ask(house.http, "POST", "/v1/models/half:predict", "", tfs(&[1.0, 2.0])).status, 200);
    }
    assert_eq!(ask(house.http, "POST", "/v1/models/half/versions/1:predict", "", tfs(&[1.0])).status, 200);
    assert_eq!(ask(house.http, "POST", "/v1/models/half:predict", "", "{}").status, 400);
    assert_eq!(ask(house.http, "POST", "/v2/models/nope/infer", "", oip(&[1.0])).status, 404);
    assert_eq!(ask(house.http, "POST", "/v2/models/half/infer", "", oip(&[FAILS])).status, 500);
    runtime().block_on(async {
        Grpc::to(house.grpc).await.unary(INFER, &infer("half", "", &[1.0])).await.only();
    });
    let page =
        ask(house.http, "GET", "/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n", "");
    assert!(page.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let page = page.text();
    for line in [
        r#"landfall_requests_total{model="half",version="2",door="tfs-rest",kind="OK"} 3"#,
        r#"landfall_requests_total{model="half",version="1",door="tfs-rest",kind="OK"} 1"#,
        r#"landfall_requests_total{model="half",version="2",door="tfs-rest",kind="INVALID_ARGUMENT"} 1"#,
        r#"landfall_requests_total{model="",version="",door="oip-rest",kind="NOT_FOUND"} 1"#,
        r#"landfall_requests_total{model="half",version="2",door="oip-rest",kind="INTERNAL"} 1"#,
        r#"landfall_requests_total{model="half",version="2",door="oip-grpc",kind="OK"} 1"#,
        r#"landfall_failures_total{model="half",version="2",kind="INTERNAL"} 1"#,
        r#"landfall_waiting{model="half",version="2"} 0"#,
        r#"landfall_model_memory_bytes{model="half",version="2"} 4"#,
        r#"landfall_version_state{model="slow",version="1",state="AVAILABLE"} 1"#,
        concat!("landfall_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "landfall_ready 1",
        "# EOF",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
    assert!(page.contains(r#"le="30.0""#), "bounds are round numbers in\n{page}");
    let value = |name: &str| page.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok());
    if std::path::Path::new("/proc/self/stat").exists() {
        let memory = value("process_resident_memory_bytes ").expect("it is on the page");
        assert!(memory > 1e6 && memory < value("process_virtual_memory_bytes ").unwrap(), "{page}");
        assert!(value("process_cpu_seconds_total ").is_some_and(|seconds| seconds < 1e4), "{page}");
        assert!(value("process_open_fds ").unwrap() <= value("process_max_fds ").unwrap(), "{page}");
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        let age = now - value("process_start_time_seconds ").unwrap();
        assert!((-2.0..1e5).contains(&age), "began {age} s ago");
    }
    for name in ["landfall_queue_seconds", "landfall_compute_seconds", "landfall_batch_rows"] {
        let last = format!("{name}_bucket{{le=\"+Inf\",model=\"half\",version=\"2\"}}");
        assert!(page.contains(&last), "{last} is not in\n{page}");
    }
}

#[test]
fn who_does_not_ask_for_open_metrics_gets_the_older_format() {
    let house = House::open();
    assert_eq!(ask(house.http, "POST", "/v1/models/half:predict", "", tfs(&[1.0])).status, 200);
    let page = get(house.http, "/metrics");
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let page = page.text();
    assert!(!page.contains("# EOF") && !page.contains("# UNIT"), "{page}");
    for line in [
        "# HELP landfall_rows_total Rows answered",
        "# TYPE landfall_rows_total counter",
        r#"landfall_rows_total{model="half",version="2"} 1"#,
        "# TYPE landfall_queue_seconds histogram",
        "# TYPE landfall_ready gauge",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}

#[test]
fn a_version_that_is_gone_leaves_the_page() {
    let house = House::open();
    assert_eq!(ask(house.http, "POST", "/v1/models/half:predict", "", tfs(&[1.0])).status, 200);
    assert_eq!(ask(house.http, "POST", "/v2/repository/models/half/unload", "", "").status, 200);
    let page = get(house.http, "/metrics").text();
    assert!(!page.contains("model=\"half\""), "TRITON-MET-6 {page}");
}
