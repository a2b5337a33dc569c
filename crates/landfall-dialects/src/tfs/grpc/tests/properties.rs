//! What holds for all bytes and all values.

use super::answers::echo;
use super::{message, proto, tensor_of};
use crate::seeded::seeded;
use crate::tfs::fuzz;
use landfall_model::{DType, Tensor};
use proptest::prelude::*;

/// A body under construction: fields of random numbers and wire types.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        (1u32..19, any::<u64>()).prop_map(|(field, value)| message(|w| w.varint_field(field, value))),
        (1u32..19, 0u64..24).prop_map(|(field, value)| message(|w| w.varint_field(field, value))),
        (1u32..19, any::<f32>()).prop_map(|(field, value)| message(|w| w.float_field(field, value))),
        (1u32..19, "[xis]|features|a|b|other")
            .prop_map(|(field, text)| message(|w| w.string_field(field, &text))),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        (1u32..5, proptest::collection::vec(inner, 0..6))
            .prop_map(|(field, parts)| message(|w| w.bytes_field(field, &parts.concat())))
    })
}

proptest! {
    #![proptest_config(seeded(500))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        fuzz::grpc_messages(&bytes);
        fuzz::warm_up(&bytes);
    }

    #[test]
    fn no_message_makes_it_panic(parts in proptest::collection::vec(fields(), 0..6)) {
        fuzz::grpc_messages(&parts.concat());
    }

    #[test]
    fn no_tensor_makes_it_panic(dtype in 0u64..24, shape in proptest::collection::vec(-1i64..5, 0..4), parts in proptest::collection::vec(fields(), 0..4)) {
        let tensor = proto(dtype, &shape, |t| t.out().extend_from_slice(&parts.concat()));
        for dtype in [DType::F32, DType::String, DType::I8] {
            let _ = tensor_of(dtype, &tensor);
        }
    }

    #[test]
    fn what_is_written_reads_back(values in proptest::collection::vec(any::<i64>(), 1..20)) {
        let whole = Tensor::from_slice(&[values.len()], &values).unwrap();
        prop_assert_eq!(echo(&whole), whole);
        let floats: Vec<f32> = values.iter().map(|&v| f32::from_bits(v as u32)).collect();
        let floats = Tensor::from_slice(&[1, values.len()], &floats).unwrap();
        prop_assert_eq!(echo(&floats), floats);
    }
}
