//! `--grpc_channel_arguments`: settings of gRPC's own server, of which some mean something here.

use landfall_model::Problem;
use landfall_net::GrpcConnections;
use std::time::Duration;

/// What the arguments come to, and those that have no effect.
///
/// # Errors
/// Invalid argument for text that is no list of `key=value`, and for values that are none of their keys'.
pub(super) fn parse(text: &str) -> Result<(GrpcConnections, Vec<String>), Problem> {
    let mut connections = GrpcConnections::default();
    let mut without_effect = Vec::new();
    for argument in text.split(',').filter(|argument| !argument.is_empty()) {
        let Some((key, value)) = argument.split_once('=') else {
            return Err(Problem::invalid(format!(
                "grpc_channel_arguments: expected key=value,…, found {argument:?}"
            )));
        };
        let number = || {
            value.parse::<i32>().map_err(|_| {
                Problem::invalid(format!(
                    "grpc_channel_arguments: {key}: expected a whole number, found {value:?}"
                ))
            })
        };
        // The largest number means: never.
        let milliseconds = || {
            number().map(|ms| {
                u64::try_from(ms).ok().filter(|_| ms != i32::MAX).map(|ms| Duration::from_millis(ms.max(1)))
            })
        };
        match key {
            "grpc.max_connection_age_ms" => connections.max_age = milliseconds()?,
            "grpc.max_connection_age_grace_ms" => connections.max_age_grace = milliseconds()?,
            "grpc.keepalive_time_ms" => connections.keepalive_every = milliseconds()?,
            "grpc.keepalive_timeout_ms" => connections.keepalive_timeout = milliseconds()?,
            "grpc.max_concurrent_streams" => connections.max_streams = u32::try_from(number()?).ok(),
            "grpc.max_receive_message_length" => connections.max_message = usize::try_from(number()?).ok(),
            _ => without_effect.push(key.to_owned()),
        }
    }
    Ok((connections, without_effect))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_keepalive_streams_and_sizes_count_and_the_rest_is_named() {
        let text = "grpc.max_connection_age_ms=2000,grpc.lb_policy_name=grpclb,grpc.so_reuseaddr=1,\
                    grpc.keepalive_time_ms=2147483647,grpc.max_receive_message_length=-1";
        let (connections, rest) = parse(text).unwrap();
        assert_eq!(connections.max_age, Some(Duration::from_secs(2)));
        assert_eq!((connections.keepalive_every, connections.max_message), (None, None));
        assert_eq!(rest, ["grpc.lb_policy_name", "grpc.so_reuseaddr"]);
        let (connections, _) = parse("grpc.max_receive_message_length=1024,").unwrap();
        assert_eq!(connections.max_message, Some(1024));
        assert_eq!(parse("").unwrap().1, Vec::<String>::new());
    }

    #[test]
    fn what_is_no_argument_is_refused_by_name() {
        assert!(parse("grpc.x").unwrap_err().to_string().contains("key=value"));
        let problem = parse("grpc.max_connection_age_ms=soon").unwrap_err().to_string();
        assert!(problem.contains("grpc.max_connection_age_ms"), "{problem}");
    }
}
