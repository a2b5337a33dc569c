//! `predict` from end to end: streams, several files, missing values, bad rows, threads, interruption.

use crate::server::{eventually, landfall, root};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

const IRIS: &str = "examples/models/iris";
const HEADER: &str = "sepal_length,sepal_width,petal_length,petal_width";
const LINE: &str = r#"{"sepal_length": 6.4, "sepal_width": 2.7, "petal_length": 5.3, "petal_width": 1.9}"#;

fn predict(model: &str, arguments: &[&str]) -> Command {
    let mut command = landfall();
    command.args(["predict", model, "--engine", "embedded"]).args(arguments).current_dir(root());
    command
}

/// Exit code, standard output, standard error.
fn run(model: &str, arguments: &[&str]) -> (i32, String, String) {
    let output = predict(model, arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn iris(arguments: &[&str]) -> (i32, String, String) {
    run(IRIS, arguments)
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// A one-dimensional NPY file of float32, as NumPy writes it.
fn npy(values: &[f32]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", values.len());
    let padded = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(padded.as_bytes());
    values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}

/// Rows that differ from each other; those whose number from 1 `bad` picks hold a word.
fn rows(count: usize, bad: impl Fn(usize) -> bool) -> String {
    let mut text = format!("{HEADER}\n");
    for row in 1..=count {
        let width = if bad(row) { "oops".to_owned() } else { format!("{}", (row % 97) as f64 / 10.0) };
        writeln!(text, "{},{width},{},0.2", (row % 61) as f64 / 7.0, (row % 31) as f64 / 3.0).unwrap();
    }
    text
}

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_line_is_answered_before_the_next_one_is_sent() {
    let csv = ("csv", format!("{HEADER}\n"), "6.4,2.7,5.3,1.9", "probabilities[0]");
    let json = ("jsonl", String::new(), LINE, "{\"probabilities\"");
    for (format, head, line, first) in [csv, json] {
        let mut command = predict(IRIS, &["-i", "-", "--output-format", format]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Stopped(piped.spawn().unwrap());
        let mut sent = process.0.stdin.take().unwrap();
        let (answers, answered) = channel();
        let lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| answers.send(line)));
        let next =
            || answered.recv_timeout(Duration::from_secs(30)).expect("an answer to the line that was sent");
        sent.write_all(head.as_bytes()).unwrap();
        for number in 0..3 {
            writeln!(sent, "{line}").unwrap();
            sent.flush().unwrap();
            let mut answer = next();
            if number == 0 {
                assert!(answer.starts_with(first), "{answer}");
                if format == "csv" {
                    answer = next();
                }
            }
            assert!(answer.contains('2'), "{answer}");
        }
        drop(sent);
        assert!(process.0.wait().unwrap().success());
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing_and_a_file_that_was_there_stays() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let folder = tempfile::tempdir().unwrap();
        let output = written(folder.path(), "out.csv", "as it was\n");
        let kept = path(folder.path(), "bad.csv");
        let mut command = predict(IRIS, &["-i", "-", "-o", &output, "--bad-rows", &kept]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Stopped(piped.spawn().unwrap());
        let mut sent = process.0.stdin.take().unwrap();
        writeln!(sent, "{LINE}\n{{\"sepal_length\": \"oops\"}}\n{LINE}").unwrap();
        sent.flush().unwrap();
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        eventually("the half files", || (files() == 3).then_some(()));
        let number = process.0.id().to_string();
        assert!(Command::new("kill").args([format!("-{signal}"), number]).status().unwrap().success());
        assert_eq!(process.0.wait().unwrap().code(), Some(code));
        assert_eq!(files(), 1, "half files stayed after {signal}");
        assert_eq!(std::fs::read_to_string(&output).unwrap(), "as it was\n");
    }
}

/// A library that tidied up after itself at the end of the process did so while other threads were in it.
#[cfg(unix)]
#[test]
fn a_run_on_onnx_runtime_ends_on_a_signal_and_does_not_crash() {
    let Some(library) = std::env::var_os("LANDFALL_ONNXRUNTIME") else {
        eprintln!("left out: LANDFALL_ONNXRUNTIME names no library");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let row = |i: usize| format!("{},2.7,{},wide\n", i % 7, i % 5);
    let text: String = (0..400_000).map(row).collect();
    let header = "sepal_length,sepal_width,petal_length,petal\n";
    let input = written(folder.path(), "rows.csv", &format!("{header}{text}"));
    for _ in 0..10 {
        let mut command = landfall();
        command.args(["predict", "examples/pipelines/iris_pipeline", "-i", &input, "-o", "-"]);
        command.env("LANDFALL_ONNXRUNTIME", &library).current_dir(root());
        let mut process = Stopped(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let mut out = BufReader::new(process.0.stdout.take().unwrap());
        let mut line = String::new();
        for _ in 0..100 {
            out.read_line(&mut line).unwrap();
        }
        let number = process.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &number]).status().unwrap().success());
        std::io::copy(&mut out, &mut std::io::sink()).unwrap();
        let status = process.0.wait().unwrap();
        let mut err = String::new();
        std::io::Read::read_to_string(&mut process.0.stderr.take().unwrap(), &mut err).unwrap();
        assert_eq!((status.code(), err.as_str()), (Some(130), ""), "{status}");
    }
}

#[test]
fn missing_values_are_refused_unless_a_rule_says_what_they_become() {
    let folder = tempfile::tempdir().unwrap();
    let table = |width: &str| format!("{HEADER}\n5.1,{width},1.4,0.2\n");
    let input = written(folder.path(), "na.csv", &table("NA"));
    let numbers = |width: &str| {
        let plain = written(folder.path(), "plain.csv", &table(width));
        let (code, out, err) = iris(&["-i", &plain, "--on-missing", "zero"]);
        assert_eq!(code, 0, "{err}");
        out
    };
    let (code, _, err) = iris(&["-i", &input]);
    assert!(code == 1 && err.contains("NA") && err.contains("sepal_width"), "{err}");
    let (code, _, err) = iris(&["-i", &input, "--missing", "N/A,NA"]);
    assert!(code == 1 && err.contains("--on-missing"), "{err}");
    let (code, out, err) = iris(&["-i", &input, "--missing", "N/A,NA", "--on-missing", "zero"]);
    assert_eq!((code, &out), (0, &numbers("0")), "{err}");
    assert_eq!(numbers(""), numbers("0"), "an empty cell is missing without being told so");
    let (code, out, err) =
        iris(&["-i", &input, "--missing", "NA", "--on-missing", "sepal_width=default=3.5"]);
    assert_eq!(code, 0, "{err}");
    // The rule is part of the graph that runs, so that the last bit may differ from a run under another one.
    let expected = numbers("3.5");
    let values = |text: &str| -> Vec<f64> {
        text.lines().nth(1).unwrap().split(',').map(|cell| cell.parse().unwrap()).collect()
    };
    for (found, expected) in values(&out).iter().zip(values(&expected)) {
        assert!((found - expected).abs() < 1e-6, "{out}{expected}");
    }
    for wrong in ["height=zero", "nought", "sepal_width=nought"] {
        let (code, _, err) = iris(&["-i", &input, "--on-missing", wrong]);
        let named = wrong.split('=').next().unwrap();
        assert!(code == 2 && (err.contains(named) || err.contains("nought")), "{code} {err}");
    }
}

#[test]
fn an_option_that_the_model_does_not_know_is_a_wrong_call() {
    for command in ["predict", "inspect", "check"] {
        let mut command = landfall_command(command);
        let output = command.args(["--set", "thraeds=2"]).stdin(Stdio::null()).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(r#"unknown option "thraeds""#) && err.contains("num_threads"), "{err}");
    }
}

fn landfall_command(name: &str) -> Command {
    let mut command = landfall();
    command.args([name, IRIS, "--engine", "embedded"]).current_dir(root());
    if name == "predict" {
        command.args(["-i", "examples/rows/iris.csv"]);
    }
    command
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_work_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let input = written(folder.path(), "many.csv", &rows(50_000, |_| false));
    let mut command = predict(IRIS, &["-i", &input, "-o", "-"]);
    let mut process = Stopped(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    let mut out = BufReader::new(process.0.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("probabilities[0]"), "{line}");
    drop(out);
    let status = process.0.wait().unwrap();
    let mut err = String::new();
    std::io::Read::read_to_string(&mut process.0.stderr.take().unwrap(), &mut err).unwrap();
    assert_eq!((status.code(), err.as_str()), (Some(0), ""));
}

#[test]
fn nothing_in_is_no_row_out() {
    let folder = tempfile::tempdir().unwrap();
    let out = |format: &[&str], to: &str| {
        let path = path(folder.path(), to);
        let (code, _, err) = iris(&[&["-i", "-", "-o", &path], format].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{format:?}");
        std::fs::read_to_string(path).unwrap()
    };
    for format in [&[][..], &["--format", "csv"], &["--format", "jsonl"]] {
        let text = out(format, "out.csv");
        assert_eq!(text.lines().count(), 1, "a header and no row: {text}");
        assert_eq!(out(format, "out.jsonl"), "");
    }
    let empty = written(folder.path(), "empty.csv", "");
    let (code, text, err) = iris(&["-i", &empty]);
    assert!(code == 0 && text.lines().count() == 1, "{text}{err}");
    // A format that has a head of its own is not there when nothing is.
    let empty = written(folder.path(), "empty.npz", "");
    assert_eq!(iris(&["-i", &empty]).0, 1);
}

#[test]
fn several_arrays_and_one_archive_of_them_give_what_the_table_gives() {
    let folder = tempfile::tempdir().unwrap();
    let columns: [(&str, [f32; 3]); 4] = [
        ("sepal_length", [6.4, 5.5, 5.0]),
        ("sepal_width", [2.7, 2.5, 3.25]),
        ("petal_length", [5.3, 4.0, 1.5]),
        ("petal_width", [1.9, 1.3, 0.25]),
    ];
    let mut text = format!("{HEADER}\n");
    for row in 0..3 {
        let cells: Vec<String> = columns.iter().map(|(_, values)| values[row].to_string()).collect();
        writeln!(text, "{}", cells.join(",")).unwrap();
    }
    let table = written(folder.path(), "rows.csv", &text);
    let mut arrays = Vec::new();
    for (name, values) in &columns {
        let file = folder.path().join(format!("{name}.npy"));
        std::fs::write(&file, npy(values)).unwrap();
        arrays.push("-i".to_owned());
        arrays.push(format!("{name}={}", file.display()));
    }
    let (code, expected, err) = iris(&["-i", &table]);
    assert_eq!(code, 0, "{err}");
    let arguments: Vec<&str> = arrays.iter().map(String::as_str).collect();
    let (code, out, err) = iris(&arguments);
    assert_eq!((code, &out), (0, &expected), "{err}");
    let (code, _, err) = iris(&arguments[..6]);
    assert!(code == 1 && err.contains("petal_width"), "{err}");

    // Golden rows lie in an archive; what is written as one holds each output by its name.
    let archive = path(folder.path(), "out.npz");
    let (code, _, err) = iris(&["-i", "examples/models/iris/1/golden.npz", "-o", &archive]);
    assert_eq!(code, 0, "{err}");
    let bytes = std::fs::read(&archive).unwrap();
    for name in ["probabilities.npy", "label.npy"] {
        assert!(bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
    let one = path(folder.path(), "label.npy");
    let (code, _, err) = iris(&["-i", &table, "-o", &one, "--output", "label"]);
    assert_eq!(code, 0, "{err}");
    assert!(std::fs::read(&one).unwrap().starts_with(b"\x93NUMPY"));
    let (code, _, err) = iris(&["-i", &table, "-o", &one]);
    assert!(code == 2 && err.contains("--output") && err.contains("NPZ"), "{err}");
}

#[test]
fn a_column_that_no_input_takes_is_named_once_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let csv =
        written(folder.path(), "a.csv", &format!("{HEADER},note\n5.1,3.5,1.4,0.2,x\n5.1,3.5,1.4,0.2,y\n"));
    let with_note = LINE.replace('{', "{\"note\": 1, ");
    let json = written(folder.path(), "a.jsonl", &format!("{with_note}\n{with_note}\n"));
    for input in [csv, json] {
        let (code, _, err) = iris(&["-i", &input]);
        assert_eq!(code, 0, "{err}");
        assert_eq!(err.matches("\"note\"").count(), 1, "{err}");
    }
    let failing = written(folder.path(), "b.csv", &format!("{HEADER},note\noops,3.5,1.4,0.2,x\n"));
    let (code, _, err) = iris(&["-i", &failing]);
    assert!(code == 1 && err.contains("\"note\"") && err.contains("row 1"), "{err}");
}

#[test]
fn two_threads_give_the_bytes_of_one_in_every_format_of_output() {
    let folder = tempfile::tempdir().unwrap();
    let input = written(folder.path(), "rows.csv", &rows(20_011, |_| false));
    for ending in ["csv", "jsonl", "npz", "arrow", "parquet"] {
        let outputs: Vec<Vec<u8>> = ["1", "2", "5"]
            .into_iter()
            .map(|threads| {
                let output = path(folder.path(), &format!("out-{threads}.{ending}"));
                let (code, _, err) = iris(&["-i", &input, "-o", &output, "--threads", threads]);
                assert_eq!(code, 0, "{ending}: {err}");
                std::fs::read(output).unwrap()
            })
            .collect();
        assert!(outputs.iter().all(|output| *output == outputs[0]), "{ending}: threads change the bytes");
    }
}

#[test]
fn bad_rows_are_kept_in_order_and_the_others_answered_in_order_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let (count, bad) = (10_007, |row: usize| row.is_multiple_of(613) || row == 1);
    let input = written(folder.path(), "rows.csv", &rows(count, bad));
    let all_good = written(folder.path(), "good.csv", &rows(count, |_| false));
    let (_, everything, _) = iris(&["-i", &all_good]);
    let mut expected = String::new();
    for (row, line) in everything.lines().enumerate().filter(|(row, _)| *row == 0 || !bad(*row)) {
        let _ = row;
        writeln!(expected, "{line}").unwrap();
    }
    for threads in ["1", "2"] {
        let kept = path(folder.path(), &format!("bad-{threads}.csv"));
        let (code, out, err) = iris(&["-i", &input, "--bad-rows", &kept, "--threads", threads]);
        assert_eq!(code, 0, "{err}");
        assert!(out == expected, "answers of {threads} threads are out of order or differ");
        let kept = std::fs::read_to_string(kept).unwrap();
        let numbers: Vec<usize> =
            kept.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
        assert_eq!(numbers, (1..=count).filter(|row| bad(*row)).collect::<Vec<_>>());
        assert!(kept.lines().skip(1).all(|line| line.contains("oops")), "{kept}");
        let (code, _, err) = iris(&["-i", &input, "--threads", threads]);
        assert!(code == 1 && err.contains("row 1:"), "the first bad row is the one named: {err}");
    }
}

#[test]
fn a_table_with_decimal_commas_has_the_answers_of_the_same_with_points() {
    let folder = tempfile::tempdir().unwrap();
    let points = std::fs::read_to_string(root().join("examples/rows/iris.csv")).unwrap();
    let commas = points.replace(',', ";").replace('.', ",");
    let commas = written(folder.path(), "commas.csv", &commas);
    let points = written(folder.path(), "points.csv", &points);
    let (_, expected, _) = iris(&["-i", &points]);
    assert_eq!(iris(&["-i", &commas, "--decimal-comma"]), (0, expected, String::new()));
    let (code, _, err) = iris(&["-i", &commas]);
    assert!(code == 1 && err.contains("--decimal-comma reads it"), "{code} {err}");
    let (code, _, err) = iris(&["-i", "examples/rows/iris.jsonl", "--decimal-comma"]);
    assert!(code == 2 && err.contains("is jsonl: decimal commas are read in CSV alone"), "{code} {err}");
}

#[test]
fn what_stops_at_a_bad_row_answers_the_rows_before_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    for bad in [1, 2, 700, 1200] {
        let input = written(folder.path(), "rows.csv", &rows(1_300, |row| row == bad || row == bad + 2));
        let (code, out, err) = iris(&["-i", &input, "--threads", "2"]);
        assert!(code == 1 && err.contains(&format!("row {bad}: ")), "{err}");
        let answers = out.lines().count().saturating_sub(1);
        assert!(answers < bad && answers >= (bad - 1) / 512 * 512, "{answers} answers, bad is row {bad}");
    }
    // A row that the engine refuses is named by its number in the table.
    let lost = written(folder.path(), "nan.csv", &format!("{HEADER}\n1,2,3,4\n1,2,NaN,4\n1,2,3,4\n"));
    let (code, out, err) = iris(&["-i", &lost]);
    assert_eq!((code, out.lines().count()), (1, 2), "{err}");
    assert!(err.contains("row 2: input \"petal_length\": expected") && !err.contains("row 0"), "{err}");
}

#[test]
fn outputs_come_by_name_and_in_the_order_asked_for() {
    let (code, out, err) = iris(&["-i", "examples/rows/iris.csv", "--output", "label"]);
    assert!(code == 0 && out.starts_with("label\n"), "{out}{err}");
    let (code, out, err) = iris(&["-i", "examples/rows/iris.jsonl"]);
    assert!(
        code == 0 && out.starts_with("{\"probabilities\":["),
        "lines are answered with lines: {out}{err}"
    );
    let (code, out, err) = iris(&["-i", "examples/rows/iris.jsonl", "--output-format", "csv"]);
    assert!(code == 0 && out.starts_with("probabilities[0],"), "{out}{err}");
}

#[test]
fn tensor_columns_are_read_under_both_spellings_and_text_is_no_number_but_in_csv() {
    let folder = tempfile::tempdir().unwrap();
    let model = "examples/models/breast_cancer";
    let text = std::fs::read_to_string(root().join("examples/rows/breast_cancer.csv")).unwrap();
    let (header, rest) = text.split_once('\n').unwrap();
    let underscored = format!("{}\n{rest}", header.replace('[', "_").replace(']', ""));
    let (code, expected, err) = run(model, &["-i", "examples/rows/breast_cancer.csv"]);
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = run(model, &["-i", &written(folder.path(), "u.csv", &underscored)]);
    assert_eq!((code, out), (0, expected), "{err}");
    let texts = written(folder.path(), "t.jsonl", &format!("{}\n", LINE.replace("6.4", "\"6.4\"")));
    let (code, _, err) = iris(&["-i", &texts]);
    assert!(code == 1 && err.contains("sepal_length") && err.contains("row 1"), "{err}");
}

#[test]
fn wrong_calls_exit_with_2_and_name_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "examples/rows/iris.csv";
    let nowhere = path(folder.path(), "none/out.csv");
    for (arguments, code, says) in [
        (&["-i", rows, "--signature", "none"][..], 2, "serving_default"),
        (&["-i", rows, "--output", "species"], 2, "probabilities, label"),
        (&["-i", &format!("height={rows}")], 2, "petal_width"),
        (&["-i", rows, "--format", "csvv"], 2, "jsonl"),
        (&["-i", rows, "--threads", "0"], 2, "threads"),
        (&["-i", rows, "-o", "x.libsvm"], 2, "libsvm"),
        (&["-i", rows, "-o", &nowhere], 1, "none/out.csv"),
        (&["-i", "examples/rows/breast_cancer.csv"], 1, "sepal_length"),
        (
            &["-i", "examples/rows/iris.csv", "-i", "examples/rows/iris.jsonl", "--format", "parquet"],
            1,
            "iris",
        ),
    ] {
        let (found, out, err) = iris(arguments);
        assert_eq!(found, code, "{arguments:?}: {out}{err}");
        assert!(err.contains(says) && out.is_empty(), "{arguments:?}: {out}{err}");
    }
}
