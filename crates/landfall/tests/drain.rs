//! A server that is told to stop finishes what it has accepted.

use crate::http::Client;
use crate::server::{Server, examples};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[test]
fn no_request_that_was_answered_with_a_status_line_is_lost_when_the_server_stops() {
    let mut server = Server::start(&[examples().join("models").to_str().unwrap()]);
    let address = server.http.clone();
    let (answered, started) = (AtomicU64::new(0), Barrier::new(5));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::new(&address);
                let row = r#"{"instances": [{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}]}"#;
                assert_eq!(client.post("/v1/models/iris:predict", row).status, 200);
                started.wait();
                // Until the server closes the connection: every answer that begins is a whole, good one.
                while let Ok(answer) = client.try_ask("POST", "/v1/models/iris:predict", &[], row.as_bytes()) {
                    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                    answered.fetch_add(1, Relaxed);
                }
            });
        }
        started.wait();
        server.signal("TERM");
    });
    assert!(server.wait().success(), "{}", server.log());
    assert!(server.log().contains("stopped"), "{}", server.log());
}
