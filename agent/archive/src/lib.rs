//! The cold half of the evidence: sealed segments as Parquet, chained and verifiable.
