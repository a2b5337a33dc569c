//! What missing values become.

use crate::{DType, Problem, Scalar};

/// What a missing value of an input becomes.
#[derive(Clone, PartialEq, Debug)]
pub enum NullRule {
    /// The call is refused.
    Refuse,
    /// 0, 0.0, false or the empty string.
    Zero,
    /// This value.
    Default(Scalar),
    /// NaN (floats only).
    Nan,
    /// It stays missing: the engine knows missing values.
    Accept,
}

impl NullRule {
    /// Parses `refuse`, `zero`, `nan`, `accept` or `default=VALUE` for an input of this type.
    ///
    /// # Errors
    /// Invalid argument, naming the rules there are.
    pub fn parse(text: &str, dtype: DType) -> Result<Self, Problem> {
        Ok(match text.split_once('=') {
            None => match text {
                "refuse" => NullRule::Refuse,
                "zero" => NullRule::Zero,
                "nan" if dtype.is_float() => NullRule::Nan,
                "nan" => {
                    return Err(Problem::invalid(format!(
                        "missing values of type {dtype} cannot become nan"
                    )));
                }
                "accept" => NullRule::Accept,
                _ => return Err(NullRule::unknown(text)),
            },
            Some(("default", value)) => NullRule::Default(
                scalar_of(value, dtype)
                    .ok_or_else(|| Problem::invalid(format!("default {value:?} is no {dtype}")))?,
            ),
            Some(_) => return Err(NullRule::unknown(text)),
        })
    }

    fn unknown(text: &str) -> Problem {
        Problem::invalid(format!(
            "unknown rule for missing values {text:?}: expected refuse, zero, nan, accept or default=VALUE"
        ))
    }
}

fn scalar_of(text: &str, dtype: DType) -> Option<Scalar> {
    match dtype {
        DType::String => Some(Scalar::Bytes(text.as_bytes().to_vec())),
        DType::Bool => text.parse().ok().map(Scalar::Bool),
        d if d.is_integer() => text.parse().map(Scalar::Int).or_else(|_| text.parse().map(Scalar::UInt)).ok(),
        _ => text.parse().ok().map(Scalar::Float),
    }
}

/// Who set an input's rule for missing values. What the model set cannot be changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NullRuleSource {
    /// The model file.
    Model,
    /// A flag or `model.toml`.
    User,
    /// Nobody: it is `refuse`.
    Default,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_rules_are_read_by_type() {
        assert_eq!(NullRule::parse("default=-3", DType::I32).unwrap(), NullRule::Default(Scalar::Int(-3)));
        assert_eq!(
            NullRule::parse("default=a=b", DType::String).unwrap(),
            NullRule::Default(Scalar::Bytes(b"a=b".to_vec()))
        );
        assert!(NullRule::parse("nan", DType::I32).is_err());
        assert!(NullRule::parse("default=x", DType::F32).is_err());
        assert!(NullRule::parse("drop", DType::F32).unwrap_err().to_string().contains("expected refuse"));
    }
}
