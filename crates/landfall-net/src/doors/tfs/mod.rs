//! What both forms of TensorFlow Serving's protocol ask, and say, alike.

pub(crate) mod grpc;
mod inference;
mod log;
mod noticed;
pub(crate) mod profiler;
mod reload;
pub(crate) mod rest;

use crate::caller::Shared;
use landfall_dialects::tfs::{ErrorPlace, names};
use landfall_dialects::{Address, Decoded};
use landfall_model::{Problem, Reason, Version, VersionChoice, VersionStatus};

/// Where a call that failed went to.
pub(crate) fn place(address: &Address) -> ErrorPlace<'_> {
    ErrorPlace::call(&address.model, &address.version)
}

/// A call as it is; where method names are held against what is asked, of a signature that may be asked for predictions.
pub(crate) fn predictable<F>(decoded: Decoded<F>, strict: bool) -> Result<Decoded<F>, Problem> {
    if strict {
        names::check_predicts(decoded.call.signature())?;
    }
    Ok(decoded)
}

/// The states of a model's versions, newest first; of one, where the address names one.
///
/// # Errors
/// [`Reason::ModelNotFound`], [`Reason::VersionNotFound`], [`Reason::LabelNotFound`].
pub(crate) fn statuses(shared: &Shared, address: &Address) -> Result<Vec<VersionStatus>, Problem> {
    let mut statuses = shared.catalog.statuses(&address.model)?;
    let model = address.model.clone();
    let (version, missing) = match &address.version {
        VersionChoice::Default if statuses.is_empty() => {
            return Err(Problem::new(Reason::NoVersionAvailable { model }));
        }
        VersionChoice::Default => return Ok(statuses),
        VersionChoice::Exact(version) => {
            (Some(version.clone()), Reason::VersionNotFound { model, version: version.to_string() })
        }
        VersionChoice::Label(label) => {
            // Versions whose names are no numbers are reachable as labels.
            let free_form = || Some(Version::named(label)).filter(|version| version.number().is_none());
            let version = shared.catalog.labelled(&model, label).or_else(free_form);
            (version, Reason::LabelNotFound { model, label: label.clone() })
        }
    };
    statuses.retain(|status| Some(&status.version) == version.as_ref());
    if statuses.is_empty() { Err(Problem::new(missing)) } else { Ok(statuses) }
}
