//! The refusal of a call in which rows failed alone, where the answer has no place for them.

use landfall_model::{Outputs, Problem, Reason};

/// Holds a call's answer against rows that failed.
///
/// # Errors
/// A problem of the first failure's kind, which names all rows that failed and says what is wrong with the first.
pub(crate) fn refuse(outputs: &Outputs) -> Result<(), Problem> {
    match outputs.failed() {
        [] => Ok(()),
        failed => Err(refusal(failed)),
    }
}

#[cold]
fn refusal(failed: &[(usize, Problem)]) -> Problem {
    let mut failed: Vec<&(usize, Problem)> = failed.iter().collect();
    failed.sort_by_key(|(row, _)| *row);
    let (row, first) = failed[0];
    let text = match (failed.len(), first.reason()) {
        // These sentences name their row.
        (1, Reason::ValueMissing { .. } | Reason::ValueRequired { .. } | Reason::ValueInvalid { .. }) => {
            first.to_string()
        }
        (1, _) => format!("row {row} failed: {first}"),
        _ => {
            let rows = failed.iter().map(|(row, _)| row.to_string()).collect::<Vec<_>>().join(", ");
            format!("rows {rows} failed; the first of them: {first}")
        }
    };
    Problem::worded(first.kind(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(failed: Vec<(usize, Problem)>) -> String {
        let mut outputs = Outputs::new();
        failed.into_iter().for_each(|(row, problem)| outputs.fail_row(row, problem));
        refuse(&outputs).unwrap_err().to_string()
    }

    #[test]
    fn all_rows_that_failed_are_named_and_each_once() {
        assert!(refuse(&Outputs::new()).is_ok());
        let missing = Problem::new(Reason::ValueMissing { input: "age".into(), row: 3 });
        assert_eq!(refused(vec![(2, Problem::invalid("too old"))]), "row 2 failed: too old");
        assert_eq!(
            refused(vec![(5, Problem::invalid("too young")), (2, Problem::invalid("too old"))]),
            "rows 2, 5 failed; the first of them: too old"
        );
        let required = Problem::new(Reason::ValueRequired { input: "age".into(), row: 3 });
        for lacking in [missing, required] {
            assert_eq!(refused(vec![(3, lacking)]).matches("row 3").count(), 1);
        }
    }
}
