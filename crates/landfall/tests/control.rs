//! `landfall control` against a running server.

use crate::server::{Server, eventually, examples, landfall};
use std::process::Stdio;

fn control(server: &Server, arguments: &[&str]) -> (bool, String) {
    let url = format!("http://{}", server.http);
    let output = landfall().arg("control").args(arguments).args(["--server", &url]).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn models_are_listed_promoted_rolled_back_unloaded_and_loaded() {
    let server = Server::start(&[examples().join("models").to_str().unwrap()]);
    let (done, list) = control(&server, &["list"]);
    assert!(done && list.contains("digits") && list.contains("iris"), "{list}");
    for step in
        [&["promote", "digits", "1"][..], &["rollback", "digits"], &["unload", "iris"], &["load", "iris"]]
    {
        let (done, text) = control(&server, step);
        let says = match step[0] {
            "load" => "loaded iris\n",
            "unload" => "unloaded iris\n",
            "promote" => "\ndigits  1        2 AVAILABLE, 1 AVAILABLE",
            _ => "rolled back digits: from version 1 to version 2\nname ",
        };
        assert!(done && text.contains(says), "{step:?}: {text}");
    }
    let (done, history) = control(&server, &["history"]);
    assert!(done && history.contains("promote") && history.contains("unload"), "{history}");
    for verb in [&["promote", "nope", "1"][..], &["load", "nope"], &["unload", "nope"], &["rollback", "nope"]]
    {
        let (done, text) = control(&server, verb);
        let says = format!("{} (there are breast_cancer, digits, iris): there is no model \"nope\"", verb[0]);
        assert!(!done && text.contains(&says), "{text}");
    }
    let (done, text) = control(&server, &["unload", "irsi"]);
    assert!(
        !done && text.contains("(there are breast_cancer, digits, iris)") && text.contains("irsi"),
        "{text}"
    );
}

#[test]
fn a_door_that_does_not_speak_http_is_told_from_a_server() {
    let closes = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closes.local_addr().unwrap());
    let closing = std::thread::spawn(move || drop(closes.accept().unwrap()));
    let output = landfall().args(["control", "list", "--server", &url]).output().unwrap();
    closing.join().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("--server names the HTTP port, not that of gRPC"), "{text}");
}

#[test]
fn control_that_is_switched_off_names_the_flag() {
    let server = Server::start(&[examples().join("models").to_str().unwrap(), "--control", "off"]);
    let (done, text) = control(&server, &["unload", "iris"]);
    assert!(!done && text.contains("--control"), "{text}");
    let (done, list) = control(&server, &["list"]);
    assert!(done && list.contains("iris"), "reading stays: {list}");
}

#[test]
fn a_server_on_unix_sockets_is_controlled_through_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = |name: &str| format!("unix:{}", folder.path().join(name).display());
    let (http, grpc) = (socket("http"), socket("grpc"));
    let mut command = landfall();
    command.arg("serve").arg(examples().join("models")).args(["--http", &http, "--grpc", &grpc]);
    command.args(["--engine", "embedded", "--state"]).arg(folder.path().join("state"));
    let mut server = command.stderr(Stdio::null()).spawn().unwrap();
    let control = |arguments: &[&str]| {
        let output = landfall().arg("control").args(arguments).args(["--server", &http]).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    eventually("an answer", || control(&["list"]).0.then_some(()));
    let (promoted, text) = control(&["promote", "digits", "1"]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(promoted && text.contains("\ndigits  1 "), "{text}");
}
