//! Functions that a file itself defines (`FunctionProto` of `onnx.proto`): operators whose nodes stand in the file. They have
//! no types of their own: those of a call follow from its inputs.

use super::Kinds;
use crate::declared::ElementType;
use crate::node::{Node, Operator};
use landfall_model::Problem;
use landfall_model::protobuf::Fields;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Functions that call functions, and graphs within their nodes, are followed so deep together: more would be too much for a
/// thread's stack.
const MOST_LEVELS: usize = 48;

/// Element types of values, as far as they are known.
pub(crate) type Elements = Vec<Option<ElementType>>;

/// The functions of one file.
#[derive(Default)]
pub(crate) struct Functions<'a> {
    all: BTreeMap<Operator<'a>, Function<'a>>,
    /// What outputs are of, by function and the types of its inputs.
    answers: RefCell<HashMap<(Operator<'a>, Elements), Elements>>,
    levels: Rc<Cell<usize>>,
}

/// A level that is being followed.
pub(crate) struct Level(Rc<Cell<usize>>);

impl Drop for Level {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// One function.
pub(crate) struct Function<'a> {
    /// The whole message.
    pub(crate) fields: Fields<'a>,
    pub(crate) inputs: Vec<&'a str>,
    outputs: Vec<&'a str>,
    /// The version of ONNX's own operators within it.
    pub(crate) opset: Option<i64>,
}

impl<'a> Functions<'a> {
    /// Reads those of a `ModelProto`.
    ///
    /// # Errors
    /// Malformed.
    pub(crate) fn read(file: &'a str, bytes: &'a [u8]) -> Result<Self, Problem> {
        let mut functions = Functions::default();
        let mut fields = Fields::new(file, bytes);
        while let Some((number, value)) = fields.next()? {
            if number == 25 {
                let (operator, function) = read(value.message()?)?;
                functions.all.insert(operator, function);
            }
        }
        Ok(functions)
    }

    /// The function that a node calls, if any.
    pub(crate) fn called(&self, node: &Node<'a>) -> Option<(Operator<'a>, &Function<'a>)> {
        let (operator, function) = self.all.get_key_value(&node.called())?;
        Some((*operator, function))
    }

    /// Whether there is one of this domain and name.
    pub(crate) fn has(&self, domain: &str, name: &str) -> bool {
        self.all.keys().any(|operator| (operator.0, operator.1) == (domain, name))
    }

    /// Goes a level deeper, into a function or a graph within a node, for as long as what it gives lives.
    ///
    /// # Errors
    /// Malformed, where it is too deep: functions may call each other without end.
    pub(crate) fn level(&self, within: &Fields<'a>) -> Result<Level, Problem> {
        if self.levels.get() >= MOST_LEVELS {
            let text = format!("functions, and graphs within nodes, more than {MOST_LEVELS} deep");
            return Err(within.malformed(text));
        }
        self.levels.set(self.levels.get() + 1);
        Ok(Level(self.levels.clone()))
    }

    /// What the outputs of a call are of.
    ///
    /// # Errors
    /// As [`Functions::level`]; malformed.
    pub(crate) fn outputs(
        self: &Rc<Self>,
        operator: Operator<'a>,
        inputs: Elements,
    ) -> Result<Elements, Problem> {
        let Some(function) = self.all.get(&operator) else { return Ok(Vec::new()) };
        let key = (operator, inputs);
        if let Some(known) = self.answers.borrow().get(&key) {
            return Ok(known.clone());
        }
        let _level = self.level(&function.fields)?;
        let kinds = Kinds::in_function(self, function, &key.1)?;
        let outputs: Elements = function.outputs.iter().map(|output| kinds.element(output)).collect();
        self.answers.borrow_mut().insert(key, outputs.clone());
        Ok(outputs)
    }
}

fn read(message: Fields<'_>) -> Result<(Operator<'_>, Function<'_>), Problem> {
    let (mut name, mut domain, mut overload) = ("", "", "");
    let mut function =
        Function { fields: message.clone(), inputs: Vec::new(), outputs: Vec::new(), opset: None };
    let mut fields = message;
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => name = value.text()?,
            4 => function.inputs.push(value.text()?),
            5 => function.outputs.push(value.text()?),
            9 => {
                let (domain, version) = crate::declared::opset(value.message()?)?;
                if matches!(domain.as_str(), "" | "ai.onnx") {
                    function.opset = Some(version);
                }
            }
            10 => domain = value.text()?,
            13 => overload = value.text()?,
            _ => {}
        }
    }
    let domain = if domain == "ai.onnx" { "" } else { domain };
    Ok(((domain, name, overload), function))
}
