//! Predictions over HTTP in both dialects.

use crate::house::{FAILS, House, WAITS};
use crate::http_client::{Http, ask, get, oip, tfs};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::Write;

const TFS: &str = "/v1/models/half:predict";
const OIP: &str = "/v2/models/half/infer";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn both_dialects_answer_on_one_kept_connection() {
    let house = House::open();
    let mut client = Http::to(house.http);
    for _ in 0..3 {
        let answer = client.ask("POST", TFS, "", tfs(&[1.0, 3.0]));
        assert_eq!((answer.status, answer.dense().as_str()), (200, r#"{"predictions":[2.5,3.5]}"#));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let answer = client.ask("POST", OIP, "", oip(&[1.0, 3.0]));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.dense().contains(r#""model_version":"2""#), "{}", answer.text());
        assert!(answer.dense().contains(r#""data":[2.5,3.5]"#), "{}", answer.text());
    }
}

#[test]
fn versions_and_labels_and_query_strings_are_understood() {
    let house = House::open();
    for path in [
        "/v1/models/half/versions/1:predict",
        "/v1/models/half/labels/first:predict",
        "/v1/models/h%61lf:predict?x=1",
    ] {
        assert_eq!(ask(house.http, "POST", path, "", tfs(&[1.0])).status, 200, "{path}");
    }
    for path in ["/v2/models/half/versions/1/infer", "/v2/models/half/versions/first/infer?x"] {
        let answer = ask(house.http, "POST", path, "", oip(&[1.0]));
        assert!(answer.dense().contains(r#""model_version":"1""#), "{path} {}", answer.text());
    }
}

#[test]
fn a_row_for_which_the_model_fails_takes_no_other_with_it() {
    let house = House::open();
    let mut rows = vec![1.0; 9];
    (rows[2], rows[7]) = (FAILS, FAILS);
    let answer = ask(house.http, "POST", TFS, "", tfs(&rows));
    let failed = r#"{"error":"half:minusone"}"#;
    let expected = format!(r#"{{"predictions":[2.5,2.5,{failed},2.5,2.5,2.5,2.5,{failed},2.5]}}"#);
    assert_eq!((answer.status, answer.dense()), (200, expected));
    let answer = ask(house.http, "POST", OIP, "", oip(&rows));
    assert_eq!(answer.status, 500);
    assert!(
        answer.text().contains("rows 2, 7 failed; the first of them: half: minus one"),
        "{}",
        answer.text()
    );
    // All rows, or more than one looks for: the call fails.
    for rows in [vec![FAILS; 3], [vec![FAILS; 17], vec![1.0]].concat()] {
        let answer = ask(house.http, "POST", TFS, "", tfs(&rows));
        assert_eq!((answer.status, answer.dense().as_str()), (500, r#"{"error":"half:minusone"}"#));
    }
    let answer = ask(house.http, "POST", TFS, "", tfs(&[vec![1.0], vec![FAILS; 16]].concat()));
    assert_eq!((answer.status, answer.text().matches("minus one").count()), (200, 16));
}

#[test]
fn errors_are_worded_and_numbered_by_their_dialect() {
    let house = House::open();
    for (method, path, body, status, text) in [
        (
            "POST",
            "/v1/models/nope:predict",
            r#"{"instances":[1]}"#,
            404,
            "Servable not found for request: Latest(nope)",
        ),
        ("POST", "/v1/models/nope:predict", "nonsense", 400, "JSON Parse error"),
        (
            "POST",
            "/v1/models/half/versions/9:predict",
            "{}",
            404,
            "Servable not found for request: Specific(half, 9)",
        ),
        ("POST", "/v1/models/half/labels/x:predict", "{}", 400, "Unrecognized servable version label: x"),
        ("GET", "/v1/foo", "", 400, "Malformed request: GET /v1/foo"),
        ("DELETE", "/v1/models/half", "", 400, "Malformed request: DELETE /v1/models/half"),
        ("POST", "/v1/models/half:classify", "{}", 400, "classify"),
        ("GET", "/v1/models/nope", "", 404, "Could not find any versions of model nope"),
        ("GET", "/v1/models/half/versions/9", "", 404, "Could not find version 9 of model half"),
        ("GET", "/v1/models/half/labels/x", "", 400, "Unrecognized servable version label: x"),
        ("POST", "/v2/models/nope/infer", "{}", 404, "Request for unknown model: 'nope' is not found"),
        ("GET", "/v2/models/half/versions/9", "", 404, "version 9 is not found"),
        ("GET", "/v2/models/nope/ready", "", 400, "Model version not ready"),
        ("GET", "/v2/models/nope/stats", "", 400, "requested model 'nope' is not available"),
        ("GET", OIP, "", 405, "Method Not Allowed"),
        ("HEAD", "/v2/health/live", "", 405, ""),
        ("POST", "/livez", "", 405, "Method Not Allowed"),
        ("GET", "/v3", "", 404, "Not Found"),
        ("POST", "/v2/models/half/infer/", "{}", 404, "Not Found"),
        ("GET", "/v2/logging", "", 501, "logging"),
        ("POST", "/v2/models/half/generate", "{}", 501, "generate"),
        ("GET", "/v2/systemsharedmemory/status", "", 501, "shared memory"),
    ] {
        let answer = Http::to(house.http).ask(method, path, "", body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("allow").is_some(), status == 405, "{method} {path}: RFC 9110, 15.5.6");
        assert!(answer.text().contains(text), "{method} {path}: {}", answer.text());
        assert!(
            answer.body.is_empty() || answer.text().starts_with('{'),
            "{method} {path}: {}",
            answer.text()
        );
    }
}

#[test]
fn what_is_asked_about_models_is_told() {
    let house = House::open();
    for (path, text) in [
        ("/v1/models/half", r#""version": "2""#),
        ("/v1/models/half/labels/first", r#""version": "1""#),
        ("/v1/models/half/metadata", "DT_FLOAT"),
        ("/v2", "landfall"),
        ("/v2/", "binary_tensor_data"),
        ("/v2/health/live", ""),
        ("/v2/health/ready", ""),
        ("/v2/models/half", r#""versions":["1","2"]"#),
        ("/v2/models/half/versions/1", r#""versions":["1"]"#),
        ("/v2/models/half/config", "max_batch_size"),
        ("/v2/models/half/ready", ""),
        ("/v2/models/half/versions/1.0/ready", ""),
        ("/v2/models/half/stats", "inference_count"),
        ("/v2/models/stats", "slow"),
        ("/livez", "ok"),
        ("/healthz", "ok"),
        ("/readyz", "ok"),
    ] {
        let answer = get(house.http, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.text().contains(text), "{path}: {}", answer.text());
    }
    let index = ask(house.http, "POST", "/v2/repository/index", "", "");
    assert!(index.dense().contains(r#"{"name":"slow","version":"1","state":"READY"}"#), "{}", index.text());
}

#[test]
fn what_a_status_says_is_said_in_json_to_those_who_take_it() {
    let house = House::open();
    for (method, path, text) in [
        ("GET", "/v2/health/live", r#"{"live":true}"#),
        ("GET", "/v2/health/ready", r#"{"ready":true}"#),
        ("GET", "/v2/models/half/ready", r#"{"name":"half","ready":true}"#),
        ("GET", "/v2/models/half/versions/1/ready", r#"{"name":"half","ready":true}"#),
        ("POST", "/v2/repository/models/half/load", r#"{"name":"half","load":true}"#),
        ("POST", "/v2/repository/models/half/unload", r#"{"name":"half","unload":true}"#),
    ] {
        let silent = ask(house.http, method, path, "", "");
        assert_eq!((silent.status, &*silent.text()), (200, ""), "{path}");
        assert_eq!(silent.header("content-length"), Some("0"), "{path}");
        if path.ends_with("unload") {
            assert_eq!(ask(house.http, "POST", "/v2/repository/models/half/load", "", "").status, 200);
        }
        let asked = ask(house.http, method, path, "Accept: */*\r\n", "");
        assert_eq!((asked.status, &*asked.text()), (200, text), "{path}");
        assert_eq!(asked.header("content-type"), Some("application/json"), "{path}");
    }
}

#[test]
fn a_browser_may_ask_whether_it_may_call() {
    let house = House::open();
    let ask = |headers| ask(house.http, "OPTIONS", TFS, headers, "").status;
    assert_eq!((ask("Origin: https://a\r\n"), ask(""), ask("Origin: a\r\n")), (200, 400, 400));
}

#[test]
fn packed_bodies_are_unpacked_and_answers_packed_as_asked() {
    let house = House::open();
    let body = oip(&[1.0]);
    for (coding, packed) in
        [("gzip", gzip(&body)), ("deflate", zlib(&body)), ("identity", body.clone().into_bytes())]
    {
        let answer = ask(house.http, "POST", OIP, &format!("Content-Encoding: {coding}\r\n"), packed);
        assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
    }
    let two = [gzip(&body[..10]), gzip(&body[10..])].concat();
    assert_eq!(ask(house.http, "POST", OIP, "Content-Encoding: gzip\r\n", two).status, 200);
    let mut wrong = gzip(&body);
    let place = wrong.len() - 5;
    wrong[place] ^= 1;
    for (coding, bad) in
        [("gzip", wrong.clone()), ("gzip", body.clone().into_bytes()), ("deflate", vec![]), ("gzip", vec![])]
    {
        let answer = ask(house.http, "POST", OIP, &format!("Content-Encoding: {coding}\r\n"), bad);
        assert_eq!(answer.status, 400, "{coding}: {}", answer.text());
    }
    for unknown in ["br", "GZIP", "gzip, gzip"] {
        let answer = ask(house.http, "POST", OIP, &format!("Content-Encoding: {unknown}\r\n"), &body);
        assert_eq!(
            (answer.status, answer.header("accept-encoding")),
            (501, Some("gzip, deflate")),
            "{unknown}"
        );
        assert!(answer.text().contains("Unsupported compression type"), "{}", answer.text());
    }
    let answer = ask(house.http, "POST", OIP, "Accept-Encoding: deflate;q=0.5, gzip\r\n", &body);
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut plain = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut plain).unwrap();
    assert!(plain.contains("2.5"), "{plain}");
    assert_eq!(
        ask(house.http, "POST", OIP, "Accept-Encoding: br\r\n", &body).header("content-encoding"),
        None
    );
    // TensorFlow Serving takes what does not unpack for an empty body.
    let answer = ask(house.http, "POST", TFS, "Content-Encoding: x-gzip\r\n", gzip(&tfs(&[1.0])));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = ask(house.http, "POST", TFS, "Content-Encoding: gzip\r\n", "garbage");
    assert!(answer.status == 400 && answer.text().contains("The document is empty"), "{}", answer.text());
}

#[test]
fn a_body_that_unpacks_beyond_the_limit_is_refused() {
    let house = House::with(|settings| settings.max_body = 50_000);
    let bomb = gzip(&" ".repeat(1 << 20));
    assert!(bomb.len() < 50_000, "{} bytes: packed, it is within the limit", bomb.len());
    for path in [TFS, OIP] {
        assert_eq!(ask(house.http, "POST", path, "Content-Encoding: gzip\r\n", &bomb).status, 413, "{path}");
    }
}

#[test]
fn a_large_body_is_answered_like_a_small_one() {
    let house = House::open();
    let values: Vec<f32> = (0..400_000).map(|i| i as f32 + 20.0).collect();
    let answer = ask(house.http, "POST", OIP, "", oip(&values));
    assert_eq!(answer.status, 200);
    let text = answer.dense();
    let (_, data) = text.split_once("\"data\":[").unwrap();
    let halves: Vec<f32> =
        data.split(']').next().unwrap().split(',').map(|half| half.parse().unwrap()).collect();
    assert!(halves.iter().zip(&values).all(|(half, value)| *half == value / 2.0 + 2.0));
    assert_eq!(halves.len(), values.len());
}

#[test]
fn sixty_four_clients_each_get_their_own_answers() {
    let house = House::open();
    std::thread::scope(|scope| {
        for client in 0..64u32 {
            let address = house.http;
            scope.spawn(move || {
                let mut connection = Http::to(address);
                for round in 0..50u32 {
                    let value = (client * 100 + round + 20) as f32;
                    let (path, body) =
                        if round % 2 == 0 { (TFS, tfs(&[value])) } else { (OIP, oip(&[value])) };
                    let answer = connection.ask("POST", path, "", body);
                    let expected = format!("[{:?}]", value / 2.0 + 2.0);
                    assert!(answer.dense().contains(&expected), "{value}: {}", answer.text());
                }
            });
        }
    });
}

#[test]
fn a_failure_stays_with_its_caller() {
    let house = House::open();
    std::thread::scope(|scope| {
        for client in 0..16u32 {
            let address = house.http;
            scope.spawn(move || {
                let mut connection = Http::to(address);
                for _ in 0..50 {
                    let value = if client % 4 == 0 { FAILS } else { 1.0 };
                    let answer = connection.ask("POST", TFS, "", tfs(&[value]));
                    assert_eq!(answer.status, if client % 4 == 0 { 500 } else { 200 }, "{}", answer.text());
                }
            });
        }
    });
}

#[test]
fn a_deadline_is_kept_while_waiting_and_while_the_model_runs() {
    let house = House::open();
    let path = "/v2/models/slow/infer";
    let answer = ask(house.http, "POST", path, "x-request-timeout-ms: 50\r\n", oip(&[WAITS]));
    assert_eq!(answer.status, 504, "{}", answer.text());
    house.gate.wait_for(1);
    // The timeout of the body, in microseconds, is the shorter one.
    let body = oip(&[WAITS]).replacen('{', r#"{"parameters":{"timeout":50000},"#, 1);
    assert_eq!(ask(house.http, "POST", path, "x-request-timeout-ms: 20000\r\n", body).status, 504);
    assert_eq!(ask(house.http, "POST", path, "x-request-timeout-ms: 0\r\n", oip(&[1.0])).status, 504);
    assert_eq!(ask(house.http, "POST", path, "x-request-timeout-ms: soon\r\n", oip(&[1.0])).status, 400);
    assert_eq!(ask(house.http, "POST", path, "x-request-priority: high\r\n", oip(&[1.0])).status, 400);
    house.gate.open();
    assert_eq!(ask(house.http, "POST", path, "x-request-timeout-ms: 20000\r\n", oip(&[1.0])).status, 200);
}

#[test]
fn a_deadline_that_passes_while_all_compute_threads_are_busy_costs_no_run() {
    let house = House::open();
    let body = oip(&[WAITS]);
    let head =
        format!("POST /v2/models/slow/infer HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut running: Vec<Http> = (0..2).map(|_| Http::to(house.http)).collect();
    running.iter_mut().for_each(|client| client.send(format!("{head}{body}")));
    house.gate.wait_for(2);
    // Answered in time, although no thread comes to it.
    let late = ask(house.http, "POST", "/v2/models/slow/infer", "x-request-timeout-ms: 50\r\n", oip(&[1.0]));
    assert_eq!(late.status, 504, "{}", late.text());
    house.gate.open();
    running.iter_mut().for_each(|client| assert_eq!(client.answer().status, 200));
    assert_eq!(ask(house.http, "POST", "/v2/models/slow/infer", "", oip(&[1.0])).status, 200);
    let told = ask(house.http, "GET", "/v2/models/slow/stats", "", "").dense();
    assert!(told.contains(r#""execution_count":3"#), "the late one never ran: {told}");
    assert!(told.contains(r#""fail":{"count":1,"#), "and counts as failed: {told}");
}

#[test]
fn a_full_queue_is_answered_at_once_and_says_when_to_come_again() {
    let house = House::open();
    let mut clients: Vec<Http> = (0..24).map(|_| Http::to(house.http)).collect();
    let body = oip(&[WAITS]);
    let head =
        format!("POST /v2/models/slow/infer HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    let (running, waiting) = clients.split_at_mut(2);
    running.iter_mut().for_each(|client| client.send(format!("{head}{body}")));
    house.gate.wait_for(2);
    waiting.iter_mut().for_each(|client| client.send(format!("{head}{body}")));
    // Two run, eight wait, the rest is refused while these still stand before the gate.
    house.wait_for_waiting(8);
    let refused = ask(house.http, "POST", "/v1/models/slow:predict", "", tfs(&[WAITS]));
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some(), "{}", refused.head);
    house.gate.open();
    let statuses: Vec<u16> = clients.iter_mut().map(|client| client.answer().status).collect();
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
}

#[test]
fn work_of_a_caller_who_left_is_dropped() {
    let house = House::open();
    let body = oip(&[WAITS]);
    let request = format!(
        "POST /v2/models/slow/infer HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut running: Vec<Http> = (0..2).map(|_| Http::to(house.http)).collect();
    running.iter_mut().for_each(|client| client.send(&request));
    house.gate.wait_for(2);
    let mut leaving: Vec<Http> = (0..8).map(|_| Http::to(house.http)).collect();
    leaving.iter_mut().for_each(|client| client.send(&request));
    house.wait_for_waiting(8);
    drop(leaving);
    // Their places become free although nothing was answered.
    let mut client = Http::to(house.http);
    let is_refused = |client: &mut Http| {
        client.ask("POST", "/v2/models/slow/infer", "x-request-timeout-ms: 30\r\n", oip(&[1.0])).status == 503
    };
    assert!(
        (0..1000).any(|_| !is_refused(&mut client)),
        "the queue stays full of calls that nobody waits for"
    );
    house.gate.open();
    house.gate.wait_for(2);
    running.iter_mut().for_each(|client| assert_eq!(client.answer().status, 200));
}
