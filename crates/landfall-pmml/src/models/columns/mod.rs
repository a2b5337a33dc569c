//! Models over columns: the same arithmetic as row by row, in the same order for each row, with the rows side by side.

mod densities;
mod linear;
mod machines;
mod network;

pub(super) use densities::{Densities, Evidence};
pub(super) use linear::{Linear, LinearTable};
pub(super) use machines::{KernelMachine, KernelMachines, VectorField};
pub(super) use network::{Layers, LayersNeuron};

use super::Math;

/// sums += column * factor, each step rounded as the model's arithmetic says.
#[inline(always)]
fn add_scaled(sums: &mut [f64], column: &[f64], factor: f64, math: Math) {
    for (sum, x) in sums.iter_mut().zip(column) {
        *sum = math.round(*sum + math.round(x * factor));
    }
}

/// sums += number.
#[inline(always)]
fn add(sums: &mut [f64], number: f64, math: Math) {
    sums.iter_mut().for_each(|sum| *sum = math.round(*sum + number));
}
