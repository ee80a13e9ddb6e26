//! The hot half of the evidence: an append-only journal, written before a request is forwarded.
