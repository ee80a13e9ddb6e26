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
use arrow::datatypes::{self, DataType, Field, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use crate::column::{Column, Kind, Schema};
use crate::row::{Row, Value};
use crate::{ArchiveError, layout};

/// Where in a file's metadata its schema is named.
const SCHEMA: &str = "weir.schema";
/// Rows that are turned into arrays together.
const BATCH_ROWS: usize = 1024;
/// Bytes of text after which fewer rows are enough.
const BATCH_BYTES: usize = 2 << 20;
/// Rows of a row group.
const GROUP_ROWS: usize = 128 << 10;
/// Bytes of a row group, encoded.
const GROUP_BYTES: usize = 128 << 20;

/// Writes rows to a Parquet file.
pub struct TableWriter {
    path: PathBuf,
    writer: ArrowWriter<File>,
    schema: Schema,
    rows: Vec<Row>,
    bytes: usize,
}

impl TableWriter {
    /// Begins a file that only its owner can read, with today's columns, in place of what is there.
    pub fn create(path: &Path) -> Result<Self, ArchiveError> {
        Self::create_of(Schema::NEWEST, path)
    }

    pub(crate) fn create_of(schema: Schema, path: &Path) -> Result<Self, ArchiveError> {
        let file = layout::create(path)?;
        let options = ArrowWriterOptions::new()
            .with_properties(properties(schema))
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, arrow_schema(schema), options)
            .map_err(ArchiveError::parquet(path))?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            schema,
            rows: Vec::new(),
            bytes: 0,
        })
    }

    /// Adds a row.
    pub fn push(&mut self, row: Row) -> Result<(), ArchiveError> {
        self.bytes += row.size();
        self.rows.push(row);
        match self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Writes the rest and the footer, and returns when the disk has it.
    pub fn finish(mut self) -> Result<(), ArchiveError> {
        self.flush()?;
        let file = self
            .writer
            .into_inner()
            .map_err(ArchiveError::parquet(&self.path))?;
        file.sync_all()
            .map_err(ArchiveError::io("sync", &self.path))
    }

    fn flush(&mut self) -> Result<(), ArchiveError> {
        let columns = self.schema.columns().iter();
        let arrays = columns.map(|column| array(*column, &self.rows)).collect();
        let batch = RecordBatch::try_new(arrow_schema(self.schema), arrays)
            .map_err(ArchiveError::parquet(&self.path))?;
        self.writer
            .write(&batch)
            .map_err(ArchiveError::parquet(&self.path))?;
        self.rows.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// Columns whose values hardly ever repeat: building a dictionary of them is in vain.
const UNIQUE: [Column; 5] = [
    Column::Sequence,
    Column::Time,
    Column::TimeDt,
    Column::Record,
    Column::Chain,
];

/// Columns that nobody looks for by least and greatest value.
const UNORDERED: [Column; 2] = [Column::Record, Column::Chain];

fn properties(schema: Schema) -> WriterProperties {
    let schema = KeyValue::new(SCHEMA.to_owned(), schema.name.to_owned());
    let mut builder = WriterProperties::builder();
    for column in UNIQUE {
        builder = builder.set_column_dictionary_enabled(column.name().into(), false);
    }
    for column in UNORDERED {
        let none = EnabledStatistics::None;
        builder = builder.set_column_statistics_enabled(column.name().into(), none);
    }
    builder
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .set_created_by(concat!("weir ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![schema]))
        .build()
}

/// The columns in Arrow's words.
fn arrow_schema(schema: Schema) -> SchemaRef {
    let field = |column: &Column| Field::new(column.name(), data_type(column.kind()), true);
    let fields: Vec<Field> = schema.columns().iter().map(field).collect();
    Arc::new(datatypes::Schema::new(fields))
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
    schema: Schema,
    batches: ParquetRecordBatchReader,
    rows: std::vec::IntoIter<Row>,
    ended: bool,
}

impl TableReader {
    pub(crate) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(ArchiveError::io("open", path))?;
        let (schema, batches) = guard(path, || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)
                .map_err(ArchiveError::parquet(path))?;
            let metadata = builder.metadata().file_metadata();
            let named = metadata.key_value_metadata().and_then(|pairs| {
                let named = pairs.iter().find(|pair| pair.key == SCHEMA);
                named.and_then(|pair| pair.value.as_deref())
            });
            let schema = schema_of(path, named, builder.schema())?;
            let batches = builder
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(ArchiveError::parquet(path))?;
            Ok((schema, batches))
        })?;
        Ok(Self {
            path: path.to_owned(),
            schema,
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
            match self.next_table()? {
                Some(table) => self.rows = table.rows().collect::<Vec<_>>().into_iter(),
                None => return Ok(None),
            }
        }
    }

    /// The next rows together, without taking them apart. Not to be mixed with taking rows.
    pub(crate) fn next_table(&mut self) -> Result<Option<Table>, ArchiveError> {
        let batch = guard(&self.path, || {
            let batch = self.batches.next().transpose();
            batch.map_err(ArchiveError::parquet(&self.path))
        })?;
        Ok(batch.map(|batch| Table::new(self.schema, &batch)))
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

/// The schema that the file says it has, and whose columns it has exactly.
fn schema_of(
    path: &Path,
    named: Option<&str>,
    found: &datatypes::Schema,
) -> Result<Schema, ArchiveError> {
    let is_same = |schema: &Schema| {
        let expected = arrow_schema(*schema);
        named == Some(schema.name)
            && expected.fields().len() == found.fields().len()
            && expected
                .fields()
                .iter()
                .zip(found.fields())
                .all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type())
    };
    let schema = Schema::ALL.into_iter().find(is_same);
    schema.ok_or_else(|| ArchiveError::Unreadable {
        path: path.to_owned(),
        what: format!(
            "its columns are not those of {} or of what came before",
            Schema::NEWEST.name
        ),
    })
}

/// Some rows of a file, column by column as they were read.
pub(crate) struct Table {
    pub schema: Schema,
    pub length: usize,
    columns: Vec<Values>,
}

impl Table {
    fn new(schema: Schema, batch: &RecordBatch) -> Self {
        Self {
            schema,
            length: batch.num_rows(),
            columns: batch.columns().iter().map(Values::new).collect(),
        }
    }

    /// The values of one row, in the order of its columns.
    pub(crate) fn values(&self, row: usize) -> impl Iterator<Item = Value<'_>> {
        self.columns.iter().map(move |values| values.get(row))
    }

    /// The value of one column of a row.
    pub(crate) fn value(&self, row: usize, column: Column) -> Value<'_> {
        let values = self.columns.get(column as usize);
        values.map_or(Value::Null, |values| values.get(row))
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        (0..self.length).map(|index| {
            let mut row = Row::empty_of(self.schema);
            for (column, value) in self.schema.columns().iter().zip(self.values(index)) {
                row.put(*column, value);
            }
            row
        })
    }
}

/// The values of a column.
enum Values {
    Texts(StringArray),
    Ints(Int32Array),
    Longs(Int64Array),
    Times(TimestampMicrosecondArray),
    /// Of a type that is no column's: `schema_of` lets none in.
    Nulls,
}

impl Values {
    fn new(array: &ArrayRef) -> Self {
        let array = array.as_any();
        if let Some(texts) = array.downcast_ref::<StringArray>() {
            Self::Texts(texts.clone())
        } else if let Some(ints) = array.downcast_ref::<Int32Array>() {
            Self::Ints(ints.clone())
        } else if let Some(longs) = array.downcast_ref::<Int64Array>() {
            Self::Longs(longs.clone())
        } else if let Some(times) = array.downcast_ref::<TimestampMicrosecondArray>() {
            Self::Times(times.clone())
        } else {
            Self::Nulls
        }
    }

    /// The value at an index that is in the array.
    fn get(&self, index: usize) -> Value<'_> {
        match self {
            Self::Texts(texts) if texts.is_valid(index) => Value::Text(texts.value(index)),
            Self::Ints(ints) if ints.is_valid(index) => Value::Int(ints.value(index)),
            Self::Longs(longs) if longs.is_valid(index) => Value::Long(longs.value(index)),
            Self::Times(times) if times.is_valid(index) => Value::Long(times.value(index)),
            _ => Value::Null,
        }
    }
}
