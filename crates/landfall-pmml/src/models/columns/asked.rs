//! Predicates over columns: for each row of a block whether one holds, does not, or nobody knows. All that is asked about
//! single fields is answered first, for all rows of the block; predicates join such answers, 64 rows to a word.

use crate::blocks::{BLOCK_ROWS, Features, Loops, widest};
use crate::models::predicate::{Connective, Operator, Predicate};
use crate::resolve::{Build, Slot};
use crate::value::Value;
use std::collections::HashMap;

/// Rows whose bits are one word.
const WORD: usize = 64;

/// A bit for each row of a block.
pub(crate) type Bits = [u64; BLOCK_ROWS / WORD];

/// No row.
pub(crate) const NONE: Bits = [0; BLOCK_ROWS / WORD];

/// The first rows of a block.
pub(crate) fn first_rows(rows: usize) -> Bits {
    std::array::from_fn(|word| match rows.saturating_sub(word * WORD) {
        left if left >= WORD => u64::MAX,
        left => (1 << left) - 1,
    })
}

/// Calls with each row whose bit is set.
#[inline]
pub(crate) fn each_row(bits: &Bits, mut call: impl FnMut(usize)) {
    for (word, bits) in bits.iter().enumerate() {
        let mut left = *bits;
        while left != 0 {
            call(word * WORD + left.trailing_zeros() as usize);
            left &= left - 1;
        }
    }
}

/// Two lists of bits as one.
#[inline]
pub(crate) fn joined(a: &Bits, b: &Bits, join: impl Fn(u64, u64) -> u64) -> Bits {
    std::array::from_fn(|word| join(a[word], b[word]))
}

/// What a predicate says of a block of rows: those of which it holds, and those of which it does not. Of others that is
/// unknown.
#[derive(Clone, Copy)]
pub(crate) struct Holds {
    pub(crate) yes: Bits,
    pub(crate) no: Bits,
}

/// Predicates over features.
#[derive(Debug, Default)]
pub(crate) struct Questions(Vec<Question>);

/// What is asked about one feature, by its place.
#[derive(Debug)]
enum Question {
    Missing {
        feature: usize,
        is: bool,
    },
    Order {
        feature: usize,
        operator: Operator,
        value: f64,
    },
    /// Whether it is one of these numbers; unknown where it is none of `of`, if that names any.
    Among {
        feature: usize,
        values: Vec<f64>,
        is: bool,
        of: Vec<f64>,
    },
}

/// A predicate that joins answers.
#[derive(Debug)]
pub(crate) enum Asked {
    Always(bool),
    /// By the question's place.
    Question(usize),
    Compound(Connective, Vec<Asked>),
}

/// Predicates on their way to columns: the features that they ask about.
pub(crate) struct Asking<'b, 'a> {
    b: &'b Build<'a>,
    /// By slot: all values that are asked for.
    named: HashMap<Slot, Vec<Value>>,
    pub(crate) features: Features,
    pub(crate) questions: Questions,
}

impl<'b, 'a> Asking<'b, 'a> {
    /// Of all predicates that will be asked.
    pub(crate) fn of<'p>(b: &'b Build<'a>, predicates: impl IntoIterator<Item = &'p Predicate>) -> Self {
        let mut asking = Asking {
            b,
            named: HashMap::new(),
            features: Features::default(),
            questions: Questions::default(),
        };
        predicates.into_iter().for_each(|predicate| asking.name(predicate));
        asking
    }

    fn name(&mut self, predicate: &Predicate) {
        let (slot, values) = match predicate {
            Predicate::Equal { slot, value, .. } => (*slot, std::slice::from_ref(value)),
            Predicate::Among { slot, values, .. } => (*slot, values.as_slice()),
            Predicate::Rank { slot, order, .. } => (*slot, order.as_slice()),
            Predicate::Compound { parts, .. } => return parts.iter().for_each(|part| self.name(part)),
            _ => return,
        };
        self.named.entry(slot).or_default().extend_from_slice(values);
    }

    /// A predicate; `None` for one that asks for the order of texts, or about what is not a number.
    pub(crate) fn ask(&mut self, predicate: &Predicate) -> Option<Asked> {
        let question = match predicate {
            Predicate::True => return Some(Asked::Always(true)),
            Predicate::False => return Some(Asked::Always(false)),
            Predicate::Text { .. } => return None,
            Predicate::Compound { operator, parts } => {
                let parts = parts.iter().map(|part| self.ask(part)).collect::<Option<_>>()?;
                return Some(Asked::Compound(*operator, parts));
            }
            Predicate::Missing { slot, is } => Question::Missing { feature: self.feature(*slot), is: *is },
            Predicate::Order { slot, operator, value } => {
                let is_number = self.b.slots[*slot as usize].dtype.is_number() && !value.is_nan();
                let feature = is_number.then(|| self.feature(*slot))?;
                Question::Order { feature, operator: *operator, value: *value }
            }
            Predicate::Equal { slot, value, is } => self.among(*slot, &[*value], *is, &[])?,
            Predicate::Among { slot, values, is } => self.among(*slot, values, *is, &[])?,
            Predicate::Rank { slot, operator, rank, order } => {
                let ranked = order.iter().enumerate();
                let holds = ranked.filter(|(at, _)| operator.order(at.cmp(rank))).map(|(_, value)| *value);
                self.among(*slot, &holds.collect::<Vec<_>>(), true, order)?
            }
        };
        self.questions.0.push(question);
        Some(Asked::Question(self.questions.0.len() - 1))
    }

    fn among(&mut self, slot: Slot, values: &[Value], is: bool, of: &[Value]) -> Option<Question> {
        let feature = self.feature(slot);
        let coding = &self.features.list[feature].coding;
        let number = |value: &Value| match coding.is_number() {
            true => value.num().filter(|number| !number.is_nan()),
            false => coding.code(*value).map(f64::from),
        };
        let numbers = |values: &[Value]| values.iter().map(number).collect::<Option<Vec<f64>>>();
        Some(Question::Among { feature, values: numbers(values)?, is, of: numbers(of)? })
    }

    /// The place of a slot's numbers or categories, which may be missing.
    fn feature(&mut self, slot: Slot) -> usize {
        let feature = match self.b.slots[slot as usize].dtype.is_number() {
            true => self.features.number(slot),
            false => self.features.category(slot, self.named.get(&slot).map_or(&[], Vec::as_slice)),
        };
        self.features.list[feature].needed = false;
        feature
    }
}

impl Questions {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Answers them for `columns` [features][rows].
    pub(crate) fn tell<'t>(&self, columns: &[f64], rows: usize, space: &'t mut Vec<f64>) -> Told<'t> {
        space.clear();
        space.resize(2 * self.0.len() * rows.div_ceil(WORD), 0.0);
        widest(self, columns, rows, space, &mut Vec::new());
        Told { rows, answers: bytemuck::cast_slice(space) }
    }
}

/// The answers to questions for a block of rows.
pub(crate) struct Told<'t> {
    pub(crate) rows: usize,
    /// [questions][yes, no][rows as bits].
    answers: &'t [u64],
}

impl Told<'_> {
    fn holds(&self, question: usize) -> Holds {
        let words = self.rows.div_ceil(WORD);
        let (mut yes, mut no) = (NONE, NONE);
        yes[..words].copy_from_slice(&self.answers[2 * question * words..][..words]);
        no[..words].copy_from_slice(&self.answers[(2 * question + 1) * words..][..words]);
        Holds { yes, no }
    }
}

impl Loops for Questions {
    #[inline(always)]
    fn run(&self, columns: &[f64], rows: usize, answers: &mut [f64], _: &mut Vec<f64>) {
        let answers: &mut [u64] = bytemuck::cast_slice_mut(answers);
        let words = rows.div_ceil(WORD);
        for (question, answers) in self.0.iter().zip(answers.chunks_exact_mut(2 * words)) {
            let (yes, no) = answers.split_at_mut(words);
            question.answer(columns, rows, yes, no);
        }
    }
}

impl Question {
    #[inline(always)]
    fn answer(&self, columns: &[f64], rows: usize, yes: &mut [u64], no: &mut [u64]) {
        let (Question::Missing { feature, .. }
        | Question::Order { feature, .. }
        | Question::Among { feature, .. }) = self;
        let column = &columns[feature * rows..(feature + 1) * rows];
        match self {
            Question::Missing { is, .. } => {
                let (missing, present) = if *is { (yes, no) } else { (no, yes) };
                tell(column, missing, |x| x.is_nan());
                tell(column, present, |x| !x.is_nan());
            }
            Question::Order { operator, value, .. } => {
                order(*operator, column, *value, yes);
                order(operator.complement(), column, *value, no);
            }
            Question::Among { values, is, of, .. } => {
                let (found, others) = if *is { (yes, no) } else { (no, yes) };
                found.fill(0);
                values.iter().for_each(|value| add(column, found, |x| x == *value));
                others.fill(0);
                match of.is_empty() {
                    true => tell(column, others, |x| !x.is_nan()),
                    false => of.iter().for_each(|value| add(column, others, |x| x == *value)),
                }
                others.iter_mut().zip(found).for_each(|(others, found)| *others &= !*found);
            }
        }
    }
}

#[inline(always)]
fn order(operator: Operator, column: &[f64], value: f64, into: &mut [u64]) {
    match operator {
        Operator::Less => tell(column, into, |x| x < value),
        Operator::LessOrEqual => tell(column, into, |x| x <= value),
        Operator::Greater => tell(column, into, |x| x > value),
        Operator::GreaterOrEqual => tell(column, into, |x| x >= value),
    }
}

/// Of which numbers something is true.
#[inline(always)]
fn tell(column: &[f64], into: &mut [u64], is: impl Fn(f64) -> bool) {
    into.fill(0);
    add(column, into, is);
}

/// [`tell`], beside what is told already.
#[inline(always)]
fn add(column: &[f64], into: &mut [u64], is: impl Fn(f64) -> bool) {
    let (words, rest) = column.as_chunks::<WORD>();
    for (numbers, into) in words.iter().zip(&mut *into) {
        let mut bits = 0;
        for (place, x) in numbers.iter().enumerate() {
            bits |= u64::from(is(*x)) << place;
        }
        *into |= bits;
    }
    for (place, x) in rest.iter().enumerate() {
        into[words.len()] |= u64::from(is(*x)) << place;
    }
}

impl Asked {
    /// What it says of a block of rows. Of rows beside `wanted` it may say anything.
    pub(crate) fn holds(&self, told: &Told<'_>, wanted: &Bits) -> Holds {
        match self {
            Asked::Always(holds) => match holds {
                true => Holds { yes: first_rows(told.rows), no: NONE },
                false => Holds { yes: NONE, no: first_rows(told.rows) },
            },
            Asked::Question(question) => told.holds(*question),
            Asked::Compound(operator, parts) => {
                let (all, none) = (first_rows(told.rows), NONE);
                let mut holds = match operator {
                    Connective::And => Holds { yes: all, no: none },
                    Connective::Or | Connective::Xor => Holds { yes: none, no: all },
                    Connective::Surrogate => Holds { yes: none, no: none },
                };
                for part in parts {
                    holds = holds.with(*operator, &part.holds(told, wanted));
                    let open = joined(wanted, &holds.decided(*operator), |wanted, decided| wanted & !decided);
                    if open == NONE {
                        break;
                    }
                }
                holds
            }
        }
    }
}

impl Holds {
    /// What a connective makes of the parts so far and one more.
    fn with(&self, operator: Connective, part: &Holds) -> Holds {
        let and = |a: &Bits, b: &Bits| joined(a, b, |a, b| a & b);
        let or = |a: &Bits, b: &Bits| joined(a, b, |a, b| a | b);
        match operator {
            Connective::And => Holds { yes: and(&self.yes, &part.yes), no: or(&self.no, &part.no) },
            Connective::Or => Holds { yes: or(&self.yes, &part.yes), no: and(&self.no, &part.no) },
            Connective::Xor => Holds {
                yes: or(&and(&self.yes, &part.no), &and(&self.no, &part.yes)),
                no: or(&and(&self.yes, &part.yes), &and(&self.no, &part.no)),
            },
            // The first part that knows decides.
            Connective::Surrogate => {
                let after = |bits: &Bits, part: &Bits, other: &Bits| {
                    std::array::from_fn(|word| bits[word] | part[word] & !other[word])
                };
                Holds { yes: after(&self.yes, &part.yes, &self.no), no: after(&self.no, &part.no, &self.yes) }
            }
        }
    }

    /// Rows of which further parts change nothing.
    fn decided(&self, operator: Connective) -> Bits {
        match operator {
            Connective::And => self.no,
            Connective::Or => self.yes,
            Connective::Xor => joined(&self.yes, &self.no, |yes, no| !(yes | no)),
            Connective::Surrogate => joined(&self.yes, &self.no, |yes, no| yes | no),
        }
    }
}
