//! Regular expressions of documents and data: in time linear to the text where that can be, by steps back where a pattern
//! looks around or refers back.

use regex::{Regex, RegexBuilder};

/// Steps back that a search may take: a few hundredths of a second.
const STEPS_BACK_MAX: usize = 1_000_000;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Linear(Regex),
    /// One that looks around, refers back or keeps what it has taken.
    Backtracking(Box<fancy_regex::Regex>),
}

/// How a pattern is compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) ignores_case: bool,
    /// Bytes that the compiled pattern may take.
    pub(crate) bytes_max: usize,
}

impl Way {
    /// Patterns of the document.
    pub(crate) const DOCUMENT: Way = Way { ignores_case: false, bytes_max: 10 << 20 };
    /// Patterns that come with a row.
    pub(crate) const DATA: Way = Way { ignores_case: false, bytes_max: 1 << 20 };
}

/// A search, or what is made of its findings, was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GaveUp {
    /// It took too many steps back.
    Steps,
    /// Replacements made a text grow without end.
    Growth,
}

impl GaveUp {
    /// For messages.
    pub(crate) fn what(self) -> String {
        match self {
            GaveUp::Steps => format!("a pattern that takes more than {STEPS_BACK_MAX} steps back"),
            GaveUp::Growth => "a normalisation that makes a text grow without end".to_owned(),
        }
    }
}

impl Pattern {
    /// Compiles a pattern in the way of Perl.
    ///
    /// # Errors
    /// Why it is none, in one line.
    pub(crate) fn new(text: &str, way: Way) -> Result<Pattern, String> {
        let linear = |text: &str| {
            RegexBuilder::new(text).case_insensitive(way.ignores_case).size_limit(way.bytes_max).build()
        };
        let plain = translated(text, Brackets::Nested);
        if !goes_back(&plain) {
            return match linear(&plain).or_else(|_| linear(&translated(text, Brackets::Literal))) {
                Ok(regex) => Ok(Pattern::Linear(regex)),
                Err(error) => Err(error.to_string().replace('\n', " ")),
            };
        }
        let backtracking = fancy_regex::RegexBuilder::new(&plain)
            .case_insensitive(way.ignores_case)
            .backtrack_limit(STEPS_BACK_MAX)
            .delegate_size_limit(way.bytes_max)
            .build();
        match backtracking {
            Ok(regex) => Ok(Pattern::Backtracking(Box::new(regex))),
            Err(error) => Err(error.to_string().replace('\n', " ")),
        }
    }

    /// Whether it is found in a text.
    pub(crate) fn is_match(&self, text: &str) -> Result<bool, GaveUp> {
        match self {
            Pattern::Linear(regex) => Ok(regex.is_match(text)),
            Pattern::Backtracking(regex) => regex.is_match(text).map_err(|_| GaveUp::Steps),
        }
    }

    /// Where it is found: bytes of start and end.
    pub(crate) fn spans(&self, text: &str) -> Result<Vec<(usize, usize)>, GaveUp> {
        match self {
            Pattern::Linear(regex) => {
                Ok(regex.find_iter(text).map(|found| (found.start(), found.end())).collect())
            }
            Pattern::Backtracking(regex) => {
                let found = regex.find_iter(text);
                found.map(|found| found.map(|at| (at.start(), at.end())).map_err(|_| GaveUp::Steps)).collect()
            }
        }
    }

    /// What stands between the places where it is found.
    pub(crate) fn gaps(&self, text: &str) -> Result<Vec<(usize, usize)>, GaveUp> {
        let mut gaps = Vec::new();
        let mut start = 0;
        for (from, to) in self.spans(text)? {
            gaps.push((start, from));
            start = to;
        }
        gaps.push((start, text.len()));
        Ok(gaps)
    }

    /// The text with all matches replaced; `$1` in the replacement is a group.
    pub(crate) fn replace_all(&self, text: &str, with: &str) -> Result<String, GaveUp> {
        let with = grouped(with);
        match self {
            Pattern::Linear(regex) => Ok(regex.replace_all(text, with.as_str()).into_owned()),
            Pattern::Backtracking(regex) => match regex.try_replacen(text, 0, with.as_str()) {
                Ok(replaced) => Ok(replaced.into_owned()),
                Err(_) => Err(GaveUp::Steps),
            },
        }
    }
}

/// What an opening bracket within a class of characters is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brackets {
    /// A class within the class, as Java has it.
    Nested,
    /// A character, as Perl has it.
    Literal,
}

/// Horizontal blanks, as the inside of a class.
const BLANKS: &str = r"\t\p{Zs}\x{180E}";

/// A pattern as Perl writes it, in the words that the compilers here know: `\Q…\E`, `\h`, and `\<` for the character alone.
fn translated(pattern: &str, brackets: Brackets) -> String {
    let mut all = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut classes = 0usize;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        let next = after.chars().next();
        let mut taken = character.len_utf8();
        match (character, next) {
            ('\\', Some('Q')) => {
                let quoted = &after[1..];
                let end = quoted.find("\\E").unwrap_or(quoted.len());
                all.push_str(&regex::escape(&quoted[..end]));
                taken = 2 + (end + 2).min(quoted.len());
            }
            ('\\', Some(next @ ('<' | '>'))) => {
                all.push(next);
                taken = 2;
            }
            ('\\', Some('h')) => {
                all.push_str(&if classes > 0 { BLANKS.to_owned() } else { format!("[{BLANKS}]") });
                taken = 2;
            }
            ('\\', Some('H')) if classes == 0 => {
                all.push_str(&format!("[^{BLANKS}]"));
                taken = 2;
            }
            ('\\', Some(next)) => {
                all.push('\\');
                all.push(next);
                taken += next.len_utf8();
            }
            ('[', Some(next)) if classes > 0 && next != ':' && brackets == Brackets::Literal => {
                all.push_str("\\[");
            }
            ('[', _) => {
                classes += 1;
                all.push('[');
                // One that is closed at once has the bracket as its first character.
                let first = after.strip_prefix('^').unwrap_or(after);
                if first.starts_with(']') {
                    let head = after.len() - first.len();
                    all.push_str(&after[..head]);
                    all.push_str("\\]");
                    taken += head + 1;
                }
            }
            (']', _) => {
                classes = classes.saturating_sub(1);
                all.push(']');
            }
            _ => all.push(character),
        }
        rest = &rest[taken..];
    }
    all
}

/// Whether a pattern looks around, refers back, or keeps what it has taken (`(?>a)`, and `a*+`, which the linear compiler
/// takes for a repeated repetition).
fn goes_back(pattern: &str) -> bool {
    const GROUPS: [&str; 8] = ["(?=", "(?!", "(?<=", "(?<!", "(?>", "(?(", "(?P=", "(?|"];
    let mut in_class = false;
    let mut quantified = false;
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        if !in_class && GROUPS.iter().any(|group| rest.starts_with(group)) {
            return true;
        }
        let after = &rest[character.len_utf8()..];
        let next = after.chars().next();
        match (character, next) {
            ('+', _) if quantified && !in_class => return true,
            ('\\', Some('1'..='9' | 'k' | 'g' | 'G' | 'K' | 'Z' | 'R' | 'X')) if !in_class => return true,
            _ => {}
        }
        quantified = matches!(character, '*' | '+' | '?' | '}');
        in_class = character == '[' || in_class && character != ']';
        let skipped = if character == '\\' { next.map_or(0, char::len_utf8) } else { 0 };
        rest = &after[skipped..];
    }
    false
}

/// `$1a` means group 1 before an `a`, not a group named `1a`; `\` takes the next character as it is.
fn grouped(replacement: &str) -> String {
    let mut all = String::new();
    let mut characters = replacement.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '$' if characters.peek().is_some_and(char::is_ascii_digit) => {
                let digit = characters.next().unwrap_or('0');
                all.push_str(&format!("${{{digit}}}"));
            }
            '\\' => {
                all.extend(characters.next().map(|c| if c == '$' { "$$".to_owned() } else { c.to_string() }))
            }
            _ => all.push(character),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text, Way::DOCUMENT).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn groups_of_one_digit_are_taken() {
        assert_eq!(grouped("$1a\\$"), "${1}a$$");
    }

    #[test]
    fn patterns_look_around_and_refer_back() {
        for (text, yes, no) in [
            (r"^(?=.*\d)(?!.*!).{4,}$", "ab1cd", "ab1c!"),
            (r"(\w)\1", "letter", "word"),
            (r"(?<=\$)\d+(?! EUR)\b", "$12 USD", "12 EUR"),
            (r"(?<!un)known", "well known", "unknown"),
            (r"^(?>a+)b", "aab", "aac"),
            (r"^a++b", "aab", "aa"),
            (r"(?P<q>['x]).(?P=q)", "'a'", "'ax"),
        ] {
            let pattern = pattern(text);
            assert!(matches!(pattern, Pattern::Backtracking(_)), "{text}");
            assert_eq!((pattern.is_match(yes), pattern.is_match(no)), (Ok(true), Ok(false)), "{text}");
        }
        assert_eq!(pattern(r"(\w)\1").replace_all("letter off", "<$1>"), Ok("le<t>er o<f>".to_owned()));
        assert_eq!(pattern(r"(?<=a)b").spans("abcab"), Ok(vec![(1, 2), (4, 5)]));
        assert_eq!(pattern(r"(?<=,) ").gaps("a, b c"), Ok(vec![(0, 2), (3, 6)]));
    }

    #[test]
    fn patterns_are_those_of_perl() {
        for (text, yes, no) in [
            (r"\<a\>", "<a>", "a"),
            (r"^\Qa.b\E$", "a.b", "axb"),
            (r"^a\hb$", "a\u{a0}b", "a\nb"),
            (r"^[\hx]$", "\t", "y"),
            (r"^\H$", "x", " "),
            (r"^[^[]$", "a", "["),
            (r"^[]a]+$", "]a", "b"),
            (r"^[[:digit:]]$", "1", "x"),
        ] {
            let pattern = pattern(text);
            assert!(matches!(pattern, Pattern::Linear(_)), "{text}");
            assert_eq!((pattern.is_match(yes), pattern.is_match(no)), (Ok(true), Ok(false)), "{text}");
        }
        for text in ["(", "[", "a{2,1}", r"(?<=a*b)(", r"\2(?=a)", "\\", r"\Q[", "[\\"] {
            let outcome = Pattern::new(text, Way::DATA);
            assert_eq!(outcome.is_err(), text != r"\Q[", "{text}: {outcome:?}");
        }
    }

    #[test]
    fn a_search_that_takes_too_many_steps_is_given_up() {
        let hostile = pattern(r"^(?=(a+)+$)(\w+\s?)+\1x$");
        assert_eq!(hostile.is_match(&"a".repeat(200)), Err(GaveUp::Steps));
        assert_eq!(hostile.spans(&"a".repeat(200)), Err(GaveUp::Steps));
        assert_eq!(hostile.replace_all(&"a".repeat(200), ""), Err(GaveUp::Steps));
        assert!(Pattern::new(r"(?=a)((\w{1,900}){1,900}){1,900}", Way::DATA).is_err());
    }
}
