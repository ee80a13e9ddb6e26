//! Rows in a Parquet file: the only place that knows the format.
//!
//! Format v1 pages, zstd, microsecond UTC timestamps, no unsigned, no 96-bit and no 16-bit types, no nesting: what
//! every reader takes. The library's own schema is left out of the file, as nothing of it is needed.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterVersion};

use crate::column::{Column, Kind};
use crate::row::{Row, Value};
use crate::{ArchiveError, SCHEMA, layout};

/// Rows that are turned into arrays together.
const BATCH_ROWS: usize = 8192;
/// Bytes of text after which fewer rows are enough.
const BATCH_BYTES: usize = 16 << 20;
/// Rows of a row group.
const GROUP_ROWS: usize = 128 << 10;
/// Bytes of a row group, encoded.
const GROUP_BYTES: usize = 128 << 20;

/// Writes rows to a file.
pub(crate) struct TableWriter {
    path: PathBuf,
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    rows: Vec<Row>,
    bytes: usize,
}

impl TableWriter {
    pub(crate) fn create(path: &Path) -> Result<Self, ArchiveError> {
        let file = layout::create(path)?;
        let schema = schema();
        let options = ArrowWriterOptions::new()
            .with_properties(properties())
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options)
            .map_err(ArchiveError::parquet(path))?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            schema,
            rows: Vec::new(),
            bytes: 0,
        })
    }

    pub(crate) fn push(&mut self, row: Row) -> Result<(), ArchiveError> {
        self.bytes += row.size();
        self.rows.push(row);
        match self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Writes the rest and the footer, and returns when the disk has it.
    pub(crate) fn finish(mut self) -> Result<(), ArchiveError> {
        self.flush()?;
        let file = self
            .writer
            .into_inner()
            .map_err(ArchiveError::parquet(&self.path))?;
        file.sync_all()
            .map_err(ArchiveError::io("sync", &self.path))
    }

    fn flush(&mut self) -> Result<(), ArchiveError> {
        let columns = Column::ALL.iter().map(|column| array(*column, &self.rows));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect())
            .map_err(ArchiveError::parquet(&self.path))?;
        self.writer
            .write(&batch)
            .map_err(ArchiveError::parquet(&self.path))?;
        self.rows.clear();
        self.bytes = 0;
        Ok(())
    }
}

fn properties() -> WriterProperties {
    let schema = KeyValue::new("weir.schema".to_owned(), SCHEMA.to_owned());
    WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .set_created_by(concat!("weir ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![schema]))
        .build()
}

/// The columns in Arrow's words.
pub(crate) fn schema() -> SchemaRef {
    let field = |column: &Column| Field::new(column.name(), data_type(column.kind()), true);
    Arc::new(Schema::new(
        Column::ALL.iter().map(field).collect::<Vec<_>>(),
    ))
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Int => DataType::Int32,
        Kind::Long => DataType::Int64,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

fn array(column: Column, rows: &[Row]) -> ArrayRef {
    let longs = || rows.iter().map(|row| row.number(column));
    match column.kind() {
        Kind::Text => {
            let texts = rows.iter().map(|row| row.text(column));
            Arc::new(texts.collect::<StringArray>())
        }
        Kind::Int => {
            let ints = longs().map(|number| number.and_then(|number| i32::try_from(number).ok()));
            Arc::new(ints.collect::<Int32Array>())
        }
        Kind::Long => Arc::new(longs().collect::<Int64Array>()),
        Kind::Time => {
            let times = longs().collect::<TimestampMicrosecondArray>();
            Arc::new(times.with_timezone("UTC"))
        }
    }
}

/// Reads the rows of a file, in order. Ends after the first error.
pub(crate) struct TableReader {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    rows: std::vec::IntoIter<Row>,
    ended: bool,
}

impl TableReader {
    pub(crate) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(ArchiveError::io("open", path))?;
        let batches = guard(path, || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)
                .map_err(ArchiveError::parquet(path))?;
            check_columns(path, builder.schema())?;
            builder
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(ArchiveError::parquet(path))
        })?;
        Ok(Self {
            path: path.to_owned(),
            batches,
            rows: Vec::new().into_iter(),
            ended: false,
        })
    }

    fn step(&mut self) -> Result<Option<Row>, ArchiveError> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let batch = guard(&self.path, || {
                let batch = self.batches.next().transpose();
                batch.map_err(ArchiveError::parquet(&self.path))
            })?;
            match batch {
                Some(batch) => self.rows = rows(&batch).into_iter(),
                None => return Ok(None),
            }
        }
    }
}

/// Runs a step of the library's reader, which panics on some files that are damaged or forged. What panicked is
/// not used again.
fn guard<T>(
    path: &Path,
    step: impl FnOnce() -> Result<T, ArchiveError>,
) -> Result<T, ArchiveError> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| {
        Err(ArchiveError::Unreadable {
            path: path.to_owned(),
            what: "it is no sound Parquet file".to_owned(),
        })
    })
}

impl Iterator for TableReader {
    type Item = Result<Row, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step().transpose();
        self.ended = !matches!(step, Some(Ok(_)));
        step
    }
}

fn check_columns(path: &Path, found: &Schema) -> Result<(), ArchiveError> {
    let expected = schema();
    let same = expected.fields().len() == found.fields().len()
        && expected
            .fields()
            .iter()
            .zip(found.fields())
            .all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type());
    match same {
        true => Ok(()),
        false => Err(ArchiveError::Unreadable {
            path: path.to_owned(),
            what: format!("its columns are not those of {SCHEMA}"),
        }),
    }
}

fn rows(batch: &RecordBatch) -> Vec<Row> {
    let mut rows = vec![Row::empty(); batch.num_rows()];
    for (column, array) in Column::ALL.iter().zip(batch.columns()) {
        for (index, row) in rows.iter_mut().enumerate() {
            row.set(*column, value(array, index));
        }
    }
    rows
}

/// The value at an index that is in the array. NULL for a type that is no column's: `check_columns` lets none in.
fn value(array: &ArrayRef, index: usize) -> Value {
    if array.is_null(index) {
        return Value::Null;
    }
    let array = array.as_any();
    if let Some(texts) = array.downcast_ref::<StringArray>() {
        texts.value(index).into()
    } else if let Some(ints) = array.downcast_ref::<Int32Array>() {
        ints.value(index).into()
    } else if let Some(longs) = array.downcast_ref::<Int64Array>() {
        longs.value(index).into()
    } else if let Some(times) = array.downcast_ref::<TimestampMicrosecondArray>() {
        times.value(index).into()
    } else {
        Value::Null
    }
}
