//! `grpc.health.v1.Health`: whether the server is ready.

use crate::protobuf::Writer;
use landfall_model::Problem;
use landfall_model::protobuf::Fields;

/// The service's full name. Its method `Watch` is not implemented, as in Triton.
pub const SERVICE: &str = "grpc.health.v1.Health";

/// Reads a `HealthCheckRequest`: the name of the service asked about, which both original servers ignore.
///
/// # Errors
/// Malformed bytes.
pub fn check_request(body: &[u8]) -> Result<String, Problem> {
    let mut service = "";
    let mut fields = Fields::new("HealthCheckRequest", body);
    while let Some((field, value)) = fields.next()? {
        if field == 1 {
            service = value.text()?;
        }
    }
    Ok(service.to_owned())
}

/// A `HealthCheckResponse`: SERVING or NOT_SERVING.
pub fn check(ready: bool) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::new(&mut out).varint_field(1, if ready { 1 } else { 2 });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_serving() {
        // OIP-GRPC-2
        assert_eq!(check(true), [8, 1]);
        assert_eq!(check(false), [8, 2]);
        assert_eq!(check_request(b"\x0a\x03any").unwrap(), "any");
        assert!(check_request(b"\x0a\x03an").is_err());
    }
}
