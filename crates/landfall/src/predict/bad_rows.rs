//! What happens to rows that cannot be read or answered: stop, skip, or a file that takes them.

use landfall_model::Problem;
use landfall_tables::{AtomicFile, BadRow, push_quoted};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// What `--bad-rows` asks for.
pub(super) enum BadRows {
    /// The first one ends the work, under the table's name.
    Stop(Option<String>),
    /// They are left out.
    Skip,
    /// They go into a file: number, reason, the row as it came.
    Keep(RowsFile),
}

/// A file of bad rows, there when it is whole.
pub(super) struct RowsFile {
    path: PathBuf,
    file: AtomicFile,
    out: BufWriter<File>,
}

impl BadRows {
    /// From the flag's value, for a table of this name. A file is made at once: that it cannot be is known before the work.
    ///
    /// # Errors
    /// What the operating system said.
    pub(super) fn new(text: &str, table: Option<String>) -> Result<Self, Problem> {
        Ok(match text {
            "stop" => BadRows::Stop(table),
            "skip" => BadRows::Skip,
            path => BadRows::Keep(RowsFile::create(path.into())?),
        })
    }

    /// Whether the first one ends the work.
    pub(super) fn stops(&self) -> bool {
        matches!(self, BadRows::Stop(_))
    }

    /// Takes rows, ascending.
    ///
    /// # Errors
    /// The first row's problem where it ends the work; or what the operating system said.
    pub(super) fn take(&mut self, rows: &[BadRow]) -> Result<(), Problem> {
        match self {
            BadRows::Stop(table) => {
                let Some(BadRow { problem, .. }) = rows.first().cloned() else { return Ok(()) };
                Err(match table.take() {
                    Some(table) => problem.at(table),
                    None => problem,
                })
            }
            BadRows::Skip => Ok(()),
            BadRows::Keep(file) => rows.iter().try_for_each(|row| file.write(row)),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What the operating system said.
    pub(super) fn finish(self) -> Result<(), Problem> {
        let BadRows::Keep(RowsFile { path, file, mut out }) = self else { return Ok(()) };
        out.flush().map_err(|e| Problem::io(format!("write {}", path.display()), &e))?;
        file.commit()
    }
}

impl RowsFile {
    fn create(path: PathBuf) -> Result<Self, Problem> {
        let file = AtomicFile::create(&path)?;
        let mut out = BufWriter::new(file.handle()?);
        out.write_all(b"row,reason,text\n")
            .map_err(|e| Problem::io(format!("write {}", path.display()), &e))?;
        Ok(RowsFile { path, file, out })
    }

    fn write(&mut self, row: &BadRow) -> Result<(), Problem> {
        let mut line = format!("{},", row.row).into_bytes();
        push_quoted(row.problem.to_string().as_bytes(), &mut line);
        line.push(b',');
        push_quoted(&row.raw, &mut line);
        line.push(b'\n');
        let failed = |e: std::io::Error| Problem::io(format!("write {}", self.path.display()), &e);
        self.out.write_all(&line).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_with_number_reason_and_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.csv");
        let mut rows = BadRows::new(path.to_str().unwrap(), None).unwrap();
        let row = BadRow { row: 7, problem: Problem::invalid("no \"number\""), raw: b"a,b".to_vec() };
        rows.take(std::slice::from_ref(&row)).unwrap();
        rows.finish().unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "row,reason,text\n7,\"no \"\"number\"\"\",\"a,b\"\n"
        );
        let stopped = BadRows::new("stop", Some("rows.csv".into())).unwrap().take(&[row]);
        assert_eq!(stopped.unwrap_err().to_string(), "rows.csv: no \"number\"");
    }
}
