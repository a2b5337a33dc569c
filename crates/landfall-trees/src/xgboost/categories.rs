//! Names of categories that files from 3.1 on hold: `cats.enc`, by feature.

use crate::document::{Value, wrong};
use crate::features::Categories;
use landfall_model::Problem;

/// Reads the categories of each feature; none where a feature has no names.
///
/// # Errors
/// Invalid argument, when offsets leave the bytes.
pub(crate) fn read(cats: &Value<'_>) -> Result<Vec<Option<Categories>>, Problem> {
    let Some(encodings) = cats.find("enc") else { return Ok(Vec::new()) };
    let read_one = |(feature, encoding): (usize, &Value<'_>)| {
        one(encoding).map_err(|problem| problem.at(format!("enc of feature {feature}")))
    };
    encodings.list()?.iter().enumerate().map(read_one).collect()
}

fn one(encoding: &Value<'_>) -> Result<Option<Categories>, Problem> {
    let values = encoding.field("values")?;
    if values.numbers()?.len() == 0 {
        return Ok(None);
    }
    let Some(offsets) = encoding.maybe("offsets", Value::integers)? else {
        return Ok(Some(Categories::of_numbers(&values.f64s()?)));
    };
    // UTF-8 bytes, written as signed numbers.
    let bytes: Vec<u8> = values.integers()?.iter().map(|&byte| byte as u8).collect();
    let name = |pair: &[i64]| {
        let range = usize::try_from(pair[0]).ok().zip(usize::try_from(pair[1]).ok());
        let name = range.and_then(|(start, end)| bytes.get(start..end));
        name.ok_or_else(|| wrong(format!("name at {}..{} of {} bytes", pair[0], pair[1], bytes.len())))
    };
    let names = offsets.windows(2).map(name).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Categories::of_names(names)))
}
