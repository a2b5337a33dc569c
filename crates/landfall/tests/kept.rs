//! `predict --keep`: columns of the table beside the answers, whatever becomes of the rows around them.

use crate::server::{landfall, root};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const IRIS: &str = "examples/models/iris";
const HEADER: &str = "id,sepal_length,sepal_width,petal_length,petal_width,note";

fn predict(arguments: &[&str]) -> Command {
    let mut command = landfall();
    command.args(["predict", IRIS, "--engine", "embedded"]).args(arguments).current_dir(root());
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = predict(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// Rows with a key; every seventh has a NaN, which the engine refuses in that row alone, every eleventh a word.
fn table(rows: usize, broken: bool) -> String {
    let mut text = format!("{HEADER}\n");
    for row in 1..=rows {
        let width = match row {
            _ if broken && row % 7 == 0 => "NaN".to_owned(),
            _ if broken && row % 11 == 0 => "oops".to_owned(),
            _ => format!("{}", (row % 97) as f64 / 10.0),
        };
        writeln!(text, "key-{row},{},{width},{},0.2,\"a, {row}\"", row % 61, (row % 31) as f64 / 3.0)
            .unwrap();
    }
    text
}

#[test]
fn each_row_keeps_its_own_key_whatever_becomes_of_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let (all, broken) = (path(folder.path(), "all.csv"), path(folder.path(), "broken.csv"));
    std::fs::write(&all, table(3000, false)).unwrap();
    std::fs::write(&broken, table(3000, true)).unwrap();
    // Probabilities differ in their last digits with the number of rows in a call; what is likeliest does not.
    let (code, whole, err) = run(&["-i", &all, "--keep", "note,id", "--output", "label"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(whole.starts_with("note,id,label\n\"a, 1\",key-1,"), "{whole:.100}");
    assert!(["0", "1", "2"].iter().all(|label| whole.contains(&format!(",{label}\n"))), "all labels come");
    let good: Vec<&str> = whole
        .lines()
        .enumerate()
        .filter(|(row, _)| *row == 0 || (row % 7 != 0 && row % 11 != 0))
        .map(|(_, line)| line)
        .collect();
    for threads in ["1", "2"] {
        let flags = ["-i", &broken, "--keep", "note,id", "--output", "label"];
        let (code, out, err) = run(&[&flags[..], &["--bad-rows", "skip", "--threads", threads]].concat());
        assert_eq!(code, 0, "{err}");
        assert_eq!(out.lines().collect::<Vec<_>>(), good, "{threads} threads");
    }
}

#[test]
fn two_threads_keep_what_one_keeps_from_every_format_into_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let csv = path(folder.path(), "rows.csv");
    std::fs::write(&csv, table(5000, false)).unwrap();
    for ending in ["csv", "jsonl", "parquet", "arrow", "arrows", "npz"] {
        let written = ["1", "2"].map(|threads| {
            let output = path(folder.path(), &format!("{threads}.{ending}"));
            let (code, _, err) = run(&["-i", &csv, "--keep", "id,note", "-o", &output, "--threads", threads]);
            assert_eq!(code, 0, "{err}");
            std::fs::read(output).unwrap()
        });
        assert!(written[0] == written[1], "{ending}");
    }
}

#[test]
fn a_key_comes_back_before_the_next_line_is_sent() {
    let mut process = predict(&["-i", "-", "-o", "-", "--keep", "id"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut sent = process.stdin.take().unwrap();
    let mut answers = BufReader::new(process.stdout.take().unwrap()).lines();
    for key in ["9007199254740993", "\"b\"", "null", "[1, 2]"] {
        let line = format!(
            "{{\"id\": {key}, \"sepal_length\": 6.4, \"sepal_width\": 2.7, \"petal_length\": 5.3, \"petal_width\": 1.9}}"
        );
        writeln!(sent, "{line}").unwrap();
        sent.flush().unwrap();
        let answer = answers.next().unwrap().unwrap();
        assert!(answer.starts_with(&format!("{{\"id\":{key},\"probabilities\":[")), "{answer}");
    }
    drop(sent);
    assert!(process.wait().unwrap().success());
}

#[test]
fn what_cannot_be_kept_is_a_wrong_call() {
    let folder = tempfile::tempdir().unwrap();
    let csv = path(folder.path(), "rows.csv");
    std::fs::write(&csv, table(3, false)).unwrap();
    let golden = "examples/models/iris/1/golden.npz";
    for (input, keep, output, told) in [
        (csv.as_str(), "Id", "out.csv", "--keep: the table has no column \"Id\" (there are id, "),
        (&csv, "id,id", "out.csv", "--keep: \"id\" is named twice"),
        (golden, "labels", "out.csv", "--keep: the table has no column \"labels\" (there are "),
        (golden, "label", "out.csv", "--keep: \"label\" is an output of the model too"),
        (&csv, "id", "out.npy", "--keep: NPY holds one array: write NPZ"),
    ] {
        let written = path(folder.path(), output);
        let (code, _, err) = run(&["-i", input, "--keep", keep, "-o", &written, "--output", "label"]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(told), "{err}");
        assert!(!Path::new(&written).exists());
    }
}
