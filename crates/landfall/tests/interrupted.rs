//! A process that ends on a signal while it converts a model leaves nothing half done beside it.

use crate::server::{eventually, landfall};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What takes a task as the converter's Python does, and never answers; it ends with whoever started it.
const NEVER_DONE: &str = "#!/bin/sh\ncat > /dev/null\n";

/// All that lies in a folder and below it.
fn all(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = entries.flat_map(|entry| [vec![entry.path().display().to_string()], all(&entry.path())]);
    below.flatten().collect()
}

#[test]
fn a_signal_during_a_conversion_ends_each_command_and_leaves_no_half_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (models, python) = (folder.path().join("models"), folder.path().join("python"));
    fs::write(&python, NEVER_DONE).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(&models).unwrap();
    fs::write(models.join("net.keras"), b"PK\x03\x04 as an archive begins").unwrap();
    let halves = || all(&models).iter().filter(|path| path.contains(".landfall-keras-net.keras/")).count();
    let commands = [
        (
            &["serve", "net.keras", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--state", "../state"]
                [..],
            "TERM",
            143,
        ),
        (&["check", "net.keras"], "INT", 130),
        (&["inspect", "net.keras"], "TERM", 143),
        (&["convert", "net.keras", "net.onnx"], "INT", 130),
        (&["predict", "net.keras", "-i", "rows.csv"], "TERM", 143),
    ];
    for (arguments, signal, code) in commands {
        let mut command = landfall();
        command.args(arguments).arg("--python").arg(&python).current_dir(&models);
        let process =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        eventually("the half folder", || (halves() == 1).then_some(()));
        let number = process.id().to_string();
        assert!(Command::new("kill").args([format!("-{signal}"), number]).status().unwrap().success());
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert_eq!(halves(), 0, "{arguments:?} leaves {:?}", all(&models));
    }
}
