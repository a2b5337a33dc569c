//! Values of flags as TOML has them: read as the command line reads them. One of a wrong kind is refused with what was
//! expected and what came.

use super::models::{key_value, null_rule};
use super::units::{parse_duration, parse_size, parse_threads};
use clap::ValueEnum;
use landfall_net::Endpoint;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;
use toml::Value;

/// One of a flag's words.
pub(crate) fn choice<'de, D: Deserializer<'de>, T: ValueEnum>(value: D) -> Result<Option<T>, D::Error> {
    let words = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let words: Vec<String> = words.map(|word| format!("{:?}", word.get_name())).collect();
    told(value, &words.join(" or "), |value| T::from_str(value.as_str()?, false).ok())
}

/// A text, or a port alone.
pub(crate) fn endpoint<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Endpoint>, D::Error> {
    told(value, r#""HOST:PORT", a port, or "unix:PATH""#, |value| match value {
        Value::Integer(port) => u16::try_from(*port).ok()?.to_string().parse().ok(),
        value => value.as_str()?.parse().ok(),
    })
}

/// A text with its unit, or a number of bytes.
pub(crate) fn size<'de, D: Deserializer<'de>>(value: D) -> Result<Option<usize>, D::Error> {
    told(value, r#"a size such as "64MiB", or a number of bytes, of 1 byte or more"#, |value| match value {
        Value::Integer(bytes) => parse_size(&bytes.to_string()).ok(),
        value => parse_size(value.as_str()?).ok(),
    })
}

/// A text with its unit.
pub(crate) fn duration<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Duration>, D::Error> {
    let text = told(value, r#"a time with its unit, such as "250us", "5ms" or "30s""#, |value| {
        value.as_str().map(str::to_owned)
    })?;
    text.map(|text| parse_duration(&text).map_err(Error::custom)).transpose()
}

/// A number of threads.
pub(crate) fn threads<'de, D: Deserializer<'de>>(value: D) -> Result<Option<NonZeroUsize>, D::Error> {
    let count = told(value, "a whole number of 1 or more", as_count)?;
    count.map(|count| parse_threads(&count.to_string()).map_err(|why| refused(&why, count))).transpose()
}

/// A number of things.
pub(crate) fn count<'de, D: Deserializer<'de>>(value: D) -> Result<Option<NonZeroUsize>, D::Error> {
    told(value, "a whole number of 1 or more", as_count)
}

/// Numbers of things.
pub(crate) fn counts<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Vec<NonZeroUsize>>, D::Error> {
    told(value, "a list of whole numbers of 1 or more", |value| {
        value.as_array()?.iter().map(as_count).collect()
    })
}

fn as_count(value: &Value) -> Option<NonZeroUsize> {
    NonZeroUsize::new(usize::try_from(value.as_integer()?).ok()?)
}

/// A distance that numbers may lie apart.
pub(crate) fn tolerance<'de, D: Deserializer<'de>>(value: D) -> Result<Option<f64>, D::Error> {
    told(value, "a number of 0 or more", |value| {
        let number = value.as_float().or_else(|| value.as_integer().map(|number| number as f64))?;
        (number.is_finite() && number >= 0.0).then_some(number)
    })
}

/// A file or folder.
pub(crate) fn path<'de, D: Deserializer<'de>>(value: D) -> Result<Option<PathBuf>, D::Error> {
    told(value, "a path as a text", |value| Some(PathBuf::from(value.as_str()?)))
}

/// Load options: `"KEY=VALUE"`, or a list of such.
pub(crate) fn settings<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<(String, String)>, D::Error> {
    let texts = texts(value, r#""KEY=VALUE", or a list of such"#)?;
    texts.iter().map(|text| key_value(text).map_err(|why| refused(&why, text))).collect()
}

/// A rule for missing values.
pub(crate) fn rule<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let text = told(value, "a rule for missing values as a text", |value| value.as_str().map(str::to_owned))?;
    text.map(|text| null_rule(&text).map_err(Error::custom)).transpose()
}

/// Rules for missing values: `"[NAME=]RULE"`, or a list of such.
pub(crate) fn rules<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    let texts = texts(value, r#""[NAME=]RULE", or a list of such"#)?;
    texts.iter().map(|text| null_rule(text).map_err(Error::custom)).collect()
}

/// What a flag that may be repeated is in TOML.
fn texts<'de, D: Deserializer<'de>>(value: D, expected: &str) -> Result<Vec<String>, D::Error> {
    let list = told(value, expected, |value| match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        value => Some(vec![value.as_str()?.to_owned()]),
    })?;
    Ok(list.unwrap_or_default())
}

/// Never `None`: fields of a table are optional, and what is there is a value.
fn told<'de, D: Deserializer<'de>, T>(
    value: D,
    expected: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(value)?;
    match read(&value) {
        Some(read) => Ok(Some(read)),
        None => Err(refused(&format!("expected {expected}"), &value)),
    }
}

fn refused<E: Error>(why: &str, found: impl std::fmt::Display) -> E {
    E::custom(format!("{why}, found {found}"))
}
