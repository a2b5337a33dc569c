//! What requests hold in memory: half-read bodies of many connections, and answers that nobody reads.

use crate::grpc_client::{INFER, frame, infer};
use crate::house::{House, LONG, WAITS};
use crate::http_client::{Http, ask, get, tfs};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

const MIB: usize = 1 << 20;
const PATH: &str = "/v1/models/half:predict";

/// A metric without labels.
fn metric(house: &House, name: &str) -> usize {
    let page = get(house.http, "/metrics").text();
    let line =
        page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or_else(|| {
            panic!("{name} is not in\n{page}");
        });
    line.parse().unwrap()
}

/// Waits until a metric is what it should become.
fn wait_for(house: &House, name: &str, expected: impl Fn(usize) -> bool) {
    let found = (0..2000).any(|_| expected(metric(house, name)));
    assert!(found, "{name} stays {}", metric(house, name));
}

const HELD: &str = "landfall_requests_memory_bytes";
const REFUSALS: &str = "landfall_requests_memory_refusals_total";

/// A connection that has sent half of its body.
fn half_a_body(house: &House, bytes: usize) -> Http {
    let mut client = Http::to(house.http);
    client.send(format!("POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 2 * bytes));
    client.send(vec![b' '; bytes]);
    client
}

#[test]
fn half_read_bodies_of_many_connections_stay_within_one_bound() {
    let house = House::with(|settings| settings.memory = Some(2 * MIB));
    assert_eq!(metric(&house, "landfall_requests_memory_limit_bytes"), 2 * MIB);
    let held: Vec<Http> = (0..3).map(|_| half_a_body(&house, MIB / 2)).collect();
    wait_for(&house, HELD, |bytes| bytes > MIB);
    let large = format!("{}{}", " ".repeat(MIB), tfs(&[1.0]));
    let refused = ask(house.http, "POST", PATH, "", &large);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
    assert!(refused.text().contains("try again later"), "{}", refused.text());
    assert_eq!(metric(&house, REFUSALS), 1);
    assert_eq!(ask(house.http, "POST", PATH, "", tfs(&[1.0])).status, 200, "a small one needs no room");
    drop(held);
    wait_for(&house, HELD, |bytes| bytes == 0);
    assert_eq!(ask(house.http, "POST", PATH, "", &large).status, 200);
    let never = ask(house.http, "POST", PATH, "", " ".repeat(3 * MIB));
    assert_eq!((never.status, never.header("retry-after")), (413, None), "{}", never.text());
}

/// So many bytes of JSON that hold a value for every two of them; the first waits at the gate.
fn zeros(bytes: usize) -> String {
    format!("{{\"instances\":[{WAITS}{}]}}", ",0".repeat(bytes / 2))
}

#[test]
fn what_json_turns_into_counts_until_it_is_answered() {
    let house = House::with(|settings| settings.memory = Some(44 * MIB / 8));
    let mut first = Http::to(house.http);
    let body = zeros(5 * MIB / 8);
    let length = body.len();
    first.send(format!(
        "POST /v1/models/slow:predict HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    house.gate.wait_for(1);
    assert!(metric(&house, HELD) >= 10 * MIB / 8, "{}", metric(&house, HELD));
    let second = ask(house.http, "POST", PATH, "", zeros(12 * MIB / 8));
    assert_eq!((second.status, second.header("retry-after")), (503, Some("1")), "{}", second.text());
    let never = ask(house.http, "POST", PATH, "", zeros(15 * MIB / 8));
    assert!(never.status != 503 && never.text().contains("half of the memory"), "{}", never.text());
    assert_eq!(ask(house.http, "POST", PATH, "", tfs(&[1.0])).status, 200, "a small one needs no room");
    house.gate.open();
    assert_eq!(first.answer().status, 200);
    wait_for(&house, HELD, |bytes| bytes == 0);
}

#[test]
fn an_answer_for_whose_text_there_is_no_room_is_not_written() {
    let house = House::with(|settings| settings.memory = Some(20 * MIB / 8));
    house.gate.open();
    let large = ask(house.http, "POST", PATH, "", zeros(3 * MIB / 8));
    assert!(large.status != 200 && large.text().contains("half of the memory"), "{}", large.text());
    assert_eq!(ask(house.http, "POST", PATH, "", zeros(2 * MIB / 8)).status, 200);
    wait_for(&house, HELD, |bytes| bytes == 0);
}

/// HTTP/2 by hand (RFC 9113): a peer that asks, and lets the server send no body.
struct Deaf {
    stream: TcpStream,
    /// Bytes of bodies that the server takes from the whole connection.
    window: usize,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
/// The largest frame that needs no agreement.
const FRAME: usize = 16 << 10;

impl Deaf {
    fn to(address: SocketAddr) -> Deaf {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut peer = Deaf { stream, window: (64 << 10) - 1 };
        // SETTINGS_INITIAL_WINDOW_SIZE is 0.
        peer.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
        while peer.next().0 != SETTINGS {}
        // Only what was acknowledged holds.
        peer.send(SETTINGS, 1, 0, &[]);
        peer
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        self.stream.write_all(&bytes).unwrap();
    }

    /// One call of a method, on a stream with an odd number.
    fn call(&mut self, stream: u32, path: &str, body: &[u8]) {
        self.head(stream, path, &[]);
        let mut pieces = body.chunks(FRAME).peekable();
        while let Some(piece) = pieces.next() {
            while self.window < piece.len() {
                self.next();
            }
            self.window -= piece.len();
            self.send(DATA, u8::from(pieces.peek().is_none()), stream, piece);
        }
    }

    /// A call's head, with further fields.
    fn head(&mut self, stream: u32, path: &str, fields: &[(&str, &str)]) {
        // RFC 7541: `:method POST` and `:scheme http` of the static table, the others as they are.
        let mut head = vec![0x83, 0x86];
        let first = [(":path", path), (":authority", "a"), ("content-type", "application/grpc")];
        for (name, value) in first.iter().chain(fields) {
            head.push(0);
            for text in [name, value] {
                match text.len().checked_sub(127) {
                    None => head.push(text.len() as u8),
                    Some(more) => head.extend([127, more as u8 | 128, (more >> 7) as u8]),
                }
                head.extend(text.bytes());
            }
        }
        self.send(HEADERS, 4, stream, &head);
    }

    /// Kind and stream of the next frame.
    fn next(&mut self) -> (u8, u32) {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).unwrap();
        let (kind, stream) = (head[3], u32::from_be_bytes(head[5..].try_into().unwrap()));
        if (kind, stream) == (WINDOW_UPDATE, 0) {
            self.window += u32::from_be_bytes(payload.try_into().unwrap()) as usize;
        }
        (kind, stream)
    }
}

/// A call whose answer takes a quarter of a MiB.
fn large() -> Vec<u8> {
    frame(&infer("half", "", &vec![1.0; MIB / 16]))
}

#[test]
fn answers_that_a_peer_does_not_let_in_count_until_there_is_no_room_and_then_calls_are_refused() {
    let house = House::with(|settings| settings.memory = Some(2 * MIB));
    let mut deaf = Deaf::to(house.grpc);
    (0..20).for_each(|call| deaf.call(2 * call + 1, INFER, &large()));
    wait_for(&house, REFUSALS, |refusals| refusals > 0);
    assert!(metric(&house, HELD) <= 2 * MIB);
    assert_eq!(ask(house.http, "POST", PATH, "", tfs(&[1.0])).status, 200, "others are answered");
    drop(deaf);
    wait_for(&house, HELD, |bytes| bytes == 0);
}

#[test]
fn a_peer_with_much_to_read_is_answered_further_when_it_has_read() {
    const CALLS: u32 = 120;
    let house = House::open();
    let mut deaf = Deaf::to(house.grpc);
    let counted = |house: &House| {
        let page = get(house.http, "/metrics").text();
        let line = page
            .lines()
            .find(|line| line.starts_with("landfall_requests_total") && line.contains("oip-grpc"));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap())
    };
    for call in 0..CALLS {
        deaf.call(2 * call + 1, INFER, &large());
    }
    wait_for(&house, HELD, |bytes| bytes >= 16 * MIB);
    let answered = counted(&house);
    assert!(answered < CALLS, "16 MiB are 64 answers, and {answered} were made");
    // SETTINGS_INITIAL_WINDOW_SIZE for all, WINDOW_UPDATE for the connection.
    deaf.send(SETTINGS, 0, 0, &[0, 4, 0, 64, 0, 0]);
    deaf.send(WINDOW_UPDATE, 0, 0, &(64 * MIB as u32).to_be_bytes());
    let mut bodies = std::collections::HashSet::new();
    while bodies.len() < CALLS as usize {
        let (kind, stream) = deaf.next();
        if kind == DATA {
            bodies.insert(stream);
        }
    }
    wait_for(&house, HELD, |bytes| bytes == 0);
    assert_eq!(counted(&house), CALLS);
}

#[test]
fn heads_of_many_requests_on_one_connection_count_against_the_memory_of_all() {
    const REQUESTS: u32 = 500;
    let house = House::with(|settings| settings.memory = Some(4 * MIB));
    let mut peer = Deaf::to(house.grpc);
    let long = "x".repeat(15_000);
    (0..REQUESTS).for_each(|call| peer.head(2 * call + 1, INFER, &[("x-long", &long)]));
    wait_for(&house, REFUSALS, |refusals| refusals > 0);
    let held = metric(&house, HELD);
    assert!(held > 3 * MIB && held <= 4 * MIB, "{held}");
    assert_eq!(ask(house.http, "POST", PATH, "", tfs(&[1.0])).status, 200, "others are answered");
    drop(peer);
    wait_for(&house, HELD, |bytes| bytes == 0);
}
