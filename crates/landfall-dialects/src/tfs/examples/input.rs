//! `tensorflow.serving.Input`: example_list = 1 (examples = 1), example_list_with_context = 2 (examples = 1,
//! context = 2).

use super::Examples;
use crate::protobuf::Writer;
use landfall_model::Problem;
use landfall_model::protobuf::Fields;

impl Examples {
    /// Takes over the fields of a (further) `Input`: of its two kinds the last one counts.
    pub(in crate::tfs) fn merge(&mut self, mut fields: Fields<'_>, kind: &mut u32) -> Result<(), Problem> {
        while let Some((field, value)) = fields.next()? {
            if !matches!(field, 1 | 2) {
                continue;
            }
            if *kind != field {
                *self = Examples::default();
                *kind = field;
            }
            let mut list = value.message()?;
            while let Some((number, value)) = list.next()? {
                match number {
                    1 => self.push(value.bytes()?),
                    2 if field == 2 => self.add_context(value.bytes()?),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Writes them as the fields of an `Input`.
    pub(in crate::tfs) fn write(&self, input: &mut Writer<'_>) {
        let kind = if self.context.is_empty() { 1 } else { 2 };
        input.message(kind, |list| {
            self.each.clone().freeze().iter().for_each(|example| list.bytes_field(1, example));
            if kind == 2 {
                list.bytes_field(2, &self.context);
            }
        });
    }
}
