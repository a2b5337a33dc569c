//! Load from `wrk` and `h2load`, pinned to a processor of its own, and what they report.

use crate::process::output_of;
use std::path::Path;
use std::time::Duration;

/// What a load run saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Requests answered.
    pub(crate) requests: f64,
    /// Requests answered in a second.
    pub(crate) rate: f64,
    /// Median latency.
    pub(crate) p50: Duration,
    /// 99th percentile of latency.
    pub(crate) p99: Duration,
}

/// One HTTP/1.1 load: a body, posted over and over.
pub(crate) struct HttpLoad<'a> {
    pub(crate) url: &'a str,
    pub(crate) body: &'a Path,
    /// Header lines, `Name: value`.
    pub(crate) headers: &'a [(String, String)],
    pub(crate) connections: usize,
    pub(crate) seconds: u64,
}

/// Runs `wrk` on `processor`.
///
/// # Errors
/// When wrk is not installed, reports errors, or says something unexpected.
pub(crate) fn http(load: &HttpLoad<'_>, processor: usize, folder: &Path) -> Result<Seen, String> {
    let script = folder.join("post.lua");
    let headers: String =
        load.headers.iter().map(|(k, v)| format!("wrk.headers[\"{k}\"] = \"{v}\"\n")).collect();
    let lua = format!(
        "wrk.method = \"POST\"\nlocal f = io.open(\"{}\", \"rb\")\nwrk.body = f:read(\"*all\")\nf:close()\n{headers}\
         done = function(s, l, r)\n\
           io.write(string.format(\"seen %d %d %d %d %d\\n\", s.requests, s.duration, l:percentile(50), l:percentile(99),\n\
             s.errors.connect + s.errors.read + s.errors.write + s.errors.status + s.errors.timeout))\nend\n",
        load.body.display()
    );
    std::fs::write(&script, lua).map_err(|e| format!("write {}: {e}", script.display()))?;
    let connections = format!("-c{}", load.connections);
    let duration = format!("-d{}s", load.seconds);
    let arguments = ["wrk", "-t1", &connections, &duration, "--timeout", "10s", "-s"];
    let script = script.display().to_string();
    let output = output_of(&processor.to_string(), &[&arguments[..], &[&script, load.url]].concat())?;
    let line = output.lines().find_map(|line| line.strip_prefix("seen ")).ok_or("wrk printed no figures")?;
    let figures: Vec<f64> = line.split(' ').filter_map(|n| n.parse().ok()).collect();
    let [requests, micros, p50, p99, errors] = figures[..] else {
        return Err(format!("wrk printed {line:?}"));
    };
    if errors > 0.0 {
        return Err(format!("{} of {requests} requests to {} failed", errors, load.url));
    }
    let time = |micros: f64| Duration::from_secs_f64(micros / 1e6);
    Ok(Seen { requests, rate: requests / micros * 1e6, p50: time(p50), p99: time(p99) })
}

/// One gRPC load: a framed message, sent over and over.
pub(crate) struct GrpcLoad<'a> {
    pub(crate) url: &'a str,
    /// The message with its 5-byte frame.
    pub(crate) frame: &'a Path,
    pub(crate) connections: usize,
    /// Streams at a time on each connection.
    pub(crate) streams: usize,
    pub(crate) seconds: u64,
}

/// Runs `h2load` on `processor`.
///
/// # Errors
/// When h2load is not installed, requests fail, or it says something unexpected.
pub(crate) fn grpc(load: &GrpcLoad<'_>, processor: usize, folder: &Path) -> Result<Seen, String> {
    let log = folder.join("h2load.log");
    let _ = std::fs::remove_file(&log);
    let connections = format!("-c{}", load.connections);
    let streams = format!("-m{}", load.streams);
    let duration = format!("-D{}", load.seconds);
    let body = format!("--data={}", load.frame.display());
    let log_flag = format!("--log-file={}", log.display());
    let arguments = ["h2load", "-t1", &connections, &streams, &duration, &body, &log_flag];
    let headers = ["-H", "content-type: application/grpc", "-H", "te: trailers", load.url];
    let output = output_of(&processor.to_string(), &[&arguments[..], &headers].concat())?;
    let rate = output
        .lines()
        .find_map(|line| {
            line.strip_prefix("finished in ")?.split(", ").nth(1)?.strip_suffix(" req/s")?.parse().ok()
        })
        .ok_or_else(|| format!("h2load printed no rate:\n{output}"))?;
    let text = std::fs::read_to_string(&log).map_err(|e| format!("read {}: {e}", log.display()))?;
    // Columns: start in microseconds, status, duration in microseconds.
    let mut micros: Vec<u64> =
        text.lines().filter_map(|line| line.split('\t').nth(2)?.parse().ok()).collect();
    if text.lines().any(|line| line.split('\t').nth(1) != Some("200")) {
        return Err(format!("requests to {} failed", load.url));
    }
    let requests = micros.len() as f64;
    micros.sort_unstable();
    let at = |part: usize| Duration::from_micros(micros.get(micros.len() * part / 100).copied().unwrap_or(0));
    Ok(Seen { requests, rate, p50: at(50), p99: at(99) })
}

/// Bytes of one gRPC answer, frame and message, as `h2load` counts them.
///
/// # Errors
/// When h2load is not installed, the call fails, or it says something unexpected.
pub(crate) fn grpc_answer_bytes(url: &str, frame: &Path) -> Result<usize, String> {
    let body = format!("--data={}", frame.display());
    let headers = ["-H", "content-type: application/grpc", "-H", "te: trailers", url];
    let arguments = [&["h2load", "-n1", "-c1", &body][..], &headers].concat();
    let output = output_of("0", &arguments)?;
    let data = output.lines().find(|line| line.starts_with("traffic: ")).and_then(|line| {
        let text = line.strip_suffix(" data")?.rsplit_once('(')?.1;
        text.trim_end_matches(')').parse().ok()
    });
    data.filter(|&bytes| bytes > 0).ok_or_else(|| format!("h2load got no answer:\n{output}"))
}
