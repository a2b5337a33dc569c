//! A progress bar, on a terminal only.

use indicatif::{ProgressBar, ProgressStyle};

/// Parts of a whole that the bar tells apart.
const STEPS: f64 = 1000.0;

/// How far the work is, for a person who watches.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Shown, or silent.
    pub(super) fn start(shown: bool) -> Self {
        if !shown {
            return Progress(None);
        }
        let bar = ProgressBar::new(STEPS as u64);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}%  {msg}  {eta} left") {
            bar.set_style(style);
        }
        Progress(Some(bar))
    }

    /// So many rows are written, and so much of the table is read (0 to 1), where that is known.
    pub(super) fn at(&self, rows: u64, part: Option<f64>) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("{rows} rows"));
            bar.set_position((part.unwrap_or(0.0) * STEPS) as u64);
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
