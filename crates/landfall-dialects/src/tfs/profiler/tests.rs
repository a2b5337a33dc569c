//! The profiler's messages, read back by their published numbers.

use super::{Batch, ProfileRequest, Traced, decode_profile, decode_terminate, encode_xspace};
use crate::protobuf::Writer;
use landfall_model::Step;
use landfall_model::protobuf::{Fields, Value};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn request(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut body = Vec::new();
    write(&mut Writer::new(&mut body));
    body
}

fn asked(root: &str, session: &str) -> ProfileRequest {
    let body = request(|request| {
        request.varint_field(1, 5);
        request.varint_field(2, 1_000_000);
        request.string_field(3, "trace_viewer");
        request.message(4, |options| options.varint_field(9, 1500));
        request.string_field(5, root);
        request.string_field(6, session);
        request.string_field(7, "localhost:8500");
    });
    decode_profile(&body).unwrap()
}

#[test]
fn a_request_says_for_how_long_and_where_to() {
    let asked = asked("/logs/plugins/profile", "2026_01_02");
    assert_eq!((asked.duration, asked.max_events), (Duration::from_millis(1500), 1_000_000));
    let file = asked.file().unwrap();
    assert_eq!(file, Path::new("/logs/plugins/profile/2026_01_02/localhost_8500.xplane.pb"));
    let plain = decode_profile(&request(|request| request.varint_field(1, 20))).unwrap();
    assert_eq!(plain.duration, Duration::from_millis(20));
    assert_eq!(decode_terminate(&request(|request| request.string_field(1, "s"))).unwrap(), "s");
    assert!(decode_profile(&[0x0a, 0xff]).is_err() && decode_terminate(&[0x0a, 9]).is_err());
}

#[test]
fn a_trace_goes_into_a_folder_of_its_root_and_nowhere_else() {
    for (root, session, what) in [
        ("", "s", "repository_root"),
        ("logs", "s", "repository_root"),
        ("gs://bucket/logs", "s", "repository_root"),
        ("/logs", "", "session_id"),
        ("/logs", "..", "session_id"),
        ("/logs", "a/../../b", "session_id"),
    ] {
        let problem = asked(root, session).file().unwrap_err().to_string();
        assert!(problem.contains(what), "{root:?} {session:?}: {problem}");
    }
    let mut outside = asked("/logs", "s");
    outside.host_name = "unix:/../x".to_owned();
    assert_eq!(outside.file().unwrap(), Path::new("/logs/s/unix__.._x.xplane.pb"));
}

/// All fields of a message with this number.
fn all<'a>(bytes: &'a [u8], wanted: u32) -> Vec<Value<'a>> {
    let (mut found, mut fields) = (Vec::new(), Fields::new("test", bytes));
    while let Some((field, value)) = fields.next().unwrap() {
        if field == wanted {
            found.push(value);
        }
    }
    found
}

fn text(bytes: &[u8], wanted: u32) -> &str {
    std::str::from_utf8(messages(bytes, wanted)[0]).unwrap()
}

fn messages(bytes: &[u8], wanted: u32) -> Vec<&[u8]> {
    all(bytes, wanted).into_iter().map(|value| value.bytes().unwrap()).collect()
}

fn number(bytes: &[u8], wanted: u32) -> u64 {
    all(bytes, wanted).first().map_or(0, |value| value.varint().unwrap())
}

#[test]
fn requests_that_overlap_stand_in_lines_of_their_own_with_their_parts_within() {
    let millis = Duration::from_millis;
    let traced = |start, took, answered: bool| Traced {
        model: "ctr".into(),
        version: "3".to_owned(),
        signature: "serving_default".to_owned(),
        start: millis(start),
        took: millis(took),
        batch: answered.then_some(Batch { queue: millis(1), compute: millis(2), rows: 8 }),
        steps: None,
    };
    let requests = [traced(0, 10, true), traced(5, 10, true), traced(12, 1, false)];
    let space = encode_xspace("here", 1_700_000_000_000_000_000, millis(20), &requests);
    assert_eq!(text(&space, 4), "here");
    let plane = messages(&space, 1)[0];
    assert_eq!(text(plane, 2), "/host:CPU");
    let lines = messages(plane, 3);
    let names: Vec<_> = lines.iter().map(|line| text(line, 2)).collect();
    assert_eq!(names, ["trace", "ctr/3 #1", "ctr/3 #2"]);
    let events = messages(lines[1], 4);
    assert_eq!(events.len(), 4, "a request with its parts, and one that failed");
    let compute = events[2];
    assert_eq!((number(compute, 2), number(compute, 3)), (1_000_000_000, 2_000_000_000));
    let rows = messages(events[0], 4)[3];
    assert_eq!((number(rows, 1), number(rows, 3)), (4, 8));
    assert_eq!(names_of_events(plane), ["compute", "ctr serving_default", "queue", "trace"]);
}

fn names_of_events(plane: &[u8]) -> Vec<String> {
    messages(plane, 4).iter().map(|entry| text(messages(entry, 2)[0], 2).to_owned()).collect()
}

#[test]
fn operators_of_a_run_stand_once_in_lines_of_their_own_however_many_callers_shared_it() {
    let began = Duration::from_secs(1_700_000_000);
    let step = |name: &str, start, took| Step {
        name: name.to_owned(),
        start: began + Duration::from_millis(start),
        took: Duration::from_millis(took),
    };
    let run = || Some(Arc::new(vec![step("call:PartitionedCall", 3, 4), step("dense:MatMul", 4, 2)]));
    let traced = |steps| Traced {
        model: "ctr".into(),
        version: "3".to_owned(),
        signature: "serving_default".to_owned(),
        start: Duration::ZERO,
        took: Duration::ZERO,
        batch: None,
        steps,
    };
    let shared = run();
    let requests = [traced(shared.clone()), traced(shared), traced(None), traced(run())];
    let space = encode_xspace("here", 1_700_000_000_000_000_000, Duration::from_secs(1), &requests);
    let plane = messages(&space, 1)[0];
    let lines = messages(plane, 3);
    let operators = |name: &str| {
        let line = lines.iter().find(|line| text(line, 2) == name).unwrap();
        messages(line, 4).iter().map(|event| (number(event, 2), number(event, 3))).collect::<Vec<_>>()
    };
    let millis = |millis: u64| millis * 1_000_000_000;
    for lane in 1..=2 {
        assert_eq!(operators(&format!("ctr/3 operators #{lane}")), [(millis(3), millis(4))]);
    }
    for lane in 3..=4 {
        assert_eq!(operators(&format!("ctr/3 operators #{lane}")), [(millis(4), millis(2))]);
    }
    assert!(names_of_events(plane).contains(&"dense:MatMul".to_owned()));
}

#[test]
fn a_trace_without_a_request_shows_how_long_nothing_came() {
    let space = encode_xspace("here", 0, Duration::from_millis(20), &[]);
    let lines = messages(messages(&space, 1)[0], 3);
    let events = messages(lines[0], 4);
    assert_eq!((lines.len(), events.len(), number(events[0], 3)), (1, 1, 20_000_000_000));
}
