//! What TensorFlow tells of a run whose operators it has timed.
//!
//! Source: `step_stats.proto` and `config.proto` of TensorFlow 2.15 to 2.21.

use landfall_model::protobuf::{Fields, Value};
use landfall_model::{Problem, Step};
use std::time::Duration;

/// The operators that ran, of a `RunMetadata`: step_stats = 1, within it dev_stats = 1, within these node_stats = 2.
///
/// # Errors
/// Malformed, for what is no such message.
pub(super) fn of(metadata: &[u8]) -> Result<Vec<Step>, Problem> {
    let mut steps = Vec::new();
    messages(Fields::new("RunMetadata", metadata), 1, |stats| {
        messages(stats, 1, |device| messages(device, 2, |node| node_stats(node).map(|step| steps.push(step))))
    })?;
    Ok(steps)
}

/// Every message within another one under this number.
fn messages<'a>(
    mut fields: Fields<'a>,
    wanted: u32,
    mut each: impl FnMut(Fields<'a>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    while let Some((field, value)) = fields.next()? {
        if field == wanted {
            each(value.message()?)?;
        }
    }
    Ok(())
}

/// `NodeExecStats`: node_name = 1, timeline_label = 8, all_start_nanos = 13 (since 1970), all_end_rel_nanos = 16.
fn node_stats(mut fields: Fields<'_>) -> Result<Step, Problem> {
    let (mut name, mut label, mut start, mut took) = ("", "", 0, 0);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => name = value.text()?,
            8 => label = value.text()?,
            13 => start = nanoseconds(&value)?,
            16 => took = nanoseconds(&value)?,
            _ => {}
        }
    }
    let (start, took) = (Duration::from_nanos(start), Duration::from_nanos(took));
    Ok(Step { name: with_kind(name, label), start, took })
}

fn nanoseconds(value: &Value<'_>) -> Result<u64, Problem> {
    Ok(u64::try_from(value.signed()?).unwrap_or_default())
}

/// A node's name with its kind, as readers of traces expect it. The kind stands in the label: `dense = MatMul(x, w)`.
fn with_kind(name: &str, label: &str) -> String {
    let kind = label.strip_prefix(name).and_then(|rest| rest.strip_prefix(" = ")?.split('(').next());
    kind.map_or_else(|| name.to_owned(), |kind| format!("{name}:{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of bytes; all are short here.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn metadata(node: &[u8]) -> Vec<u8> {
        field(1, &field(1, &[field(1, b"/device:CPU:0"), field(2, node)].concat()))
    }

    #[test]
    fn an_operator_is_told_with_its_kind_and_its_time() {
        let times = [13 << 3, 0x95, 0x9a, 0xef, 0x3a, 0x80, 0x01, 7];
        let label = field(8, b"dense/MatMul = MatMul(x, w)");
        let steps = of(&metadata(&[field(1, b"dense/MatMul"), label, times.to_vec()].concat())).unwrap();
        let (start, took) = (Duration::from_nanos(123_456_789), Duration::from_nanos(7));
        assert_eq!(steps, [Step { name: "dense/MatMul:MatMul".to_owned(), start, took }]);
        let bare = of(&metadata(&field(1, b"_SINK"))).unwrap();
        assert_eq!((bare[0].name.as_str(), bare[0].took), ("_SINK", Duration::ZERO));
    }

    #[test]
    fn no_metadata_are_no_steps_and_what_ends_early_is_refused() {
        assert_eq!(of(&[]).unwrap(), []);
        let whole = metadata(&field(1, b"dense"));
        assert!(of(&whole[..whole.len() - 1]).is_err());
    }
}
