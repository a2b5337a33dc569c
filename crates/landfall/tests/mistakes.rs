//! A user's mistakes: each is answered with where, what was expected, what came.

use crate::server::{landfall, root};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

const IRIS: &str = "examples/models/iris";

pub(crate) fn run<A: AsRef<OsStr>>(arguments: &[A]) -> (i32, String, String) {
    // Free ports: whoever runs these tests may have a server on the usual ones.
    let free = "127.0.0.1:0";
    let mut command = landfall();
    command.env("LANDFALL_HTTP", free).env("LANDFALL_GRPC", free);
    let output = command.args(arguments).current_dir(root()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_taken_port_is_said_before_any_model_is_loaded() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--http", "--grpc"] {
        let other = if flag == "--http" { "--grpc" } else { "--http" };
        let arguments = ["serve", IRIS, "--engine", "embedded", flag, address.as_str(), other, "127.0.0.1:0"];
        let (code, _, err) = run(&arguments);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains(&format!("{flag}: cannot listen on {address}")), "{err}");
        assert!(!err.contains("available"), "a model was loaded: {err}");
    }
}

#[test]
fn flags_that_cannot_be_followed_are_refused_by_name() {
    let rows = "examples/rows/iris.csv";
    let matrix = "sepal_length=examples/rows/iris.csv";
    for (arguments, code, says) in [
        (&["predict", IRIS, "-i", rows, "--onnxruntime", "/nope.so"][..], 1, "--onnxruntime: /nope.so"),
        (&["serve", IRIS, "--threads", "0"], 2, "--threads"),
        (&["serve", "file:///srv/models"], 2, "give the path itself, /srv/models"),
        (
            &["predict", IRIS, "-i", "s3://bucket/rows.csv"],
            2,
            "nothing is read from or written to s3: addresses",
        ),
        (&["predict", IRIS, "-i", rows, "-o", "gs://bucket/out.csv"], 2, "written to gs: addresses"),
        (&["predict", "models/*", "-i", rows], 2, "patterns are not expanded"),
        (&["serve", IRIS, "--set", "nonsense=1"], 2, r#"unknown option "nonsense"; known: "#),
        (
            &["serve", IRIS, "--on-missing", "bogus"],
            2,
            r#"--on-missing <[NAME=]RULE>': unknown rule for missing values "bogus""#,
        ),
        (&["serve", IRIS, "--on-missing", "nobody=zero"], 2, r#"no model has an input "nobody""#),
        (
            &["serve", "examples/models", "--on-missing", "nobody=zero", "--on-missing", "image=zero"],
            2,
            r#"no model has an input "nobody""#,
        ),
        (&["check", IRIS, "--on-missing", "accept"], 2, "the engine does not know missing values"),
        (&["predict", IRIS, "-i", rows, "--set", "nonsense=1"], 2, r#"unknown option "nonsense"; known: "#),
        (
            &["check", IRIS, "--golden", "examples/models/iris/1/golden.npz", "--signature", "nope"],
            2,
            "--signature (there are serving_default)",
        ),
        (&["check", IRIS, "--rtol=-1"], 2, "expected a number of 0 or more"),
        (&["check", IRIS, "--golden", rows], 1, "iris.csv: no expected outputs"),
        (
            &["predict", IRIS, "-i", matrix, "-i", matrix, "--engine", "embedded"],
            2,
            "\"sepal_length\" is given twice",
        ),
        (&["predict", IRIS, "-i", rows, "--python", "/nope"], 1, "--python: /nope is missing"),
        (&["predict", IRIS, "-i", rows, "--bad-rows", "/nope/bad.csv"], 1, "cannot create /nope/bad.csv"),
        (
            &["predict", IRIS, "-i", rows, "--on-missing", "sepal_length=default=a", "--engine", "embedded"],
            2,
            r#"rule for missing values of input "sepal_length": default "a" is no float32"#,
        ),
        (
            &["predict", IRIS, "-i", rows, "--set", "num_threads=a", "--engine", "embedded"],
            2,
            r#"option num_threads: "a" is no number of threads"#,
        ),
        (&["serve", "a=examples/models/iris", "a=examples/models/digits"], 2, r#"two models are named "a""#),
        (&["predict", IRIS, "-i", "-", "-i", "-"], 2, "--input: - is given twice"),
        (&["predict", IRIS, "-i", rows, "-i", rows], 2, "--input: examples/rows/iris.csv is given twice"),
        (
            &["serve", "/nope/model.onnx", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"],
            1,
            "landfall: /nope/model.onnx is missing",
        ),
    ] {
        let (found, out, err) = run(arguments);
        assert_eq!(found, code, "{arguments:?}: {out}{err}");
        assert!(err.contains(says), "{arguments:?}: {err}");
    }
}

#[test]
fn flags_that_would_do_nothing_or_refuse_everything_are_refused() {
    for (arguments, says) in [
        (
            &["serve", IRIS, "--max-body", "0"][..],
            "expected a size of 1 byte or more, or all would be refused",
        ),
        (&["engines", "--set", "num_threads=1"], "unexpected argument '--set'"),
        (&["engines", "--on-missing", "zero"], "unexpected argument '--on-missing'"),
        (&["engines", "--prefer", "onnx"], "unexpected argument '--prefer'"),
        (&["convert", IRIS, "out.onnx", "--prefer", "onnx"], "unexpected argument '--prefer'"),
    ] {
        let (code, out, err) = run(arguments);
        assert!(code == 2 && err.contains(says), "{arguments:?}: {code} {out}{err}");
    }
}

#[test]
fn paths_that_hold_no_model_are_told_without_a_word_of_what_was_loaded() {
    for command in ["serve", "inspect"] {
        for (path, says) in [
            ("/proc", "/proc is a view into the kernel: no model lies there"),
            ("no/such/place", "no/such/place is missing"),
            ("", "no file is named: its name is empty"),
        ] {
            if path == "/proc" && !std::path::Path::new(path).join("self").exists() {
                continue;
            }
            let (code, _, err) = run(&[command, path]);
            // An empty path is refused with the arguments where they are read as paths.
            assert!(
                code == 1 && err.contains(says) || (path.is_empty() && code == 2),
                "{command} {path:?}: {err}"
            );
            assert!(!err.contains("stays"), "{command} {path:?}: {err}");
        }
    }
}

#[test]
fn a_row_that_cannot_be_read_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    fs::write(&path, "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4\n").unwrap();
    let (code, _, err) = run(&["predict", IRIS, "-i", path.to_str().unwrap(), "--engine", "embedded"]);
    assert_eq!(code, 1);
    assert!(err.contains(&format!("{}: row 1: expected 4 cells, found 3", path.display())), "{err}");
}

#[test]
fn a_table_with_other_separators_is_told_from_one_with_other_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.tsv");
    let names = "sepal_length@sepal_width@petal_length@petal_width";
    for (header, code, told) in [(names, 0, false), ("a@b@c@d", 1, true), ("a,b,c,d", 1, false)] {
        fs::write(&path, format!("{header}\n5.1@3.5@1.4@0.2\n").replace('@', "\t")).unwrap();
        let (found, out, err) = run(&["predict", IRIS, "-i", path.to_str().unwrap(), "--engine", "embedded"]);
        assert_eq!((found, err.contains("another sign between cells")), (code, told), "{err}");
        assert_eq!(out.lines().count(), if code == 0 { 2 } else { 0 }, "{out}");
    }
}

#[test]
fn many_columns_that_no_input_takes_share_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    let names: String = (0..11).map(|i| format!(",z{i}")).collect();
    let cells = ",0".repeat(11);
    let header = "sepal_length,sepal_width,petal_length,petal_width";
    fs::write(&path, format!("{header}{names}\n5.1,3.5,1.4,0.2{cells}\n")).unwrap();
    let (code, _, err) = run(&["predict", IRIS, "-i", path.to_str().unwrap(), "--engine", "embedded"]);
    assert_eq!((code, err.lines().count()), (0, 1), "{err}");
    assert!(err.contains("11 columns are passed over") && err.contains(r#""z10""#), "{err}");
}

#[test]
fn paths_need_not_be_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(OsStr::from_bytes(b"rows \xff.csv"));
    fs::copy(root().join("examples/rows/iris.csv"), &path).unwrap();
    let model = OsStr::new(IRIS);
    let flags = ["predict", "-i", "--engine", "embedded"].map(OsStr::new);
    let [predict, input, engine, embedded] = flags;
    let (code, out, err) = run(&[predict, model, input, path.as_os_str(), engine, embedded]);
    assert!(code == 0 && out.lines().count() > 1, "{err}");
}

#[test]
fn inputs_that_may_be_missing_and_have_no_column_are_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let fields = ["age", "size", "weight"];
    let declared: String = fields
        .iter()
        .map(|name| format!(r#"<DataField name="{name}" optype="continuous" dataType="double"/>"#))
        .collect();
    let mined: String = fields.iter().map(|name| format!(r#"<MiningField name="{name}"/>"#)).collect();
    let used: String =
        fields.iter().map(|name| format!(r#"<NumericPredictor name="{name}" coefficient="1"/>"#)).collect();
    let document = format!(
        r#"<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>{declared}
        <DataField name="y" optype="continuous" dataType="double"/></DataDictionary><RegressionModel
        functionName="regression"><MiningSchema>{mined}<MiningField name="y" usageType="target"/></MiningSchema>
        <RegressionTable intercept="0">{used}</RegressionTable></RegressionModel></PMML>"#
    );
    let model = folder.path().join("model.pmml");
    fs::write(&model, document).unwrap();
    let rows = folder.path().join("rows.csv");
    fs::write(&rows, "age,wieght\n1,2\n3,4\n").unwrap();
    let (code, out, err) = run(&["predict", model.to_str().unwrap(), "-i", rows.to_str().unwrap()]);
    assert_eq!((code, out.lines().count()), (0, 3), "{err}");
    let told = "inputs \"size\", \"weight\" have no columns in the table: they are missing in every row";
    assert_eq!(err.matches(told).count(), 1, "{err}");
    assert_eq!(err.matches("column \"wieght\" is passed over").count(), 1, "{err}");
    fs::write(&rows, "age,size,weight\n1,2,3\n").unwrap();
    let (_, _, err) = run(&["predict", model.to_str().unwrap(), "-i", rows.to_str().unwrap()]);
    assert_eq!(err, "");
}

#[test]
fn a_server_whose_log_nobody_reads_any_more_goes_on() {
    use std::process::Stdio;
    let state = tempfile::tempdir().unwrap();
    let mut command = landfall();
    command.args(["serve", IRIS, "--engine", "embedded", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]);
    command.arg("--state").arg(state.path());
    let mut server = command.current_dir(root()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = std::io::BufReader::new(server.stderr.take().unwrap());
    let mut line = String::new();
    let address = loop {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut log, &mut line).unwrap() > 0);
        if let Some((_, address)) = line.trim().split_once("http listening on ") {
            break address.to_owned();
        }
    };
    drop(log);
    // This call is logged, into the void.
    let mut client = crate::http::Client::new(&address);
    assert_eq!(client.post("/control/models/iris/promote", r#"{"version": 1}"#).status, 200);
    assert_eq!(client.post("/v1/models/iris:predict", r#"{"instances": []}"#).status, 400);
    let killed = std::process::Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert!(server.wait().unwrap().success());
}

#[test]
fn files_that_people_take_for_models_or_tables_are_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let pickle = put("model.pkl", b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94.");
    let dump = put("dump.json", b"[\n  { \"nodeid\": 0, \"leaf\": 1}\n]");
    for (file, says) in [(&pickle, "a pickle is not supported: save the model"), (&dump, "save_model")] {
        let (code, _, err) = run(&["inspect", file]);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains(says), "{err}");
    }
    let book = put("rows.xlsx", &[b"PK\x03\x04", &[0; 26][..], b"[Content_Types].xml<x/>"].concat());
    let comma = put("rows.csv", b"sepal_length;sepal_width;petal_length;petal_width\n5,1;3,5;1,4;0,2\n");
    for (file, says) in
        [(&book, "an Excel file is not supported: save it as CSV"), (&comma, "a decimal point is read")]
    {
        let (code, _, err) = run(&["predict", IRIS, "-i", file, "--engine", "embedded"]);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains(says), "{err}");
    }
}

#[test]
fn nothing_that_is_read_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("rows.csv");
    fs::copy(root().join("examples/rows/iris.csv"), &table).unwrap();
    let model = folder.path().join("iris.csv");
    fs::copy(root().join(IRIS).join("1/model.onnx"), &model).unwrap();
    let before = (fs::read(&table).unwrap(), fs::read(&model).unwrap());
    let (rows, named) = (table.to_str().unwrap(), model.to_str().unwrap());
    for more in [["-o", rows], ["-o", named], ["--bad-rows", rows]] {
        let arguments = [&["predict", named, "-i", rows, "--engine", "embedded"][..], &more].concat();
        let (code, _, err) = run(&arguments);
        assert!(
            code == 2 && err.contains("is read: name another file to be written"),
            "{more:?}: {code} {err}"
        );
        assert_eq!((fs::read(&table).unwrap(), fs::read(&model).unwrap()), before, "{more:?}");
    }
}

#[test]
fn answers_and_bad_rows_go_into_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir(place("sub")).unwrap();
    let rows = place("rows.csv");
    fs::write(&rows, "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,oops\n").unwrap();
    let (out, roundabout) = (place("out.csv"), place("sub/../out.csv"));
    for bad_rows in [&out, &roundabout] {
        for is_there in [false, true] {
            if is_there {
                fs::write(&out, "before").unwrap();
            }
            let both =
                ["predict", IRIS, "-i", &rows, "--engine", "embedded", "-o", &out, "--bad-rows", bad_rows];
            let (code, _, err) = run(&both);
            assert!(
                code == 2 && err.contains("answers and bad rows go into files of their own"),
                "{code} {err}"
            );
            assert_eq!(fs::read_to_string(&out).ok().as_deref(), is_there.then_some("before"));
        }
        fs::remove_file(&out).unwrap();
    }
    let (code, _, err) = run(&["predict", IRIS, "-i", &rows, "--engine", "embedded", "--bad-rows", "-"]);
    assert!(code == 2 && err.contains("--bad-rows -: name the file that takes the rows"), "{code} {err}");
}

#[test]
fn more_threads_than_any_machine_runs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("landfall.toml");
    fs::write(&config, "[server]\nthreads = 100000\n").unwrap();
    for arguments in [
        &["predict", IRIS, "-i", "examples/rows/iris.csv", "--threads", "100000"][..],
        &["serve", IRIS, "--threads", "100000"],
        &["serve", IRIS, "--config", config.to_str().unwrap()],
    ] {
        let (code, _, err) = run(arguments);
        assert!(
            code == 2
                && err.contains("100000")
                && err.contains("expected a number of threads from 1 to 1024"),
            "{code} {err}"
        );
    }
}

#[test]
fn times_that_no_clock_reaches_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("landfall.toml");
    let text = format!(
        "[models.iris]\npath = {:?}\n[models.iris.batching]\nmax_delay = \"200000000000000000m\"\n",
        root().join(IRIS)
    );
    fs::write(&config, text).unwrap();
    for arguments in [
        &["serve", IRIS, "--drain-timeout", "200000000000000000m"][..],
        &["serve", IRIS, "--drain-delay", "200000000000000000m"],
        &["serve", "--config", config.to_str().unwrap()],
    ] {
        let (code, _, err) = run(arguments);
        assert!(code == 2 && err.contains("is longer than a hundred years"), "{arguments:?}: {code} {err}");
    }
}

#[test]
fn folders_without_numbers_that_are_taken_for_versions_are_told_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["blue", "red"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::copy(root().join(IRIS).join("1/model.onnx"), folder.path().join(name).join("model.onnx"))
            .unwrap();
    }
    let path = folder.path().to_str().unwrap();
    let rows = "examples/rows/iris.csv";
    for arguments in [
        &["inspect", path][..],
        &["inspect", path, "--json"],
        &["check", path],
        &["predict", path, "-i", rows],
    ] {
        let (code, out, err) = run(&[arguments, &["--engine", "embedded"]].concat());
        assert_eq!(code, 0, "{err}");
        assert!(err.contains("is taken for one model") && err.contains("\"red\""), "{arguments:?}: {err}");
        assert!(!out.contains("is taken for one model"), "{arguments:?}: {out}");
    }
}

#[test]
fn a_folder_of_part_files_and_a_packed_table_are_scored_as_they_lie() {
    let rows = fs::read_to_string(root().join("examples/rows/iris.csv")).unwrap();
    let lines: Vec<&str> = rows.lines().collect();
    let folder = tempfile::tempdir().unwrap();
    let parts = folder.path().join("parts");
    fs::create_dir(&parts).unwrap();
    for (i, part) in lines[1..].chunks(10).enumerate() {
        fs::write(parts.join(format!("part-{i:05}.csv")), format!("{}\n{}\n", lines[0], part.join("\n")))
            .unwrap();
    }
    let whole = run(&["predict", IRIS, "-i", "examples/rows/iris.csv", "--engine", "embedded"]);
    let found = run(&["predict", IRIS, "-i", parts.to_str().unwrap(), "--engine", "embedded"]);
    assert_eq!((whole.0, &whole.1), (0, &found.1), "{}", found.2);
    let mut command = std::process::Command::new("sh");
    command.args([
        "-c",
        "gzip -c examples/rows/iris.csv | \"$0\" predict examples/models/iris -i - --engine embedded",
    ]);
    let piped = command.arg(landfall().get_program()).current_dir(root()).output().unwrap();
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), whole.1);
    let packed = folder.path().join("rows.jsonl.gz");
    let mut pack = std::process::Command::new("sh");
    pack.args(["-c", "gzip -c examples/rows/iris.jsonl > \"$0\""]).arg(&packed).current_dir(root());
    assert!(pack.status().unwrap().success());
    let plain = run(&["predict", IRIS, "-i", "examples/rows/iris.jsonl", "--engine", "embedded"]);
    let found = run(&["predict", IRIS, "-i", packed.to_str().unwrap(), "--engine", "embedded"]);
    assert_eq!((plain.0, &plain.1), (0, &found.1), "lines are answered with lines: {}", found.2);
}
