//! Sockets: HTTP, gRPC frames, routes, limits, health, metrics.
