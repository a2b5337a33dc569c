//! A copy of a SavedModel whose calls of functions are not looked into for shapes.
//!
//! The C API infers the shapes of a graph that it loads, those within called functions too, and refuses a graph with an
//! operator that has no function for it (some of TensorFlow Text's). No session needs these shapes. A call that bears the
//! attribute below is not looked into; TensorFlow's own Python sets it on calls that it loads.

use super::api::{Failure, Runtime};
use super::session::Session;
use super::text::{tag, varint};
use landfall_model::Problem;
use landfall_model::protobuf::{Fields, Value};
use std::ffi::CString;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Operators that call a function.
const CALLS: [&str; 2] = ["PartitionedCall", "StatefulPartitionedCall"];
const ATTRIBUTE: &[u8] = b"_disable_call_shape_inference";
/// `SavedModel.meta_graphs`, `MetaGraphDef.graph_def`, `GraphDef.node`.
const WAY: [u32; 3] = [2, 2, 1];
/// `NodeDef.op`, `NodeDef.attr`.
const OP: u32 = 2;
const ATTR: u32 = 5;
const FILE: &str = "saved_model.pb";

/// What the C API says of an operator without a function for shapes.
const REFUSAL: &str = "No shape inference function exists for op";

/// Opens the graph with these tags of the SavedModel in `folder`, whose file has these bytes (in binary form); by way of
/// a copy, where that is refused for such an operator. The copy must live as long as the session.
///
/// # Errors
/// What TensorFlow says of the model; internal, where no copy can be made.
pub(super) fn open(
    runtime: &'static Runtime,
    folder: &Path,
    bytes: &[u8],
    tags: &[CString],
    config: &[u8],
) -> Result<(Session, Option<Unshaped>), Failure> {
    let of = |folder: &Path| {
        let path = CString::new(folder.as_os_str().as_encoded_bytes())
            .map_err(|_| Failure::internal(format!("{} holds a NUL", folder.display())))?;
        Session::of_saved_model(runtime, &path, tags, config)
    };
    match of(folder) {
        Err(failure) if failure.text.contains(REFUSAL) => {
            let copy = Unshaped::of(folder, bytes).map_err(|problem| {
                Failure::internal(format!(
                    "{} (no copy without shapes could be made: {problem})",
                    failure.text
                ))
            })?;
            of(&copy.0).map(|session| (session, Some(copy)))
        }
        opened => opened.map(|session| (session, None)),
    }
}

/// A folder with the changed file, and links to all else of the original. Removed when dropped.
pub(super) struct Unshaped(PathBuf);

impl Drop for Unshaped {
    fn drop(&mut self) {
        // What cannot be removed is a file in the folder for such files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Unshaped {
    /// Of the SavedModel in `folder`, whose file has these bytes (in binary form).
    ///
    /// # Errors
    /// Malformed; what the operating system says where no copy can be made.
    pub(super) fn of(folder: &Path, bytes: &[u8]) -> Result<Self, Problem> {
        let place = folder.join(FILE).display().to_string();
        let changed = changed(&place, bytes, &WAY)?;
        let copy = Unshaped(new_folder()?);
        let failed = |error| Problem::io(format!("copy {place} to {}", copy.0.display()), &error);
        let original = std::path::absolute(folder).map_err(failed)?;
        for entry in std::fs::read_dir(&original).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !entry.file_name().to_string_lossy().starts_with("saved_model.pb") {
                symlink(entry.path(), copy.0.join(entry.file_name())).map_err(failed)?;
            }
        }
        std::fs::write(copy.0.join(FILE), changed).map_err(failed)?;
        Ok(copy)
    }
}

/// A folder of this process alone.
fn new_folder() -> Result<PathBuf, Problem> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let all = std::env::temp_dir();
    loop {
        let name =
            format!("landfall-saved-model-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = all.join(name);
        match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Problem::io(format!("create {}", folder.display()), &error)),
        }
    }
}

/// The file with the attribute, for fuzzers.
pub(super) fn change(bytes: &[u8]) {
    let _ = changed("fuzz", bytes, &WAY);
}

/// A message in which every call of a function at the end of `way` has the attribute.
///
/// # Errors
/// Malformed, with the place.
fn changed(place: &str, bytes: &[u8], way: &[u32]) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut fields = Fields::new(place, bytes);
    let mut calls = false;
    while let Some((field, value)) = fields.next()? {
        match value {
            Value::Varint(number) => {
                tag(&mut out, field, 0);
                varint(&mut out, number);
            }
            Value::Fixed64(fixed) => {
                tag(&mut out, field, 1);
                out.extend_from_slice(&fixed);
            }
            Value::Fixed32(fixed) => {
                tag(&mut out, field, 5);
                out.extend_from_slice(&fixed);
            }
            Value::Bytes(_) => {
                let inner = value.bytes()?;
                calls |= way.is_empty() && field == OP && CALLS.iter().any(|op| op.as_bytes() == inner);
                match way.split_first() {
                    Some((step, rest)) if *step == field => {
                        delimited(&mut out, field, &changed(place, inner, rest)?);
                    }
                    _ => delimited(&mut out, field, inner),
                }
            }
        }
    }
    if calls {
        // A map's entry: key = 1, value = 2; `AttrValue.b` = 5. Of entries of one key the last counts.
        let mut entry = Vec::new();
        delimited(&mut entry, 1, ATTRIBUTE);
        delimited(&mut entry, 2, &[5 << 3, 1]);
        delimited(&mut out, ATTR, &entry);
    }
    Ok(out)
}

fn delimited(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    tag(out, field, 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        fields.iter().for_each(|(field, bytes)| delimited(&mut out, *field, bytes));
        out
    }

    /// A SavedModel of one graph of such nodes, with numbers before and after it.
    fn saved_model(nodes: &[Vec<u8>]) -> Vec<u8> {
        let nodes: Vec<(u32, &[u8])> = nodes.iter().map(|node| (1, &**node)).collect();
        let graph = message(&nodes);
        let meta_graph = message(&[(1, b"tags"), (2, &graph), (5, b"signatures")]);
        let mut out = vec![1 << 3, 1];
        out.extend(message(&[(2, &meta_graph)]));
        out.extend([9 << 3 | 5, 1, 2, 3, 4, 10 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8]);
        out
    }

    #[test]
    fn calls_get_the_attribute_and_all_else_stays() {
        let node = |op: &[u8]| message(&[(1, b"name"), (2, op), (3, b"input")]);
        let value = message(&[(1, ATTRIBUTE), (2, &[0x28, 1])]);
        let called = |op: &[u8]| message(&[(1, b"name"), (2, op), (3, b"input"), (5, &value)]);
        let ops: [&[u8]; 3] = [b"StatefulPartitionedCall", b"Identity", b"PartitionedCall"];
        let before = saved_model(&ops.map(node));
        let after = saved_model(&[called(ops[0]), node(ops[1]), called(ops[2])]);
        assert_eq!(changed("f", &before, &WAY).unwrap(), after);
        assert!(changed("f", &before[..before.len() - 1], &WAY).is_err(), "cut");
    }

    #[test]
    fn the_copy_shares_all_but_the_file_and_goes_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("variables")).unwrap();
        std::fs::write(folder.path().join("variables/variables.index"), "i").unwrap();
        std::fs::write(folder.path().join("saved_model.pbtxt"), "text").unwrap();
        let copy = Unshaped::of(folder.path(), &saved_model(&[])).unwrap();
        let path = copy.0.clone();
        assert_eq!(std::fs::read(path.join("variables/variables.index")).unwrap(), b"i");
        assert_eq!(std::fs::read(path.join(FILE)).unwrap(), saved_model(&[]));
        assert!(!path.join("saved_model.pbtxt").exists());
        let other = Unshaped::of(folder.path(), &saved_model(&[])).unwrap();
        assert_ne!(other.0, path);
        drop(copy);
        assert!(!path.exists() && folder.path().join("variables/variables.index").exists());
    }
}
