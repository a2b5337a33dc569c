//! A server that stops.

use crate::grpc_client::{Grpc, INFER, frame, infer, runtime, values};
use crate::house::{House, LONG, WAITS};
use crate::http_client::{Http, get, oip, tfs};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

fn request(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn requests_under_way_are_answered_and_then_the_connection_closes() {
    let mut house = House::open();
    let mut waiting: Vec<Http> = (0..4).map(|_| Http::to(house.http)).collect();
    waiting.iter_mut().for_each(|client| client.send(request("/v2/models/slow/infer", &oip(&[WAITS]))));
    house.gate.wait_for(2);
    let server = house.server.take().unwrap();
    std::thread::scope(|scope| {
        let drained = scope.spawn(|| server.drain(LONG));
        // New connections are refused while the old ones are still served.
        while TcpStream::connect(house.http).is_ok() {
            std::thread::yield_now();
        }
        house.gate.open();
        for mut client in waiting {
            let answer = client.answer();
            assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
            assert!(client.next().is_none());
        }
        assert_eq!(drained.join().unwrap().cut, 0);
    });
}

#[test]
fn idle_connections_do_not_hold_the_end_up() {
    let mut house = House::open();
    let mut client = Http::to(house.http);
    assert_eq!(client.ask("GET", "/livez", "", "").status, 200);
    let _silent = Http::to(house.http);
    let drained = house.server.take().unwrap().drain(LONG);
    assert_eq!(drained.cut, 0);
    assert!(client.next().is_none());
}

#[test]
fn what_is_not_done_in_time_is_cut_and_counted() {
    let mut house = House::open();
    let mut client = Http::to(house.http);
    client.send(request("/v2/models/slow/infer", &oip(&[WAITS])));
    house.gate.wait_for(1);
    let drained = house.server.take().unwrap().drain(Duration::from_millis(300));
    assert_eq!(drained.cut, 1);
    assert!(client.next().is_none());
}

#[test]
fn under_load_no_accepted_request_is_lost() {
    let mut house = House::open();
    let server = house.server.take().unwrap();
    let address = house.http;
    let (stopping, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut client = Http::to(address);
                loop {
                    client.send(request("/v1/models/half:predict", &tfs(&[20.0])));
                    let answer = client.answer();
                    assert_eq!((answer.status, answer.dense().as_str()), (200, r#"{"predictions":[12.0]}"#));
                    answered.fetch_add(1, SeqCst);
                    if answer.header("connection") == Some("close") {
                        assert!(stopping.load(SeqCst));
                        return;
                    }
                }
            });
        }
        while answered.load(SeqCst) < 500 {
            std::thread::yield_now();
        }
        stopping.store(true, SeqCst);
        assert_eq!(server.drain(LONG).cut, 0);
    });
}

#[test]
fn calls_under_way_on_http2_are_answered() {
    let mut house = House::open();
    let server = house.server.take().unwrap();
    runtime().block_on(async {
        let client = Grpc::to(house.grpc).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let mut client = client.clone();
            calls.spawn(async move { client.call(INFER, &[], frame(&infer("slow", "", &[WAITS]))).await });
        }
        let gate = house.gate.clone();
        let (arrived, opens) = (gate.clone(), gate);
        tokio::task::spawn_blocking(move || arrived.wait_for(2)).await.unwrap();
        let drained = tokio::task::spawn_blocking(move || server.drain(LONG));
        opens.open();
        while let Some(call) = calls.join_next().await {
            assert_eq!(values(call.unwrap().only()), [WAITS / 2.0 + 2.0]);
        }
        assert_eq!(drained.await.unwrap().cut, 0);
    });
}

#[test]
fn a_stopping_server_says_that_it_is_not_ready() {
    let mut house = House::open();
    assert_eq!(get(house.http, "/readyz").status, 200);
    let mut client = Http::to(house.http);
    client.send(request("/v2/models/slow/infer", &oip(&[WAITS])));
    house.gate.wait_for(1);
    let mut asking = Http::to(house.http);
    assert_eq!(asking.ask("GET", "/readyz", "", "").status, 200);
    let server = house.server.take().unwrap();
    std::thread::scope(|scope| {
        let drained = scope.spawn(|| server.drain(LONG));
        while TcpStream::connect(house.http).is_ok() {
            std::thread::yield_now();
        }
        // The connection may be closed already, which says the same.
        asking.send("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(asking.next().is_none_or(|answer| answer.status == 503));
        house.gate.open();
        drained.join().unwrap();
    });
}

#[test]
fn a_server_that_announces_its_end_is_not_ready_and_answers_all_the_same() {
    let mut house = House::open();
    let server = house.server.take().unwrap();
    let address = house.http;
    std::thread::scope(|scope| {
        let announced = scope.spawn(|| {
            server.announce_end(Duration::from_secs(2));
            server
        });
        while get(address, "/readyz").status == 200 {
            std::thread::yield_now();
        }
        // On a connection of its own, as a client that knows nothing of readiness would come.
        let mut client = Http::to(address);
        client.send(request("/v1/models/half:predict", &tfs(&[20.0])));
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert!(!announced.is_finished());
        assert_eq!(announced.join().unwrap().drain(LONG).cut, 0);
    });
}
