//! Bytes to call and back, for each protocol: pure functions, no sockets.
