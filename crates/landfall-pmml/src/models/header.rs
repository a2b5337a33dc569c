//! What all models have in common: schema, transformations, targets, output.

use super::{Body, Math, Model, OtherTarget, output};
use crate::expression;
use crate::read::{Element, Place};
use crate::resolve::{self, Build, ClassList, OpType, Schema, ScopeId, Slot, SlotDef, Source, Target};
use crate::value::{DataType, Value};
use crate::verification::{self, Verification};
use landfall_model::Problem;

/// What a model is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MiningFunction {
    Regression,
    Classification,
    Clustering,
    AssociationRules,
    TimeSeries,
    Mixed,
}

/// A model's target field.
#[derive(Clone, Debug)]
pub(crate) struct TargetInfo {
    pub(crate) name: String,
    /// Where the prediction is put.
    pub(crate) result: Slot,
    /// Where the actual value is, when the data has it.
    pub(crate) actual: Option<Slot>,
}

/// Reads `<LocalTransformations>` into a scope.
pub(super) fn local_transformations<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    scope: ScopeId,
) -> Result<(), Problem> {
    element.only(&b.xml, &[])?;
    while let Some(field) = b.xml.child(element)? {
        if field.name != "DerivedField" {
            return Err(b.xml.unknown(&field, element));
        }
        let derived = expression::read_derived(b, &field)?;
        b.defer(scope, derived)?;
    }
    Ok(())
}

/// What has been read of a model beside its own children.
pub(crate) struct Header {
    pub(crate) scope: ScopeId,
    pub(crate) function: MiningFunction,
    pub(crate) math: Math,
    pub(crate) list: ClassList,
    /// Type of classes or of numbers predicted.
    pub(crate) dtype: DataType,
    pub(crate) target: Option<TargetInfo>,
    pub(crate) target_optype: Option<OpType>,
    pub(crate) schema: Schema,
    pub(crate) results: Vec<(String, Slot)>,
    /// Targets beside the first.
    pub(crate) others: Vec<OtherTarget>,
    pub(crate) outputs: Vec<output::Document>,
    pub(crate) forwarded: Vec<(String, DataType, Slot)>,
    targets: resolve::Targets,
    verification: Option<Verification>,
    inherited: Option<(Option<String>, ClassList, DataType, Option<OpType>)>,
    /// What the model around it is for.
    around: Option<MiningFunction>,
    /// Whether segments within answer for this model's target, whatever theirs is called; whether this is such a segment.
    pub(crate) joins: bool,
    is_joined: bool,
    /// Whether its target is known: its schema has been read, or it has none of its own.
    is_settled: bool,
}

impl Header {
    pub(crate) fn new<'a>(
        b: &mut Build<'a>,
        element: &Element<'a>,
        around: ScopeId,
        outer: Option<&Header>,
    ) -> Result<Self, Problem> {
        let function = match element.need(&b.xml, "functionName")? {
            "regression" => MiningFunction::Regression,
            "classification" => MiningFunction::Classification,
            "clustering" => MiningFunction::Clustering,
            "associationRules" | "sequences" => MiningFunction::AssociationRules,
            "timeSeries" => MiningFunction::TimeSeries,
            "mixed" => MiningFunction::Mixed,
            _ => return Err(element.value(&b.xml, "functionName")),
        };
        let float = match element.get("x-mathContext") {
            None | Some("double") => false,
            Some("float") => true,
            Some(_) => return Err(element.value(&b.xml, "x-mathContext")),
        };
        let inherited = outer.map(|outer| {
            let name = outer.target.as_ref().map(|target| target.name.clone());
            (name, outer.list, outer.dtype, outer.target_optype)
        });
        let scope = b.scope(Some(around));
        Ok(Header {
            scope,
            function,
            math: Math { float },
            list: 0,
            dtype: DataType::Double,
            target: None,
            target_optype: None,
            schema: Schema::default(),
            results: Vec::new(),
            others: Vec::new(),
            outputs: Vec::new(),
            forwarded: Vec::new(),
            targets: resolve::Targets::default(),
            verification: None,
            inherited,
            around: outer.map(|outer| outer.function),
            joins: false,
            is_joined: outer.is_some_and(|outer| outer.joins && outer.results.len() == 1),
            is_settled: false,
        })
    }

    /// Whether no model is around this one.
    pub(crate) fn is_outermost(&self) -> bool {
        self.inherited.is_none()
    }

    /// Of a model that has no schema of its own.
    pub(super) fn embedded<'a>(
        b: &mut Build<'a>,
        element: &Element<'a>,
        outer: &Header,
    ) -> Result<Self, Problem> {
        let mut header = Header::new(b, element, outer.scope, Some(outer))?;
        if header.function != outer.function && outer.function != MiningFunction::Mixed {
            // A regression of what a classification decides later, or the like: it predicts a field of its own.
            header.inherited = Some((None, outer.list, DataType::Double, None));
        }
        header.math = Math { float: header.math.float || outer.math.float };
        header.settle_target(b);
        Ok(header)
    }

    /// The next child that is the model's own; the common ones before it are taken in.
    pub(crate) fn next<'a>(
        &mut self,
        b: &mut Build<'a>,
        element: &Element<'a>,
    ) -> Result<Option<Element<'a>>, Problem> {
        while let Some(child) = b.xml.child(element)? {
            match child.name.as_ref() {
                "MiningSchema" if !self.is_settled => {
                    self.schema = resolve::schema::read(b, &child, self.scope)?;
                    self.settle_target(b);
                    // Rows that are equal in this field are one record.
                    let mut fields = self.schema.fields.iter();
                    if let Some(group) = fields.find(|field| field.usage == resolve::Usage::Group) {
                        b.group.get_or_insert_with(|| group.name.clone());
                    }
                    b.declare_outermost(self.scope);
                    self.borrow_derived(b)?;
                }
                "Output" => {
                    self.outputs.extend(output::read(b, &child)?);
                    b.wants_deviations |= self.outputs.iter().any(output::Document::wants_deviation);
                }
                "ResultField" => self.outputs.push(output::read_field(b, &child)?),
                "Targets" => {
                    let read = resolve::targets::read(b, &child, |name| self.dtype_of(name))?;
                    self.known_targets(b, &read, child.place)?;
                    self.targets.0.extend(read.0);
                    if let Some(optype) = self.own_targets().and_then(|target| target.optype) {
                        self.target_optype = Some(optype);
                    }
                }
                "LocalTransformations" => local_transformations(b, &child, self.scope)?,
                "ModelVerification" => self.verification = Some(verification::read(b, &child)?),
                // For people: how the training data looked, and how good the model is.
                "ModelStats" | "ModelExplanation" => b.xml.skip(&child)?,
                _ if self.is_settled => return Ok(Some(child)),
                own => {
                    let what =
                        format!("<{}> lacks its <MiningSchema>, which stands before <{own}>", element.name);
                    return Err(b.xml.malformed(child.place, what));
                }
            }
        }
        match self.is_settled {
            true => Ok(None),
            false => {
                Err(b.xml.malformed(element.place, format!("<{}> lacks its <MiningSchema>", element.name)))
            }
        }
    }

    /// That what `<Targets>` name are targets of this model, or fields: of those nothing is used.
    fn known_targets(&self, b: &mut Build<'_>, read: &resolve::Targets, place: Place) -> Result<(), Problem> {
        // A model without targets is treated as the one that is named.
        let own = read.0.iter().filter(|_| !self.results.is_empty());
        for field in own.filter_map(|target| target.field.as_ref()) {
            if !self.results.iter().any(|(name, _)| name == field) {
                b.resolve(self.scope, field, place)?;
            }
        }
        Ok(())
    }

    /// A model that treats a field in its own way sees the document's derived fields made of its own values.
    fn borrow_derived(&self, b: &mut Build<'_>) -> Result<(), Problem> {
        if self.inherited.is_none() || b.shared_derived.is_empty() {
            return Ok(());
        }
        for field in &self.schema.fields {
            if b.differs(self.scope, &field.name)? {
                b.borrow_outermost(self.scope);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Type of a class value, or of a predicted number.
    fn number_or_class(&self) -> DataType {
        match self.function {
            MiningFunction::Regression if !self.dtype.is_number() => DataType::Double,
            _ => self.dtype,
        }
    }

    /// Type of the values that `<Target>` names of a field, or of the one target.
    fn dtype_of(&self, field: Option<&str>) -> DataType {
        let own = self.target.as_ref().map(|target| target.name.as_str());
        match field.filter(|name| own.is_some_and(|own| own != *name)) {
            // Neighbours predict classes whatever the model is for.
            None if self.target_optype.is_some_and(|optype| optype != OpType::Continuous) => self.dtype,
            None => self.number_or_class(),
            Some(name) => {
                let other = self.others.iter().find(|other| other.name == name);
                // What is said of a field that this model does not predict is not used.
                other.map_or(DataType::String, |other| other.dtype)
            }
        }
    }

    /// Where `field` is among the other targets; `None` for the model's own target.
    pub(crate) fn other(&self, field: &str) -> Option<usize> {
        self.others.iter().position(|other| other.name == field)
    }

    fn settle_others(&mut self, b: &mut Build<'_>) {
        let fields = self.schema.targets().zip(&self.results).skip(1);
        for (field, (name, result)) in fields {
            let def = &b.slots[*result as usize];
            let (dtype, optype) = (def.dtype, def.optype);
            let data = field.slot.and_then(|slot| b.slots[slot as usize].field);
            let valid =
                data.filter(|_| optype != OpType::Continuous).map(|at| b.dictionary[at].valid.clone());
            b.lists.push(valid.unwrap_or_default());
            let (list, actual) = (b.lists.len() - 1, field.slot);
            let (name, result) = (name.clone(), *result);
            self.others.push(OtherTarget { name, result, actual, dtype, optype, list, treatment: None });
        }
    }

    fn settle_target(&mut self, b: &mut Build<'_>) {
        self.is_settled = true;
        let text = matches!(
            self.function,
            MiningFunction::Classification | MiningFunction::Clustering | MiningFunction::AssociationRules
        );
        for field in self.schema.targets() {
            let def = field.slot.map(|slot| b.slots[slot as usize].clone_head());
            let dtype = def.as_ref().map_or(DataType::Double, |def| def.dtype);
            let optype = def.as_ref().map_or(OpType::Continuous, |def| def.optype);
            let result =
                b.slot(SlotDef { name: field.name.clone(), dtype, optype, source: Source::Set, field: None });
            self.results.push((field.name.clone(), result));
        }
        self.settle_others(b);
        let own = self.schema.targets().next().cloned();
        self.target = own.as_ref().map(|field| TargetInfo {
            name: field.name.clone(),
            result: self.results[0].1,
            actual: field.slot,
        });
        // Classes within a regression are none of its numbers.
        let of_its_own = text && own.is_none() && self.around == Some(MiningFunction::Regression);
        let shared = match (&self.inherited, &own) {
            _ if of_its_own => None,
            (Some((_, list, dtype, optype)), None) => Some((*list, *dtype, *optype)),
            (Some((Some(name), list, dtype, optype)), Some(own))
                if *name == own.name || (text && self.is_joined) =>
            {
                Some((*list, *dtype, *optype))
            }
            _ => None,
        };
        match shared {
            Some((list, dtype, optype)) => {
                (self.list, self.dtype, self.target_optype) = (list, dtype, optype);
            }
            None => {
                let field = own.as_ref().and_then(|field| field.slot).map(|slot| &b.slots[slot as usize]);
                let data = field.and_then(|def| def.field).map(|at| b.dictionary[at].clone());
                self.dtype =
                    field.map_or(if text { DataType::String } else { DataType::Double }, |def| def.dtype);
                self.target_optype = field.map(|def| def.optype);
                let listed = data.filter(|data| data.optype != OpType::Continuous);
                b.lists.push(listed.map(|data| data.valid.clone()).unwrap_or_default());
                self.list = b.lists.len() - 1;
            }
        }
    }

    /// A class as the document names it, and its place in the model's list.
    pub(crate) fn class<'a>(&self, b: &mut Build<'a>, text: &str) -> (usize, Value) {
        b.class_named(self.list, self.dtype, text)
    }

    /// The same of one of the other targets, or of the model's own where none is given.
    pub(crate) fn class_of<'a>(&self, b: &mut Build<'a>, other: Option<usize>, text: &str) -> (usize, Value) {
        match other.map(|other| &self.others[other]) {
            Some(other) => b.class_named(other.list, other.dtype, text),
            None => self.class(b, text),
        }
    }

    /// A score: a number, or a class, by the model's function.
    pub(crate) fn score<'a>(
        &self,
        b: &mut Build<'a>,
        element: &Element<'a>,
        name: &str,
    ) -> Result<Option<Value>, Problem> {
        if self.function == MiningFunction::Regression {
            return Ok(self.math.number(&b.xml, element, name)?.map(Value::Num));
        }
        Ok(element.get(name).map(|text| self.class(b, text).1))
    }

    pub(super) fn finish<'a>(
        self,
        b: &mut Build<'a>,
        element: &Element<'a>,
        body: Box<dyn Body>,
    ) -> Result<Model, Problem> {
        b.settle(self.scope)?;
        let targets = self.own_targets();
        let mut others = self.others.clone();
        for other in &mut others {
            let named = |target: &&Target| target.field.as_ref() == Some(&other.name);
            other.treatment = self.targets.0.iter().find(named).cloned();
        }
        let dtype = match self.function {
            MiningFunction::Regression if self.target.is_none() => self.math.dtype(),
            _ => self.number_or_class(),
        };
        let outputs = self.outputs.clone();
        let mut model = Model {
            element: element.name.to_string(),
            function: self.function,
            target: self.target.clone(),
            dtype,
            math: self.math,
            list: self.list,
            body,
            targets,
            others,
            results: self.results.clone(),
            outputs: Vec::new(),
            forwarded: self.forwarded.clone(),
            verification: None,
            active: self.active(),
            unnamed: self.unnamed(b),
        };
        let scope = self.output_scope(b);
        let answered = |name: &String| self.forwarded.iter().any(|(other, ..)| other == name);
        let unanswered =
            |document: &&output::Document| document.segment.is_some() && !answered(&document.name);
        if let Some(document) = outputs.iter().find(unanswered) {
            return Err(document.no_segment(b));
        }
        for document in outputs.iter().filter(|document| document.segment.is_none()) {
            let field = output::resolve(b, scope, &model, &self.results, document)?;
            let field = if self.inherited.is_none() { field.of_outermost() } else { field };
            b.redeclare(scope, &document.name, field.slot);
            model.outputs.push(field);
        }
        model.verification = self.verification;
        Ok(model)
    }

    /// Names as output fields see them: a target's name means its prediction.
    pub(super) fn output_scope(&self, b: &mut Build<'_>) -> ScopeId {
        let scope = b.scope(Some(self.scope));
        for (name, slot) in &self.results {
            b.redeclare(scope, name, *slot);
        }
        scope
    }

    fn active(&self) -> Vec<String> {
        let inputs = self.schema.fields.iter().filter(|field| field.usage.is_input());
        inputs.map(|field| field.name.clone()).collect()
    }

    fn unnamed(&self, b: &mut Build<'_>) -> Option<Slot> {
        let outermost = self.inherited.is_none() && self.target.is_none();
        outermost.then(|| {
            let (name, optype) = ("_target".to_owned(), OpType::Continuous);
            b.slot(SlotDef { name, dtype: self.dtype, optype, source: Source::Set, field: None })
        })
    }

    fn own_targets(&self) -> Option<Target> {
        let named = |target: &&Target| match (&target.field, &self.target) {
            (Some(name), Some(own)) => *name == own.name,
            _ => true,
        };
        self.targets.0.iter().find(named).cloned()
    }
}
