//! Files beside a model under names that the engine takes: it wants a plain name whose ending begins with `data` or
//! `onnx_data`, while ONNX allows any path within the folder. The model's bytes get another name of the same length.

use crate::declared::External;
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// What stands behind the number in a name that is made: so much of it must fit.
const ENDING: &str = ".data";

/// Gives every location that the engine would refuse a name that it takes, in `model` too. By location; one that is too
/// short for another name is not among them, nor is one that needs none.
pub(super) fn renamed(model: &mut [u8], externals: &[External]) -> BTreeMap<String, String> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for external in externals {
        let location = &external.location;
        if is_taken(location) {
            continue;
        }
        if !names.contains_key(location) {
            let used = |name: &String| {
                names.values().any(|other| other == name) || externals.iter().any(|e| e.location == *name)
            };
            let Some(name) = names_of(location.len()).find(|name| !used(name)) else { continue };
            names.insert(location.clone(), name);
        }
        let place = external.location_at..external.location_at + location.len();
        if let (Some(name), Some(text)) = (names.get(location), model.get_mut(place)) {
            text.copy_from_slice(name.as_bytes());
        }
    }
    names
}

/// Whether the engine takes this location as it is.
fn is_taken(location: &str) -> bool {
    let path = Path::new(location);
    let mut parts = path.components();
    let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    plain && (ending.starts_with("data") || ending.starts_with("onnx_data"))
}

/// Names of so many bytes; none where the ending leaves no room.
fn names_of(length: usize) -> impl Iterator<Item = String> {
    let digits = length.saturating_sub(ENDING.len());
    let numbers = if digits == 0 { 0..0 } else { 0..usize::MAX };
    numbers
        .map(move |number| format!("{number:0digits$}{ENDING}"))
        .take_while(move |name| name.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declared::ElementType;

    fn external(model: &[u8], location: &str) -> External {
        let text = String::from_utf8_lossy(model);
        External {
            tensor: "w".into(),
            location: location.into(),
            location_at: text.find(location).unwrap(),
            offset: 0,
            bytes: None,
            element: ElementType::default(),
        }
    }

    #[test]
    fn only_names_that_would_be_refused_are_changed_and_each_gets_its_own() {
        let mut model = b"<weights.bin><parts/w><w.data><0.data><q.onnx><model.onnx_data_1><w.bin>".to_vec();
        let locations = [
            "weights.bin",
            "parts/w",
            "w.data",
            "0.data",
            "q.onnx",
            "model.onnx_data_1",
            "w.bin",
            "weights.bin",
        ];
        let externals = locations.map(|location| external(&model, location));
        let names = renamed(&mut model, &externals);
        assert_eq!(names.keys().collect::<Vec<_>>(), ["parts/w", "q.onnx", "weights.bin"]);
        assert_eq!(
            String::from_utf8(model).unwrap(),
            "<000000.data><00.data><w.data><0.data><1.data><model.onnx_data_1><w.bin>"
        );
    }

    #[test]
    fn names_end_where_their_length_does() {
        assert_eq!(names_of(6).count(), 10);
        assert_eq!((names_of(5).count(), names_of(0).count()), (0, 0));
    }
}
