//! The PostgreSQL engine: protocol version 3, without socket, clock or policy.
