//! TensorFlow's numbers of element types. Facts: `tensorflow/core/framework/types.proto`.

use landfall_model::DType;

/// Types of references to variables have these numbers and 100.
const REFERENCE: i64 = 100;

const NUMBERS: [(DType, i32, &str); 16] = [
    (DType::F32, 1, "DT_FLOAT"),
    (DType::F64, 2, "DT_DOUBLE"),
    (DType::I32, 3, "DT_INT32"),
    (DType::U8, 4, "DT_UINT8"),
    (DType::I16, 5, "DT_INT16"),
    (DType::I8, 6, "DT_INT8"),
    (DType::String, 7, "DT_STRING"),
    (DType::Complex64, 8, "DT_COMPLEX64"),
    (DType::I64, 9, "DT_INT64"),
    (DType::Bool, 10, "DT_BOOL"),
    (DType::BF16, 14, "DT_BFLOAT16"),
    (DType::U16, 17, "DT_UINT16"),
    (DType::Complex128, 18, "DT_COMPLEX128"),
    (DType::F16, 19, "DT_HALF"),
    (DType::U32, 22, "DT_UINT32"),
    (DType::U64, 23, "DT_UINT64"),
];

/// The types that no call can carry.
const OTHERS: [(i32, &str); 8] = [
    (0, "DT_INVALID"),
    (11, "DT_QINT8"),
    (12, "DT_QUINT8"),
    (13, "DT_QINT32"),
    (15, "DT_QINT16"),
    (16, "DT_QUINT16"),
    (20, "DT_RESOURCE"),
    (21, "DT_VARIANT"),
];

/// The number of an element type.
pub(super) fn number(dtype: DType) -> i32 {
    // The list holds every type.
    NUMBERS.iter().find(|(known, ..)| *known == dtype).map_or(0, |(_, number, _)| *number)
}

/// The element type of a number, references to variables included; `None` for a type that no call can carry.
pub(super) fn dtype(number: i64) -> Option<DType> {
    let number = if number > REFERENCE { number - REFERENCE } else { number };
    NUMBERS.iter().find(|(_, known, _)| i64::from(*known) == number).map(|(dtype, ..)| *dtype)
}

/// The name of a number, for messages.
pub(super) fn name(number: i64) -> String {
    let plain = if number > REFERENCE { number - REFERENCE } else { number };
    let carried = NUMBERS.iter().map(|(_, known, name)| (known, name));
    let all = carried.chain(OTHERS.iter().map(|(known, name)| (known, name)));
    let found = all.clone().find(|(known, _)| i64::from(**known) == plain);
    found.map_or_else(|| format!("type {number}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_one_number() {
        for of_ours in DType::ALL {
            assert_eq!(dtype(i64::from(number(of_ours))), Some(of_ours));
            assert_eq!(dtype(REFERENCE + i64::from(number(of_ours))), Some(of_ours));
        }
        assert_eq!((dtype(20), name(20)), (None, "DT_RESOURCE".to_owned()));
        assert_eq!((dtype(-3), name(77)), (None, "type 77".to_owned()));
    }
}
