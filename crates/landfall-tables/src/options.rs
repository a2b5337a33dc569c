//! How a table is read.

/// How a table is read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Rows of a chunk, at most. Where a model cannot take a part of its rows (row rules `none`, `grouped`), the whole
    /// table is one chunk.
    pub chunk_rows: usize,
    /// Cells of text files that mean a missing value, beside the empty one.
    pub missing: Vec<Vec<u8>>,
    /// Whether numbers of CSV have a decimal comma; semicolons stand between cells then. Other formats are refused.
    pub decimal_comma: bool,
    /// Hand out rows of text as soon as they are there, instead of whole chunks.
    pub eager: bool,
    /// Columns whose values go on beside the calls, by name.
    pub keep: Vec<String>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            chunk_rows: 4096,
            missing: Vec::new(),
            decimal_comma: false,
            eager: false,
            keep: Vec::new(),
        }
    }
}
