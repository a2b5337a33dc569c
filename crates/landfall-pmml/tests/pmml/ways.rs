//! A row's answer is the same to the last bit whichever way it is computed: alone, within a block of rows, or by the row
//! call.

use crate::{conformance, csv, files, table};
use landfall_model::{Model, RowRule};
use landfall_pmml::Scorer;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many rows of each case are answered alone.
const ALONE: usize = 24;

/// Rows answered together.
struct Answered {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn together(
    model: &dyn Model,
    head: &[String],
    rows: &[Vec<String>],
    missing: &[String],
) -> Option<Answered> {
    let (names, rows) = table::run(model, head, rows, missing).ok()?;
    Some(Answered { names, rows })
}

/// The rows of a case that another way answers differently, as text.
fn differences_of(case: &conformance::Case) -> Vec<String> {
    let bytes = std::fs::read(&case.pmml).unwrap();
    let (head, rows) = csv::read(&std::fs::read_to_string(&case.input).unwrap());
    differences(&bytes, &head, &rows, &case.rule.missing)
}

/// The rows that another way answers differently, as text.
pub(crate) fn differences(
    bytes: &[u8],
    head: &[String],
    rows: &[Vec<String>],
    missing: &[String],
) -> Vec<String> {
    let Ok(model) = files::load(bytes) else { return Vec::new() };
    if *model.signatures()[0].rows() != RowRule::Independent {
        return Vec::new();
    }
    let Some(all) = together(model.as_ref(), head, rows, missing) else { return Vec::new() };
    let mut scorer = Scorer::read(bytes, "model.pmml").unwrap();
    let places: Vec<Option<usize>> =
        scorer.inputs().iter().map(|name| head.iter().position(|column| column == name)).collect();
    // Where no input has its column's name, columns are taken by place: that is the table's matter.
    if places.iter().all(Option::is_none) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, row) in rows.iter().enumerate().take(ALONE) {
        let alone = together(model.as_ref(), head, std::slice::from_ref(row), missing).unwrap();
        // The message of a refused row says which of the call it is.
        let fails = |cells: &[String]| cells.first().is_some_and(|cell| cell.starts_with("error"));
        let expected = &alone.rows[0];
        if fails(expected) != fails(&all.rows[number]) || (!fails(expected) && *expected != all.rows[number])
        {
            found.push(format!("row {number}: alone {expected:?}, in a block {:?}", all.rows[number]));
        }
        let called = by_row_call(&mut scorer, &places, row, missing, &all.names);
        let same = |cells: &Vec<Answer>| !fails(expected) && cells.iter().zip(expected).all(|(a, b)| a.is(b));
        if !called.as_ref().map_or(fails(expected), same) {
            found.push(format!("row {number}: alone {expected:?}, by the row call {called:?}"));
        }
    }
    found
}

/// An output of the row call.
#[derive(Debug)]
enum Answer {
    Text(String),
    Number(Option<f64>),
}

impl Answer {
    /// Whether a table shows it as this; tables show numbers of single precision with fewer digits.
    fn is(&self, cell: &str) -> bool {
        match self {
            Answer::Text(text) => text == cell,
            Answer::Number(None) => cell.is_empty(),
            Answer::Number(Some(number)) => {
                let single = *number as f32;
                number.to_string() == cell || f64::from(single) == *number && single.to_string() == cell
            }
        }
    }
}

/// A row by the row call; `None` where the row is refused.
fn by_row_call(
    scorer: &mut Scorer,
    places: &[Option<usize>],
    row: &[String],
    missing: &[String],
    names: &[String],
) -> Option<Vec<Answer>> {
    scorer.start();
    for (input, place) in places.iter().enumerate() {
        let cell = place.and_then(|place| row.get(place)).map_or("", String::as_str);
        if !cell.is_empty() && !missing.iter().any(|token| token == cell) {
            scorer.set_text(input, cell);
        }
    }
    scorer.run().ok()?;
    names.iter().enumerate().map(|(output, _)| answer(scorer, output)).collect()
}

fn answer(scorer: &mut Scorer, output: usize) -> Option<Answer> {
    Some(match scorer.output_is_text(output) {
        true => Answer::Text(scorer.text(output).ok()?.unwrap_or_default()),
        false => Answer::Number(scorer.number(output).ok()?),
    })
}

#[test]
fn a_row_has_one_answer_alone_in_a_block_and_by_the_row_call() {
    let Some(cases) = conformance::all_cases() else {
        println!("no shared cases: nothing is compared");
        return;
    };
    let next = AtomicUsize::new(0);
    let found = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let differences = differences_of(case);
                    if !differences.is_empty() {
                        found.lock().unwrap().push((case.name.clone(), differences));
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    for (name, differences) in &found {
        println!("{name}: {} rows, {}", differences.len(), differences[0]);
    }
    assert!(found.is_empty(), "{} of {} cases have rows with two answers", found.len(), cases.len());
}
