//! A problem in TensorFlow Serving's words and codes.

use super::names::DEFAULT_SIGNATURE;
use crate::json::write::Indented;
use crate::{GrpcError, HttpError};
use landfall_model::{Kind, Problem, Reason, VersionChoice};
use std::borrow::Cow;

/// What a failed call was about, as far as its error's text needs it.
#[derive(Clone, Copy, Debug)]
pub struct ErrorPlace<'a> {
    model: &'a str,
    version: &'a VersionChoice,
    asks_status: bool,
}

impl<'a> ErrorPlace<'a> {
    /// A call to a model, or a question about its signatures.
    pub fn call(model: &'a str, version: &'a VersionChoice) -> Self {
        ErrorPlace { model, version, asks_status: false }
    }

    /// A question about the states of a model's versions.
    pub fn status(model: &'a str, version: &'a VersionChoice) -> Self {
        ErrorPlace { model, version, asks_status: true }
    }

    /// For the original a version that is not available is not there.
    fn not_found(&self, reason: &Reason) -> (Kind, String) {
        let version = match (reason, self.version) {
            // It does not tell a model without labels from one that is not there.
            (Reason::ModelNotFound { .. }, VersionChoice::Label(label)) if !self.asks_status => {
                return unknown_label(label);
            }
            (
                Reason::VersionNotFound { version, .. } | Reason::VersionNotReady { version, .. },
                VersionChoice::Label(_),
            ) => Some(version.clone()),
            (_, VersionChoice::Exact(version)) => Some(version.to_string()),
            _ => None,
        };
        let model = self.model;
        let text = match (self.asks_status, version) {
            (false, Some(version)) => format!("Servable not found for request: Specific({model}, {version})"),
            (false, None) => format!("Servable not found for request: Latest({model})"),
            (true, Some(version)) => format!("Could not find version {version} of model {model}"),
            (true, None) => format!("Could not find any versions of model {model}"),
        };
        (Kind::NotFound, text)
    }

    fn worded(&self, problem: &Problem, transport: Transport) -> (Kind, String) {
        match problem.reason() {
            reason @ (Reason::ModelNotFound { .. }
            | Reason::NoVersionAvailable { .. }
            | Reason::VersionNotFound { .. }
            | Reason::VersionNotReady { .. }) => self.not_found(reason),
            Reason::LabelNotFound { label, .. } => unknown_label(label),
            Reason::SignatureNotFound { signature } => transport.signature_not_found(signature),
            Reason::QueueFull { waiting, .. } => (
                Kind::Unavailable,
                format!(
                    "The batch scheduling queue to which this task was submitted is full; currently {waiting} \
                     tasks are waiting"
                ),
            ),
            Reason::CallTooLarge { rows, most } => {
                (problem.kind(), format!("Task size {rows} is larger than maximum input batch size {most}"))
            }
            _ => (problem.kind(), problem.to_string()),
        }
    }
}

/// What the original's log says where a model's folders are not as they should be; `None` for all else.
#[cold]
pub fn of_folders(problem: &Problem) -> Option<String> {
    Some(match problem.reason() {
        Reason::ModelFolder { model, folder, why } => {
            format!("Could not find base path {folder} for servable {model} with error {why}")
        }
        Reason::VersionFoldersMissing { model, folder } => format!(
            "No versions of servable {model} found under base path {folder}. Did you forget to name your leaf directory as a \
             number (eg. '/1/')?"
        ),
        Reason::VersionNotFound { model, version } => format!(
            "Version {version} of servable {model}, which was requested to be served as a 'specific' version in the servable's \
             config, was not found in the file system"
        ),
        _ => return None,
    })
}

fn unknown_label(label: &str) -> (Kind, String) {
    (Kind::InvalidArgument, format!("Unrecognized servable version label: {label}"))
}

#[derive(Clone, Copy)]
enum Transport {
    Rest,
    Grpc,
}

impl Transport {
    fn signature_not_found(self, signature: &str) -> (Kind, String) {
        let signature = if signature.is_empty() { DEFAULT_SIGNATURE } else { signature };
        match self {
            Transport::Rest => (
                Kind::InvalidArgument,
                format!("Serving signature name: \"{signature}\" not found in signature def"),
            ),
            Transport::Grpc => {
                (Kind::FailedPrecondition, format!("Serving signature key \"{signature}\" not found."))
            }
        }
    }
}

/// The problem of a call over gRPC that names an unknown signature, where it is told outside of a call.
#[cold]
pub(super) fn signature_not_found(signature: &str) -> Problem {
    let (kind, text) = Transport::Grpc.signature_not_found(signature);
    Problem::worded(kind, text)
}

/// A problem as the REST API answers it: `{"error": "…"}` under the status of its kind.
#[cold]
pub fn rest(problem: &Problem, place: &ErrorPlace<'_>) -> HttpError {
    let (kind, text) = place.worded(problem, Transport::Rest);
    let mut body = Vec::new();
    Indented::new(&mut body, 4).object(|o| o.name("error").string(&text));
    HttpError { status: http_status(kind), body, retry_after: problem.retry_after() }
}

/// A problem as gRPC answers it.
#[cold]
pub fn grpc(problem: &Problem, place: &ErrorPlace<'_>) -> GrpcError {
    let (kind, text) = place.worded(problem, Transport::Grpc);
    GrpcError { code: kind.code(), message: cut(&text).into_owned(), retry_after: problem.retry_after() }
}

/// The HTTP status of a kind.
pub const fn http_status(kind: Kind) -> u16 {
    match kind {
        Kind::InvalidArgument | Kind::FailedPrecondition | Kind::OutOfRange => 400,
        Kind::Unauthenticated => 401,
        Kind::PermissionDenied => 403,
        Kind::NotFound => 404,
        Kind::AlreadyExists | Kind::Aborted => 409,
        Kind::ResourceExhausted => 429,
        Kind::Cancelled => 499,
        Kind::Unknown | Kind::Internal | Kind::DataLoss => 500,
        Kind::Unimplemented => 501,
        Kind::Unavailable => 503,
        Kind::DeadlineExceeded => 504,
    }
}

/// gRPC error details longer than this are cut: they travel in a header.
const MESSAGE_LIMIT: usize = 1024;
const TRUNCATED: &str = "...TRUNCATED";

fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= MESSAGE_LIMIT {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(MESSAGE_LIMIT - TRUNCATED.len());
    Cow::Owned(format!("{}{TRUNCATED}", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::Version;
    use std::time::Duration;

    /// Checklist row, reason, version asked for, whether the status was asked for, HTTP status, gRPC code, text.
    type Case = (&'static str, Reason, VersionChoice, bool, u16, u32, &'static str);

    const LATEST: &str = "Servable not found for request: Latest(half)";
    const NINE: &str = "Servable not found for request: Specific(half, 9)";
    const ZERO: &str = "Servable not found for request: Specific(half, 0)";
    const LABEL: &str = "Unrecognized servable version label: nope";
    const NO_VERSION: &str = "Could not find version 9 of model half";
    const NO_VERSIONS: &str = "Could not find any versions of model half";
    const LARGE: &str = "Task size 5 is larger than maximum input batch size 4";
    const FULL: &str =
        "The batch scheduling queue to which this task was submitted is full; currently 3 tasks are waiting";

    fn reasons() -> [Case; 13] {
        let m = || "half".to_owned();
        let number = |number| VersionChoice::Exact(Version::numbered(number));
        let latest = || VersionChoice::Default;
        let missing = || Reason::ModelNotFound { model: m() };
        let version = || Reason::VersionNotFound { model: m(), version: "9".into() };
        let none = Reason::NoVersionAvailable { model: m() };
        let label = Reason::LabelNotFound { model: m(), label: "nope".into() };
        let nope = || VersionChoice::Label("nope".into());
        let coming = Reason::VersionNotReady { model: m(), version: "9".into() };
        let full = Reason::QueueFull { waiting: 3, retry_after: Duration::from_secs(1) };
        let large = Reason::CallTooLarge { rows: 5, most: 4 };
        [
            ("largest batch", large, latest(), false, 400, 3, LARGE),
            ("TFS-REST-17", missing(), latest(), false, 404, 5, LATEST),
            ("TFS-REST-18", version(), number(9), false, 404, 5, NINE),
            ("TFS-GRPC-15", missing(), number(9), false, 404, 5, NINE),
            ("TFS-GRPC-16", version(), number(0), false, 404, 5, ZERO),
            ("TFS-REST-19", label, nope(), false, 400, 3, LABEL),
            ("TFS-GRPC-17", missing(), nope(), false, 400, 3, LABEL),
            ("TFS-REST-125", missing(), nope(), true, 404, 5, NO_VERSIONS),
            ("TFS-CFG-34", coming, nope(), false, 404, 5, NINE),
            ("TFS-REST-123", version(), number(9), true, 404, 5, NO_VERSION),
            ("TFS-REST-124", missing(), latest(), true, 404, 5, NO_VERSIONS),
            ("TFS-GRPC-18", none, latest(), false, 404, 5, LATEST),
            ("TFS-REST-24", full, latest(), false, 503, 14, FULL),
        ]
    }

    #[test]
    fn problems_are_worded_as_the_original_words_them() {
        for (row, reason, version, asks_status, status, code, text) in reasons() {
            let problem = Problem::new(reason);
            let place = ErrorPlace { model: "half", version: &version, asks_status };
            let http = rest(&problem, &place);
            let body = format!("{{\n    \"error\": \"{text}\"\n}}");
            assert_eq!((http.status, String::from_utf8(http.body).unwrap()), (status, body), "{row}");
            let grpc = grpc(&problem, &place);
            assert_eq!((grpc.code, grpc.message.as_str()), (code, text), "{row}");
            assert_eq!(http.retry_after.is_some(), row == "TFS-REST-24");
        }
    }

    #[test]
    fn the_log_words_what_is_wrong_with_folders_as_the_original_does() {
        let (model, folder) = (|| "half".to_owned(), || "/models/half".to_owned());
        let said = |reason| of_folders(&Problem::new(reason));
        assert_eq!(
            said(Reason::VersionFoldersMissing { model: model(), folder: folder() }).unwrap(),
            "No versions of servable half found under base path /models/half. Did you forget to name your leaf directory as a \
             number (eg. '/1/')?"
        );
        assert_eq!(
            said(Reason::VersionNotFound { model: model(), version: "7".into() }).unwrap(),
            "Version 7 of servable half, which was requested to be served as a 'specific' version in the servable's config, \
             was not found in the file system"
        );
        let why = Problem::new(Reason::FileMissing { file: folder() });
        assert_eq!(
            said(Reason::ModelFolder { model: model(), folder: folder(), why }).unwrap(),
            "Could not find base path /models/half for servable half with error /models/half is missing"
        );
        assert_eq!(said(Reason::ShuttingDown), None);
    }

    #[test]
    fn a_missing_signature_differs_by_transport() {
        let problem = Problem::new(Reason::SignatureNotFound { signature: "nope".into() });
        let place = ErrorPlace::call("m", &VersionChoice::Default);
        let http = rest(&problem, &place);
        let text = r#"Serving signature name: \"nope\" not found in signature def"#;
        assert_eq!(http.status, 400, "TFS-REST-21");
        assert!(String::from_utf8(http.body).unwrap().contains(text), "TFS-REST-21");
        let grpc = grpc(&problem, &place);
        assert_eq!(
            (grpc.code, grpc.message.as_str()),
            (9, r#"Serving signature key "nope" not found."#),
            "TFS-GRPC-20"
        );
    }

    #[test]
    fn kinds_have_their_status_codes() {
        use Kind::*;
        for (status, kinds) in [
            (400, &[InvalidArgument, FailedPrecondition, OutOfRange][..]),
            (401, &[Unauthenticated]),
            (403, &[PermissionDenied]),
            (404, &[NotFound]),
            (409, &[AlreadyExists, Aborted]),
            (429, &[ResourceExhausted]),
            (499, &[Cancelled]),
            (500, &[Unknown, Internal, DataLoss]),
            (501, &[Unimplemented]),
            (503, &[Unavailable]),
            (504, &[DeadlineExceeded]),
        ] {
            kinds.iter().for_each(|&kind| assert_eq!(http_status(kind), status, "TFS-REST-16 {kind:?}"));
        }
    }

    #[test]
    fn long_grpc_messages_are_cut() {
        let place = ErrorPlace::call("m", &VersionChoice::Default);
        let message = grpc(&Problem::invalid("ä".repeat(2000)), &place).message;
        assert!(message.len() <= 1024 && message.ends_with("...TRUNCATED"), "TFS-GRPC-10");
        assert_eq!(grpc(&Problem::invalid("x".repeat(1024)), &place).message.len(), 1024);
    }
}
