//! The door to a database's catalog: keeps the snapshots that names are resolved against.
