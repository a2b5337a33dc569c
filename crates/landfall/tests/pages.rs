//! The pages' commands work: every `sh` block of the README and of `docs/` is run as it stands, against the example
//! models. A page whose command no longer works fails here.

use crate::server::{Server, landfall, root};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Commands of a page's `sh` blocks, comments cut off, continued lines joined.
fn commands(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let mut found = Vec::new();
    let mut inside = false;
    let mut command = String::new();
    for line in text.lines() {
        match (inside, line.trim()) {
            (false, "```sh") => inside = true,
            (true, "```") => inside = false,
            (true, line) => {
                let line = line.split("  #").next().unwrap_or_default().trim();
                match line.strip_suffix('\\') {
                    Some(part) => command.push_str(part),
                    None => found.push(std::mem::take(&mut command) + line),
                }
            }
            _ => {}
        }
    }
    found.retain(|command| !command.is_empty());
    found
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|ending| ending == "md")));
    pages.sort();
    pages
}

/// What this test runs: commands of the product, and what is piped into or asked of them.
fn is_ours(command: &str) -> bool {
    ["landfall ", "curl ", "cat ", "ln ", "./"].iter().any(|start| command.starts_with(start))
}

/// A server that a page's own command started, on free ports; stopped when dropped.
struct ModelServer {
    process: Child,
    rest: String,
}

impl ModelServer {
    fn start(command: &str, folder: &Path, path: &str) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (grpc, rest) = (free(), free());
        let here = command
            .replace("--port=8500", &format!("--port={grpc}"))
            .replace("--rest_api_port=8501", &format!("--rest_api_port={rest}"));
        let mut process = Command::new("sh")
            .args(["-c", &format!("exec {here}")])
            .current_dir(folder)
            .env("PATH", path)
            .env("LANDFALL_ENGINE", "embedded")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let ready = lines.any(|line| line.contains("Exporting HTTP/REST API at:"));
        assert!(ready, "{here} opened no door");
        std::thread::spawn(move || lines.for_each(drop));
        ModelServer { process, rest: format!("127.0.0.1:{rest}") }
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn every_command_of_the_pages_works() {
    let models = root().join("examples/models");
    let server = Server::start(&[models.to_str().unwrap()]);
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("examples"), folder.path().join("examples")).unwrap();
    let binary = PathBuf::from(landfall().get_program());
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let (mut ran, mut failed) = (0, Vec::new());
    let mut model_server: Option<ModelServer> = None;
    for page in pages() {
        for command in commands(&page).iter().filter(|command| is_ours(command)) {
            // A server runs already, on a port of its own.
            if command.starts_with("landfall serve") {
                continue;
            }
            if command.starts_with("landfall tensorflow-model-server") {
                model_server = Some(ModelServer::start(command, folder.path(), &path));
                ran += 1;
                continue;
            }
            let rest = model_server.as_ref().map_or("127.0.0.1:8501", |server| server.rest.as_str());
            let here = command
                .replace("127.0.0.1:8501", rest)
                .replace("127.0.0.1:8000", &server.http)
                .replace("curl -s", "curl -sS --fail-with-body");
            let output = Command::new("sh")
                .args(["-c", &here])
                .current_dir(folder.path())
                .env("PATH", &path)
                .env("LANDFALL_ENGINE", "embedded")
                .env("LANDFALL_SERVER", format!("http://{}", server.http))
                .output()
                .unwrap();
            ran += 1;
            if !output.status.success() {
                let said = [output.stdout, output.stderr].concat();
                failed.push(format!("{}: {here}\n{}", page.display(), String::from_utf8_lossy(&said)));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(ran >= 8, "only {ran} commands were found");
}
