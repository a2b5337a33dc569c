//! The kinds of problems.

/// Whose fault it is and what can be done: the canonical codes that gRPC, TensorFlow and HTTP mappings share.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names are the canonical codes'")]
pub enum Kind {
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Kind; 16] = [
        Kind::Cancelled,
        Kind::Unknown,
        Kind::InvalidArgument,
        Kind::DeadlineExceeded,
        Kind::NotFound,
        Kind::AlreadyExists,
        Kind::PermissionDenied,
        Kind::ResourceExhausted,
        Kind::FailedPrecondition,
        Kind::Aborted,
        Kind::OutOfRange,
        Kind::Unimplemented,
        Kind::Internal,
        Kind::Unavailable,
        Kind::DataLoss,
        Kind::Unauthenticated,
    ];

    /// The canonical number: gRPC's status code.
    pub const fn code(self) -> u32 {
        match self {
            Kind::Cancelled => 1,
            Kind::Unknown => 2,
            Kind::InvalidArgument => 3,
            Kind::DeadlineExceeded => 4,
            Kind::NotFound => 5,
            Kind::AlreadyExists => 6,
            Kind::PermissionDenied => 7,
            Kind::ResourceExhausted => 8,
            Kind::FailedPrecondition => 9,
            Kind::Aborted => 10,
            Kind::OutOfRange => 11,
            Kind::Unimplemented => 12,
            Kind::Internal => 13,
            Kind::Unavailable => 14,
            Kind::DataLoss => 15,
            Kind::Unauthenticated => 16,
        }
    }

    /// The canonical name: `INVALID_ARGUMENT`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Cancelled => "CANCELLED",
            Kind::Unknown => "UNKNOWN",
            Kind::InvalidArgument => "INVALID_ARGUMENT",
            Kind::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Kind::NotFound => "NOT_FOUND",
            Kind::AlreadyExists => "ALREADY_EXISTS",
            Kind::PermissionDenied => "PERMISSION_DENIED",
            Kind::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Kind::FailedPrecondition => "FAILED_PRECONDITION",
            Kind::Aborted => "ABORTED",
            Kind::OutOfRange => "OUT_OF_RANGE",
            Kind::Unimplemented => "UNIMPLEMENTED",
            Kind::Internal => "INTERNAL",
            Kind::Unavailable => "UNAVAILABLE",
            Kind::DataLoss => "DATA_LOSS",
            Kind::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}
