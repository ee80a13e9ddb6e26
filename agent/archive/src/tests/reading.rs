//! Claims about reading a trail.

use super::*;

#[test]
fn archive_and_journal_are_one_trail() {
    let mut house = House::new();
    let session = Some(SessionId::now());
    house.write(session, story().into_iter().take(3));
    house.absorb();
    house.write(session, story().into_iter().skip(3));
    let rows = house.rows();
    let sequences: Vec<u64> = rows.iter().map(Row::sequence).collect();
    assert_eq!(sequences, (1..=8).collect::<Vec<_>>());
    assert_eq!(texts(&rows, Column::ActorUserName)[1..], [Some("app"); 7]);
}

#[test]
fn the_newest_rows_come_from_the_end() {
    let mut house = House::new();
    for _ in 0..3 {
        house.write(Some(SessionId::now()), story());
        house.absorb();
    }
    house.write(None, [AuditEvent::Stopped]);
    for newest in [0, 1, 5, 20, 100] {
        let filter = Filter {
            newest: Some(newest),
            ..Filter::default()
        };
        let rows = house.trail().rows(&filter).unwrap();
        let sequences: Vec<u64> = rows.iter().map(Row::sequence).collect();
        let first = 26 - 25.min(newest as u64);
        assert_eq!(sequences, (first..=25).collect::<Vec<_>>());
    }
}

#[test]
fn rows_are_found_by_session_and_time() {
    let mut house = House::new();
    let (first, second) = (SessionId::now(), SessionId::now());
    house.write(Some(first), story());
    house.absorb();
    house.write(Some(second), story());
    let of = |session: SessionId| Filter {
        session: Some(session.to_string()),
        ..Filter::default()
    };
    let found = |filter: &Filter| {
        let rows = house.trail().rows(filter).unwrap();
        rows.iter().map(Row::sequence).collect::<Vec<_>>()
    };
    assert_eq!(found(&of(first)), (1..=8).collect::<Vec<_>>());
    assert_eq!(found(&of(second)), (9..=16).collect::<Vec<_>>());
    let between = Filter {
        since: Some(EVENING + 5000),
        until: Some(EVENING + 10_000),
        ..Filter::default()
    };
    assert_eq!(found(&between), [6, 7, 8, 9, 10]);
}

#[test]
fn an_archive_that_is_not_there_yet_is_empty() {
    let house = House::new();
    assert!(house.rows().is_empty());
    assert_eq!(house.findings(), [""; 0]);
    assert_eq!(crate::hosts(&house.archive()).unwrap(), [""; 0]);
}

#[test]
fn a_file_of_an_older_schema_is_read_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.parquet");
    let old = chained(&[1, 2, 3]);
    write_rows(Schema::ALL[0], &path, &old);
    let read: Vec<Row> = TableReader::open(&path)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read, old);
    assert_eq!(read[2].get(Column::ClientTls), crate::Value::Null);
}

#[test]
fn every_row_of_a_time_is_visited_once_and_in_order() {
    let mut house = House::new();
    for _ in 0..3 {
        house.write(Some(SessionId::now()), story());
        house.absorb();
    }
    house.write(Some(SessionId::now()), story());
    let visited = |filter: &Filter| {
        let mut rows = Vec::new();
        let visit = |row: &Row| rows.push(row.clone());
        house.trail().each(filter, visit).unwrap();
        rows
    };
    let all = house.trail().rows(&Filter::default()).unwrap();
    assert_eq!(visited(&Filter::default()), all);
    let some = Filter {
        since: Some(all[10].time()),
        until: Some(all[27].time()),
        ..Filter::default()
    };
    assert_eq!(visited(&some), house.trail().rows(&some).unwrap());
}
