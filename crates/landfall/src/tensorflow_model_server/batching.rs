//! `BatchingParameters` as batches here have them.

use landfall_dialects::tfs::config::BatchingParameters;
use landfall_model::Problem;
use landfall_serving::BatchOptions;
use std::time::Duration;

/// The original's defaults.
const MAX_BATCH_SIZE: i64 = 1000;
const MAX_ENQUEUED_BATCHES: i64 = 10;

/// Without `--enable_batching`: each call runs by itself.
pub(super) fn off() -> BatchOptions {
    BatchOptions { together: Some(false), ..BatchOptions::default() }
}

/// What the parameters say.
///
/// # Errors
/// Invalid argument for sizes that are none, or do not fit each other.
pub(super) fn options(parameters: &BatchingParameters) -> Result<BatchOptions, Problem> {
    let size = |name: &str, value: Option<i64>, default: i64| {
        let value = value.unwrap_or(default);
        usize::try_from(value)
            .ok()
            .filter(|&size| size > 0)
            .ok_or_else(|| Problem::invalid(format!("{name} must be positive; was {value}")))
    };
    let most = size("max_batch_size", parameters.max_batch_size, MAX_BATCH_SIZE)?;
    let waiting = size("max_enqueued_batches", parameters.max_enqueued_batches, MAX_ENQUEUED_BATCHES)?;
    let splits = parameters.enable_large_batch_splitting == Some(true);
    let whole = i64::try_from(most).unwrap_or(i64::MAX);
    let at_once = match splits {
        true => size("max_execution_batch_size", parameters.max_execution_batch_size, whole)?,
        false => most,
    };
    if at_once > most {
        return Err(Problem::invalid(format!(
            "max_execution_batch_size ({at_once}) must not be larger than max_batch_size ({most})"
        )));
    }
    let delay = parameters.batch_timeout_micros.unwrap_or(0);
    let delay = u64::try_from(delay)
        .map_err(|_| Problem::invalid(format!("batch_timeout_micros must be non-negative; was {delay}")))?;
    let name = if splits { "max_execution_batch_size" } else { "max_batch_size" };
    Ok(BatchOptions {
        max_rows: Some(at_once),
        max_delay: Some(Duration::from_micros(delay)),
        max_queue: Some(waiting.saturating_mul(most)),
        together: Some(true),
        largest_call: Some(most),
        pad_to: Some(allowed(&parameters.allowed_batch_sizes, at_once, most, name)?),
        pad_lengths: Some(parameters.pad_variable_length_inputs),
        ..BatchOptions::default()
    })
}

/// How many batches run at a time, where the parameters say.
///
/// # Errors
/// Invalid argument for a number that is none.
pub(super) fn threads(parameters: &BatchingParameters) -> Result<Option<usize>, Problem> {
    let Some(count) = parameters.num_batch_threads else { return Ok(None) };
    match usize::try_from(count).ok().filter(|&count| count > 0) {
        Some(count) => Ok(Some(count)),
        None => Err(Problem::invalid(format!("num_batch_threads must be positive; was {count}"))),
    }
}

/// The sizes that batches are filled up to: ascending, and the last one is the largest batch, or the largest call.
fn allowed(sizes: &[i64], largest: usize, most: usize, name: &str) -> Result<Vec<usize>, Problem> {
    let read = sizes.iter().map(|&size| usize::try_from(size).ok().filter(|&size| size > 0));
    let Some(read) = read.collect::<Option<Vec<usize>>>() else {
        return Err(Problem::invalid("allowed_batch_sizes entries must be positive"));
    };
    if read.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(Problem::invalid("allowed_batch_sizes entries must be monotonically increasing"));
    }
    match read.last() {
        Some(&last) if last != largest && last != most => Err(Problem::invalid(format!(
            "Last entry in allowed_batch_sizes must match {name}; last entry was {last}; expected {largest}"
        ))),
        _ => Ok(read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<BatchOptions, String> {
        options(&BatchingParameters::from_text(text).unwrap()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_originals_defaults_hold_where_the_file_is_silent() {
        let batching = of("").unwrap().settled();
        assert_eq!((batching.max_rows, batching.largest_call), (Some(1000), Some(1000)));
        assert_eq!((batching.max_queue, batching.max_delay), (10_000, Duration::ZERO));
        assert!(batching.together && !off().settled().together);
    }

    #[test]
    fn inputs_are_filled_up_and_threads_are_counted_where_the_file_says_so() {
        assert!(of("pad_variable_length_inputs: true").unwrap().settled().pad_lengths);
        assert!(!of("").unwrap().settled().pad_lengths);
        let threads = |text: &str| threads(&BatchingParameters::from_text(text).unwrap());
        assert_eq!(threads("num_batch_threads { value: 3 }").unwrap(), Some(3));
        assert_eq!(threads("").unwrap(), None);
        let problem = threads("num_batch_threads { value: 0 }").unwrap_err().to_string();
        assert_eq!(problem, "num_batch_threads must be positive; was 0");
    }

    #[test]
    fn large_calls_are_split_where_the_file_says_so() {
        let text = "max_batch_size { value: 100 } enable_large_batch_splitting { value: true } \
                    max_execution_batch_size { value: 4 } batch_timeout_micros { value: 500 }";
        let batching = of(text).unwrap();
        assert_eq!((batching.max_rows, batching.largest_call), (Some(4), Some(100)));
        assert_eq!(batching.max_delay, Some(Duration::from_micros(500)));
        for (sizes, taken) in
            [("2 allowed_batch_sizes: 4", true), ("4 allowed_batch_sizes: 100", true), ("8", false)]
        {
            assert_eq!(of(&format!("{text} allowed_batch_sizes: {sizes}")).is_ok(), taken, "{sizes}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused_in_the_originals_words() {
        let sizes = |sizes: &str| of(&format!("max_batch_size {{ value: 8 }} {sizes}"));
        assert_eq!(sizes("allowed_batch_sizes: 2 allowed_batch_sizes: 8").unwrap().pad_to, Some(vec![2, 8]));
        assert_eq!(
            sizes("allowed_batch_sizes: 2 allowed_batch_sizes: 4").unwrap_err(),
            "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; expected 8"
        );
        assert!(sizes("allowed_batch_sizes: 8 allowed_batch_sizes: 8").unwrap_err().contains("increasing"));
        assert!(of("max_batch_size { value: 0 }").unwrap_err().contains("max_batch_size must be positive"));
        assert!(of("batch_timeout_micros { value: -1 }").unwrap_err().contains("non-negative"));
    }
}
