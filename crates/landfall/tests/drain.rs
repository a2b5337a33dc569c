//! A server that is told to stop finishes what it has accepted.

use crate::http::Client;
use crate::server::{Server, eventually, examples};
use std::io::{Read, Write};
use std::net::TcpStream;
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

#[test]
fn a_server_whose_terminal_closes_drains_unless_it_was_told_to_outlive_it() {
    let model = examples().join("models/iris");
    // Whoever runs the tests may have told them to outlive theirs.
    let mut server = Server::start_by(&["env", "--default-signal=HUP"], &[model.to_str().unwrap()]);
    server.signal("HUP");
    assert!(server.wait().success(), "{}", server.log());
    assert!(server.log().contains("SIGHUP"), "{}", server.log());
    let mut outliving = Server::start_by(&["nohup"], &[model.to_str().unwrap()]);
    outliving.signal("HUP");
    assert_eq!(Client::new(&outliving.http).get("/readyz").status, 200);
    outliving.signal("TERM");
    assert!(outliving.wait().success(), "{}", outliving.log());
}

#[test]
fn ctrl_c_ends_a_server_that_waits_for_a_request_and_a_repeated_signal_at_once_does_not() {
    let mut server = Server::start(&[examples().join("models/iris").to_str().unwrap()]);
    let mut client = TcpStream::connect(&server.http).unwrap();
    let head = "POST /v1/models/iris:predict HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    write!(client, "{head}Content-Length: 1000\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100", "the request is under way, and its body does not come");
    server.signal("TERM");
    eventually("draining", || server.log().contains("draining").then_some(()));
    let mut pressed = 0;
    let ended = eventually("the end", || {
        // SIGTERM never ends it; Ctrl-C does, once the first signal lies a moment back.
        server.signal("TERM");
        server.signal("INT");
        pressed += 1;
        server.ended()
    });
    assert_eq!(ended.code(), Some(130), "{}", server.log());
    assert!(pressed > 5, "a signal that came with the first one ended it");
    eventually("the last word", || server.log().contains("Ctrl-C again").then_some(()));
}

#[test]
fn a_server_with_a_delay_is_first_not_ready_and_then_drains() {
    let flags = ["--drain-delay", "1s", "--drain-timeout", "20s"];
    let model = examples().join("models/iris");
    let mut server = Server::start(&[&[model.to_str().unwrap()], &flags[..]].concat());
    assert_eq!(Client::new(&server.http).get("/readyz").status, 200);
    server.signal("TERM");
    eventually("not ready", || (Client::new(&server.http).get("/readyz").status == 503).then_some(()));
    // A connection of its own: the door is open still.
    assert_eq!(Client::new(&server.http).get("/v2/models/iris").status, 200);
    assert!(server.wait().success(), "{}", server.log());
    assert!(server.log().contains("draining begins in 1s"), "{}", server.log());
}
