//! The stream as the server writes it, cut in every place.

use model::{CopyForm, MaskFunction, MaskedColumn, Outcome, Place, Status};

use super::*;
use crate::messages::row_description::Field;
use crate::pipeline::outcome;

const TEXT: u32 = 25;

/// The second of three columns is masked.
fn plan(function: MaskFunction, format: i16) -> Plan {
    let mask = MaskedColumn {
        place: Some(Place {
            statement: 0,
            output: 1,
        }),
        table: 7,
        column: 2,
        name: "public.t.ssn".into(),
        class: "pii".into(),
        function,
    };
    let field = || Field {
        name: bytes::Bytes::new(),
        table: 0,
        column: 0,
        kind: TEXT,
        format,
    };
    Plan::new(
        &[mask],
        0,
        &[field(), field(), field()],
        &mask::Keyring::default(),
    )
    .unwrap()
}

fn masked(function: MaskFunction, form: CopyForm, stream: &[u8]) -> Vec<u8> {
    let format = i16::from(form == CopyForm::Binary);
    let whole = in_two(&plan(function.clone(), format), &form, stream, stream.len());
    for cut in 0..stream.len() {
        let (out, outcome) = in_two(&plan(function.clone(), format), &form, stream, cut);
        assert_eq!((&out, outcome.masked), (&whole.0, whole.1.masked), "{cut}");
    }
    whole.0
}

fn in_two(plan: &Plan, form: &CopyForm, stream: &[u8], cut: usize) -> (Vec<u8>, Outcome) {
    let mut copying = Copying::new(plan.clone(), form.clone());
    let mut told = outcome(Status::Completed);
    let mut out = BytesMut::new();
    let (first, second) = stream.split_at(cut);
    copying.apply(first, &mut out, &mut told).unwrap();
    copying.apply(second, &mut out, &mut told).unwrap();
    copying.finish().unwrap();
    (out.to_vec(), told)
}

fn text(header: bool) -> CopyForm {
    CopyForm::Text {
        delimiter: b'\t',
        null: r"\N".into(),
        header,
    }
}

fn csv(quote: u8, escape: u8) -> CopyForm {
    CopyForm::Csv {
        delimiter: b',',
        null: "".into(),
        header: true,
        quote,
        escape,
    }
}

#[test]
fn only_the_masked_column_of_a_text_changes() {
    let stream = b"id\tssn\tx\n1\t5\\\t3\\\\\\n\ta\\tb\n2\t\\N\t\\N\n";
    assert_eq!(
        masked(MaskFunction::Redact, text(true), stream),
        b"id\tssn\tx\n1\t***\ta\\tb\n2\t\\N\t\\N\n"
    );
    let fixed = MaskFunction::Fixed("a\tb\\\n".into());
    assert_eq!(
        masked(fixed, text(false), b"1\tx\ty\n"),
        b"1\ta\\tb\\\\\\n\ty\n"
    );
    assert_eq!(
        masked(MaskFunction::Null, text(false), b"1\tx\ty\n"),
        b"1\t\\N\ty\n"
    );
}

#[test]
fn only_the_masked_column_of_a_csv_changes() {
    let stream = b"id,\"s\nn\",x\n1,\"5,\"\"\n3\",\"a,b\"\n2,,\"\"\n";
    assert_eq!(
        masked(MaskFunction::Redact, csv(b'"', b'"'), stream),
        b"id,\"s\nn\",x\n1,\"***\",\"a,b\"\n2,,\"\"\n"
    );
    let stream = b"h\n1,'5\\',\\\\',x\n";
    let partial = MaskFunction::Partial {
        prefix: 0,
        pad: "'".into(),
        suffix: 2,
    };
    assert_eq!(
        masked(partial, csv(b'\'', b'\\'), stream),
        b"h\n1,'\\',\\\\',x\n"
    );
    assert_eq!(
        masked(MaskFunction::Null, csv(b'"', b'"'), b"h\n1,x,y\n"),
        b"h\n1,,y\n"
    );
}

#[test]
fn only_the_masked_column_of_a_binary_copy_changes() {
    let mut stream = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    stream.extend(b"\0\x03\0\0\0\x01a\0\0\0\x03535\xff\xff\xff\xff");
    stream.extend(b"\0\x03\0\0\0\x01b\xff\xff\xff\xff\0\0\0\0");
    stream.extend(b"\xff\xff");
    let mut expected = stream.clone();
    let place = expected.windows(3).position(|bytes| bytes == b"535");
    expected[place.unwrap()..][..3].copy_from_slice(b"***");
    assert_eq!(
        masked(MaskFunction::Redact, CopyForm::Binary, &stream),
        expected
    );
}

#[test]
fn a_row_of_other_width_is_malformed() {
    for row in [&b"1\tx\n"[..], b"1\tx\ty\tz\n", b"\\.\n"] {
        let mut copying = Copying::new(plan(MaskFunction::Redact, 0), text(false));
        let mut told = outcome(Status::Completed);
        let result = copying.apply(row, &mut BytesMut::new(), &mut told);
        assert!(result.is_err(), "{row:?}");
    }
    let mut copying = Copying::new(plan(MaskFunction::Redact, 0), text(false));
    let mut told = outcome(Status::Completed);
    copying
        .apply(b"1\tx", &mut BytesMut::new(), &mut told)
        .unwrap();
    assert!(copying.finish().is_err());
}
