//! Refused statements, and what is left of the session.
