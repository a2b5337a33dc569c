//! How long functions are, in sources that rustfmt laid out.

/// A function's name and the number of its lines, first and last included.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) lines: usize,
}

/// All functions with a body of more than one line. It rests on rustfmt's layout: a function ends at the first later
/// line that starts with a closing brace at its own depth.
pub(crate) fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let starts = lines.iter().enumerate().filter_map(|(index, line)| Some((index, name(line)?)));
    starts.filter_map(|(index, name)| Some(Function { name, lines: length(&lines[index..])? })).collect()
}

/// The name, if the line starts a function.
fn name(line: &str) -> Option<String> {
    const BEFORE: &[&str] = &["pub", "const", "async", "unsafe", "extern"];
    let mut words = line.split_whitespace();
    loop {
        let word = words.next()?;
        if word == "fn" {
            break;
        }
        let qualifier = word.split('(').next().unwrap_or_default();
        if !BEFORE.contains(&qualifier) && !word.starts_with('"') {
            return None;
        }
    }
    let rest = words.next()?;
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// Lines from the first of `lines` to the brace that closes it; `None` for a declaration or a body on one line.
fn length(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?;
    let depth = first.len() - first.trim_start().len();
    if first.ends_with(';') || first.ends_with('}') {
        return None;
    }
    for (index, line) in lines.iter().enumerate().skip(1) {
        if line.len() - line.trim_start().len() != depth || line.is_empty() {
            continue;
        }
        let line = line.trim_start();
        if line.starts_with('}') {
            return Some(index + 1);
        }
        if line.starts_with(')') && line.ends_with(';') {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, usize)> {
        functions(text).into_iter().map(|f| (f.name, f.lines)).collect()
    }

    #[test]
    fn a_function_ends_at_its_own_brace() {
        let text =
            "pub(crate) fn outer(a: u8) -> u8 {\n    if a {\n    }\n    fn inner() {\n        a\n    }\n}\n";
        assert_eq!(found(text), [("outer".to_owned(), 7), ("inner".to_owned(), 3)]);
    }

    #[test]
    fn a_signature_over_several_lines_counts() {
        let text = "impl A {\n    pub async fn f<T>(\n        a: T,\n    ) -> u8 {\n        1\n    }\n}\n";
        assert_eq!(found(text), [("f".to_owned(), 5)]);
    }

    #[test]
    fn declarations_and_bodies_on_one_line_do_not_count() {
        assert_eq!(found("fn a();\nfn b() {}\nfn c(\n    d: u8,\n);\n// fn e() {\n"), []);
    }
}
