//! What the process uses, under the names that Prometheus' client libraries have for it. The kernel says it in `/proc`
//! (proc(5), proc_pid_stat(5)); where there is none, nothing is written.

use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt;
use std::fs;

pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let Some(usage) = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| Usage::of(&stat)) else {
        return Ok(());
    };
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let what = "Processor time, of the system for the process too";
    encoder
        .encode_descriptor("process_cpu", what, Some(&Unit::Seconds), MetricType::Counter)?
        .encode_counter::<NoLabelSet, _, f64>(&(usage.ticks as f64 / ticks), None)?;
    let page = rustix::param::page_size() as u64;
    let bytes = || Some(Unit::Bytes);
    gauge(encoder, "process_resident_memory", "Memory that is in use", bytes(), &(usage.pages * page))?;
    gauge(encoder, "process_virtual_memory", "Addresses that are in use", bytes(), &usage.addresses)?;
    if let Some(booted) = fs::read_to_string("/proc/stat").ok().and_then(|stat| boot_time(&stat)) {
        let began = booted as f64 + usage.began as f64 / ticks;
        let what = "When the process began, since 1970";
        gauge(encoder, "process_start_time", what, Some(Unit::Seconds), &began)?;
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        gauge(encoder, "process_open_fds", "Open files and connections", None, &(open.count() as u64))?;
    }
    match fs::read_to_string("/proc/self/limits").ok().and_then(|limits| most_files(&limits)) {
        Some(most) => gauge(encoder, "process_max_fds", "How many there may be", None, &most),
        None => Ok(()),
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    what: &str,
    unit: Option<Unit>,
    value: &impl EncodeGaugeValue,
) -> fmt::Result {
    encoder.encode_descriptor(name, what, unit.as_ref(), MetricType::Gauge)?.encode_gauge(value)
}

/// Fields of `/proc/self/stat`.
#[derive(PartialEq, Debug)]
struct Usage {
    /// Processor time.
    ticks: u64,
    /// When the process began, in ticks since the system did.
    began: u64,
    /// Virtual memory, in bytes.
    addresses: u64,
    /// Resident memory, in pages.
    pages: u64,
}

impl Usage {
    fn of(stat: &str) -> Option<Usage> {
        // The program's name, in brackets, may hold blanks and brackets itself.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        // The first after the name is the manual's third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Usage {
            ticks: field(14)? + field(15)?,
            began: field(22)?,
            addresses: field(23)?,
            pages: field(24)?,
        })
    }
}

/// When the system began, in seconds since 1970, in `/proc/stat`.
fn boot_time(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// The soft limit of open files in `/proc/self/limits`; `None` where there is none.
fn most_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read_by_the_manuals_numbers() {
        let numbers: Vec<String> = (4..53).map(|number| number.to_string()).collect();
        let stat = format!("17 (a) b (c) S {}\n", numbers.join(" "));
        let expected = Usage { ticks: 14 + 15, began: 22, addresses: 23, pages: 24 };
        assert_eq!(Usage::of(&stat), Some(expected));
        assert_eq!(Usage::of("17 (a) S 4 5"), None);
        assert_eq!(boot_time("cpu  1 2 3\nbtime 1700000000\nprocesses 5\n"), Some(1_700_000_000));
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024   4096   files\n";
        assert_eq!(most_files(limits), Some(1024));
        assert_eq!(most_files("Max open files            unlimited   unlimited   files\n"), None);
    }
}
