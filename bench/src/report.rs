//! Figures and tables of them, as Markdown.

use landfall_model::Problem;
use landfall_serving::{Clock, SystemClock};
use std::fmt;
use std::io::Write;
use std::time::Duration;

/// Rows of text under column names.
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: &[&str]) -> Self {
        Table { columns: columns.iter().map(|c| (*c).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; it is also shown at once on standard error, since a run takes minutes.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        say(&cells.join(" | "));
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(self.columns.len()))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

/// The middle of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The least time of some rounds: what else runs on the machine only adds.
///
/// # Errors
/// The first of a round.
pub(crate) fn best(
    rounds: usize,
    mut round: impl FnMut() -> Result<(), Problem>,
) -> Result<Duration, Problem> {
    let mut least = Duration::MAX;
    for _ in 0..rounds {
        let started = SystemClock.now();
        round()?;
        least = least.min(SystemClock.now() - started);
    }
    Ok(least)
}

/// A result, on standard output.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Beside the result, on standard error.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The processor's name and the number of processors, as the kernel tells them.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{} ({processors} processors)\n", name.unwrap_or("unknown processor"))
}
