//! Values of ordinal fields that functions compare: by the order in which the field names them.

use super::Expr;
use crate::resolve::{Build, OpType};
use crate::value::{DataType, Value};
use std::sync::Arc;

/// Makes places of the arguments of a comparison, where one is an ordinal field whose values have another order than their own.
pub(super) fn rank(b: &Build<'_>, arguments: &mut [Expr], types: &mut [DataType]) {
    let Some(order) = arguments.iter().find_map(|argument| order_of(b, argument)) else { return };
    for (argument, dtype) in arguments.iter_mut().zip(types) {
        let of = Box::new(std::mem::replace(argument, Expr::Constant(Value::Missing)));
        *argument = Expr::Rank { of, order: order.clone() };
        *dtype = DataType::Integer;
    }
}

fn order_of(b: &Build<'_>, argument: &Expr) -> Option<Arc<[Value]>> {
    let slot = match argument {
        Expr::Field { slot, .. } => *slot,
        Expr::Present { of, .. } => return order_of(b, of),
        _ => return None,
    };
    if b.slots[slot as usize].optype != OpType::Ordinal {
        return None;
    }
    let named = b.values_in_order(slot)?;
    // Numbers that the field names from the least to the greatest are in their own order.
    let rising = named.windows(2).all(|pair| pair[0].num() < pair[1].num());
    (!(b.slots[slot as usize].dtype.is_number() && rising)).then(|| named.into())
}
