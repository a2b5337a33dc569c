//! HTTP/1.1 as clients really send it, and as they should not.

use crate::grpc_client::{Grpc as Client, runtime};
use crate::house::House;
use crate::http_client::{Http, ask, tfs};
use landfall_net::{Endpoint, NetSettings};
use std::io::{Read, Write};
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
