//! `tf.Example`: the rows of classify and regress. A model takes them as they are, serialized, or has its inputs filled
//! with the features of their names.

mod feature;
mod filling;
mod input;

#[cfg(test)]
mod tests;

pub(super) use feature::FeatureWriter;
pub(super) use filling::inputs;

use landfall_model::{Problem, Shape, Strings, StringsMut, Tensor};

/// How many bytes the context may add by standing before each example: a few bytes could else ask for any amount of
/// memory.
const MAX_REPEATED_BYTES: usize = 64 << 20;

/// The examples of a request, each serialized.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// Features of all of them; empty where there are none.
    context: Vec<u8>,
    each: StringsMut,
}

impl Examples {
    /// Appends an example.
    pub(super) fn push(&mut self, example: &[u8]) {
        self.each.push(example);
    }

    /// Adds to the context.
    pub(super) fn add_context(&mut self, context: &[u8]) {
        self.context.extend_from_slice(context);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.each.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// Each example with the context in front: protobuf's own merge, in which an example's feature wins.
    ///
    /// # Errors
    /// Invalid argument, in the original's words where there are none; when the context would become too much.
    pub(super) fn merged(self) -> Result<Strings, Problem> {
        if self.is_empty() {
            return Err(Problem::invalid("Input is empty."));
        }
        let each = self.each.freeze();
        if self.context.is_empty() {
            return Ok(each);
        }
        let added = self.context.len().checked_mul(each.len());
        if added.is_none_or(|bytes| bytes > MAX_REPEATED_BYTES) {
            return Err(Problem::invalid(format!(
                "a context of {} bytes stands before {} examples; it may add {MAX_REPEATED_BYTES} bytes",
                self.context.len(),
                each.len()
            )));
        }
        let mut merged = StringsMut::new();
        for example in each.iter() {
            let written: Result<(), Problem> = merged.push_with(|bytes| {
                bytes.extend_from_slice(&self.context);
                bytes.extend_from_slice(example);
                Ok(())
            });
            written?;
        }
        Ok(merged.freeze())
    }
}

/// Serialized examples as the one tensor [n] that a signature over examples takes.
pub(super) fn serialized(examples: Strings) -> Result<Tensor, Problem> {
    Tensor::from_strings(Shape::new(&[examples.len()]), examples)
}
