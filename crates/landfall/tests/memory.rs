//! Scoring takes as much memory for a large table as for a small one, read off the process itself.
#![cfg(target_os = "linux")]

use crate::server::{landfall, root};
use std::fs::File;
use std::io::{BufWriter, Write};
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
fn scored(input: &Path, output: &Path) -> u64 {
    let mut command = landfall();
    command.arg("predict").arg("examples/models/iris").arg("-i").arg(input).arg("-o").arg(output);
    command.args(["--engine", "embedded", "--threads", "2"]).current_dir(root());
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
    for ending in ["csv", "parquet", "npz"] {
        let output = folder.path().join(format!("out.{ending}"));
        let few = scored(&small, &output);
        let mut many = Vec::new();
        let bounded = (0..runs).any(|_| {
            many.push(scored(&large, &output));
            many.last().is_some_and(|many| many.saturating_sub(few) < most)
        });
        assert!(bounded, "{ending}: {few} KiB for the small table, {many:?} KiB for the large one");
    }
}
