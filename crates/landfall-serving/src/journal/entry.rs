//! One control call as it is kept: who changed what, and when.

use landfall_model::Version;
use std::time::SystemTime;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When, to the millisecond.
    pub at: SystemTime,
    /// Who, as the door knows the caller.
    pub who: String,
    /// Which model.
    pub model: String,
    /// What.
    pub what: What,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub enum What {
    /// The model was loaded, or loaded again.
    Load,
    /// All versions were taken down until the model is loaded again.
    Unload,
    /// A label, or without one the default, was moved to a version.
    Promote { version: Version, label: Option<String> },
    /// A label, or without one the default, went back to where it was (`None`: to the newest version, or to the
    /// configuration's label). `from`: the version that it pointed at; `None` where it pointed at none, and in journals
    /// that do not hold it. `undid`: the last promotion was undone; else the version before was taken.
    Rollback { from: Option<Version>, version: Option<Version>, label: Option<String>, undid: bool },
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            What::Load => f.write_str("load"),
            What::Unload => f.write_str("unload"),
            What::Promote { version, label: None } => write!(f, "promote version {version}"),
            What::Promote { version, label: Some(label) } => {
                write!(f, "promote label {label} to version {version}")
            }
            What::Rollback { from, version, label, .. } => {
                f.write_str("roll back")?;
                if let Some(label) = label {
                    write!(f, " label {label}")?;
                }
                if let Some(from) = from {
                    write!(f, " from version {from}")?;
                }
                match version {
                    Some(version) => write!(f, " to version {version}"),
                    None => f.write_str(" to what it was before any promotion"),
                }
            }
        }
    }
}
