//! Commands that answer and end: what they print, and how they exit.

use crate::server::{examples, landfall};
use std::process::Output;

fn run(arguments: &[&str]) -> (i32, String, String) {
    let output: Output = landfall().args(arguments).current_dir(crate::server::root()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const IRIS: &str = "examples/models/iris";

#[test]
fn predict_answers_csv_rows_in_order_with_numbers_alone_on_standard_output() {
    let (code, out, err) = run(&["predict", IRIS, "-i", "examples/rows/iris.csv", "--engine", "embedded"]);
    assert_eq!(code, 0, "{err}");
    let rows = std::fs::read_to_string(examples().join("rows/iris.csv")).unwrap().lines().count();
    assert_eq!(out.lines().count(), rows, "a header and a row for each row:\n{out}");
    assert!(out.lines().skip(1).all(|line| line.split(',').all(|cell| !cell.is_empty())), "{out}");
}

#[test]
fn predict_gives_the_same_numbers_whatever_the_format_and_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let csv = |name: &str| folder.path().join(name).display().to_string();
    let mut seen = Vec::new();
    for (input, output, threads) in
        [("examples/rows/iris.csv", csv("a.csv"), "1"), ("examples/rows/iris.csv", csv("b.csv"), "4")]
    {
        let (code, _, err) =
            run(&["predict", IRIS, "-i", input, "-o", &output, "--threads", threads, "--engine", "embedded"]);
        assert_eq!(code, 0, "{err}");
        seen.push(std::fs::read_to_string(&output).unwrap());
    }
    assert_eq!(seen[0], seen[1]);
    for ending in ["npz", "parquet", "arrow", "jsonl"] {
        let output = csv(&format!("out.{ending}"));
        let (code, _, err) =
            run(&["predict", IRIS, "-i", "examples/rows/iris.csv", "-o", &output, "--engine", "embedded"]);
        assert_eq!(code, 0, "{ending}: {err}");
        assert!(std::fs::metadata(&output).unwrap().len() > 0);
    }
}

#[test]
fn a_bad_row_stops_is_skipped_or_is_kept_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("rows.csv");
    let good = "5.1,3.5,1.4,0.2";
    std::fs::write(
        &input,
        format!("sepal_length,sepal_width,petal_length,petal_width\n{good}\n5.1,oops,1.4,0.2\n{good}\n"),
    )
    .unwrap();
    let (input, output) = (input.to_str().unwrap(), folder.path().join("out.csv"));
    let kept = folder.path().join("bad.csv");
    let scored = |bad_rows: &str| {
        run(&[
            "predict",
            IRIS,
            "-i",
            input,
            "-o",
            output.to_str().unwrap(),
            "--bad-rows",
            bad_rows,
            "--engine",
            "embedded",
        ])
    };
    let (code, _, err) = scored("stop");
    assert!(code == 1 && err.contains("row 2") && err.contains("oops"), "{code}: {err}");
    assert!(!output.exists(), "an interrupted run leaves no half file");
    let (code, _, err) = scored("skip");
    assert!(code == 0 && err.contains("1 of 3"), "{code}: {err}");
    assert_eq!(std::fs::read_to_string(&output).unwrap().lines().count(), 3);
    let (code, _, err) = scored(kept.to_str().unwrap());
    assert_eq!(code, 0, "{err}");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(kept.starts_with("row,reason,text\n2,") && kept.contains("5.1,oops,1.4,0.2"), "{kept}");
}

#[test]
fn check_compares_with_golden_rows_and_says_what_differs() {
    let (code, out, err) = run(&["check", IRIS, "--engine", "embedded"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("golden rows"), "{out}");
    let (code, out, _) = run(&[
        "check",
        "examples/models/breast_cancer",
        "--golden",
        "examples/models/iris/1/golden.npz",
        "--engine",
        "embedded",
    ]);
    assert_ne!(code, 0, "golden rows of another model: {out}");
}

#[test]
fn inspect_and_engines_tell_people_and_programs() {
    let (code, out, _) = run(&["inspect", IRIS, "--engine", "embedded"]);
    assert!(code == 0 && out.contains("sepal_length") && out.contains("embedded"), "{out}");
    let (code, out, _) = run(&["inspect", IRIS, "--json", "--engine", "embedded"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(code == 0 && json["signatures"][0]["inputs"].is_array(), "{out}");
    let (code, out, _) = run(&["engines", "--engine", "embedded"]);
    assert!(out.contains("SavedModels and graphs: ") && out.contains("TensorFlow Lite files: "), "{out}");
    assert!(code == 0 && out.contains("embedded"), "{out}");
}

#[test]
fn a_wrong_call_exits_with_2_and_failed_work_with_1() {
    for (arguments, code, says) in [
        (&["predict", IRIS][..], 2, "--input"),
        (&["serve", "--htp", "8000"], 2, "--http"),
        (
            &["predict", IRIS, "-i", "examples/rows/iris.csv", "--output", "nope", "--engine", "embedded"],
            2,
            "nope",
        ),
        (&["predict", IRIS, "-i", "nowhere.csv", "--engine", "embedded"], 1, "nowhere.csv"),
        (&["inspect", "README.md", "--engine", "embedded"], 1, "README.md"),
        (
            &["predict", IRIS, "-i", "examples/rows/iris.csv", "-o", "x.strange", "--engine", "embedded"],
            2,
            "strange",
        ),
        (&["inspect", IRIS, "--set", "speed=11", "--engine", "embedded"], 2, "speed"),
    ] {
        let (found, out, err) = run(arguments);
        assert_eq!(found, code, "{arguments:?}: {out}{err}");
        assert!(err.contains(says), "{arguments:?}: {err}");
    }
}

#[test]
fn a_pipeline_that_needs_onnx_runtime_says_how_to_get_it() {
    let (code, _, err) = run(&["inspect", "examples/pipelines/iris_pipeline", "--engine", "embedded"]);
    assert_eq!(code, 1);
    assert!(err.contains("pip install onnxruntime"), "{err}");
}

#[test]
fn what_cannot_be_printed_is_a_failure_and_a_reader_who_has_left_is_none() {
    for command in [&["inspect", IRIS][..], &["check", IRIS], &["inspect", IRIS, "--json"], &["engines"]] {
        let into = |out: std::process::Stdio| {
            let run = landfall().args(command).current_dir(crate::server::root()).stdout(out).output();
            let output = run.unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (code, err) = into(full.into());
        assert!(code == Some(1) && err.contains("cannot write the output"), "{command:?} {code:?}: {err}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, err) = into(writer.into());
        assert_eq!(code, Some(0), "{command:?}: {err}");
    }
}
