//! Versions that come, go, and turn out bad, while requests run.

use crate::http::Client;
use crate::server::{Server, eventually, examples};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// 30 values, as one row of `breast_cancer`: the model that all versions here are copies of.
fn row() -> String {
    let values: Vec<String> = (0..30).map(|i| format!("{}.0", i % 17)).collect();
    format!("{{\"instances\": [[{}]]}}", values.join(","))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Calls over and over on several connections until told to stop; gives how many calls were answered.
/// Any answer but 200, and any lost connection, fails the test.
fn under_load(address: &str, path: &str, meanwhile: impl FnOnce()) -> u64 {
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::new(address);
                    while !stop.load(Relaxed) {
                        let answer = client.post(path, row());
                        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                        calls.fetch_add(1, Relaxed);
                    }
                })
            })
            .collect();
        // Whatever happens meanwhile, the callers must be told to stop.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
        stop.store(true, Relaxed);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    calls.into_inner()
}

/// A repository with versions 1 and 2 of a model.
fn two_versions() -> tempfile::TempDir {
    let repository = tempfile::tempdir().unwrap();
    for version in ["1", "2"] {
        copy(
            &examples().join("models/digits").join(version),
            &repository.path().join("digits").join(version),
        );
    }
    repository
}

fn served_version(client: &mut Client) -> Option<String> {
    let metadata = client.get("/v1/models/digits/metadata");
    (metadata.status == 200).then(|| metadata.json()["model_spec"]["version"].as_str().unwrap().to_owned())
}

fn state_of(client: &mut Client, version: &str) -> Option<(String, String)> {
    let status = client.get("/v1/models/digits").json();
    let list = status["model_version_status"].as_array()?.clone();
    let found = list.into_iter().find(|entry| entry["version"] == version)?;
    let message = found["status"]["error_message"].as_str().unwrap_or_default().to_owned();
    Some((found["state"].as_str()?.to_owned(), message))
}

#[test]
fn versions_swap_fail_and_roll_back_under_load_without_a_failed_request() {
    let repository = tempfile::tempdir().unwrap();
    let digits = repository.path().join("digits");
    copy(&examples().join("models/breast_cancer/1"), &digits.join("1"));
    let server = Server::start(&[repository.path().to_str().unwrap()]);
    let mut client = server.client();
    assert_eq!(served_version(&mut client).as_deref(), Some("1"));

    let calls = under_load(&server.http, "/v1/models/digits:predict", || {
        // A version that is still being copied: a half of its file, for a while.
        let whole = std::fs::read(examples().join("models/breast_cancer/1/model.onnx")).unwrap();
        let second = digits.join("2");
        std::fs::create_dir_all(&second).unwrap();
        std::fs::write(second.join("model.onnx"), &whole[..whole.len() / 2]).unwrap();
        assert_eq!(served_version(&mut client).as_deref(), Some("1"));
        std::fs::write(second.join("model.onnx"), &whole).unwrap();
        eventually("the swap to version 2", || served_version(&mut client).filter(|version| version == "2"));

        // A version that is broken: the last good one goes on, and the error stands in the status.
        std::fs::create_dir_all(digits.join("3")).unwrap();
        std::fs::write(digits.join("3/model.onnx"), &whole[..whole.len() / 2]).unwrap();
        let (_, message) = eventually("the end of version 3", || {
            state_of(&mut client, "3").filter(|(state, message)| state == "END" && !message.is_empty())
        });
        assert!(message.contains("model.onnx"), "{message}");
        assert_eq!(served_version(&mut client).as_deref(), Some("2"));

        // Back to the version before, and forward again.
        let back = client.post("/control/models/digits/rollback", "{}");
        assert_eq!(back.status, 200, "{}", String::from_utf8_lossy(&back.body));
        eventually("the rollback", || served_version(&mut client).filter(|version| version == "1"));
        let forth = client.post("/control/models/digits/promote", r#"{"version": "2"}"#);
        assert_eq!(forth.status, 200, "{}", String::from_utf8_lossy(&forth.body));
        eventually("the promotion", || served_version(&mut client).filter(|version| version == "2"));
    });
    assert!(calls > 100, "only {calls} calls ran meanwhile");
}

#[test]
fn what_control_calls_changed_survives_a_kill() {
    let repository = two_versions();
    let path = repository.path().to_str().unwrap();
    let server = Server::start(&[path]);
    let mut client = server.client();
    assert_eq!(served_version(&mut client).as_deref(), Some("2"));
    assert_eq!(client.post("/control/models/digits/promote", r#"{"version": 1}"#).status, 200);
    assert_eq!(served_version(&mut client).as_deref(), Some("1"));
    let server = Server::start_with(&[path], server.kill());
    let mut client = server.client();
    eventually("version 1 after the restart", || {
        served_version(&mut client).filter(|version| version == "1")
    });
    let history = client.get("/control/history");
    let text = String::from_utf8_lossy(&history.body).into_owned();
    assert!(history.status == 200 && text.contains("promote") && text.contains("digits"), "{text}");
}

#[test]
fn a_server_whose_only_model_was_unloaded_starts_again_and_a_promotion_brings_it_back() {
    let repository = two_versions();
    let path = repository.path().to_str().unwrap();
    let server = Server::start(&[path]);
    assert_eq!(server.client().post("/v2/repository/models/digits/unload", "{}").status, 200);
    let server = Server::start_with(&[path], server.kill());
    eventually("the word on it", || {
        server.log().contains("unloaded by a control call, and not served: digits").then_some(())
    });
    let mut client = server.client();
    assert_eq!(client.get("/v2/models/digits").status, 404);
    assert_eq!(client.get("/v2/health/ready").status, 200);
    assert_eq!(client.post("/control/models/digits/promote", r#"{"version": 1}"#).status, 200);
    assert_eq!(served_version(&mut client).as_deref(), Some("1"));
    // Whoever names a model wants it, whatever was unloaded before.
    assert_eq!(client.post("/v2/repository/models/digits/unload", "{}").status, 200);
    let digits = repository.path().join("digits");
    let named = Server::start_with(&[digits.to_str().unwrap()], server.kill());
    assert_eq!(served_version(&mut named.client()).as_deref(), Some("2"), "{}", named.log());
}
