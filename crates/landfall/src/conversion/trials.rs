//! Which rows a converted model is compared on: beside plain ones, those with values, lengths and numbers of rows that are
//! seldom met.

use super::rows::{Recipe, Values, has_free_inner_axes, has_rows, has_whole_rows, is_of_numbers};
use landfall_model::Signature;

/// Lengths that free axes other than rows get, until the original answers.
const LENGTHS: [usize; 3] = [8, 1, 64];
/// Of a model with more inputs not each is tried by itself.
const MOST_APART: usize = 64;
/// How often numbers are drawn that go for a whole call.
const DRAWS: u64 = 4;

/// Plain rows, in the order in which they are offered to the original.
pub(super) fn first(signature: &Signature) -> Vec<Recipe> {
    let lengths = if has_free_inner_axes(signature) { &LENGTHS[..] } else { &LENGTHS[..1] };
    let of = |values: Values| lengths.iter().map(move |&length| Recipe::of(values, length));
    of(Values::Varied).chain(of(Values::Small)).collect()
}

/// Rows of the plain values: other lengths, one row, other numbers for a whole call.
pub(super) fn of_shapes(signature: &Signature, base: &Recipe) -> Vec<Recipe> {
    let mut found = Vec::new();
    if has_free_inner_axes(signature) {
        found.push(Recipe { uneven: true, ..*base });
        found.extend(
            LENGTHS.iter().filter(|&&other| other != base.length).map(|&length| Recipe { length, ..*base }),
        );
    }
    if signature.inputs().iter().any(has_rows) {
        found.extend([Recipe { rows: 1, ..*base }, Recipe { rows: 3, ..*base }]);
    }
    if !signature.inputs().iter().all(has_rows) {
        found.extend((1..DRAWS).map(|draw| Recipe { draw, ..*base }));
    }
    found
}

/// Values seldom met, in rows that are else like the plain ones. Where the graph may do something as often as a number
/// says, whole ones are large below 0 alone.
pub(super) fn of_values(signature: &Signature, base: &Recipe, may_count: bool) -> Vec<Recipe> {
    if !signature.inputs().iter().any(is_of_numbers) {
        return Vec::new();
    }
    let ends = if may_count { Values::Low } else { Values::Wide };
    let has_amounts = !may_count && signature.inputs().iter().any(has_whole_rows);
    let all = [Values::Varied, Values::Ties, ends, Values::Far];
    let all = all.into_iter().chain(has_amounts.then_some(Values::Amounts));
    let draws = if signature.inputs().iter().all(has_rows) { 1 } else { DRAWS };
    let drawn = |values: Values| (0..draws).map(move |draw| Recipe { values, draw, ..*base });
    all.filter(|values| *values != base.values).flat_map(drawn).collect()
}

/// The values of a recipe for one input after the other, all others plain; nothing new where there is one alone.
pub(super) fn apart(signature: &Signature, base: &Recipe, whole: &Recipe) -> Vec<Recipe> {
    let inputs = signature.inputs().iter().enumerate().take(MOST_APART);
    let others = signature.inputs().len() - 1;
    let with = |(slot, _)| Recipe { apart: Some((slot, whole.values)), draw: whole.draw, ..*base };
    inputs.filter(|(_, input)| others > 0 && is_of_numbers(input)).map(with).collect()
}
