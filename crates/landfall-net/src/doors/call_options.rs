//! What a request's head asks for beside the call: how long its caller waits, and how soon it should run.

use crate::caller::CLOCK;
use crate::grpc::timeout;
use http::HeaderMap;
use landfall_dialects::Hints;
use landfall_model::{Call, Problem};
use landfall_serving::{Clock, Request};
use std::time::{Duration, Instant};

/// What a head asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct CallOptions {
    deadline: Option<Instant>,
    priority: Option<u64>,
}

impl CallOptions {
    /// Reads `x-request-timeout-ms`, `grpc-timeout` and `x-request-priority`; the clock only where it matters.
    ///
    /// # Errors
    /// Invalid argument for values that are none.
    pub(crate) fn of(headers: &HeaderMap) -> Result<CallOptions, Problem> {
        let mut options = CallOptions::default();
        // One pass: three look-ups would hash three names.
        for (name, value) in headers {
            match name.as_str() {
                "x-request-timeout-ms" => {
                    let wait = Duration::from_millis(number("x-request-timeout-ms", value.as_bytes())?);
                    options.shorten(wait, CLOCK.now());
                }
                "grpc-timeout" => options.shorten(timeout::parse(value.as_bytes())?, CLOCK.now()),
                "x-request-priority" => {
                    options.priority = Some(number("x-request-priority", value.as_bytes())?)
                }
                _ => {}
            }
        }
        Ok(options)
    }

    /// The same with a deadline this far from now at most.
    pub(crate) fn within(mut self, wait: Option<Duration>) -> CallOptions {
        if let Some(wait) = wait {
            self.shorten(wait, CLOCK.now());
        }
        self
    }

    fn shorten(&mut self, wait: Duration, now: Instant) {
        // A wait beyond the clock's end is none.
        let Some(deadline) = now.checked_add(wait) else { return };
        self.deadline = Some(self.deadline.map_or(deadline, |earlier| earlier.min(deadline)));
    }

    /// The call with all that was asked for: the shortest wait counts, and the body's priority before the head's.
    pub(crate) fn request(mut self, call: Call, hints: Hints, now: Instant) -> Request {
        if let Some(wait) = hints.timeout {
            self.shorten(wait, now);
        }
        Request { call, deadline: self.deadline, priority: hints.priority.or(self.priority).unwrap_or(0) }
    }
}

fn number(name: &str, value: &[u8]) -> Result<u64, Problem> {
    let text = std::str::from_utf8(value).ok();
    text.and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
        Problem::invalid(format!(
            "{name}: expected a whole number, found {:?}",
            String::from_utf8_lossy(value)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(headers: &[(&'static str, &'static str)]) -> Result<CallOptions, Problem> {
        CallOptions::of(
            &headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .collect(),
        )
    }

    #[test]
    fn the_shortest_wait_counts_and_nothing_asked_is_no_deadline() {
        assert_eq!(of(&[("host", "a")]).unwrap(), CallOptions::default());
        let now = CLOCK.now();
        let options =
            of(&[("grpc-timeout", "10S"), ("x-request-timeout-ms", "2000"), ("x-request-priority", "3")])
                .unwrap();
        let deadline = options.deadline.unwrap();
        assert!(deadline >= now + Duration::from_secs(2) && deadline < now + Duration::from_secs(9));
        assert_eq!(options.priority, Some(3));
        assert_eq!(of(&[("x-request-timeout-ms", "18446744073709551615")]).unwrap().priority, None);
    }

    #[test]
    fn what_is_no_number_is_refused_by_name() {
        for header in ["x-request-timeout-ms", "x-request-priority", "grpc-timeout"] {
            for value in ["", "-1", "soon", "1.5"] {
                let problem = of(&[(header, value)]).unwrap_err();
                assert!(problem.to_string().starts_with(header), "{problem}");
            }
        }
    }
}
