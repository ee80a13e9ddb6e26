//! Claims about `verify`: it finds what was done to a trail, and says where.

use std::fs;

use super::*;
use crate::{Kind, Value};

/// Three files of eight records, and two records in the journal.
fn house() -> House {
    let mut house = House::new();
    for _ in 0..3 {
        house.write(Some(SessionId::now()), story());
        house.absorb();
    }
    house.write(Some(SessionId::now()), story().into_iter().take(2));
    assert_eq!(house.findings(), [""; 0]);
    house
}

/// That there is exactly one finding, with these words.
fn assert_found(house: &House, words: &[&str]) {
    let findings = house.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    for word in words {
        assert!(
            findings[0].contains(word),
            "{word:?} is not in {findings:#?}"
        );
    }
}

#[test]
fn a_whole_trail_is_clean_and_counted() {
    let report = house()
        .trail()
        .verify(&Trust::default(), |_, _| ())
        .unwrap();
    assert!(report.is_clean());
    assert_eq!((report.files, report.rows, report.pending), (3, 24, 2));
    assert_eq!(report.head, 24);
}

#[test]
fn an_honest_trail_is_clean_at_every_moment_while_the_agent_works() {
    let mut house = House::new();
    let trail = house.trail();
    let agent = std::thread::spawn(move || {
        for _ in 0..25 {
            house.write(Some(SessionId::now()), story());
            house.absorb();
        }
        house
    });
    while !agent.is_finished() {
        let findings = trail.verify(&Trust::default(), |_, _| ()).unwrap().findings;
        assert!(findings.is_empty(), "{findings:#?}");
        let rows = trail.rows(&Filter::default()).unwrap();
        let sequences: Vec<u64> = rows.iter().map(Row::sequence).collect();
        assert_eq!(sequences, (1..=rows.len() as u64).collect::<Vec<_>>());
    }
    assert_eq!(
        agent
            .join()
            .unwrap()
            .trail()
            .verify(&Trust::default(), |_, _| ())
            .unwrap()
            .rows,
        200
    );
}

#[test]
fn an_edited_value_is_found_in_every_column() {
    let house = house();
    let file = house.files().remove(1);
    let bytes = fs::read(&file).unwrap();
    for column in Column::ALL {
        rewrite(&file, |rows| {
            let longer;
            let row = rows[4].clone();
            let value = match row.get(*column) {
                Value::Null if column.kind() == Kind::Text => "x".into(),
                Value::Null if column.kind() == Kind::Int => 1.into(),
                Value::Null => 1_i64.into(),
                Value::Text(text) => {
                    longer = format!("{text} ");
                    Value::Text(&longer)
                }
                Value::Int(number) => (number ^ 1).into(),
                Value::Long(number) => (number ^ 64).into(),
            };
            rows[4].put(*column, value);
        });
        let findings = house.findings();
        let place = "00000000000000000009-00000000000000000016.parquet row 4";
        assert!(findings[0].contains(place), "{column:?}: {findings:#?}");
        fs::write(&file, &bytes).unwrap();
    }
}

#[test]
fn an_edited_row_is_named() {
    let house = house();
    rewrite(&house.files()[1], |rows| {
        rows[4].put(Column::ActorUserName, "somebody")
    });
    assert_found(&house, &["00000009-", " row 4, record 13: edited"]);
}

#[test]
fn rows_whose_hashes_were_made_again_are_found_by_the_manifest() {
    let house = house();
    rewrite(&house.files()[0], |rows| {
        rows[4].put(Column::ActorUserName, "somebody");
    });
    hash_again(&house, 0);
    assert_found(&house, &["00000001-", "rewritten"]);
}

#[test]
fn hashes_that_were_changed_do_not_hide_that_the_rows_were_not() {
    let house = house();
    let path = leaves(&house, 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[32] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let words = [
        "log/db-1/leaf/00000000000000000009-",
        "not those of the rows",
    ];
    assert_found(&house, &words);
    fs::write(&path, &bytes[..64]).unwrap();
    assert_found(&house, &words);
    fs::remove_file(&path).unwrap();
    assert_found(&house, &words);
}

#[test]
fn a_row_and_its_hash_cannot_go_together() {
    let house = house();
    rewrite(&house.files()[1], |rows| {
        rows[4].put(Column::ActorUserName, "somebody");
    });
    fs::remove_file(leaves(&house, 1)).unwrap();
    assert_found(&house, &["00000009-", "rewritten"]);
}

#[test]
fn a_removed_row_is_a_gap() {
    let house = house();
    rewrite(&house.files()[1], |rows| drop(rows.remove(3)));
    assert_found(
        &house,
        &["00000009-", "row 3: records 12 to 12 are missing"],
    );
}

#[test]
fn a_removed_last_row_is_a_gap() {
    let house = house();
    rewrite(&house.files()[1], |rows| rows.truncate(6));
    assert_found(&house, &["row 6: records 15 to 16 are missing"]);
}

#[test]
fn a_doubled_row_is_found() {
    let house = house();
    rewrite(&house.files()[1], |rows| rows.insert(3, rows[2].clone()));
    assert_found(&house, &["row 3: record 11 stands where 12 should be"]);
}

#[test]
fn swapped_rows_are_found() {
    let house = house();
    rewrite(&house.files()[1], |rows| rows.swap(3, 4));
    let findings = house.findings();
    assert!(
        findings[0].contains("row 3: records 12 to 12 are missing"),
        "{findings:#?}"
    );
    assert!(
        findings[1].contains("row 4: record 12 stands where 14 should be"),
        "{findings:#?}"
    );
}

#[test]
fn a_deleted_file_is_named_wherever_it_was() {
    for (index, records) in ["records 1 to 8", "records 9 to 16", "records 17 to 24"]
        .iter()
        .enumerate()
    {
        let house = house();
        fs::remove_file(&house.files()[index]).unwrap();
        assert_found(&house, &["missing, with", records]);
    }
}

#[test]
fn swapped_files_are_found() {
    let house = house();
    let files = house.files();
    let aside = house.archive().join("aside");
    fs::rename(&files[0], &aside).unwrap();
    fs::rename(&files[1], &files[0]).unwrap();
    fs::rename(&aside, &files[1]).unwrap();
    let findings = house.findings();
    assert!(
        findings
            .iter()
            .any(|finding| finding.contains("00000001-") && finding.contains("row 0"))
    );
    assert!(
        findings
            .iter()
            .any(|finding| finding.contains("00000009-") && finding.contains("row 0"))
    );
}

#[test]
fn the_newest_file_and_its_line_cannot_go_together() {
    let house = house();
    drop_last_line(&house);
    let last = house.files().pop().unwrap();
    fs::remove_file(last).unwrap();
    assert_found(
        &house,
        &["records 17 to 24 are neither in the archive nor in the journal"],
    );
}

#[test]
fn a_manifest_that_was_cut_short_is_found() {
    let house = house();
    drop_last_line(&house);
    let findings = house.findings();
    assert!(findings[0].contains("not in the manifest"), "{findings:#?}");
    assert!(
        findings[1].contains("records 17 to 24 are neither"),
        "{findings:#?}"
    );
}

#[test]
fn a_line_taken_out_of_the_manifest_is_found() {
    let house = house();
    edit_manifest(&house, |lines| drop(lines.remove(1)));
    let findings = house.findings();
    assert!(
        findings[0].contains("line 2 of the manifest starts with record 17 where 9 should be"),
        "{findings:#?}"
    );
}

#[test]
fn an_edited_line_of_the_manifest_is_found() {
    for (from, to) in [
        ("\"edge\":[\"", "\"edge\":[\"z"),
        ("\"last\":16", "\"last\":15"),
        ("\"sha256\":\"", "\"sha256\":\"0"),
    ] {
        let house = house();
        edit_manifest(&house, |lines| lines[1] = lines[1].replace(from, to));
        assert!(!house.findings().is_empty(), "{from}");
    }
}

#[test]
fn a_manifest_of_garbage_is_named_with_its_line() {
    let house = house();
    edit_manifest(&house, |lines| lines[1] = "{}".to_owned());
    assert!(
        house.findings()[0].contains("the manifest: line 2 of"),
        "{:#?}",
        house.findings()
    );
}

#[test]
fn a_file_that_nobody_archived_is_found() {
    let house = house();
    let file = &house.files()[0];
    fs::copy(
        file,
        file.with_file_name("00000000000000000025-00000000000000000099.parquet"),
    )
    .unwrap();
    let other = file.with_file_name("notes.parquet");
    fs::copy(file, other).unwrap();
    // The first of them looks like the one that is being made from the journal, until the agent makes it.
    assert_found(&house, &["notes.parquet: not in the manifest"]);
}

#[test]
fn a_removed_live_segment_is_found() {
    let mut house = house();
    let removed = house.seal();
    house.write(None, [closed()]);
    fs::remove_file(removed).unwrap();
    assert_found(&house, &["records 25 to 26 are neither"]);
}

#[test]
fn a_journal_that_was_rolled_back_is_found() {
    let (house, younger) = (house(), House::new());
    let trail = Trail {
        journal: Some(younger.journal()),
        ..house.trail()
    };
    let report = trail.verify(&Trust::default(), |_, _| ()).unwrap();
    let finding = report
        .findings
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(
        finding.contains("the journal was rolled back or replaced"),
        "{finding}"
    );
}

#[test]
fn every_flipped_byte_of_a_file_is_found_and_none_breaks_the_verifier() {
    let workers = std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        for first in 0..workers {
            scope.spawn(move || flip_every(workers, first));
        }
    });
}

/// Flips every so many bytes of a file, one after the other.
fn flip_every(step: usize, first: usize) {
    let mut house = House::new();
    house.write(None, [started(), closed()]);
    house.absorb();
    let file = house.files().remove(0);
    let bytes = fs::read(&file).unwrap();
    for position in (first..bytes.len()).step_by(step) {
        let mut flipped = bytes.clone();
        flipped[position] ^= 0x55;
        fs::write(&file, flipped).unwrap();
        let findings = house.findings();
        assert!(!findings.is_empty(), "byte {position}");
        assert!(
            findings.iter().all(|finding| finding.contains("00000001-")),
            "{findings:#?}"
        );
    }
}

/// The file of leaf hashes beside the Parquet file with this number.
fn leaves(house: &House, file: usize) -> std::path::PathBuf {
    let first = file as u64 * 8 + 1;
    crate::layout::leaves(&house.archive(), HOST, first, first + 7)
}

/// Makes the leaf hashes of a file again, of the rows that it has now.
fn hash_again(house: &House, file: usize) {
    let mut hashes = Vec::new();
    for row in TableReader::open(&house.files()[file]).unwrap() {
        hashes.push(crate::leaf::of(&row.unwrap()));
    }
    crate::log::write_leaves(&leaves(house, file), &hashes).unwrap();
}
