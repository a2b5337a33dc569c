//! What newcomers run into: files that are passed over, words that slip, calls that are half said.

use crate::mistakes::run;
use crate::server::{Server, eventually, landfall, root};
use std::fs;
use std::path::Path;

const IRIS: &str = "examples/models/iris";

const PMML: &str = r#"<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>
    <DataField name="x" optype="continuous" dataType="double"/><DataField name="y" optype="continuous" dataType="double"/>
    </DataDictionary><RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/>
    <MiningField name="y" usageType="target"/></MiningSchema><RegressionTable intercept="1">
    <NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel></PMML>"#;

fn put(folder: &Path, files: &[(&str, &[u8])]) {
    files.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
}

#[test]
fn loose_files_that_people_take_for_models_are_told_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let iris = root().join(IRIS).join("1/model.onnx");
    fs::create_dir_all(folder.path().join("iris/1")).unwrap();
    fs::copy(iris, folder.path().join("iris/1/model.onnx")).unwrap();
    put(
        folder.path(),
        &[
            ("line.pmml", PMML.as_bytes()),
            ("page.pmml", b"\n<!doctype html><title>Sign in</title>"),
            ("ctr.cbm", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
            ("fraud.pkl", b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94."),
            ("cut.ubj", b"no model"),
            ("README.md", b"# Models\n"),
            ("index.html", b"<html>"),
            ("rows.csv.gz", b"\x1f\x8b\x08\0"),
            ("golden.npz", b"PK\x03\x04\0\0\0\0x.npy"),
        ],
    );
    let server = Server::start(&[folder.path().to_str().unwrap()]);
    let log = server.log();
    for (file, says) in [
        ("page.pmml", "page.pmml: a web page is not supported"),
        ("ctr.cbm", "ctr.cbm: a pointer of Git LFS is not supported"),
        ("fraud.pkl", "fraud.pkl: a pickle is not supported"),
        ("cut.ubj", "cut.ubj has a model's ending, but no engine here reads it"),
    ] {
        let told = log.lines().filter(|line| line.contains("passed over: ") && line.contains(file)).count();
        assert!(told == 1 && log.contains(says), "{file}: {log}");
    }
    for silent in ["README", "index.html", "rows.csv", "golden.npz", "line.pmml:"] {
        assert!(!log.contains(&format!("{silent}: ")) && !log.contains(&format!("{silent} has")), "{log}");
    }
    put(folder.path(), &[("late.keras", b"<html>")]);
    eventually("a word on the late file", || server.log().contains("late.keras: a web page").then_some(()));
}

#[test]
fn a_folder_that_is_taken_for_one_of_its_files_names_the_others() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join(IRIS).join("1/model.onnx"), folder.path().join("iris.onnx")).unwrap();
    let inspect = || run(&["inspect", folder.path().to_str().unwrap(), "--engine", "embedded"]);
    put(folder.path(), &[("README.md", b"# Iris"), ("model.toml", b"")]);
    assert!(!inspect().2.contains("passed over"), "{}", inspect().2);
    put(folder.path(), &[("wide.pmml", PMML.as_bytes())]);
    let (code, _, err) = inspect();
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("is taken for one model (iris.onnx); wide.pmml is passed over: "), "{err}");
    assert!(err.contains(&format!("(serve wide={}/wide.pmml)", folder.path().display())), "{err}");
}

#[test]
fn a_folder_of_models_that_is_named_as_one_and_a_folder_above_it_are_told() {
    let (code, _, err) = run(&["serve", "iris=examples/models"]);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("examples/models holds several models (breast_cancer, digits, iris): name the path"),
        "{err}"
    );
    let server = Server::start(&[root().join("examples").to_str().unwrap()]);
    let log = server.log();
    assert!(log.contains("; models lie in ") && log.contains("/examples/models, "), "{log}");
}

#[test]
fn a_log_level_that_there_is_not_is_refused() {
    let mut command = landfall();
    command.env("LANDFALL_LOG", "inof").args([
        "serve",
        IRIS,
        "--http",
        "127.0.0.1:0",
        "--grpc",
        "127.0.0.1:0",
    ]);
    let output = command.current_dir(root()).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(2) && err.contains("LANDFALL_LOG=inof: expected error, warn"),
        "{err}"
    );
}

#[test]
fn calls_that_are_half_said_are_told_what_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("landfall.toml");
    fs::write(&empty, "").unwrap();
    let packed = folder.path().join("scores.csv.gz");
    let (empty, packed) = (empty.to_str().unwrap(), packed.to_str().unwrap());
    let rows = "examples/rows/iris.csv";
    let out = format!("-o - | gzip > {packed}");
    for (arguments, says) in [
        (&["serve", empty][..], "landfall.toml names no model: write [models.NAME]"),
        (&["serve", "iris="], "iris=: expected NAME=PATH"),
        (&["serve", "=models/iris"], "=models/iris: expected NAME=PATH"),
        (&["serve", IRIS, "--port", "80"], "say for which protocol: --http 80, --grpc 80"),
        (&["serve", IRIS, "--tls-cert", "a.pem"], "TLS ends in front of Landfall"),
        (&["serve", IRIS, "--ssl"], "TLS ends in front of Landfall"),
        (&["serve", IRIS, "--http", "http://127.0.0.1:8000"], "an address is meant, without http://"),
        (&["serve", IRIS, "--threads", "0"], "'--threads <N>': expected a number of threads from 1"),
        (&["predict", IRIS, rows], "rows are named by a flag: -i examples/rows/iris.csv"),
        (&["predict", IRIS, "-i", rows, "-o", packed], &out),
        (&["predict", IRIS, "-i", rows, "--output-format", "csv", "-o", packed], &out),
        (
            &["predict", IRIS, "-i", rows, "--on-missing", "sepal_lenght=zero", "--engine", "embedded"],
            "rules for missing values (inputs are petal_length, petal_width, sepal_length, sepal_width): ",
        ),
    ] {
        let (code, out, err) = run(arguments);
        assert!(code == 2 && err.contains(says), "{arguments:?}: {code} {out}{err}");
    }
    assert!(!Path::new(packed).exists());
}

#[test]
fn what_a_file_sets_in_vain_is_told_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    fs::copy(root().join(IRIS).join("1/model.onnx"), folder.path().join("iris.onnx")).unwrap();
    let settings = folder.path().join("model.toml");
    for (text, says) in [
        (
            "[inputs.sepal_lenght]\nmissing = \"zero\"",
            "model.toml: rules for missing values (inputs are petal_length",
        ),
        ("[options]\nnonsense = 1", "model.toml: unknown option \"nonsense\"; known: "),
    ] {
        fs::write(&settings, text).unwrap();
        let (code, _, err) = run(&["inspect", path, "--engine", "embedded"]);
        assert!(code == 2 && err.contains(says), "{text}: {code} {err}");
    }
    // What the call says outranks the file, and is not the file's.
    let (code, _, err) = run(&["inspect", path, "--engine", "embedded", "--set", "nonsense=2"]);
    assert!(code == 2 && err.starts_with("landfall: unknown option"), "{code} {err}");
}

#[test]
fn each_line_of_a_failure_says_whose_it_is() {
    let (code, _, err) = run(&["serve", "/nope/a.onnx", "/nope/b.onnx"]);
    let last: Vec<&str> = err.lines().rev().take(2).collect();
    assert!(code == 1 && last.iter().all(|line| line.starts_with("landfall: /nope/")), "{err}");
}
