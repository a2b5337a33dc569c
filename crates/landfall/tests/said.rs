//! What the log says of what goes wrong, and how often.

use crate::mistakes::run;
use crate::server::{Server, eventually, examples};
use std::path::Path;

/// How often a text stands in what a start said that came to nothing.
fn times(path: &Path, text: &str) -> usize {
    let state = tempfile::tempdir().unwrap();
    let (code, _, said) =
        run(&["serve".as_ref(), path.as_os_str(), "--state".as_ref(), state.path().as_os_str()]);
    assert_eq!(code, 1, "{said}");
    assert!(said.lines().last().is_some_and(|line| line.starts_with("landfall: ")), "{said}");
    said.matches(text).count()
}

#[test]
fn what_keeps_a_server_from_starting_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let version = folder.path().join("models/m/1");
    std::fs::create_dir_all(&version).unwrap();
    assert_eq!(times(&folder.path().join("nothing.onnx"), "nothing.onnx is missing"), 1);
    std::fs::write(version.join("model.onnx"), "no model").unwrap();
    assert_eq!(times(&folder.path().join("models"), "is no model that an engine here reads"), 1);
    std::fs::write(folder.path().join("models/m/model.toml"), "[batch").unwrap();
    assert_eq!(times(&folder.path().join("models"), "unclosed table"), 1);
}

#[test]
fn a_refused_request_is_a_line_for_those_who_ask_for_it_and_for_no_others() {
    let iris = examples().join("models/iris");
    let ask = |server: &Server| {
        let mut client = server.client();
        for (path, body) in [
            ("/v1/models/nope:predict", r#"{"instances": [1]}"#),
            ("/v2/models/iris/infer", r#"{"inputs": []}"#),
        ] {
            assert!(client.post(path, body).status >= 400, "{path}");
        }
    };
    let told = Server::start_by(&["env", "LANDFALL_LOG=info,landfall_net=debug"], &[iris.to_str().unwrap()]);
    ask(&told);
    let log = eventually("the second line", || Some(told.log()).filter(|log| log.contains("oip-rest: ")));
    let line = r#"tfs-rest: model "nope": refused, NOT_FOUND: there is no model "nope""#;
    assert!(
        log.contains(line) && log.contains(r#"oip-rest: model "iris": refused, INVALID_ARGUMENT: "#),
        "{log}"
    );
    assert!(!log.contains("door="), "{log}");
    let quiet = Server::start(&[iris.to_str().unwrap()]);
    ask(&quiet);
    assert!(!quiet.log().contains(": refused, "), "{}", quiet.log());
}
