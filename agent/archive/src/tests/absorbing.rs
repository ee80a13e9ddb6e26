//! Claims about how segments become files.

use std::fs;

use super::*;
use crate::ArchiveError;

#[test]
fn a_segment_goes_once_its_rows_are_in_the_archive() {
    let mut house = House::new();
    house.write(Some(SessionId::now()), story());
    let segment = house.seal();
    let mut archive = Archive::open(house.archive(), HOST).unwrap();
    let absorbed = archive.absorb(&segment).unwrap();
    assert_eq!((absorbed.rows, absorbed.known), (8, 0));
    assert!(!segment.exists());
    let name = "v1/host=db-1/day=2026-07-23/00000000000000000001-00000000000000000008.parquet";
    assert_eq!(absorbed.files, [house.archive().join(name)]);
    assert_eq!(archive.head(), 8);
    assert_eq!(crate::hosts(&house.archive()).unwrap(), [HOST]);
    assert_eq!(house.findings(), [""; 0]);
}

#[test]
fn every_field_of_a_record_comes_back_from_its_row() {
    let mut house = House::new();
    house.write(None, [started()]);
    house.write(Some(SessionId::now()), story());
    let segment = house.seal();
    let written: Vec<_> = journal::read_sealed(&segment)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    Archive::open(house.archive(), HOST)
        .unwrap()
        .absorb(&segment)
        .unwrap();
    let rows = house.rows();
    assert_eq!(rows.len(), written.len());
    for (row, entry) in rows.iter().zip(written) {
        let text = row.text(Column::Record).unwrap();
        assert_eq!(text, entry.text);
        assert_eq!(
            serde_json::from_str::<AuditRecord>(text).unwrap(),
            entry.record
        );
    }
}

#[test]
fn a_segment_over_midnight_makes_a_file_per_day() {
    let mut house = House::new();
    house.write(None, (0..1000).map(|_| closed()));
    house.absorb();
    let days: Vec<String> = house
        .files()
        .iter()
        .map(|file| {
            file.parent()
                .unwrap()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(days, ["day=2026-07-23", "day=2026-07-24"]);
    assert_eq!(house.rows().len(), 1000);
    assert_eq!(house.findings(), [""; 0]);
}

#[test]
fn who_a_session_was_stands_on_every_row_over_segments_and_restarts() {
    let mut house = House::new();
    let session = Some(SessionId::now());
    for event in story() {
        house.write(session, [event]);
        house.absorb();
    }
    let rows = house.rows();
    assert_eq!(rows.len(), 8);
    assert_eq!(texts(&rows, Column::Server), [Some("main"); 8]);
    assert_eq!(texts(&rows, Column::SrcEndpointIp), [Some("127.0.0.1"); 8]);
    assert_eq!(texts(&rows, Column::ActorUserName)[1..], [Some("app"); 7]);
    // What is closed is forgotten.
    house.write(session, [finished()]);
    house.absorb();
    assert_eq!(house.rows()[8].text(Column::ActorUserName), None);
}

#[test]
fn what_is_known_about_sessions_is_made_again_from_the_archive() {
    for stale in [
        None,
        Some("{"),
        Some(r#"{"sequence":1,"open":{}}"#),
        Some(r#"{"sequence":99,"open":{}}"#),
    ] {
        let mut house = House::new();
        let session = Some(SessionId::now());
        house.write(None, [started()]);
        house.write(session, story().into_iter().take(3));
        house.absorb();
        let path = crate::layout::sessions(&house.archive(), HOST);
        match stale {
            None => fs::remove_file(path).unwrap(),
            Some(text) => fs::write(path, text).unwrap(),
        }
        house.write(session, [finished()]);
        house.absorb();
        assert_eq!(
            house.rows()[4].text(Column::ActorUserName),
            Some("app"),
            "{stale:?}"
        );
    }
}

#[test]
fn the_sessions_of_a_killed_agent_are_forgotten() {
    let mut house = House::new();
    let session = Some(SessionId::now());
    house.write(session, story().into_iter().take(3));
    house.write(None, [started()]);
    house.write(session, [finished()]);
    house.absorb();
    assert_eq!(house.rows()[4].text(Column::ActorUserName), None);
}

#[test]
fn a_crash_after_any_step_loses_and_doubles_nothing() {
    // What each step leaves behind: taken back by hand, from the last step to the first.
    let undo: [fn(&House, &Path); 4] = [
        |_, _| {},
        |house, _| {
            let sessions = crate::layout::sessions(&house.archive(), HOST);
            fs::remove_file(sessions).unwrap();
        },
        |house, _| fs::remove_file(crate::layout::manifest(&house.archive(), HOST)).unwrap(),
        |house, file| {
            fs::remove_file(crate::layout::manifest(&house.archive(), HOST)).unwrap();
            fs::rename(
                file,
                file.with_file_name("00000000000000000001.parquet.tmp"),
            )
            .unwrap();
        },
    ];
    for (step, undo) in undo.iter().enumerate() {
        let mut house = House::new();
        house.write(Some(SessionId::now()), story());
        let segment = house.seal();
        let bytes = fs::read(&segment).unwrap();
        Archive::open(house.archive(), HOST)
            .unwrap()
            .absorb(&segment)
            .unwrap();
        let before = house.rows();
        fs::write(&segment, bytes).unwrap();
        undo(&house, &house.files()[0]);
        assert_eq!(house.findings(), [""; 0], "step {step}, before the restart");
        let absorbed = Archive::open(house.archive(), HOST)
            .unwrap()
            .absorb(&segment)
            .unwrap();
        assert_eq!(absorbed.rows + absorbed.known, 8, "step {step}");
        assert!(!segment.exists());
        assert_eq!(house.rows(), before, "step {step}");
        assert_eq!(house.files().len(), 1, "step {step}");
        assert_eq!(house.findings(), [""; 0], "step {step}");
    }
}

#[test]
fn a_crash_between_two_days_goes_on_with_the_second() {
    let mut house = House::new();
    house.write(None, (0..600).map(|_| closed()));
    let segment = house.seal();
    let bytes = fs::read(&segment).unwrap();
    Archive::open(house.archive(), HOST)
        .unwrap()
        .absorb(&segment)
        .unwrap();
    let before = house.rows();
    let manifest = crate::layout::manifest(&house.archive(), HOST);
    let lines = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, lines.split_inclusive('\n').next().unwrap()).unwrap();
    fs::remove_file(&house.files()[1]).unwrap();
    fs::write(&segment, bytes).unwrap();
    let absorbed = Archive::open(house.archive(), HOST)
        .unwrap()
        .absorb(&segment)
        .unwrap();
    assert_eq!((absorbed.known, absorbed.rows), (500, 100));
    assert_eq!(house.rows(), before);
    assert_eq!(house.findings(), [""; 0]);
}

#[test]
fn a_journal_that_starts_again_from_1_is_not_taken_for_a_replay() {
    let mut house = House::new();
    house.write(Some(SessionId::now()), story());
    house.absorb();
    let mut other = House::new();
    other.write(Some(SessionId::now()), story());
    let segment = other.seal();
    let error = Archive::open(house.archive(), HOST)
        .unwrap()
        .absorb(&segment)
        .unwrap_err();
    assert!(
        matches!(error, ArchiveError::Conflict { sequence: 1, .. }),
        "{error}"
    );
    assert!(segment.exists());
}

#[test]
fn a_gap_before_a_segment_is_refused_and_the_segment_stays() {
    let mut house = House::new();
    house.write(None, [started()]);
    let lost = house.seal();
    house.write(None, [closed()]);
    let segment = house.seal();
    fs::remove_file(lost).unwrap();
    let error = Archive::open(house.archive(), HOST)
        .unwrap()
        .absorb(&segment)
        .unwrap_err();
    assert!(
        matches!(
            error,
            ArchiveError::Missing {
                expected: 1,
                found: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(segment.exists());
}

#[test]
fn a_damaged_segment_is_refused_and_adds_nothing() {
    let mut house = House::new();
    house.write(Some(SessionId::now()), story());
    let segment = house.seal();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let mut archive = Archive::open(house.archive(), HOST).unwrap();
    let error = archive.absorb(&segment).unwrap_err();
    assert!(matches!(error, ArchiveError::Journal(_)), "{error}");
    assert_eq!(archive.head(), 0);
}

#[test]
fn an_unfinished_line_of_the_manifest_is_cut_off() {
    let mut house = House::new();
    house.write(None, [started()]);
    house.absorb();
    let manifest = crate::layout::manifest(&house.archive(), HOST);
    let whole = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{whole}{{\"version\":1,\"fi")).unwrap();
    house.write(None, [closed()]);
    house.absorb();
    assert_eq!(house.findings(), [""; 0]);
    assert_eq!(house.rows().len(), 2);
}

#[test]
fn two_agents_cannot_write_one_trail() {
    let house = House::new();
    let _archive = Archive::open(house.archive(), HOST).unwrap();
    let second = Archive::open(house.archive(), HOST).err();
    assert!(
        matches!(second, Some(ArchiveError::InUse { .. })),
        "{second:?}"
    );
    Archive::open(house.archive(), "db-2").unwrap();
}

#[test]
fn a_host_id_stays_inside_the_archive() {
    let house = House::new();
    for host in ["", ".", "..", "../x", "a/b", "a b"] {
        let refused = Archive::open(house.archive(), host).err();
        assert!(
            matches!(refused, Some(ArchiveError::HostId { .. })),
            "{host:?}"
        );
    }
}

#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let mut house = House::new();
    house.write(None, [started()]);
    house.absorb();
    let mut left = vec![house.archive()];
    while let Some(path) = left.pop() {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{path:?}");
        if path.is_dir() {
            left.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
}
