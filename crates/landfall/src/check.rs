//! `landfall check`: load a model, verify it, compare it with golden rows; say what differs and where.

use crate::args::Check;
use crate::exit::Failure;
use crate::output::print;
use crate::signals::Signals;
use crate::{golden, loading};
use landfall_serving::{GoldenReport, Lease, LoadReport, Tolerance, check_golden};
use serde_json::{Value, json};
use std::fmt::Write;

/// Loads, verifies and compares.
///
/// # Errors
/// When the model cannot be loaded or its own verification fails; and when golden values differ, after the report.
pub(crate) fn run(arguments: &Check) -> Result<(), Failure> {
    let _obeyed = Signals::listen()?.obey()?;
    let (lease, report) = loading::load(&arguments.model, &arguments.model_flags)?;
    let compared = match &arguments.golden {
        Some(file) => {
            let rows = golden::read(file, lease.signatures(), arguments.signature.as_deref())
                .map_err(loading::called_wrong)?;
            let tolerance = Tolerance { relative: arguments.rtol, absolute: arguments.atol };
            Some(check_golden(&lease, &rows, tolerance)?)
        }
        None => report.golden.clone(),
    };
    print(&match arguments.json {
        true => format!("{:#}\n", as_json(&lease, &report, compared.as_ref())),
        false => for_people(&lease, &report, compared.as_ref()),
    })?;
    match compared {
        Some(found) if found.differing > 0 => Err(Failure::Said),
        _ => Ok(()),
    }
}

fn for_people(lease: &Lease, report: &LoadReport, golden: Option<&GoldenReport>) -> String {
    let mut text = format!(
        "{} {}: loads on {} ({})\n",
        lease.model(),
        lease.version(),
        lease.facts().engine,
        report.why
    );
    if report.verified > 0 {
        let _ = writeln!(text, "the file's own verification: {} rows as they should be", report.verified);
    }
    report.notes.iter().for_each(|note| {
        let _ = writeln!(text, "note: {note}");
    });
    match golden {
        None => text.push_str("no golden rows to compare with (--golden FILE, or golden in model.toml)\n"),
        Some(found) if found.differing == 0 => {
            let (rows, values) = (found.rows, found.values);
            let largest = if found.largest == 0.0 { "0".to_owned() } else { format!("{:e}", found.largest) };
            let _ = writeln!(
                text,
                "golden rows: {rows} rows, {values} values, all within tolerance (largest distance {largest})"
            );
        }
        Some(found) => {
            let _ = writeln!(text, "golden rows: {} of {} values differ", found.differing, found.values);
            for d in &found.differences {
                let (row, output, element) = (d.row, &d.output, d.element);
                let _ = writeln!(
                    text,
                    "  row {row}, output {output:?}, value {element}: expected {}, found {}",
                    d.expected, d.found
                );
            }
            if found.differing > found.differences.len() {
                let _ = writeln!(text, "  … and {} more", found.differing - found.differences.len());
            }
        }
    }
    text
}

fn as_json(lease: &Lease, report: &LoadReport, golden: Option<&GoldenReport>) -> Value {
    let golden = golden.map(|found| {
        let difference = |d: &landfall_serving::Difference| {
            json!({ "row": d.row, "output": d.output, "element": d.element, "expected": d.expected, "found": d.found })
        };
        json!({
            "rows": found.rows,
            "values": found.values,
            "differing": found.differing,
            "largest_distance": found.largest,
            "differences": found.differences.iter().map(difference).collect::<Vec<_>>(),
        })
    });
    json!({
        "model": &**lease.model(),
        "version": lease.version().to_string(),
        "engine": lease.facts().engine,
        "engine_reason": report.why,
        "verified_rows": report.verified,
        "notes": report.notes,
        "golden": golden,
    })
}
