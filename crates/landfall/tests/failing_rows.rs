//! A model that fails for some rows, since it divides whole numbers by what comes: each such row fails alone.

use crate::server::{Server, landfall};
use std::path::Path;
use std::process::Stdio;

/// A field of a protobuf message that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).ok().filter(|length| *length < 0x80).unwrap();
    [&[number << 3 | 2, length], bytes].concat()
}

/// `ValueInfoProto`: int64 along an axis of such a length, or a free one.
fn value(name: &str, length: Option<u8>) -> Vec<u8> {
    let shape = field(1, &length.map_or_else(|| field(2, b"n"), |length| vec![0x08, length]));
    let tensor = field(1, &[[0x08, 7].to_vec(), field(2, &shape)].concat());
    [field(1, name.as_bytes()), field(2, &tensor)].concat()
}

/// `quotient = Div(dividend, divisor)` of whole numbers, as an ONNX file.
fn division(length: Option<u8>) -> Vec<u8> {
    let (a, b, y) = ("dividend", "divisor", "quotient");
    let value = |name| value(name, length);
    let node =
        [field(1, a.as_bytes()), field(1, b.as_bytes()), field(2, y.as_bytes()), field(4, b"Div")].concat();
    let graph =
        [field(1, &node), field(2, b"g"), field(11, &value(a)), field(11, &value(b)), field(12, &value(y))];
    [[0x08, 8].to_vec(), field(7, &graph.concat()), field(8, &[0x10, 17])].concat()
}

/// The model's path; with a length, it takes so many rows at a time.
fn written(folder: &Path, length: Option<u8>) -> String {
    let path = folder.join("division.onnx");
    std::fs::write(&path, division(length)).unwrap();
    if length.is_some() {
        std::fs::write(folder.join("model.toml"), "batch = true\n").unwrap();
    }
    path.display().to_string()
}

/// Exit code, standard output, standard error.
fn predict(folder: &Path, length: Option<u8>, bad_rows: &str) -> (i32, String, String) {
    let rows = folder.join("rows.csv");
    let mut text = "dividend,divisor\n".to_owned();
    (1..=1200)
        .for_each(|row| text += &format!("{},{}\n", 7 * row, if [600, 1100].contains(&row) { 0 } else { 7 }));
    std::fs::write(&rows, text).unwrap();
    let mut command = landfall();
    command
        .args(["predict", &written(folder, length), "--engine", "embedded", "--bad-rows", bad_rows, "-i"])
        .arg(rows);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_row_that_a_model_fails_for_is_a_bad_row_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let answers = |but: &[usize]| {
        let rows = (1..=1200).filter(|row| !but.contains(row)).map(|row| format!("{row}\n"));
        format!("quotient\n{}", rows.collect::<String>())
    };
    let (code, out, err) = predict(folder.path(), None, "skip");
    let told = "2 of 1200 rows could not be read or answered; the first: row 600: ";
    assert!(code == 0 && err.contains(told), "{code}: {err}");
    assert_eq!(out, answers(&[600, 1100]));
    let kept = folder.path().join("bad.csv");
    let (code, out, err) = predict(folder.path(), None, kept.to_str().unwrap());
    assert_eq!((code, out), (0, answers(&[600, 1100])), "{err}");
    let kept = std::fs::read_to_string(kept).unwrap();
    let kept: Vec<&str> = kept.lines().collect();
    assert!(kept.len() == 3 && kept[1].starts_with("600,\"row 600: "), "{kept:?}");
    assert!(kept[1].ends_with("\"4200,0\"") && kept[2].ends_with("\"7700,0\""), "{kept:?}");
    let (code, _, err) = predict(folder.path(), None, "stop");
    assert!(code == 1 && err.contains("rows.csv: row 600: "), "{code}: {err}");
}

#[test]
fn a_caller_whose_row_fails_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[&written(folder.path(), None), "--threads", "1"]);
    assert!(!server.log().contains("never batched"), "{}", server.log());
    std::thread::scope(|scope| {
        for caller in 1..=8i64 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.client();
                for turn in 1..=50i64 {
                    let divisor = if (turn + caller) % 5 == 0 { 0 } else { caller };
                    let row = format!(r#"{{"dividend": {}, "divisor": {divisor}}}"#, turn * caller);
                    let answer =
                        client.post("/v1/models/division:predict", format!(r#"{{"instances": [{row}]}}"#));
                    if divisor == 0 {
                        assert!((400..=500).contains(&answer.status), "{}", answer.status);
                        assert!(answer.json()["error"].is_string());
                    } else {
                        assert_eq!(
                            answer.json()["predictions"],
                            serde_json::json!([turn]),
                            "{}",
                            answer.status
                        );
                    }
                }
            });
        }
    });
}

#[test]
fn a_row_fails_alone_in_a_model_that_takes_several_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = predict(folder.path(), Some(4), "skip");
    assert!(code == 0 && err.contains("2 of 1200 rows could not be read or answered"), "{code}: {err}");
    let rows = (1..=1200).filter(|row| ![600, 1100].contains(row)).map(|row| format!("{row}\n"));
    assert_eq!(out, format!("quotient\n{}", rows.collect::<String>()));
    let (code, _, err) = predict(folder.path(), Some(4), "stop");
    assert!(code == 1 && err.contains("rows.csv: row 600: "), "{code}: {err}");
}
