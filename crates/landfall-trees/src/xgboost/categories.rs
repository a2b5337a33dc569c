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
    if bytes.is_ascii() {
        return Ok(Some(Categories::of_names(names)));
    }
    let by_characters = put_together(&offsets, &bytes);
    Ok(Some(Categories::of_names(meant(names, by_characters))))
}

/// No text has this byte: nothing is taken for a name that ends in it.
const CUT: u8 = b'\xff';

/// Which names are meant where some are not ASCII. Files written from Arrow's tables have offsets that count bytes; pandas
/// frames give offsets that count characters ([`put_together`]). Bytes that cut a character apart are not meant; else the
/// reading in which the names are sorted is, since pandas sorts them. Where that does not decide, the names stand on which
/// both agree, and the others are taken for nothing: a row is refused rather than answered wrongly.
fn meant(by_bytes: Vec<&[u8]>, by_characters: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if by_bytes.iter().any(|name| std::str::from_utf8(name).is_err()) {
        return by_characters;
    }
    let whole = by_characters.iter().take_while(|name| !name.ends_with(&[CUT])).count();
    match (by_bytes.is_sorted(), by_characters[..whole].is_sorted()) {
        (true, false) => by_bytes.into_iter().map(<[u8]>::to_vec).collect(),
        (false, true) => by_characters,
        _ => {
            let agreed = |(a, b): (&[u8], Vec<u8>)| if a == b { b } else { [a, &[CUT]].concat() };
            by_bytes.into_iter().zip(by_characters).map(agreed).collect()
        }
    }
}

/// Names whose offsets count characters where they should count bytes, as XGBoost 3.1 and 3.2 write them for pandas frames
/// when a name is not ASCII: it writes all names together, cut after as many bytes as there are characters. A name that
/// lies behind the cut is left as what is there of it and [`CUT`].
fn put_together(offsets: &[i64], bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = bytes;
    let names = offsets.windows(2).map(|pair| {
        let mut name = Vec::new();
        for _ in pair[0]..pair[1] {
            let Some((character, behind)) = first_character(rest) else {
                name.extend_from_slice(rest);
                rest = &[];
                name.push(CUT);
                return name;
            };
            name.extend_from_slice(character);
            rest = behind;
        }
        name
    });
    names.collect()
}

/// The first character of a text in UTF-8, and what follows it; `None` where it is not whole.
fn first_character(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = (1..=4.min(bytes.len())).find(|&length| std::str::from_utf8(&bytes[..length]).is_ok())?;
    Some(bytes.split_at(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_whose_offsets_count_characters_are_put_together_as_far_as_they_are_there() {
        let cities = "ZürichGenèveBern";
        let names = put_together(&[0, 6, 12, 16], &cities.as_bytes()[..16]);
        assert_eq!(names, [&b"Z\xc3\xbcrich"[..], b"Gen\xc3\xa8ve", b"Be\xff"]);
        assert!(Categories::of_names(&names).lack_names() && !Categories::of_names(&names[..2]).lack_names());
        let all_cut = put_together(&[0, 2, 4, 7], &"日本東京abc".as_bytes()[..7]);
        assert_eq!(all_cut, ["日本".as_bytes(), b"\xe6\xff", b"\xff"]);
        assert_eq!(put_together(&[0, 0, i64::MAX], b"\x80"), [&b""[..], b"\x80\xff"]);
    }

    #[test]
    fn offsets_count_what_makes_sorted_names_and_where_nothing_tells_only_sure_names_stand() {
        let read = |names: &[&str], counted: fn(&str) -> usize| {
            let bytes = names.concat().into_bytes();
            let mut offsets = vec![0];
            names.iter().for_each(|name| offsets.push(offsets[offsets.len() - 1] + counted(name) as i64));
            let bytes = &bytes[..offsets[names.len()] as usize];
            let by_bytes =
                offsets.windows(2).map(|pair| &bytes[pair[0] as usize..pair[1] as usize]).collect();
            let names = meant(by_bytes, put_together(&offsets, bytes));
            names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>()
        };
        let characters: fn(&str) -> usize = |name| name.chars().count();
        let sorted = ["Bern", "Genève", "Zürich", "aa", "bb", "cc"];
        assert_eq!(read(&sorted, str::len), sorted);
        assert_eq!(read(&sorted, characters), ["Bern", "Genève", "Zürich", "aa", "bb", "\u{fffd}"]);
        let unsorted = ["c", "é", "b", "a"];
        for counted in [str::len, characters] {
            let names = read(&unsorted, counted);
            assert_eq!(names[0], "c");
            assert!(
                names.iter().zip(unsorted).all(|(name, told)| name == told || name.ends_with('\u{fffd}'))
            );
        }
    }
}
