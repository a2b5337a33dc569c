//! `ProfileRequest` and `TerminateRequest`. An answer to either is an empty message: the trace lies in its file.

use crate::tfs::grpc::unreadable;
use landfall_model::Problem;
use landfall_model::protobuf::{Fields, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A trace that is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProfileRequest {
    /// For how long requests are traced.
    pub duration: Duration,
    /// Events that are kept at most; 0 for no such wish.
    pub max_events: u64,
    /// Which trace this is, among those of one client.
    pub session_id: String,
    /// The server's name, as its client knows it.
    pub host_name: String,
    /// The folder of all traces.
    repository_root: String,
}

impl ProfileRequest {
    /// Where the trace goes: `ROOT/SESSION/HOST.xplane.pb`.
    ///
    /// # Errors
    /// Invalid argument, for a root that is no absolute path, and for a session that is no folder's name.
    pub fn file(&self) -> Result<PathBuf, Problem> {
        let root = Path::new(&self.repository_root);
        if !root.is_absolute() {
            return Err(Problem::invalid(format!(
                "repository_root: expected the absolute path of a folder of this machine, found {:?}",
                self.repository_root
            )));
        }
        let session = &self.session_id;
        if session.is_empty()
            || [".", ".."].contains(&session.as_str())
            || session.contains(['/', '\\', '\0'])
        {
            return Err(Problem::invalid(format!(
                "session_id: expected the name of a folder, found {session:?}"
            )));
        }
        let host = self.host_name.replace([':', '/', '\\', '\0'], "_");
        Ok(root.join(session).join(format!("{host}.xplane.pb")))
    }
}

/// Reads a `ProfileRequest`. The duration of its options counts before its own.
///
/// # Errors
/// Invalid argument, for what is no such message.
pub fn decode_profile(body: &[u8]) -> Result<ProfileRequest, Problem> {
    let mut request = ProfileRequest::default();
    let mut fields = Fields::new("ProfileRequest", body);
    let (mut own, mut of_options) = (0, None);
    while let Some((field, value)) = fields.next().map_err(unreadable)? {
        match field {
            1 => own = value.varint().map_err(unreadable)?,
            2 => request.max_events = value.varint().map_err(unreadable)?,
            4 => of_options = of_options.or(duration_of(value).map_err(unreadable)?),
            5 => request.repository_root = text(value)?,
            6 => request.session_id = text(value)?,
            7 => request.host_name = text(value)?,
            _ => {}
        }
    }
    request.duration = Duration::from_millis(of_options.unwrap_or(own));
    Ok(request)
}

/// `ProfileOptions`: duration_ms = 9.
fn duration_of(options: Value<'_>) -> Result<Option<u64>, Problem> {
    let (mut duration, mut fields) = (None, options.message()?);
    while let Some((field, value)) = fields.next()? {
        if field == 9 {
            duration = Some(value.varint()?);
        }
    }
    Ok(duration)
}

fn text(value: Value<'_>) -> Result<String, Problem> {
    value.text().map(str::to_owned).map_err(unreadable)
}

/// The session that a `TerminateRequest` ends.
///
/// # Errors
/// Invalid argument, for what is no such message.
pub fn decode_terminate(body: &[u8]) -> Result<String, Problem> {
    let (mut session, mut fields) = (String::new(), Fields::new("TerminateRequest", body));
    while let Some((field, value)) = fields.next().map_err(unreadable)? {
        if field == 1 {
            session = text(value)?;
        }
    }
    Ok(session)
}
