//! What the slots of a call are filled with.

use crate::{Ragged, Tensor};

/// What an input's slot is filled with.
#[derive(Clone, Debug)]
pub enum Input {
    /// An array.
    Dense(Tensor),
    /// A matrix as its columns, each `[n]`; `None` for a column that did not come. For inputs with named columns.
    Columns(Vec<Option<Tensor>>),
    /// A sparse matrix. For inputs with named columns.
    /// Boxed: it is rare, and would double the size of every input.
    Csr(Box<Csr>),
    /// Rows of unequal length.
    Ragged(Ragged),
}

impl Input {
    /// The array, where it is one.
    pub fn dense(&self) -> Option<&Tensor> {
        match self {
            Input::Dense(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// Bytes of all elements.
    pub fn bytes_total(&self) -> usize {
        match self {
            Input::Dense(tensor) => tensor.bytes_total(),
            Input::Columns(columns) => columns.iter().flatten().map(Tensor::bytes_total).sum(),
            Input::Csr(csr) => [&csr.data, &csr.indices, &csr.indptr].map(Tensor::bytes_total).iter().sum(),
            Input::Ragged(ragged) => ragged.values().bytes_total(),
        }
    }

    /// Number of rows; `None` for a scalar.
    pub fn rows(&self) -> Option<usize> {
        match self {
            Input::Dense(tensor) => tensor.shape().first().copied(),
            Input::Columns(columns) => columns.iter().flatten().next().map(Tensor::len),
            Input::Csr(csr) => csr.indptr.len().checked_sub(1),
            Input::Ragged(ragged) => Some(ragged.len()),
        }
    }
}

/// A sparse matrix in compressed rows: row `i` holds `data[indptr[i]..indptr[i + 1]]` in the columns `indices[…]`.
#[derive(Clone, Debug)]
pub struct Csr {
    /// Values, `[nnz]`.
    pub data: Tensor,
    /// Column of each value, `[nnz]`, int64.
    pub indices: Tensor,
    /// Where rows start, `[rows + 1]`, int64.
    pub indptr: Tensor,
}
