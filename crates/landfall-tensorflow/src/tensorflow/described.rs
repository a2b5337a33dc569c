//! Signatures field by field, as protobuf's JSON form has them.
//!
//! Format: the public "ProtoJSON Format" page of the Protocol Buffers documentation, names of fields as the definitions
//! have them, fields without presence always there.

use super::schema::{Field, Kind, Message, Rule, SIGNATURE};
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{DeclaredSignature, Described, Problem};
use std::fmt::Display;

/// Messages within messages.
const DEPTH: usize = 64;
/// Values of one field: each takes many times the bytes that it has in the file.
const VALUES: usize = 1 << 16;

/// A signature of this name, whose serialised message is `bytes`.
///
/// # Errors
/// Malformed, for what is no `SignatureDef`, or one that is too large to be told.
pub(super) fn signature(name: &str, bytes: &[u8]) -> Result<DeclaredSignature, Problem> {
    let fields = message(Fields::new(name, bytes), &SIGNATURE, DEPTH)?;
    Ok(DeclaredSignature { name: name.to_owned(), message: bytes.to_vec(), fields })
}

fn message(mut fields: Fields<'_>, of: &Message, depth: usize) -> Result<Described, Problem> {
    let mut found: Vec<Vec<Described>> = of.fields.iter().map(|_| Vec::new()).collect();
    while let Some((number, value)) = fields.next()? {
        let Some(place) = of.fields.iter().position(|field| field.number == number) else { continue };
        values(value, &of.fields[place].kind, depth, &mut found[place])?;
        if found[place].len() > VALUES {
            let what = format!("more than {VALUES} values of {} in {}", of.fields[place].name, of.name);
            return Err(fields.malformed(what));
        }
    }
    let mut described = Vec::new();
    for (field, found) in of.fields.iter().zip(found) {
        described.extend(held(field, found, depth)?.map(|value| (field.name.to_owned(), value)));
    }
    Ok(Described::Fields(described))
}

/// What a field holds of which these values were found; `None` for one that is told only where it is there.
fn held(field: &Field, mut found: Vec<Described>, depth: usize) -> Result<Option<Described>, Problem> {
    Ok(match (field.rule, &field.kind) {
        (Rule::Many, _) => Some(Described::List(found)),
        (Rule::Map, Kind::Message(of)) => {
            let entries = found.into_iter().map(|found| entry(found, of, depth));
            Some(Described::Fields(entries.collect::<Result<_, _>>()?))
        }
        (Rule::Choice | Rule::Map, _) => found.pop(),
        (Rule::One, kind) => found.pop().or_else(|| zero(kind)),
    })
}

/// Key and value of a map's entry; a value that is not written is an empty message.
fn entry(found: Described, of: &Message, depth: usize) -> Result<(String, Described), Problem> {
    let (mut key, mut held) = (String::new(), None);
    let Described::Fields(fields) = found else { return Ok((key, Described::Fields(Vec::new()))) };
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("key", Described::Text(text)) => key = text,
            (_, value) => held = Some(value),
        }
    }
    let empty = || match of.fields.iter().find(|field| field.name == "value").map(|field| &field.kind) {
        Some(Kind::Message(value)) => message(Fields::new("", &[]), value, depth),
        _ => Ok(Described::Fields(Vec::new())),
    };
    Ok((key, held.map_or_else(empty, Ok)?))
}

/// The values of a field as it lies there once: several, where numbers are packed.
fn values(value: Value<'_>, kind: &Kind, depth: usize, into: &mut Vec<Described>) -> Result<(), Problem> {
    let digits = |number: &dyn Display| Described::Number(number.to_string());
    let text = |number: &dyn Display| Described::Text(number.to_string());
    match kind {
        // Negative ones are written with 64 bits.
        Kind::Integer => value.varints(|number| into.push(digits(&(number as i32))))?,
        Kind::Unsigned => value.varints(|number| into.push(digits(&(number as u32))))?,
        Kind::Long => value.varints(|number| into.push(text(&(number as i64))))?,
        Kind::UnsignedLong => value.varints(|number| into.push(text(&number)))?,
        Kind::ZigZag => value.varints(|number| into.push(text(&unfolded(number))))?,
        Kind::Bool => value.varints(|number| into.push(Described::Bool(number != 0)))?,
        Kind::Enum(names) => value.varints(|number| into.push(named(names, number as i64)))?,
        Kind::Float => {
            value.fixed::<4>(|all| {
                into.extend(all.as_chunks().0.iter().map(|&b| float(f32::from_le_bytes(b))))
            })?;
        }
        Kind::Double => {
            value.fixed::<8>(|all| {
                into.extend(all.as_chunks().0.iter().map(|&b| float(f64::from_le_bytes(b))))
            })?;
        }
        Kind::Text => into.push(Described::Text(value.text()?.to_owned())),
        Kind::Bytes => into.push(Described::Bytes(value.bytes()?.to_vec())),
        Kind::Message(of) => {
            let fields = value.message()?;
            let depth = depth.checked_sub(1);
            let depth =
                depth.ok_or_else(|| fields.malformed(format!("messages nested more than {DEPTH} deep")));
            into.push(message(fields.clone(), of, depth?)?);
        }
        Kind::LeftOut => {}
    }
    Ok(())
}

/// The number of a `sint64`: its last bit is the sign.
fn unfolded(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn named(names: &[(&str, i64)], number: i64) -> Described {
    match names.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => Described::Text((*name).to_owned()),
        None => Described::Number(number.to_string()),
    }
}

fn float(value: impl Into<f64> + Display + Copy) -> Described {
    match value.into() {
        wide if wide.is_nan() => Described::Text("NaN".to_owned()),
        f64::INFINITY => Described::Text("Infinity".to_owned()),
        f64::NEG_INFINITY => Described::Text("-Infinity".to_owned()),
        _ => Described::Number(value.to_string()),
    }
}

/// What a field holds that is not written; `None` for a message, which is not there then.
fn zero(kind: &Kind) -> Option<Described> {
    Some(match kind {
        Kind::Integer | Kind::Unsigned | Kind::Float | Kind::Double => Described::Number("0".to_owned()),
        Kind::Long | Kind::UnsignedLong | Kind::ZigZag => Described::Text("0".to_owned()),
        Kind::Bool => Described::Bool(false),
        Kind::Text => Described::Text(String::new()),
        Kind::Bytes => Described::Bytes(Vec::new()),
        Kind::Enum(names) => named(names, 0),
        Kind::Message(_) | Kind::LeftOut => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    /// JSON without blanks.
    fn json(value: &Described) -> String {
        match value {
            Described::Text(text) => format!("{text:?}"),
            Described::Bytes(bytes) => format!("b{bytes:?}"),
            Described::Number(digits) => digits.clone(),
            Described::Bool(value) => value.to_string(),
            Described::List(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(",")),
            Described::Fields(fields) => {
                let fields = fields.iter().map(|(name, value)| format!("{name:?}:{}", json(value)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }
        }
    }

    fn of(text_form: &str) -> String {
        let bytes = text::serialised("s.pbtxt", text_form.as_bytes(), &SIGNATURE).unwrap();
        let described = signature("s", &bytes).unwrap();
        assert_eq!(described.message, bytes);
        json(&described.fields)
    }

    #[test]
    fn sparse_ragged_and_quantised_tensors_are_told_as_they_are_declared() {
        let text = r#"inputs { key: "sp" value {
            dtype: DT_QINT8 tensor_shape { dim { size: -1 name: "rows" } dim { size: 5 } }
            coo_sparse { values_tensor_name: "v:0" indices_tensor_name: "i:0" dense_shape_tensor_name: "d:0" } } }"#;
        assert_eq!(
            of(text),
            concat!(
                r#"{"inputs":{"sp":{"dtype":"DT_QINT8","tensor_shape":{"dim":[{"size":"-1","name":"rows"},"#,
                r#"{"size":"5","name":""}],"unknown_rank":false},"coo_sparse":{"values_tensor_name":"v:0","#,
                r#""indices_tensor_name":"i:0","dense_shape_tensor_name":"d:0"}}},"outputs":{},"method_name":"","#,
                r#""defaults":{}}"#
            )
        );
        let text = r#"outputs { key: "r" value { composite_tensor {
            type_spec { type_spec_class: RAGGED_TENSOR_SPEC type_spec_class_name: "RaggedTensorSpec" type_state {
                tuple_value { values { tensor_shape_value { dim { size: 3 } } } values { tensor_dtype_value: DT_INT64 }
                    values { int64_value: -2 } values { none_value { } } } } }
            components { name: "a:0" dtype: DT_INT64 } } } } method_name: "m""#;
        assert_eq!(
            of(text),
            concat!(
                r#"{"inputs":{},"outputs":{"r":{"dtype":"DT_INVALID","composite_tensor":{"type_spec":{"#,
                r#""type_spec_class":"RAGGED_TENSOR_SPEC","type_state":{"tuple_value":{"values":["#,
                r#"{"tensor_shape_value":{"dim":[{"size":"3","name":""}],"unknown_rank":false}},"#,
                r#"{"tensor_dtype_value":"DT_INT64"},{"int64_value":"-2"},{"none_value":{}}]}},"#,
                r#""type_spec_class_name":"RaggedTensorSpec","num_flat_components":0},"#,
                r#""components":[{"dtype":"DT_INT64","name":"a:0"}]}}},"method_name":"m","defaults":{}}"#
            )
        );
    }

    #[test]
    fn defaults_are_told_with_all_their_lists() {
        let text = r#"defaults { key: "k" value { dtype: DT_FLOAT tensor_shape { dim { size: 2 } }
            float_val: [0.5, nan] uint32_val: 4294967295 string_val: "\377" } }"#;
        let told = of(text);
        assert!(
            told.contains(r#""float_val":[0.5,"NaN"]"#) && told.contains(r#""uint32_val":[4294967295]"#),
            "{told}"
        );
        assert!(told.contains(r#""string_val":[b[255]]"#) && told.contains(r#""variant_val":[]"#), "{told}");
        assert_eq!(told.matches("_val\":[]").count(), 10, "{told}");
    }

    #[test]
    fn what_is_too_deep_or_too_large_is_refused() {
        // inputs { value { composite_tensor { components { composite_tensor { … } } } } }
        let mut nested = Vec::new();
        for _ in 0..100 {
            for field in [5u8 << 3 | 2, 2 << 3 | 2] {
                let mut outer = vec![if field == 42 { 18 } else { 42 }];
                text::varint(&mut outer, nested.len() as u64);
                outer.append(&mut nested);
                nested = outer;
            }
        }
        let mut whole = vec![0x0a];
        text::varint(&mut whole, nested.len() as u64 + 4);
        whole.push(0x12);
        text::varint(&mut whole, nested.len() as u64);
        whole.append(&mut nested);
        assert!(signature("s", &whole).is_err());
        let zeros = vec![0u8; VALUES * 4 + 4];
        let mut tensor = vec![0x2a];
        text::varint(&mut tensor, zeros.len() as u64);
        tensor.extend(zeros);
        let mut entry = vec![0x12];
        text::varint(&mut entry, tensor.len() as u64);
        entry.append(&mut tensor);
        let mut whole = vec![0x22];
        text::varint(&mut whole, entry.len() as u64);
        whole.append(&mut entry);
        assert!(signature("s", &whole).unwrap_err().to_string().contains("float_val"));
    }
}
