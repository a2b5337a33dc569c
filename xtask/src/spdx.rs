//! Licence expressions: whether a set of licences that we take satisfies one.

/// Whether an expression (`MIT OR Apache-2.0`, `(A OR B) AND C`, `A WITH exception`, and the older `A/B`) can be met
/// with licences for which `takes` is true. A text that is no expression cannot.
pub(crate) fn satisfied(expression: &str, takes: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { tokens: &tokens, takes };
    matches!(reader.any(), Some(true)) && reader.tokens.is_empty()
}

struct Reader<'a> {
    tokens: &'a [&'a str],
    takes: &'a dyn Fn(&str) -> bool,
}

impl<'a> Reader<'a> {
    fn any(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.skip("OR") {
            met |= self.all()?;
        }
        Some(met)
    }

    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.skip("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.skip("(") {
            let met = self.any()?;
            return self.skip(")").then_some(met);
        }
        let name = self.next().filter(|name| !matches!(*name, "OR" | "AND" | "WITH" | ")"))?;
        if self.skip("WITH") {
            let exception = self.next()?;
            return Some((self.takes)(&format!("{name} WITH {exception}")));
        }
        Some((self.takes)(name))
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn skip(&mut self, wanted: &str) -> bool {
        let found = self.tokens.first() == Some(&wanted);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mit_only(expression: &str) -> bool {
        satisfied(expression, &|name| name == "MIT")
    }

    #[test]
    fn one_of_several_is_enough_and_all_of_several_are_needed() {
        for met in ["MIT", "GPL-3.0 OR MIT", "Apache-2.0/MIT", "(GPL-3.0 OR MIT) AND MIT", "A AND B OR MIT"] {
            assert!(mit_only(met), "{met}");
        }
        for unmet in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND Unicode-3.0", "MIT WITH extras"]
        {
            assert!(!mit_only(unmet), "{unmet}");
        }
    }

    #[test]
    fn what_is_no_expression_is_not_met() {
        for broken in ["", "MIT OR", "(MIT", "MIT MIT", "OR MIT", "MIT)"] {
            assert!(!mit_only(broken), "{broken}");
        }
    }
}
