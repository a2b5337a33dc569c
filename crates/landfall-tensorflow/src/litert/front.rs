//! Flatbuffer objects that are put in front of a file. Offsets lead forward alone, so that what is new stands before what
//! it refers to, and the file follows as it was.

use landfall_model::{BufferMut, Problem};

/// Where an offset leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum To {
    /// A place of the file behind.
    Old(usize),
    /// An object in front.
    New(Label),
}

/// An object in front, which may be written later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label(usize);

/// A field of a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// A number of one byte.
    Byte(u8),
    /// A number of four bytes.
    Number(u32),
    /// A vector, string or table.
    Offset(To),
}

/// New objects, in the order in which they were written.
#[derive(Debug)]
pub(super) struct Front {
    bytes: Vec<u8>,
    /// Places of offsets, and where they lead to.
    offsets: Vec<(usize, To)>,
    /// Where objects start.
    places: Vec<usize>,
}

/// What the bytes behind keep their alignment by.
const ALIGNMENT: usize = 64;

impl Front {
    /// Starts with the offset of the root, which is the object of the first label, and the file's mark.
    pub(super) fn new(mark: [u8; 4]) -> (Self, Label) {
        let mut front = Front { bytes: Vec::new(), offsets: Vec::new(), places: Vec::new() };
        let root = front.label();
        front.offset(To::New(root));
        front.bytes.extend_from_slice(&mark);
        (front, root)
    }

    /// A name for an object to come.
    pub(super) fn label(&mut self) -> Label {
        self.places.push(0);
        Label(self.places.len() - 1)
    }

    /// A table of fields by number.
    pub(super) fn table(&mut self, label: Label, fields: &[(usize, Value)]) {
        let slots = fields.iter().map(|(slot, _)| slot + 1).max().unwrap_or(0);
        let mut vtable = vec![0u16; slots];
        // Each field takes four bytes, the first ones the offset back to the vtable.
        for (index, (slot, _)) in fields.iter().enumerate() {
            vtable[*slot] = 4 * (index as u16 + 1);
        }
        let (size, length) = (2 * (slots as u16 + 2), 4 * (fields.len() as u16 + 1));
        let start = self.bytes.len();
        for number in [size, length].into_iter().chain(vtable) {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.align();
        self.places[label.0] = self.bytes.len();
        let back = (self.bytes.len() - start) as u32;
        self.bytes.extend_from_slice(&back.to_le_bytes());
        for (_, value) in fields {
            match *value {
                Value::Byte(byte) => self.bytes.extend_from_slice(&[byte, 0, 0, 0]),
                Value::Number(number) => self.bytes.extend_from_slice(&number.to_le_bytes()),
                Value::Offset(to) => self.offset(to),
            }
        }
    }

    /// A vector of offsets.
    pub(super) fn offsets(&mut self, label: Label, elements: &[To]) {
        self.places[label.0] = self.bytes.len();
        self.bytes.extend_from_slice(&(elements.len() as u32).to_le_bytes());
        elements.iter().for_each(|&to| self.offset(to));
    }

    /// A vector of numbers.
    pub(super) fn numbers(&mut self, label: Label, elements: &[i32]) {
        self.places[label.0] = self.bytes.len();
        self.bytes.extend_from_slice(&(elements.len() as u32).to_le_bytes());
        elements.iter().for_each(|number| self.bytes.extend_from_slice(&number.to_le_bytes()));
    }

    /// A string.
    pub(super) fn text(&mut self, label: Label, text: &str) {
        self.places[label.0] = self.bytes.len();
        self.bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self.align();
    }

    fn offset(&mut self, to: To) {
        self.offsets.push((self.bytes.len(), to));
        self.bytes.extend_from_slice(&[0; 4]);
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// The file with the objects in front, and how far its own bytes have moved.
    ///
    /// # Errors
    /// Invalid, for a file that is too long for offsets; memory that is not to be had.
    pub(super) fn before(mut self, file: &[u8]) -> Result<(BufferMut, usize), Problem> {
        let moved = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(moved, 0);
        for &(at, to) in &self.offsets {
            let target = match to {
                To::Old(place) => moved + place,
                To::New(label) => self.places[label.0],
            };
            let offset = target.checked_sub(at).and_then(|offset| i32::try_from(offset).ok());
            let offset = offset.ok_or_else(|| {
                Problem::unsupported("a file of so many bytes whose shapes show in a run", "at most 2 GiB")
            })?;
            self.bytes[at..at + 4].copy_from_slice(&offset.to_le_bytes());
        }
        let mut whole = BufferMut::with_capacity(moved + file.len());
        whole.extend_from_bytes(&self.bytes);
        whole.extend_from_bytes(file);
        Ok((whole, moved))
    }
}

#[cfg(test)]
mod tests {
    use super::super::flatbuffer::File;
    use super::*;

    #[test]
    fn what_was_put_in_front_is_read_and_leads_to_the_file_behind() {
        let (mut old, first) = Front::new(*b"TEST");
        let text = old.label();
        old.table(first, &[(1, Value::Offset(To::New(text)))]);
        old.text(text, "behind");
        let (file, _) = old.before(&[]).unwrap();
        let file = file.freeze();
        let behind = File::new("f", file.bytes());
        let place = behind.root().unwrap().target(1).unwrap().unwrap();

        let (mut front, root) = Front::new(*b"TEST");
        let (numbers, inner, list) = (front.label(), front.label(), front.label());
        let fields = [
            (4, Value::Offset(To::New(list))),
            (0, Value::Byte(7)),
            (1, Value::Offset(To::Old(place))),
            (2, Value::Number(70_000)),
            (3, Value::Offset(To::New(numbers))),
        ];
        front.table(root, &fields);
        front.offsets(list, &[To::New(inner), To::Old(behind.root().unwrap().at())]);
        front.table(inner, &[]);
        front.numbers(numbers, &[3, -1]);
        let (whole, moved) = front.before(file.bytes()).unwrap();
        assert!(moved.is_multiple_of(ALIGNMENT));
        let whole = whole.freeze();
        let read = File::new("f", whole.bytes());
        let root = read.root().unwrap();
        assert_eq!((root.u8(0).unwrap(), root.text(1).unwrap().as_str()), (7, "behind"));
        assert_eq!((root.u32(2).unwrap(), root.i32s(3).unwrap()), (70_000, vec![3, -1]));
        let tables: Vec<_> = root.tables(4).unwrap().map(Result::unwrap).collect();
        assert_eq!(tables.len(), 2);
        assert_eq!(
            (tables[0].text(1).unwrap().as_str(), tables[1].text(1).unwrap().as_str()),
            ("", "behind")
        );
    }
}
