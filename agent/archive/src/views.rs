//! Views over the trail for DuckDB: what auditors ask, with a name for each.

use std::fmt::Write as _;
use std::path::Path;

use crate::column::Column;

/// The views' definitions. They build on `records`, which [`views`] puts in front.
const VIEWS: &str = include_str!("views.sql");

/// A script for DuckDB that makes the views of the archive in this directory: of all hosts in it.
pub fn views(archive: &Path) -> String {
    let files = archive.join("v1/*/*/*.parquet");
    let files = files.to_string_lossy().replace('\'', "''");
    format!(
        "-- Views over the trail, for DuckDB: weir audit sql | duckdb trail.db\n\n\
         CREATE OR REPLACE VIEW audit AS\n\
         SELECT * FROM read_parquet('{files}', hive_partitioning = true, union_by_name = true,\n\
         \x20 hive_types = {{'host': VARCHAR, 'day': DATE}})\n\
         UNION ALL BY NAME\n\
         {}\n\
         {VIEWS}",
        no_rows()
    )
}

/// All columns of today's schema, so that views can name those that no file has yet.
fn no_rows() -> String {
    let mut columns = String::new();
    for column in Column::ALL {
        let separator = if columns.is_empty() { "" } else { ",\n  " };
        let (kind, name) = (column.kind(), column.name());
        // A string takes everything.
        _ = write!(columns, "{separator}NULL::{} AS {name}", kind.name());
    }
    format!("SELECT {columns}\nWHERE false;\n")
}
