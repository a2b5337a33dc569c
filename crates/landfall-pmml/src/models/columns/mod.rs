//! Models over columns: the same arithmetic as row by row, in the same order for each row, with the rows side by side.

mod asked;
mod branches;
mod centres;
mod densities;
mod design;
mod kernels;
mod linear;
mod machines;
mod model;
mod nearest_rows;
mod network;
mod points;
mod rules;

pub(super) use asked::Asking;
pub(super) use branches::{Branch, Branches, Otherwise};
pub(super) use centres::{Centres, nearest};
pub(super) use densities::{Densities, Evidence};
pub(super) use design::{Design, DesignCell};
pub(super) use kernels::Vectors;
pub(super) use linear::{Linear, LinearTable};
pub(super) use machines::{KernelMachine, KernelMachines, VectorField};
pub(super) use nearest_rows::NearestRows;
pub(super) use network::{Layers, LayersNeuron};
pub(super) use points::{Attribute as PointsAttribute, Points};
pub(super) use rules::{Choice, Rule as FiringRule, Rules, Weight};

use super::Math;

/// sums += column * factor, each step rounded as the model's arithmetic says.
#[inline(always)]
fn add_scaled(sums: &mut [f64], column: &[f64], factor: f64, math: Math) {
    for (sum, x) in sums.iter_mut().zip(column) {
        *sum = math.round(*sum + math.round(x * factor));
    }
}

/// Rows whose sums stay in registers while all that is added to them passes by.
const REGISTER_ROWS: usize = 32;

/// For each row the sum of `factor * x` over `terms` (a column's place, a factor), in their order: `columns` [columns][rows],
/// of which `sums` are those from row `first` on.
#[inline(always)]
fn weighted_sums(
    columns: &[f64],
    rows: usize,
    first: usize,
    terms: &[(usize, f64)],
    sums: &mut [f64],
    math: Math,
) {
    if let (1, [sum]) = (rows, &mut *sums) {
        *sum = terms.iter().fold(0.0, |sum, term| math.round(sum + math.round(columns[term.0] * term.1)));
        return;
    }
    let (whole, rest) = sums.as_chunks_mut::<REGISTER_ROWS>();
    for (chunk, sums) in whole.iter_mut().enumerate() {
        let from = first + chunk * REGISTER_ROWS;
        let mut own = [0.0; REGISTER_ROWS];
        for (column, factor) in terms {
            if let Some(x) = columns[column * rows + from..].first_chunk::<REGISTER_ROWS>() {
                for row in 0..REGISTER_ROWS {
                    own[row] = math.round(own[row] + math.round(x[row] * factor));
                }
            }
        }
        *sums = own;
    }
    let from = first + whole.len() * REGISTER_ROWS;
    for (row, sum) in rest.iter_mut().enumerate() {
        let add = |sum: f64, term: &(usize, f64)| {
            math.round(sum + math.round(columns[term.0 * rows + from + row] * term.1))
        };
        *sum = terms.iter().fold(0.0, add);
    }
}

/// sums += number.
#[inline(always)]
fn add(sums: &mut [f64], number: f64, math: Math) {
    for sum in sums {
        *sum = math.round(*sum + number);
    }
}
