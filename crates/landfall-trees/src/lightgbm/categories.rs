//! `pandas_categorical`: what the categories of a data frame's columns were, as JSON.

use crate::document::Value;
use crate::features::Categories;
use landfall_model::Problem;
use landfall_model::Scalar;

/// Reads the lists of categories, one for each categorical column.
///
/// # Errors
/// Invalid argument, when it is no list of lists.
pub(crate) fn read(value: &Value<'_>) -> Result<Vec<Categories>, Problem> {
    if *value == Value::Null {
        return Ok(Vec::new());
    }
    value.list()?.iter().map(one).collect()
}

fn one(list: &Value<'_>) -> Result<Categories, Problem> {
    if let Value::Numbers(numbers) = list {
        return Ok(Categories::of_numbers(&numbers.collect(|number| number)));
    }
    let name = |value: &Value<'_>| match value {
        Value::Number(number) => Ok(Scalar::Float(*number).to_string()),
        other => other.text_owned(),
    };
    Ok(Categories::of_names(list.list()?.iter().map(name).collect::<Result<Vec<_>, _>>()?))
}
