//! How near two names are.

/// How many characters must be put in, taken out or changed to make `b` of `a` (Levenshtein).
pub fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_single_letters() {
        let cases = [("kitten", "sitting", 3), ("", "ab", 2), ("ab", "", 2), ("é", "e", 1), ("ab", "ba", 2)];
        for (a, b, distance) in cases {
            assert_eq!(edit_distance(a, b), distance, "{a:?} {b:?}");
        }
    }
}
