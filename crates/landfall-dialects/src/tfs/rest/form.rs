//! The two forms of a predict body.

/// How the answer is to be written: as the request was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `instances` in, `predictions` out: a list of rows.
    Rows,
    /// `inputs` in, `outputs` out: a value for each output.
    Columns,
}
