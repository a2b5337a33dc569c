//! HTTP/1.1 as clients really send it, and as they should not.

use crate::grpc_client::{Grpc as Client, runtime};
use crate::house::{House, LONG};
use crate::http_client::{Http, ask, tfs};
use landfall_net::{Endpoint, NetSettings};
use landfall_serving::{Clock, SystemClock};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

const PATH: &str = "/v1/models/half:predict";

fn head(lines: &str) -> String {
    format!("POST {PATH} HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

#[test]
fn bodies_come_whole_chunked_and_slowly() {
    let house = House::open();
    let body = tfs(&[1.0]);
    let length = body.len();
    let chunked = format!("5\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", &body[..5], length - 5, &body[5..]);
    for (what, request) in [
        ("whole", format!("{}{body}", head(&format!("Content-Length: {length}\r\n")))),
        ("chunked", format!("{}{chunked}", head("Transfer-Encoding: chunked\r\n"))),
        ("without a host", format!("POST {PATH} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}")),
        ("HTTP/1.0", format!("POST {PATH} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}")),
    ] {
        let mut client = Http::to(house.http);
        client.send(&request);
        assert_eq!(client.answer().dense(), r#"{"predictions":[2.5]}"#, "{what}");
        let mut slow = Http::to(house.http);
        request.as_bytes().iter().for_each(|byte| slow.send([*byte]));
        assert_eq!(slow.answer().status, 200, "{what}, byte by byte");
    }
}

#[test]
fn a_head_has_a_limit_whether_it_ends_or_not() {
    let house = House::open();
    let sent = |bytes: usize, end: &str| {
        let mut client = Http::to(house.http);
        client.send(format!("GET /livez HTTP/1.1\r\nHost: a\r\nX-Long: {}{end}", "x".repeat(bytes)));
        // A server that closes with bytes unread may cut its own answer off.
        client.next().map_or(431, |answer| answer.status)
    };
    assert_eq!(sent(100 << 10, "\r\n\r\n"), 200);
    assert_eq!(sent(200 << 10, "\r\n\r\n"), 431);
    assert_eq!(sent(200 << 10, ""), 431);
}

#[test]
fn who_asks_for_a_head_gets_no_body_over_either_http() {
    let house = House::open();
    for (path, status) in [
        ("/livez", 200),
        ("/metrics", 200),
        ("/nothing", 404),
        ("/v1/models/half", 400),
        ("/v2/models/half/infer", 405),
    ] {
        let plain = ask(house.http, "HEAD", path, "", "");
        assert_eq!((plain.status, plain.body.len()), (status, 0), "{path}");
        let (over_http2, head, body) = runtime().block_on(async {
            let mut client = Client::to(house.http).await;
            client.ask("HEAD", path).await.expect(path)
        });
        assert_eq!((over_http2, body.len()), (status, 0), "{path}");
        let length: usize = head["content-length"].to_str().unwrap().parse().unwrap();
        assert!(length > 0, "{path}: what GET would give is said");
    }
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let house = House::open();
    let body = tfs(&[1.0]);
    let mut client = Http::to(house.http);
    client.send(head(&format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len())));
    assert_eq!(client.answer().status, 100);
    client.send(&body);
    assert_eq!(client.answer().status, 200);
}

#[test]
fn pipelined_requests_are_answered_in_order_on_one_connection() {
    let house = House::open();
    let mut client = Http::to(house.http);
    let request = |value: f32| {
        let body = tfs(&[value]);
        format!("{}{body}", head(&format!("Content-Length: {}\r\n", body.len())))
    };
    client.send((0..20).map(|i| request(i as f32)).collect::<String>());
    for i in 0..20 {
        let expected = format!("{{\"predictions\":[{:?}]}}", i as f32 / 2.0 + 2.0);
        assert_eq!(client.answer().dense(), expected);
    }
}

#[test]
fn an_answer_arrives_though_what_follows_its_request_is_none() {
    let house = House::open();
    let body = tfs(&[1.0]);
    let cut = body.len() - 3;
    for (what, lines, status) in [
        ("cut by its length", format!("Content-Length: {cut}\r\n"), 400),
        ("cut by its length, the last one", format!("Content-Length: {cut}\r\nConnection: close\r\n"), 400),
        ("two lengths", format!("Content-Length: {cut}\r\nContent-Length: 1\r\n"), 400),
        ("no length", String::new(), 400),
        ("no length, the last one", "Connection: close\r\n".to_owned(), 400),
    ] {
        for half_closes in [false, true] {
            let mut client = Http::to(house.http);
            client.send(format!("{}{body}", head(&lines)));
            if half_closes {
                client.half_close();
            }
            assert_eq!(client.answer().status, status, "{what}, {half_closes}");
        }
    }
}

#[test]
fn what_is_no_http_gets_an_error_or_an_end_and_stops_nobody() {
    let house = House::open();
    let body = tfs(&[1.0]);
    let length = body.len();
    for (what, request) in [
        ("length is text", format!("{}{body}", head("Content-Length: abc\r\n"))),
        ("length is negative", format!("{}{body}", head("Content-Length: -1\r\n"))),
        (
            "two lengths",
            format!("{}{body}", head(&format!("Content-Length: {length}\r\nContent-Length: 1\r\n"))),
        ),
        ("bad chunk", format!("{}zz\r\n{body}\r\n0\r\n\r\n", head("Transfer-Encoding: chunked\r\n"))),
        ("garbage", "\u{0}\u{1}garbage\r\n\r\n".to_owned()),
        ("too short", format!("{}{body}", head(&format!("Content-Length: {}\r\n", length + 10)))),
    ] {
        let mut client = Http::to(house.http);
        client.send(request);
        client.half_close();
        let answer = String::from_utf8_lossy(&client.rest()).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{what}: {answer}");
        assert_eq!(ask(house.http, "POST", PATH, "", tfs(&[1.0])).status, 200, "after {what}");
    }
}

/// A frame of HTTP/2 on stream 1.
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// Reads frames up to one that `last` knows; gives the kinds of those on stream 1.
fn kinds_until(stream: &mut TcpStream, last: impl Fn(u8, u8) -> bool) -> Vec<u8> {
    let mut kinds = Vec::new();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let [_, a, b, kind, flags, .., id] = head;
        stream.read_exact(&mut vec![0; usize::from(a) << 8 | usize::from(b)]).unwrap();
        if id == 1 {
            kinds.push(kind);
        }
        if last(kind, flags) {
            return kinds;
        }
    }
}

#[test]
fn an_answer_that_came_early_over_http_2_has_no_reset_behind_it_while_its_body_comes() {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const RESET: u8 = 3;
    const PING: u8 = 6;
    let house = House::open();
    let mut stream = TcpStream::connect(house.http).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let fields = [b"\x83\x86\x04\x08/nowhere".as_slice(), b"\x01\x01a"].concat();
    let piece = frame(DATA, 0, &[b'a'; 10_000]);
    let begun = [frame(HEADERS, 4, &fields), piece.clone(), piece.clone()].concat();
    stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings, &begun].concat()).unwrap();
    let answer = kinds_until(&mut stream, |kind, flags| kind == DATA && flags & 1 == 1);
    assert_eq!(answer, [HEADERS, DATA]);
    let mut ping = frame(PING, 0, &[0; 8]);
    ping[8] = 0;
    for last in [0, 1] {
        stream.write_all(&[piece.clone(), frame(DATA, last, b"a"), ping.clone()].concat()).unwrap();
        let behind = kinds_until(&mut stream, |kind, flags| kind == PING && flags & 1 == 1);
        assert!(!behind.contains(&RESET), "{behind:?}");
    }
}

#[test]
fn an_answer_that_came_early_over_http_1_reaches_who_writes_all_before_he_reads() {
    let house = House::open();
    let mut client = Http::to(house.http);
    for chunked in [false, true] {
        let body = "a".repeat(8 << 20);
        let (header, body) = match chunked {
            false => (format!("Content-Length: {}", body.len()), body),
            true => {
                ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
            }
        };
        client.send(format!("POST /nowhere HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n{body}"));
        assert_eq!(client.answer().status, 404);
        assert_eq!(client.ask("GET", "/livez", "", "").status, 200, "the connection goes on");
    }
}

#[test]
fn a_body_is_not_read_for_ever_after_its_answer_nor_waited_for_at_the_end() {
    let mut house = House::open();
    let head = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n";
    let mut client = TcpStream::connect(house.http).unwrap();
    client.write_all(head.as_bytes()).unwrap();
    let piece = [b'a'; 1 << 20];
    let written = (0..1000).take_while(|_| client.write_all(&piece).is_ok()).count();
    assert!((64..256).contains(&written), "{written} MiB");
    let mut client = Http::to(house.http);
    client.send(head);
    assert_eq!(client.answer().status, 404);
    let started = SystemClock.now();
    assert_eq!(house.server.take().unwrap().drain(LONG).cut, 0);
    assert!(SystemClock.now() - started < LONG / 2);
}

#[test]
fn who_asks_first_and_is_refused_is_not_told_to_go_on() {
    let house = House::open();
    let mut client = Http::to(house.http);
    client.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status, 404);
    assert_eq!(client.rest(), b"", "the connection ends: nobody could tell a body from a request");
}

#[test]
fn a_transfer_coding_that_is_not_known_is_refused() {
    let house = House::open();
    for (coding, status) in [
        ("chunked", 400),
        ("Chunked", 400),
        ("gzip, chunked", 501),
        ("gzip\r\nTransfer-Encoding: chunked", 501),
        ("chunked, chunked", 501),
        // Where it ends cannot be known.
        ("gzip", 400),
    ] {
        for path in [PATH, "/v2/models/half/infer"] {
            let mut client = Http::to(house.http);
            client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n"));
            client.send("2\r\n{}\r\n0\r\n\r\n");
            assert_eq!(client.answer().status, status, "{coding}");
        }
    }
}

#[test]
fn a_body_without_length_or_chunks_is_empty() {
    let house = House::open();
    let mut client = Http::to(house.http);
    client.send(head("Connection: close\r\n"));
    let answer = client.answer();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("The document is empty"), "{}", answer.text());
}

#[test]
fn a_body_over_the_limit_is_refused_by_what_it_declares_and_by_what_comes() {
    let house = House::with(|settings| settings.max_body = 100);
    let large = tfs(&[1.0; 100]);
    let declared = ask(house.http, "POST", PATH, "", &large);
    assert_eq!(declared.status, 413);
    assert!(declared.text().contains("larger than 100 bytes"), "{}", declared.text());
    let mut client = Http::to(house.http);
    client.send(head("Transfer-Encoding: chunked\r\n"));
    client.send(format!("{:x}\r\n{large}\r\n", large.len()));
    assert_eq!(client.answer().status, 413);
    assert_eq!(ask(house.http, "POST", PATH, "", tfs(&[1.0])).status, 200);
    // Nothing is set aside for what was only declared.
    let house = House::open();
    let mut client = Http::to(house.http);
    client.send(head("Content-Length: 2147483000\r\n"));
    client.half_close();
    assert!(client.next().is_none_or(|answer| answer.status == 400));
}

#[test]
fn a_unix_socket_is_a_door_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.sock");
    let change = |settings: &mut NetSettings| settings.http = Some(Endpoint::Unix(path.clone()));
    let mut house = House::with(change);
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    house.server.take().unwrap().drain(crate::house::LONG);
    assert!(!path.exists());
}
