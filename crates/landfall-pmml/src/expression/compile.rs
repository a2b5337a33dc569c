//! Expressions to slots and types.

use super::document::{Apply as ApplyDocument, Derived, Discretize, Kind, Node, Resolved};
use super::{Apply, ApplyTreatment, Expr, InvalidResult, tables};
use crate::functions::{self, Applied, Function};
use crate::pattern::{Pattern, Way};
use crate::read::Place;
use crate::resolve::{Build, ScopeId, SlotDef, Source};
use crate::value::{DataType, Value};
use landfall_model::Problem;

/// A resolved expression and the type of its values.
pub(crate) struct Typed {
    pub(crate) expr: Expr,
    pub(crate) dtype: DataType,
}

/// The parameters of the function whose body is being resolved.
type Parameters<'p> = &'p [(String, DataType)];

/// The expression of a derived field, of the field's type.
pub(crate) fn resolve_derived<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    derived: &Derived,
) -> Result<Expr, Problem> {
    let place = derived.expression.place;
    if let Kind::FieldRef { field, if_missing: Some(text) } = &derived.expression.kind {
        let of = reference(b, scope, &[], field, place)?;
        // What replaces a missing value may be of the field's type, or of the derived one's.
        if optional(b, Some(text), of.dtype, place).is_err() {
            let if_missing = optional(b, Some(text), derived.dtype, place)?;
            return Ok(Expr::Present { of: Box::new(cast(of, derived.dtype)), if_missing });
        }
    }
    let typed = resolve(b, scope, &derived.expression)?;
    Ok(cast(typed, derived.dtype))
}

/// The slot of a derived field.
pub(crate) fn derived_slot<'a>(b: &mut Build<'a>, scope: ScopeId, derived: &Derived) -> Result<u32, Problem> {
    let expr = resolve_derived(b, scope, derived)?;
    let slot = b.slot(SlotDef {
        name: derived.name.clone(),
        dtype: derived.dtype,
        optype: derived.optype,
        source: Source::Derived(Box::new(expr)),
        field: None,
    });
    let mut order = Vec::with_capacity(derived.order.len());
    for text in &derived.order {
        order.push(b.constant(text, derived.dtype, derived.place)?);
    }
    b.order_values(slot, order);
    Ok(slot)
}

/// An expression whose values are cast to a type, where they are of another.
pub(crate) fn cast(typed: Typed, to: DataType) -> Expr {
    match typed.expr {
        expr if typed.dtype == to => expr,
        expr => Expr::Cast { of: Box::new(expr), from: typed.dtype, to },
    }
}

/// Numbers, which may be written as text.
fn numeric(typed: Typed) -> Expr {
    match typed.dtype {
        DataType::String => cast(typed, DataType::Double),
        _ => typed.expr,
    }
}

/// Resolves an expression in a scope.
pub(crate) fn resolve<'a>(b: &mut Build<'a>, scope: ScopeId, node: &Node) -> Result<Typed, Problem> {
    resolve_with(b, scope, &[], node)
}

fn resolve_with<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    parameters: Parameters<'_>,
    node: &Node,
) -> Result<Typed, Problem> {
    b.count_expression(node.place)?;
    match &node.kind {
        // One writer names a parameter within <Constant>.
        Kind::Constant { text, dtype: None, .. } if parameters.iter().any(|(name, _)| name == text) => {
            reference(b, scope, parameters, text, node.place)
        }
        Kind::Constant { text, dtype, missing } => constant(b, text, *dtype, *missing, node.place),
        Kind::FieldRef { field, if_missing } => {
            let of = reference(b, scope, parameters, field, node.place)?;
            let if_missing = optional(b, if_missing.as_deref(), of.dtype, node.place)?;
            Ok(match of.expr {
                Expr::Field { slot, .. } => Typed { expr: Expr::Field { slot, if_missing }, ..of },
                expr if if_missing.is_missing() => Typed { expr, ..of },
                expr => Typed { expr: Expr::Present { of: Box::new(expr), if_missing }, ..of },
            })
        }
        Kind::NormContinuous { field, points, outliers, if_missing } => {
            let of = reference(b, scope, parameters, field, node.place)?;
            let if_missing = optional(b, if_missing.as_deref(), DataType::Double, node.place)?;
            let (of, points) = (Box::new(numeric(of)), points.clone());
            let expr = Expr::NormContinuous { of, points, outliers: *outliers, if_missing };
            Ok(Typed { expr, dtype: DataType::Double })
        }
        Kind::NormDiscrete { field, value, if_missing, thermometer } => {
            let of = reference(b, scope, parameters, field, node.place)?;
            let value = b.constant(value, of.dtype, node.place)?;
            let if_missing = optional(b, if_missing.as_deref(), DataType::Double, node.place)?;
            let thermometer = match (thermometer, &of.expr) {
                (false, _) => None,
                (true, Expr::Field { slot, .. }) => Some(ordered_values(b, *slot, node.place)?),
                (true, _) => return Err(b.xml.unsupported(node.place, "a thermometer of a parameter")),
            };
            let expr = Expr::NormDiscrete { of: Box::new(of.expr), value, if_missing, thermometer };
            Ok(Typed { expr, dtype: DataType::Double })
        }
        Kind::Discretize(document) => discretize(b, scope, parameters, document, node.place),
        Kind::MapValues(document) => tables::resolve(b, document, node.place, |b, field| {
            reference(b, scope, parameters, field, node.place)
        }),
        Kind::TextIndex { field, term, index } => {
            let of = reference(b, scope, parameters, field, node.place)?;
            let term = resolve_with(b, scope, parameters, term)?;
            let expr = Expr::TextIndex {
                text: Box::new(of.expr),
                text_type: of.dtype,
                term: Box::new(term.expr),
                term_type: term.dtype,
                index: index.clone(),
            };
            Ok(Typed { expr, dtype: DataType::Double })
        }
        Kind::Lag(document) => super::rows::resolve_lag(b, scope, document, node.place),
        Kind::Aggregate(document) => super::rows::resolve_aggregate(b, scope, document, node.place),
        Kind::Apply(document) => apply(b, scope, parameters, document, node.place),
    }
}

fn apply<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    parameters: Parameters<'_>,
    document: &ApplyDocument,
    place: Place,
) -> Result<Typed, Problem> {
    let own = b.functions.by_name.contains_key(&document.function);
    let chooses = !own && document.function == "if";
    let mut arguments = Vec::with_capacity(document.arguments.len());
    for (at, argument) in document.arguments.iter().enumerate() {
        // What stands in a branch runs only where the condition says so: a function may call itself there.
        let branch = usize::from(chooses && at > 0);
        b.functions.branches += branch;
        let typed = resolve_with(b, scope, parameters, argument);
        b.functions.branches -= branch;
        arguments.push(typed?);
    }
    let mut treatment = ApplyTreatment { invalid: document.invalid, ..ApplyTreatment::NONE };
    let mut typed = match document.function.as_str() {
        function if own => call(b, function, arguments, place)?,
        "if" => condition(b, arguments, place)?,
        function => built_in(b, function, arguments, place)?,
    };
    treatment.if_missing = optional(b, document.if_missing.as_deref(), typed.dtype, place)?;
    treatment.default = optional(b, document.default.as_deref(), typed.dtype, place)?;
    match &mut typed.expr {
        Expr::If { treatment: place, .. } | Expr::Call { treatment: place, .. } => *place = treatment,
        Expr::Apply(apply) => {
            apply.applied.as_is = treatment.invalid == InvalidResult::AsIs;
            apply.treatment = treatment;
        }
        _ => {}
    }
    Ok(typed)
}

pub(super) fn optional<'a>(
    b: &mut Build<'a>,
    text: Option<&str>,
    dtype: DataType,
    place: Place,
) -> Result<Value, Problem> {
    match text {
        None => Ok(Value::Missing),
        // What replaces a missing number need not be a whole one, nor of the type at all.
        Some(text) => b.constant(text, dtype, place).or_else(|problem| match crate::value::number(text) {
            Some(number) => Ok(Value::Num(number)),
            None if dtype.is_number() => Err(problem),
            None => Ok(Value::Text(b.symbols.intern(text))),
        }),
    }
}

fn constant<'a>(
    b: &mut Build<'a>,
    text: &str,
    dtype: Option<DataType>,
    missing: bool,
    place: Place,
) -> Result<Typed, Problem> {
    let dtype = dtype.unwrap_or_else(|| match crate::value::number(text) {
        Some(_) if text.trim().parse::<i64>().is_ok() => DataType::Integer,
        Some(_) => DataType::Double,
        None => DataType::String,
    });
    let value = match (missing, dtype) {
        (true, _) => Value::Missing,
        (false, DataType::String) => b.constant(text, dtype, place)?,
        // Writers of numbers have NaN for "none".
        (false, _) if text.trim().eq_ignore_ascii_case("nan") => Value::Missing,
        (false, _) => b.constant(text.trim(), dtype, place)?,
    };
    Ok(Typed { expr: Expr::Constant(value), dtype })
}

fn reference<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    parameters: Parameters<'_>,
    name: &str,
    place: Place,
) -> Result<Typed, Problem> {
    if let Some(at) = parameters.iter().position(|(parameter, _)| parameter == name) {
        return Ok(Typed { expr: Expr::Parameter(at), dtype: parameters[at].1 });
    }
    let slot = b.resolve(scope, name, place)?;
    let dtype = b.slots[slot as usize].dtype;
    Ok(Typed { expr: Expr::Field { slot, if_missing: Value::Missing }, dtype })
}

fn ordered_values<'a>(b: &Build<'a>, slot: u32, place: Place) -> Result<Vec<Value>, Problem> {
    match b.values_in_order(slot) {
        Some(values) => Ok(values.to_vec()),
        None => Err(b.xml.malformed(place, "a thermometer needs a field with its values in their order")),
    }
}

fn discretize<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    parameters: Parameters<'_>,
    document: &Discretize,
    place: Place,
) -> Result<Typed, Problem> {
    let of = reference(b, scope, parameters, &document.field, place)?;
    let dtype = document.dtype.unwrap_or(DataType::String);
    let mut bins = Vec::with_capacity(document.bins.len());
    for (interval, text) in &document.bins {
        bins.push((*interval, b.constant(text, dtype, place)?));
    }
    let default = optional(b, document.default.as_deref(), dtype, place)?;
    let if_missing = optional(b, document.if_missing.as_deref(), dtype, place)?;
    Ok(Typed { expr: Expr::Discretize { of: Box::new(numeric(of)), bins, default, if_missing }, dtype })
}

fn condition<'a>(b: &mut Build<'a>, arguments: Vec<Typed>, place: Place) -> Result<Typed, Problem> {
    let count = arguments.len();
    let mut arguments = arguments.into_iter();
    let (Some(condition), Some(then), otherwise) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err(arity(b, "if", count, place));
    };
    if count > 3 {
        return Err(arity(b, "if", count, place));
    }
    let missing = |typed: &Typed| matches!(typed.expr, Expr::Constant(Value::Missing));
    let dtype = match &otherwise {
        Some(otherwise) if missing(&then) => otherwise.dtype,
        Some(otherwise) if missing(otherwise) => then.dtype,
        Some(otherwise) => functions::common_type(then.dtype, otherwise.dtype),
        None => then.dtype,
    };
    let expr = Expr::If {
        condition: Box::new(truth(condition)),
        then: Box::new(cast(then, dtype)),
        otherwise: otherwise.map(|otherwise| Box::new(cast(otherwise, dtype))),
        treatment: ApplyTreatment::NONE,
    };
    Ok(Typed { expr, dtype })
}

fn built_in<'a>(
    b: &mut Build<'a>,
    name: &str,
    arguments: Vec<Typed>,
    place: Place,
) -> Result<Typed, Problem> {
    let function: &'static Function = functions::named(name)
        .ok_or_else(|| b.xml.unsupported(place, format!("function {name:?} (unknown or not implemented)")))?;
    if arguments.len() < function.arguments.0 || arguments.len() > function.arguments.1 {
        return Err(arity(b, name, arguments.len(), place));
    }
    let mut types: Vec<DataType> = arguments.iter().map(|argument| argument.dtype).collect();
    let clash = |at: &usize| function.numbers.contains(at) && is_point_of_time(types[*at]);
    if let Some(at) = (0..types.len()).find(clash) {
        let what = format!("function {name:?} takes numbers, and argument {} is a {:?}", at + 1, types[at]);
        return Err(b.xml.malformed(place, what));
    }
    let own = |(at, argument): (usize, Typed)| match argument {
        argument if function.connects => truth(argument),
        argument if function.numbers.contains(&at) => numeric(argument),
        argument => argument.expr,
    };
    let mut arguments: Vec<Expr> = arguments.into_iter().enumerate().map(own).collect();
    if function.compares {
        align(b, &mut arguments, &mut types);
    }
    if function.orders {
        super::ordinal::rank(b, &mut arguments, &mut types);
    }
    let result = (function.result)(&types);
    let pattern = if function.takes_pattern { pattern(b, &arguments, place)? } else { None };
    let applied = Applied { types, result, as_is: false, pattern };
    let apply = Apply { function, arguments, applied, treatment: ApplyTreatment::NONE };
    Ok(Typed { expr: Expr::Apply(Box::new(apply)), dtype: result })
}

/// A truth value, which may be written as text.
fn truth(typed: Typed) -> Expr {
    match typed.dtype {
        DataType::String => cast(typed, DataType::Boolean),
        _ => typed.expr,
    }
}

/// Whether values of the type are dates or times, and not counted from a year on.
fn is_point_of_time(dtype: DataType) -> bool {
    matches!(dtype, DataType::Date | DataType::Time | DataType::DateTime)
}

/// Brings compared arguments to one type, so that equal values are equal: times to that of the first argument, constants to
/// that of the first which is none. A constant before text says what the text is read as.
fn align<'a>(b: &mut Build<'a>, arguments: &mut [Expr], types: &mut [DataType]) {
    let first = types[0];
    for (expr, dtype) in arguments.iter_mut().zip(types.iter_mut()).skip(1) {
        if first.is_of_time() && dtype.is_of_time() && *dtype != first {
            let of = Box::new(std::mem::replace(expr, Expr::Constant(Value::Missing)));
            *expr = Expr::Cast { of, from: *dtype, to: first };
            *dtype = first;
        }
    }
    let known = |expr: &Expr| !matches!(expr, Expr::Constant(_));
    let Some(to) = arguments.iter().zip(types.iter()).find(|(expr, _)| known(expr)).map(|(_, dtype)| *dtype)
    else {
        return;
    };
    let leads = matches!(arguments[0], Expr::Constant(_)) && to == DataType::String && first != to;
    let both_times = first.is_of_time() && to.is_of_time();
    let skipped = usize::from(leads || both_times);
    for (expr, dtype) in arguments.iter_mut().zip(types.iter_mut()).skip(skipped) {
        let Expr::Constant(value) = expr else { continue };
        let numbers = to.is_number() && dtype.is_number() && to != DataType::Float;
        if *dtype == to || numbers || value.is_missing() {
            continue;
        }
        let mut text = String::new();
        crate::value::write(
            *value,
            *dtype,
            |symbol| b.symbols.text(symbol).cloned().unwrap_or_default(),
            &mut text,
        );
        if let Ok(value) = b.constant(&text, to, Place(0)) {
            (*expr, *dtype) = (Expr::Constant(value), to);
        }
    }
}

/// The pattern, where it is a constant; others are made row by row.
fn pattern<'a>(b: &Build<'a>, arguments: &[Expr], place: Place) -> Result<Option<Pattern>, Problem> {
    let Some(Expr::Constant(Value::Text(symbol))) = arguments.get(1) else { return Ok(None) };
    let text = b.symbols.text(*symbol).cloned().unwrap_or_default();
    let wrong = |why: String| b.xml.unsupported(place, format!("pattern {text:?}: {why}"));
    Pattern::new(&text, Way::DOCUMENT).map(Some).map_err(wrong)
}

#[cold]
fn arity<'a>(b: &Build<'a>, name: &str, count: usize, place: Place) -> Problem {
    b.xml.malformed(place, format!("function {name:?} does not take {count} arguments"))
}

/// A call of a function of the document: its body is resolved once for each list of argument types.
fn call<'a>(b: &mut Build<'a>, name: &str, arguments: Vec<Typed>, place: Place) -> Result<Typed, Problem> {
    let function = b.functions.by_name[name].clone();
    if function.parameters.len() != arguments.len() {
        return Err(arity(b, name, arguments.len(), place));
    }
    let mut parameters = Vec::with_capacity(arguments.len());
    let mut values = Vec::with_capacity(arguments.len());
    for ((parameter, dtype), argument) in function.parameters.iter().zip(arguments) {
        let dtype = dtype.unwrap_or(argument.dtype);
        parameters.push((parameter.clone(), dtype));
        values.push(cast(argument, dtype));
    }
    let key = (name.to_owned(), parameters.iter().map(|(_, dtype)| *dtype).collect::<Vec<_>>());
    let (index, dtype) = match b.functions.resolved.get(&key).copied() {
        Some(Resolved::Busy { index, branches }) => match function.dtype {
            Some(dtype) if b.functions.branches > branches => (index, dtype),
            Some(_) => {
                let what = format!("function {name:?} depends on itself in every case");
                return Err(b.xml.malformed(place, what));
            }
            None => {
                let what = format!("function {name:?} depends on itself and declares no dataType");
                return Err(b.xml.malformed(place, what));
            }
        },
        Some(Resolved::Done { index, dtype }) => (index, dtype),
        None => {
            let index = b.functions.bodies.len();
            b.functions.bodies.push(None);
            let busy = Resolved::Busy { index, branches: b.functions.branches };
            b.functions.resolved.insert(key.clone(), busy);
            // A body sees its parameters and nothing of where it is called from.
            let scope = b.scope(None);
            let body = resolve_with(b, scope, &parameters, &function.body)?;
            let dtype = function.dtype.unwrap_or(body.dtype);
            b.functions.bodies[index] = Some(cast(body, dtype));
            b.functions.resolved.insert(key, Resolved::Done { index, dtype });
            (index, dtype)
        }
    };
    let expr = Expr::Call { function: index, arguments: values, treatment: ApplyTreatment::NONE };
    Ok(Typed { expr, dtype })
}
