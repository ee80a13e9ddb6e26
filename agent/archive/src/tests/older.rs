//! Claims about archives from before there was a tree: they stay verifiable, and get one.

use std::fs;

use super::*;

/// Two files of three chained rows, with a manifest as it was written then.
fn house() -> House {
    let house = House::new();
    let rows = chained(&[1, 2, 3, 4, 5, 6]);
    let mut manifest = String::new();
    for rows in rows.chunks(3) {
        let (first, last) = (rows[0].sequence(), rows[2].sequence());
        let file = crate::layout::file(HOST, crate::layout::Day::of(EVENING), first, last);
        let path = house.archive().join(&file);
        crate::layout::make_directory(path.parent().unwrap()).unwrap();
        write_rows(Schema::ALL[0], &path, rows);
        let sha256 = crate::manifest::hash_file(&path).unwrap();
        let chain = rows[2].text(Column::Chain).unwrap();
        manifest += &format!(
            "{{\"version\":1,\"file\":{file:?},\"first\":{first},\"last\":{last},\"since\":0,\"until\":0,\
             \"sha256\":\"{sha256}\",\"chain\":\"{chain}\"}}\n"
        );
    }
    let path = crate::layout::manifest(&house.archive(), HOST);
    crate::layout::make_directory(path.parent().unwrap()).unwrap();
    fs::write(path, manifest).unwrap();
    house
}

/// Verified as it is, and after the archive was opened for writing.
fn findings_before_and_after(house: &House) -> [Vec<String>; 2] {
    let before = house
        .trail()
        .verify(&Trust::default(), |_, _| ())
        .unwrap()
        .findings;
    Archive::open(house.archive(), HOST).unwrap();
    let after = house
        .trail()
        .verify(&Trust::default(), |_, _| ())
        .unwrap()
        .findings;
    // The journal of this house has begun again.
    [before, after].map(|findings| {
        let findings = findings.iter().map(ToString::to_string);
        findings
            .filter(|finding| !finding.contains("journal"))
            .collect()
    })
}

#[test]
fn an_older_archive_is_clean_and_becomes_part_of_the_tree() {
    let house = house();
    assert_eq!(findings_before_and_after(&house), [[""; 0]; 2]);
    let archive = Archive::open(house.archive(), HOST).unwrap();
    assert_eq!((archive.head(), archive.tree().size()), (6, 6));
}

#[test]
fn an_edited_row_of_an_older_archive_is_named() {
    let house = house();
    rewrite(&house.files()[1], |rows| {
        rows[1].put(Column::Event, "closed")
    });
    let [before, after] = findings_before_and_after(&house);
    let name = "row 1, record 5: edited";
    assert!(before.len() == 1 && before[0].contains(name), "{before:#?}");
    assert!(after.len() == 1 && after[0].contains(name), "{after:#?}");
}

#[test]
fn rows_of_an_older_archive_that_were_chained_again_are_found_by_the_manifest() {
    let house = house();
    rewrite(&house.files()[0], |rows| *rows = chained(&[1, 2, 2]));
    rewrite(&house.files()[0], |rows| {
        rows[2].put(Column::Sequence, 3_u64)
    });
    let [before, _] = findings_before_and_after(&house);
    assert!(!before.is_empty());
}
