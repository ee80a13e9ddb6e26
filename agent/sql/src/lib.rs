//! Statement facts: what a text does, by PostgreSQL's own grammar and a catalog snapshot.
