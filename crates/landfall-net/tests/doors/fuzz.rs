//! Fuzz bodies, run for a bounded time with fixed seeds.

use landfall_net::fuzz;

/// A small generator (xorshift): the same bytes at each run.
fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Changes bytes of a seed, cuts it, or repeats a part.
fn mutated(seed: &[u8], next: &mut impl FnMut() -> u64) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=next() % 4 {
        let place = next() as usize % (bytes.len() + 1);
        match next() % 4 {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, next() as u8),
            2 if place < bytes.len() => bytes[place] = next() as u8,
            _ => bytes.extend_from_within(..place.min(64)),
        }
    }
    bytes
}

fn run(body: fn(&[u8]), seeds: &[&[u8]]) {
    let mut next = random(7);
    for seed in seeds {
        body(seed);
        for _ in 0..2000 {
            body(&mutated(seed, &mut next));
        }
    }
}

#[test]
fn frames_of_foreign_bytes() {
    run(fuzz::grpc_frames, &[b"", b"\x03\0\0\0\0\x02ab\0\0\0\0\x01c", b"\0\x01\0\0\0\x05hello", &[0xff; 12]]);
}

#[test]
fn foreign_bytes_that_claim_to_be_packed() {
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x4b\x4c\x4a\x06\0\xc2\x41\x24\x35\x03\0\0\0";
    run(
        fuzz::compression,
        &[b"", gzip, b"\x78\x9c\x4b\x4c\x4a\x06\0\x02\x4d\x01\x27", b"gzip;q=0.5, deflate"],
    );
}

#[test]
fn what_callers_say_they_take() {
    run(fuzz::accept, &[b"*/*", b"application/json;q=0.5, */*;q=0", b"text/html,application/*", b";q,="]);
}

#[test]
fn paths() {
    run(
        fuzz::route,
        &[b"/v2/models/m/versions/1/infer", b"/v1/models/a%2Fb:predict", b"/control/models/m/promote", b"%"],
    );
}
