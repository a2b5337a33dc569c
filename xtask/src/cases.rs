//! Counts of test cases, read from what test programs print.

use std::ops::AddAssign;

/// How many cases held and how many did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cases {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Cases {
    pub(crate) const ONE_PASSED: Cases = Cases { passed: 1, failed: 0 };
    pub(crate) const ONE_FAILED: Cases = Cases { passed: 0, failed: 1 };
}

impl AddAssign for Cases {
    fn add_assign(&mut self, other: Cases) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl std::fmt::Display for Cases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The counts of one line of `cargo test`: "test result: ok. 3 passed; 0 failed; 0 ignored; …".
pub(crate) fn of_cargo_test(line: &str) -> Option<Cases> {
    let rest = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let mut counts = rest.split("; ");
    let passed = counts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = counts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some(Cases { passed, failed })
}

/// The counts of a line that is nothing but "N passed, M failed".
pub(crate) fn of_summary(line: &str) -> Option<Cases> {
    let (passed, failed) = line.split_once(" passed, ")?;
    let failed = failed.strip_suffix(" failed")?.parse().ok()?;
    Some(Cases { passed: passed.parse().ok()?, failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_the_lines_that_test_programs_print() {
        let line = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(of_cargo_test(line), Some(Cases { passed: 3, failed: 2 }));
        assert_eq!(of_cargo_test("running 3 tests"), None);
        assert_eq!(of_summary("12 passed, 1 failed"), Some(Cases { passed: 12, failed: 1 }));
        assert_eq!(of_summary("12 passed, 1 failed, 3 left out"), None);
    }

    #[test]
    fn counts_are_printed_as_they_are_read() {
        let cases = Cases { passed: 12, failed: 1 };
        assert_eq!(of_summary(&cases.to_string()), Some(cases));
    }
}
