//! Scoring takes as much memory for a large table as for a small one, read off the process itself; a server under a limit
//! on addresses lives on when more comes than it can hold.
#![cfg(target_os = "linux")]

use crate::server::{Server, landfall, root};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

const ROW: &str = "5.125,3.5,1.4375,0.25,a remark that no input takes\n";

fn table(path: &Path, rows: usize) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    writeln!(out, "sepal_length,sepal_width,petal_length,petal_width,remark").unwrap();
    (0..rows).for_each(|_| out.write_all(ROW.as_bytes()).unwrap());
    out.flush().unwrap();
}

/// The most memory, in KiB, that the process had at any time up to `/proc`'s last answer.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Scores a table, and gives the peak memory of the process.
#[expect(clippy::disallowed_methods, reason = "another process is watched from outside")]
fn scored(input: &Path, output: &Path, keep: &[&str]) -> u64 {
    let mut command = landfall();
    command.arg("predict").arg("examples/models/iris").arg("-i").arg(input).arg("-o").arg(output);
    command.args(["--engine", "embedded", "--threads", "2"]).args(keep).current_dir(root());
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    loop {
        most = most.max(peak(process.id()).unwrap_or(0));
        if let Some(status) = process.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            assert!(most > 0, "it ended before it was seen");
            return most;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn a_table_eight_times_as_large_takes_no_more_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (small, large) = (folder.path().join("small.csv"), folder.path().join("large.csv"));
    // The smallest thing that could be held by mistake, the answers as numbers, would be 35 MB more of the large table,
    // and that in every run; what the allocator keeps differs by up to 18 MB, and by more in a rare run.
    let (rows, most, runs) = (2_000_000, 30_000_000 / 1024, 3);
    table(&small, rows / 8);
    table(&large, rows);
    let bytes = std::fs::metadata(&large).unwrap().len();
    assert!(bytes > 100_000_000, "{bytes}");
    let kept: &[&str] = &["--keep", "remark"];
    for (ending, keep) in [("csv", kept), ("parquet", kept), ("npz", &[])] {
        let output = folder.path().join(format!("out.{ending}"));
        let few = scored(&small, &output, keep);
        let mut many = Vec::new();
        let bounded = (0..runs).any(|_| {
            many.push(scored(&large, &output, keep));
            many.last().is_some_and(|many| many.saturating_sub(few) < most)
        });
        assert!(bounded, "{ending}: {few} KiB for the small table, {many:?} KiB for the large one");
    }
}

/// A server under `ulimit -v`.
fn limited(folder: &Path, kib: usize) -> Server {
    let script = folder.join("limited.sh");
    std::fs::write(&script, format!("#!/bin/sh\nulimit -v {kib}\nexec \"$@\"\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let model = format!("m={}", root().join("examples/models/digits").display());
    Server::start_by(&[script.to_str().unwrap()], &[&model, "--threads", "2"])
}

#[test]
fn a_limit_on_addresses_is_not_used_up_by_what_allocators_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let server = limited(folder.path(), 2 << 20);
    let used = server.kib("VmSize:").unwrap();
    assert!(used < 1 << 20, "{used} KiB at the start");
    assert_eq!(server.client().get("/v2/health/ready").status, 200);
}

#[test]
fn more_bodies_than_a_limit_on_addresses_holds_are_refused_and_the_server_lives_on() {
    const HALF: usize = 24 << 20;
    let folder = tempfile::tempdir().unwrap();
    let mut server = limited(folder.path(), 1 << 20);
    let piece = vec![b' '; HALF];
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..40 {
        let mut stream = TcpStream::connect(&server.http).unwrap();
        let length = 2 * HALF;
        let head =
            format!("POST /v1/models/m:predict HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // Who is refused need not be read to the end.
        let sent = stream.write_all(&piece);
        stream.set_nonblocking(true).unwrap();
        let mut answer = [0; 12];
        match stream.read(&mut answer) {
            Ok(12) => {
                assert_eq!(&answer, b"HTTP/1.1 503");
                refused += 1;
            }
            _ if sent.is_err() => refused += 1,
            _ => open.push(stream),
        }
        assert!(server.ended().is_none(), "{}", server.log());
    }
    assert!(refused > 0 && !open.is_empty(), "{refused} of 40 were refused");
    let row = [[1; 8]; 8];
    let answer = server.client().post("/v1/models/m:predict", format!("{{\"instances\": [{row:?}]}}"));
    assert_eq!(answer.status, 200, "others are answered");
}
