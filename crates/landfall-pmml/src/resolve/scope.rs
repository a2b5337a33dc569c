//! Scopes of names, slots of values, and what else is gathered while a document is read.

use super::{DataField, OpType};
use crate::blocks::{Block, BlockId};
use crate::expression::{self, Expr};
use crate::models::TreeSpace;
use crate::read::{Element, Place, Xml};
use crate::value::{DataType, Symbols, Value};
use landfall_model::Problem;
use std::collections::HashMap;
use std::sync::Arc;

/// Index of a value within a row's workspace.
pub(crate) type Slot = u32;

/// Index of a scope.
pub(crate) type ScopeId = usize;

/// Index of a list of classes, in which distributions are counted.
pub(crate) type ClassList = usize;

/// Expressions of one document: a limit on what functions that call functions can grow to.
const EXPRESSIONS_MAX: usize = 4_000_000;

/// One value of a row: its type, and where it comes from.
#[derive(Debug)]
pub(crate) struct SlotDef {
    pub(crate) name: String,
    pub(crate) dtype: DataType,
    pub(crate) optype: OpType,
    pub(crate) source: Source,
    /// The field of the data whose values it holds.
    pub(crate) field: Option<usize>,
}

impl SlotDef {
    /// The same, but for where it comes from.
    pub(crate) fn clone_head(&self) -> SlotDef {
        SlotDef {
            name: self.name.clone(),
            dtype: self.dtype,
            optype: self.optype,
            source: Source::Set,
            field: self.field,
        }
    }
}

/// Where a slot's value comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The data: a field by its place in the dictionary.
    Input(usize),
    /// Another slot, after a model's treatment.
    Treated { from: Slot, treatment: Box<super::Treatment> },
    /// An expression.
    Derived(Box<Expr>),
    /// A model, when it has run.
    Set,
}

/// What a name means.
pub(crate) enum Entry {
    Slot(Slot),
    /// A derived field that nothing has used yet.
    Pending(Box<expression::Derived>),
    /// A derived field of the document, seen from a model that treats its fields differently.
    Borrowed(std::rc::Rc<expression::Derived>),
    /// A derived field whose expression is being resolved, and where it stands: a second visit is a cycle.
    Busy(Place),
}

struct Scope {
    parent: Option<ScopeId>,
    names: HashMap<String, Entry>,
}

/// Everything that reading a document fills.
pub(crate) struct Build<'a> {
    pub(crate) xml: Xml<'a>,
    /// Of the specification that the document follows.
    pub(crate) version: (u32, u32),
    pub(crate) symbols: Symbols,
    pub(crate) slots: Vec<SlotDef>,
    pub(crate) dictionary: Vec<Arc<DataField>>,
    pub(crate) functions: expression::Functions,
    pub(crate) lists: Vec<Vec<Value>>,
    /// Slots whose earlier values are kept, and for how many rows.
    pub(crate) lags: Vec<(Slot, usize)>,
    /// Taxonomies of the data dictionary, by name.
    pub(crate) taxonomies: HashMap<String, super::Taxonomy>,
    /// The field whose equal values make rows one record.
    pub(crate) group: Option<String>,
    pub(crate) expressions: usize,
    /// What models compute over columns.
    pub(crate) blocks: Vec<Arc<dyn Block>>,
    /// How many models around the one being read are not asked for each row.
    pub(crate) conditional: usize,
    /// Whether some output asks how far the parts of a prediction are from each other.
    pub(crate) wants_deviations: bool,
    /// Derived fields of the document, until its outermost model has its schema.
    pub(crate) outermost_derived: Vec<expression::Derived>,
    /// The same, for models that treat fields in their own way.
    pub(crate) shared_derived: Vec<std::rc::Rc<expression::Derived>>,
    /// Memory in which trees grow.
    pub(crate) tree_space: TreeSpace,
    /// Values of derived fields, in their order.
    orders: HashMap<Slot, Vec<Value>>,
    scopes: Vec<Scope>,
}

impl<'a> Build<'a> {
    pub(crate) fn new(xml: Xml<'a>) -> Self {
        Build {
            xml,
            version: (4, 4),
            symbols: Symbols::default(),
            slots: Vec::new(),
            dictionary: Vec::new(),
            functions: expression::Functions::default(),
            lists: Vec::new(),
            lags: Vec::new(),
            taxonomies: HashMap::new(),
            group: None,
            expressions: 0,
            blocks: Vec::new(),
            conditional: 0,
            wants_deviations: false,
            outermost_derived: Vec::new(),
            shared_derived: Vec::new(),
            tree_space: TreeSpace::default(),
            orders: HashMap::new(),
            scopes: Vec::new(),
        }
    }

    pub(crate) fn scope(&mut self, parent: Option<ScopeId>) -> ScopeId {
        self.scopes.push(Scope { parent, names: HashMap::new() });
        self.scopes.len() - 1
    }

    pub(crate) fn parent(&self, scope: ScopeId) -> Option<ScopeId> {
        self.scopes[scope].parent
    }

    pub(crate) fn slot(&mut self, def: SlotDef) -> Slot {
        self.slots.push(def);
        (self.slots.len() - 1) as Slot
    }

    /// A name of a scope becomes a slot.
    ///
    /// # Errors
    /// When the scope has the name already.
    pub(crate) fn declare(
        &mut self,
        scope: ScopeId,
        name: &str,
        slot: Slot,
        place: Place,
    ) -> Result<(), Problem> {
        match self.scopes[scope].names.insert(name.to_owned(), Entry::Slot(slot)) {
            None => Ok(()),
            Some(_) => Err(self.xml.malformed(place, format!("field {name:?} is declared twice"))),
        }
    }

    /// A name becomes a slot, whatever it was: results of models, where names may come again.
    pub(crate) fn redeclare(&mut self, scope: ScopeId, name: &str, slot: Slot) {
        self.scopes[scope].names.insert(name.to_owned(), Entry::Slot(slot));
    }

    /// A derived field, resolved when it is used or when its scope is complete.
    pub(crate) fn defer(&mut self, scope: ScopeId, derived: expression::Derived) -> Result<(), Problem> {
        let place = derived.place;
        let name = derived.name.clone();
        match self.scopes[scope].names.insert(name.clone(), Entry::Pending(Box::new(derived))) {
            // It may have the name of one of the document's, or of any field of an enclosing model; not of one of its own.
            None | Some(Entry::Borrowed(_)) => Ok(()),
            Some(_) => Err(self.xml.malformed(place, format!("field {name:?} is declared twice"))),
        }
    }

    /// The slot of a name, in the scope or those around it; `None` when no scope has it.
    pub(crate) fn try_resolve(&mut self, scope: ScopeId, name: &str) -> Result<Option<Slot>, Problem> {
        let mut at = Some(scope);
        while let Some(id) = at {
            match self.scopes[id].names.get_mut(name) {
                None => at = self.scopes[id].parent,
                Some(Entry::Slot(slot)) => return Ok(Some(*slot)),
                Some(entry) => {
                    let place = match entry {
                        Entry::Pending(derived) => derived.place,
                        Entry::Borrowed(derived) => derived.place,
                        Entry::Slot(_) => Place(0),
                        Entry::Busy(place) => *place,
                    };
                    return match std::mem::replace(entry, Entry::Busy(place)) {
                        Entry::Pending(derived) => self.resolve_derived(id, *derived).map(Some),
                        Entry::Borrowed(derived) => {
                            self.resolve_derived(id, derived.as_ref().clone()).map(Some)
                        }
                        Entry::Slot(_) | Entry::Busy(_) => {
                            let what = format!("derived field {name:?} depends on itself");
                            Err(self.xml.malformed(place, what))
                        }
                    };
                }
            }
        }
        Ok(None)
    }

    /// A derived field that nothing has used yet, as the document has it.
    pub(crate) fn pending(&self, scope: ScopeId, name: &str) -> Option<expression::Derived> {
        match self.scopes[scope].names.get(name)? {
            Entry::Pending(derived) => Some(derived.as_ref().clone()),
            Entry::Borrowed(derived) => Some(derived.as_ref().clone()),
            _ => None,
        }
    }

    /// The slot of a name.
    pub(crate) fn resolve(&mut self, scope: ScopeId, name: &str, place: Place) -> Result<Slot, Problem> {
        self.try_resolve(scope, name)?.ok_or_else(|| self.undeclared(name, place))
    }

    fn resolve_derived(&mut self, scope: ScopeId, derived: expression::Derived) -> Result<Slot, Problem> {
        let slot = expression::derived_slot(self, scope, &derived)?;
        self.scopes[scope].names.insert(derived.name, Entry::Slot(slot));
        Ok(slot)
    }

    /// The document's derived fields are resolved anew for a model that treats fields in its own way, as far as it
    /// uses them.
    pub(crate) fn borrow_outermost(&mut self, scope: ScopeId) {
        for derived in self.shared_derived.clone() {
            let names = &mut self.scopes[scope].names;
            names.entry(derived.name.clone()).or_insert(Entry::Borrowed(derived));
        }
    }

    /// Whether a name of the scope means something else than around it.
    pub(crate) fn differs(&mut self, scope: ScopeId, name: &str) -> Result<bool, Problem> {
        let Some(parent) = self.parent(scope) else { return Ok(false) };
        let own = match self.scopes[scope].names.get(name) {
            Some(Entry::Slot(slot)) => Some(*slot),
            _ => None,
        };
        Ok(own.is_some() && self.try_resolve(parent, name)? != own)
    }

    /// Resolves all derived fields of a scope, used or not, so that each mistake is found at load.
    pub(crate) fn settle(&mut self, scope: ScopeId) -> Result<(), Problem> {
        let pending =
            |(name, entry): (&String, &Entry)| matches!(entry, Entry::Pending(_)).then(|| name.clone());
        let mut names: Vec<String> = self.scopes[scope].names.iter().filter_map(pending).collect();
        names.sort();
        names.iter().try_for_each(|name| self.try_resolve(scope, name).map(|_| ()))
    }

    /// The attribute `dataType`.
    pub(crate) fn dtype(&self, element: &Element<'a>) -> Result<Option<DataType>, Problem> {
        // One writer of 3.x files spells it in lower case, and so do examples of the specifications up to 4.0, which name
        // the types of schemas.
        match element.get("dataType").or_else(|| element.get("datatype")) {
            None => Ok(None),
            Some(name) => match DataType::named(name.strip_prefix("xs:").unwrap_or(name)) {
                Some(dtype) => Ok(Some(dtype)),
                None => Err(element.value(&self.xml, "dataType")),
            },
        }
    }

    /// The values of a derived field, in their order.
    pub(crate) fn order_values(&mut self, slot: Slot, values: Vec<Value>) {
        if !values.is_empty() {
            self.orders.insert(slot, values);
        }
    }

    /// The values of a slot in the order in which its field names them; `None` where it names none.
    pub(crate) fn values_in_order(&self, slot: Slot) -> Option<&[Value]> {
        let named = match self.slots[slot as usize].field {
            Some(field) => Some(&self.dictionary[field].valid),
            None => self.orders.get(&slot),
        };
        named.map(Vec::as_slice).filter(|values| !values.is_empty())
    }

    /// That so many earlier values of a slot are kept.
    pub(crate) fn keep_rows(&mut self, slot: Slot, rows: usize) {
        match self.lags.iter_mut().find(|(lagged, _)| *lagged == slot) {
            Some((_, kept)) => *kept = (*kept).max(rows),
            None => self.lags.push((slot, rows)),
        }
    }

    /// A constant of a type.
    ///
    /// # Errors
    /// When the text is none.
    pub(crate) fn constant(&mut self, text: &str, dtype: DataType, place: Place) -> Result<Value, Problem> {
        let symbols = &mut self.symbols;
        match dtype.parse(text, |text| symbols.intern(text)) {
            Some(value) => Ok(value),
            // A threshold with a fraction on a field of whole numbers.
            None if (dtype.is_whole() || dtype == DataType::Boolean)
                && crate::value::number(text).is_some() =>
            {
                Ok(Value::of(crate::value::number(text)))
            }
            None => Err(self.xml.malformed(place, format!("{text:?} is not of type {dtype:?}"))),
        }
    }

    /// The place of a class in a list, added where it is new.
    pub(crate) fn class(&mut self, list: ClassList, value: Value) -> usize {
        let classes = &mut self.lists[list];
        match classes.iter().position(|class| *class == value) {
            Some(place) => place,
            None => {
                classes.push(value);
                classes.len() - 1
            }
        }
    }

    /// A class of a list by its text, of a type where it can be: its place, and itself.
    pub(crate) fn class_named(&mut self, list: ClassList, dtype: DataType, text: &str) -> (usize, Value) {
        let symbols = &mut self.symbols;
        let parsed = dtype.parse(text, |text| symbols.intern(text));
        let value = parsed.unwrap_or_else(|| Value::Text(self.symbols.intern(text)));
        (self.class(list, value), value)
    }

    /// Takes what a model computes over columns. A model that is not asked for each row goes row by row.
    pub(crate) fn block<B: Block + 'static>(&mut self, block: impl FnOnce() -> Option<B>) -> Option<BlockId> {
        let block = if self.conditional == 0 { block()? } else { return None };
        self.blocks.push(Arc::new(block));
        Some(self.blocks.len() - 1)
    }

    /// Counts an expression.
    ///
    /// # Errors
    /// When there are too many.
    pub(crate) fn count_expression(&mut self, place: Place) -> Result<(), Problem> {
        self.expressions += 1;
        if self.expressions > EXPRESSIONS_MAX {
            return Err(self.xml.malformed(place, "functions that call functions grow beyond any use"));
        }
        Ok(())
    }
}
