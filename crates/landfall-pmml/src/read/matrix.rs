//! `<Matrix>`: rows as arrays, or cells with their places.

use super::{Element, Xml, array};
use landfall_model::Problem;

/// Cells of one matrix, at most: a declared size alone must not take memory.
const CELLS_MAX: usize = 1 << 24;

/// A matrix, row after row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    cells: Vec<f64>,
}

impl Matrix {
    /// Reads a `<Matrix>`.
    ///
    /// # Errors
    /// A shape that its content does not have.
    pub(crate) fn read<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Self, Problem> {
        element.only(xml, &["kind", "nbRows", "nbCols", "diagDefault", "offDiagDefault"])?;
        let (rows, columns) = (element.count(xml, "nbRows")?, element.count(xml, "nbCols")?);
        let diagonal = element.number(xml, "diagDefault")?.unwrap_or(0.0);
        let elsewhere = element.number(xml, "offDiagDefault")?.unwrap_or(0.0);
        let mut arrays: Vec<Vec<f64>> = Vec::new();
        let mut cells: Vec<(usize, usize, f64)> = Vec::new();
        while let Some(child) = xml.child(element)? {
            match child.name.as_ref() {
                "Array" => arrays.push(array::numbers(xml, &child)?),
                "REAL-SparseArray" | "INT-SparseArray" => {
                    let row = arrays.len() + 1;
                    let sparse = array::sparse(xml, &child, columns)?;
                    cells.extend(sparse.into_iter().map(|(column, value)| (row, column + 1, value)));
                    arrays.push(Vec::new());
                }
                "MatCell" => cells.push(cell(xml, &child)?),
                _ => return Err(xml.unknown(&child, element)),
            }
        }
        let kind = element.get("kind").unwrap_or("any");
        if !matches!(kind, "any" | "symmetric" | "diagonal") {
            return Err(element.value(xml, "kind"));
        }
        let widest = arrays.iter().map(Vec::len).max().unwrap_or(0);
        let size = match (kind, arrays.len()) {
            ("diagonal", 1) => (widest, widest),
            ("symmetric", lines) if lines > 0 => (lines, lines),
            (_, lines) => {
                let far = |of: fn(&(usize, usize, f64)) -> usize| cells.iter().map(of).max().unwrap_or(0);
                (rows.unwrap_or(lines.max(far(|c| c.0))), columns.unwrap_or(widest.max(far(|c| c.1))))
            }
        };
        let declared = (rows.unwrap_or(size.0), columns.unwrap_or(size.1));
        let fits = |(row, column, _): &(usize, usize, f64)| *row <= declared.0 && *column <= declared.1;
        let whole = declared.0.checked_mul(declared.1).filter(|all| *all <= CELLS_MAX);
        let (Some(all), true) =
            (whole, size.0 <= declared.0 && size.1 <= declared.1 && cells.iter().all(fits))
        else {
            return Err(xml.malformed(element.place, "<Matrix> has not the shape that it declares"));
        };
        let mut matrix = Matrix { rows: declared.0, columns: declared.1, cells: vec![elsewhere; all] };
        (0..declared.0.min(declared.1)).for_each(|i| matrix.set(i, i, diagonal));
        for (row, values) in arrays.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                match kind {
                    "diagonal" if arrays.len() == 1 => matrix.set(column, column, *value),
                    _ if row >= matrix.rows || column >= matrix.columns => {
                        return Err(
                            xml.malformed(element.place, "<Matrix> has not the shape that it declares")
                        );
                    }
                    _ => matrix.set(row, column, *value),
                }
                if kind == "symmetric" && column < matrix.rows && row < matrix.columns {
                    matrix.set(column, row, *value);
                }
            }
        }
        for (row, column, value) in cells {
            matrix.set(row - 1, column - 1, value);
            if kind == "symmetric" && column <= matrix.rows && row <= matrix.columns {
                matrix.set(column - 1, row - 1, value);
            }
        }
        Ok(matrix)
    }

    /// The one `<Matrix>` within an element, which has nothing else.
    pub(crate) fn within<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Self, Problem> {
        element.only(xml, &[])?;
        let mut found = None;
        while let Some(child) = xml.child(element)? {
            match child.name.as_ref() {
                "Matrix" => found = Some(Matrix::read(xml, &child)?),
                _ => return Err(xml.unknown(&child, element)),
            }
        }
        found.ok_or_else(|| xml.malformed(element.place, format!("<{}> lacks its <Matrix>", element.name)))
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.cells[row * self.columns..(row + 1) * self.columns]
    }

    pub(crate) fn get(&self, row: usize, column: usize) -> f64 {
        self.cells[row * self.columns + column]
    }

    fn set(&mut self, row: usize, column: usize, value: f64) {
        self.cells[row * self.columns + column] = value;
    }

    /// This times a column.
    pub(crate) fn times(&self, x: &[f64]) -> Vec<f64> {
        (0..self.rows).map(|row| self.row(row).iter().zip(x).map(|(a, b)| a * b).sum()).collect()
    }

    /// This times another times this turned: how a covariance moves.
    pub(crate) fn around(&self, inner: &Matrix) -> Matrix {
        let mut out = Matrix { rows: self.rows, columns: self.rows, cells: vec![0.0; self.rows * self.rows] };
        let half: Vec<Vec<f64>> = (0..inner.rows)
            .map(|i| {
                (0..self.rows)
                    .map(|r| (0..inner.columns).map(|j| inner.get(i, j) * self.get(r, j)).sum())
                    .collect()
            })
            .collect();
        for i in 0..self.rows {
            for j in 0..self.rows {
                let products = half.iter().enumerate().map(|(k, half)| self.get(i, k) * half[j]);
                out.set(i, j, products.sum());
            }
        }
        out
    }

    /// The sum of two of one shape.
    pub(crate) fn plus(&self, other: &Matrix) -> Matrix {
        let cells = self.cells.iter().zip(&other.cells).map(|(a, b)| a + b).collect();
        Matrix { cells, ..*self }
    }
}

/// `<MatCell>`: row and column, from 1, and the number there.
fn cell<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<(usize, usize, f64), Problem> {
    element.only(xml, &["row", "col"])?;
    let place = |name: &str| element.count(xml, name);
    let (row, column) = (place("row")?.unwrap_or(0), place("col")?.unwrap_or(0));
    let text = xml.text(element)?;
    let value = crate::value::number(&text);
    let value = value.ok_or_else(|| xml.malformed(element.place, "<MatCell> is no number"))?;
    if row == 0 || column == 0 {
        return Err(xml.malformed(element.place, "<MatCell> needs row and col, from 1"));
    }
    Ok((row, column, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Matrix, Problem> {
        let mut xml = Xml::new(text, "m");
        let root = xml.root()?;
        Matrix::read(&mut xml, &root)
    }

    #[test]
    fn each_kind_is_read() {
        let any = read("<Matrix nbRows=\"2\" nbCols=\"3\"><Array>1 2 3</Array><Array>4 5 6</Array></Matrix>");
        assert_eq!(any.unwrap().row(1), [4.0, 5.0, 6.0]);
        let diagonal = read("<Matrix kind=\"diagonal\"><Array>1 2</Array></Matrix>").unwrap();
        assert_eq!((diagonal.row(0), diagonal.row(1)), (&[1.0, 0.0][..], &[0.0, 2.0][..]));
        let symmetric =
            read("<Matrix kind=\"symmetric\"><Array>1</Array><Array>7 2</Array></Matrix>").unwrap();
        assert_eq!(symmetric.row(0), [1.0, 7.0]);
        let cells = "<Matrix nbRows=\"2\" nbCols=\"2\" diagDefault=\"1\"><MatCell row=\"1\" col=\"2\">3</MatCell></Matrix>";
        assert_eq!(read(cells).unwrap().row(0), [1.0, 3.0]);
        assert!(read("<Matrix nbRows=\"999999999\" nbCols=\"999999999\"/>").is_err());
        assert!(read("<Matrix nbRows=\"1\" nbCols=\"1\"><Array>1 2</Array></Matrix>").is_err());
    }

    #[test]
    fn a_covariance_moves() {
        let turn = read("<Matrix><Array>0 1</Array><Array>1 1</Array></Matrix>").unwrap();
        let covariance = read("<Matrix><Array>2 0</Array><Array>0 3</Array></Matrix>").unwrap();
        let moved = turn.around(&covariance);
        assert_eq!((moved.row(0), moved.row(1)), (&[3.0, 3.0][..], &[3.0, 5.0][..]));
        assert_eq!(turn.times(&[1.0, 2.0]), [2.0, 3.0]);
    }
}
