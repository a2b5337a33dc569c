//! Rows one at a time inside a process: typed values by place, no tensors, no names.

use crate::blocks::{BlockCx, BlockData, BlockMemory};
use crate::model::PmmlModel;
use crate::resolve::Slot;
use crate::run::{Answer, Answered, Compiled, Cx, Work};
use crate::value::{DataType, Value};
use landfall_model::{Kind, Problem, RowRule};
use std::sync::Arc;

/// A document and a workspace for one thread.
///
/// ```
/// # let bytes = br#"<PMML version="4.4"><DataDictionary><DataField name="x" optype="continuous" dataType="double"/>
/// # <DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
/// # <RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/>
/// # <MiningField name="y" usageType="target"/></MiningSchema><RegressionTable intercept="1">
/// # <NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel></PMML>"#;
/// use landfall_pmml::Scorer;
///
/// let mut scorer = Scorer::read(bytes, "model.pmml")?;
/// assert_eq!((scorer.inputs(), scorer.outputs()), (vec!["x"], vec!["y"]));
/// scorer.start();
/// scorer.set_number(0, 3.0);
/// scorer.run()?;
/// assert_eq!(scorer.number(0)?, Some(7.0));
/// # Ok::<(), landfall_model::Problem>(())
/// ```
pub struct Scorer {
    compiled: Arc<Compiled>,
    inputs: Vec<Input>,
    outputs: Vec<Answered>,
    work: Work,
    memory: BlockMemory,
    answer: Answer,
    /// Whether the document's models are for columns: a row is then a block of one.
    over_columns: bool,
    /// Whether the row has been answered so.
    answered: bool,
}

/// One input.
struct Input {
    /// Place in the dictionary.
    place: usize,
    takes: Takes,
}

/// How an input takes numbers.
#[derive(Clone, Copy)]
enum Takes {
    /// As they come.
    Any,
    /// In single precision.
    Single,
    /// As its field says.
    Field,
}

impl Scorer {
    /// Reads a document; `name` stands in messages.
    ///
    /// # Errors
    /// What is not PMML, or not implemented, with its line and column; unimplemented for a model whose rows are not
    /// independent of each other.
    pub fn read(bytes: &[u8], name: &str) -> Result<Scorer, Problem> {
        let model = crate::engine::read(bytes, name, None)?;
        if *model.rows() != RowRule::Independent {
            let what = "a model whose rows depend on each other, one row at a time";
            return Err(Problem::worded(Kind::Unimplemented, what));
        }
        Ok(Scorer::of(&model))
    }

    fn of(model: &PmmlModel) -> Scorer {
        let compiled = model.compiled();
        let takes = |place: usize| {
            let field = &compiled.dictionary[place];
            let is_nan = |value: &Value| matches!(value, Value::Num(number) if number.is_nan());
            match field.dtype {
                dtype if !dtype.is_number() || !field.missing.iter().all(is_nan) => Takes::Field,
                DataType::Float => Takes::Single,
                _ => Takes::Any,
            }
        };
        let input = |place: usize| Input { place, takes: takes(place) };
        Scorer {
            inputs: model.input_places().into_iter().map(input).collect(),
            outputs: model.answered(),
            work: Work::new(&compiled),
            memory: BlockMemory::new(&compiled),
            answer: Answer::default(),
            over_columns: compiled.goes_ahead(),
            answered: false,
            compiled,
        }
    }

    /// Names of the inputs, by place.
    pub fn inputs(&self) -> Vec<&str> {
        self.inputs.iter().map(|input| self.compiled.dictionary[input.place].name.as_str()).collect()
    }

    /// Names of the outputs, by place.
    pub fn outputs(&self) -> Vec<&str> {
        self.outputs.iter().map(|output| output.name.as_str()).collect()
    }

    /// Begins a row: all its values are missing.
    pub fn start(&mut self) {
        self.work.start_row(0);
    }

    /// Sets an input to a number, rounded as its field holds numbers; not a number is missing.
    ///
    /// # Panics
    /// When there is no such input.
    #[inline]
    pub fn set_number(&mut self, input: usize, number: f64) {
        let Input { place, takes } = self.inputs[input];
        let number = match takes {
            Takes::Any => number,
            Takes::Single => f64::from(number as f32),
            Takes::Field => return self.set_number_of(place, number),
        };
        self.work.input[place] = Value::number(number);
    }

    fn set_number_of(&mut self, place: usize, number: f64) {
        let field = &self.compiled.dictionary[place];
        let value = match field.dtype {
            _ if number.is_nan() => Value::Missing,
            DataType::Boolean => Value::Bool(number != 0.0),
            dtype => Value::Num(dtype.rounded(number)),
        };
        let missing = !field.missing.is_empty() && field.missing.contains(&value);
        self.work.input[place] = if missing { Value::Missing } else { value };
    }

    /// Sets an input to what a text says, as its field reads text.
    ///
    /// # Panics
    /// When there is no such input.
    pub fn set_text(&mut self, input: usize, text: &str) {
        let place = self.inputs[input].place;
        let value = Cx { m: &self.compiled, w: &mut self.work }.read(place, text);
        self.work.input[place] = value;
    }

    /// Evaluates the row.
    ///
    /// # Errors
    /// A value that the model refuses, by field.
    pub fn run(&mut self) -> Result<(), Problem> {
        self.answered = self.over_columns && self.run_as_block();
        if self.answered {
            return Ok(());
        }
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        self.compiled.root.run(&mut cx, &mut self.answer)
    }

    /// Whether the last row was answered as a block of one: the fast way, which rows of tables take as well.
    pub fn answered_as_block(&self) -> bool {
        self.answered
    }

    /// Whether the row could be answered as a block of one.
    fn run_as_block(&mut self) -> bool {
        let mut cx = BlockCx::new(&self.compiled, &mut self.memory, BlockData::Row(&self.work.input));
        let mut answers = cx.take_answers();
        self.over_columns = self.compiled.root.over_columns(&mut cx, &mut answers);
        cx.give_answers(answers);
        self.over_columns && self.memory.covered[0]
    }

    fn value(&mut self, slot: Slot) -> Result<Value, Problem> {
        let cells = self.memory.cells(slot).filter(|_| self.answered);
        match cells {
            Some(cells) => Ok(cells.value(&self.compiled, 0)),
            None => Cx { m: &self.compiled, w: &mut self.work }.get(slot),
        }
    }

    /// Whether an output is text, not a number.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn output_is_text(&self, output: usize) -> bool {
        !self.outputs[output].dtype.is_number()
    }

    /// An output as a number; `None` where it is missing, or none.
    ///
    /// # Errors
    /// As [`Scorer::run`]: some outputs are made when they are asked for.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn number(&mut self, output: usize) -> Result<Option<f64>, Problem> {
        Ok(self.value(self.outputs[output].slot)?.num())
    }

    /// An output as text, as a table would show it; `None` where it is missing.
    ///
    /// # Errors
    /// As [`Scorer::number`].
    ///
    /// # Panics
    /// As [`Scorer::number`].
    pub fn text(&mut self, output: usize) -> Result<Option<String>, Problem> {
        let (slot, dtype) = (self.outputs[output].slot, self.outputs[output].dtype);
        let value = self.value(slot)?;
        let none = matches!(value, Value::Missing | Value::Invalid);
        let cx = Cx { m: &self.compiled, w: &mut self.work };
        Ok((!none).then(|| cx.shown(value, dtype)))
    }
}
