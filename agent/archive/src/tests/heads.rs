//! Claims about signed heads: what was signed can be neither changed nor taken back.

use std::fs;

use proof::{SigningKey, VerifierKey};

use super::*;
use crate::{Finding, Report, endorse};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed("weir/db-1", &[seed; 32]).unwrap()
}

/// Three files of eight records, and three records in the journal: all of them signed.
fn house() -> House {
    let mut house = House::new();
    for _ in 0..3 {
        house.write(Some(SessionId::now()), story());
        house.absorb();
        sign(&house, 1, true);
    }
    house.write(Some(SessionId::now()), story().into_iter().take(3));
    house.sync();
    sign(&house, 1, false);
    assert_eq!(findings(&house, &Trust::default()), [""; 0]);
    house
}

fn sign(house: &House, seed: u8, keep: bool) {
    let mut archive = Archive::open(house.archive(), HOST).unwrap();
    archive.introduce(&key(seed).verifier(), None).unwrap();
    let live = journal::segments(&house.journal()).unwrap().pop().unwrap();
    archive.follow(&live).unwrap();
    archive.sign(&key(seed), keep).unwrap();
}

fn verify(house: &House, trust: &Trust) -> Report {
    house.trail().verify(trust, |_, _| ()).unwrap()
}

fn findings(house: &House, trust: &Trust) -> Vec<String> {
    verify(house, trust)
        .findings
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn trust(key: VerifierKey) -> Trust {
    Trust {
        key: Some(key),
        since: None,
    }
}

fn log(house: &House) -> PathBuf {
    crate::layout::log(&house.archive(), HOST)
}

#[test]
fn a_signed_trail_says_up_to_where_and_by_whom() {
    let report = verify(&house(), &trust(key(1).verifier()));
    let signed = report.signed.unwrap();
    assert_eq!((signed.size, signed.key), (27, key(1).verifier()));
    assert_eq!((report.unseen, report.since), (0, None));
}

#[test]
fn another_key_than_the_one_that_somebody_kept_is_not_believed() {
    let house = house();
    let found = findings(&house, &trust(key(2).verifier()));
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(
        found[0].contains("not signed by a key that is known"),
        "{found:#?}"
    );
    fs::remove_dir_all(log(&house)).unwrap();
    let found = findings(&house, &trust(key(1).verifier()));
    assert!(
        found
            .iter()
            .any(|found| found.contains("no checkpoint is there")),
        "{found:#?}"
    );
}

#[test]
fn an_archive_that_was_made_again_from_a_record_on_is_not_what_was_signed() {
    let house = house();
    // Somebody who knows everything but the key.
    rewrite(&house.files()[1], |rows| {
        rows[4].put(Column::ActorUserName, "somebody")
    });
    make_again(&house);
    let found = findings(&house, &Trust::default());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("records 9 to 16 are not all those"),
        "{found:#?}"
    );
}

#[test]
fn a_changed_record_of_the_journal_is_not_what_was_signed() {
    let house = house();
    let mut forged = House::new();
    for _ in 0..3 {
        forged.write(None, (0..8).map(|_| closed()));
        forged.seal();
    }
    // The journal of another run, which has other records from 25 on.
    forged.write(None, (0..3).map(|_| closed()));
    let trail = Trail {
        journal: Some(forged.journal()),
        ..house.trail()
    };
    let found = trail.verify(&Trust::default(), |_, _| ()).unwrap().findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    let words = "records 25 to 27 are not all those";
    assert!(found[0].to_string().contains(words), "{found:#?}");
}

#[test]
fn signed_records_cannot_be_rolled_back() {
    let house = house();
    let journal = house.journal();
    fs::remove_dir_all(&journal).unwrap();
    drop_last_line(&house);
    fs::remove_file(&house.files()[2]).unwrap();
    let without_journal = Trail {
        journal: None,
        ..house.trail()
    };
    let found = without_journal
        .verify(&Trust::default(), |_, _| ())
        .unwrap()
        .findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    let words = "signed for 24 records, of which 16 are left";
    assert!(found[0].to_string().contains(words), "{found:#?}");
}

#[test]
fn a_copy_without_the_journal_is_whole_and_says_what_it_lacks() {
    let house = house();
    let copy = Trail {
        journal: None,
        ..house.trail()
    };
    let report = copy.verify(&Trust::default(), |_, _| ()).unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!((report.signed.unwrap().size, report.unseen), (24, 3));
}

#[test]
fn heads_that_were_removed_with_their_records_are_missed_by_who_kept_one() {
    let house = house();
    let kept = house.directory.path().join("kept");
    fs::copy(log(&house).join("checkpoint"), &kept).unwrap();
    let since = Trust {
        since: Some(kept.clone()),
        ..Trust::default()
    };
    assert_eq!(verify(&house, &since).since, Some(27));
    // Everything is taken back to the second file, heads as well.
    fs::remove_file(log(&house).join("checkpoint")).unwrap();
    fs::remove_file(log(&house).join("checkpoints/00000000000000000024")).unwrap();
    drop_last_line(&house);
    fs::remove_file(&house.files()[2]).unwrap();
    let trail = Trail {
        journal: None,
        ..house.trail()
    };
    assert!(
        trail
            .verify(&Trust::default(), |_, _| ())
            .unwrap()
            .is_clean()
    );
    let found = trail.verify(&since, |_, _| ()).unwrap().findings;
    assert!(
        found[0]
            .to_string()
            .contains("signed for 27 records, of which 16"),
        "{found:#?}"
    );
}

#[test]
fn a_head_with_any_byte_changed_is_found() {
    let house = House::new();
    sign(&house, 1, false);
    assert_eq!(findings(&house, &Trust::default()), [""; 0]);
    let path = log(&house).join("checkpoint");
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(!findings(&house, &Trust::default()).is_empty(), "byte {at}");
    }
}

#[test]
fn a_key_gives_way_only_to_one_that_it_endorsed() {
    let house = house();
    let archive = Archive::open(house.archive(), HOST).unwrap();
    let (first, second, third) = (key(1), key(2), key(3));
    assert!(!archive.introduce(&first.verifier(), None).unwrap());
    let refused = archive.introduce(&second.verifier(), None).unwrap_err();
    assert!(
        refused.to_string().contains("has not endorsed"),
        "{refused}"
    );
    let stolen = endorse(&third, &second.verifier()).unwrap();
    archive
        .introduce(&second.verifier(), Some(&stolen))
        .unwrap_err();
    let endorsement = endorse(&first, &second.verifier()).unwrap();
    assert!(
        archive
            .introduce(&second.verifier(), Some(&endorsement))
            .unwrap()
    );
    assert!(
        !archive
            .introduce(&second.verifier(), Some(&endorsement))
            .unwrap()
    );
    drop(archive);
    sign(&house, 2, false);
    let report = verify(&house, &trust(first.verifier()));
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!(report.signed.unwrap().key, second.verifier());
}

#[test]
fn a_smaller_tree_than_the_one_that_was_signed_is_not_signed() {
    let house = house();
    let mut archive = Archive::open(house.archive(), HOST).unwrap();
    let refused = archive.sign(&key(1), false).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "27 records are signed, and the archive has 24 of them so far"
    );
    archive.absorb(&house.seal()).unwrap();
    archive.sign(&key(1), false).unwrap();
}

/// Makes leaf hashes and manifest again, of the rows that there are.
fn make_again(house: &House) {
    let mut tree = proof::Tree::default();
    edit_manifest(house, |lines| {
        for (line, file) in lines.iter_mut().zip(house.files()) {
            let rows = TableReader::open(&file).unwrap().map(Result::unwrap);
            let leaves: Vec<_> = rows.map(|row| crate::leaf::of(&row)).collect();
            tree.extend(leaves.iter().copied());
            let mut read: crate::manifest::Line = serde_json::from_str(line).unwrap();
            read.sha256 = crate::manifest::hash_file(&file).unwrap();
            let path = crate::layout::leaves(&house.archive(), HOST, read.first, read.last);
            crate::log::write_leaves(&path, &leaves).unwrap();
            *line = serde_json::to_string(&read.with_tree(&tree)).unwrap();
        }
    });
}

#[test]
fn a_signed_trail_is_clean_at_every_moment_while_the_agent_works() {
    let mut house = House::new();
    let trail = house.trail();
    let agent = std::thread::spawn(move || {
        let mut archive = Archive::open(house.archive(), HOST).unwrap();
        archive.introduce(&key(1).verifier(), None).unwrap();
        for round in 0..30 {
            house.write(Some(SessionId::now()), story());
            house.sync();
            let live = journal::segments(&house.journal()).unwrap().pop().unwrap();
            archive.follow(&live).unwrap();
            archive.sign(&key(1), false).unwrap();
            if round % 3 == 2 {
                archive.absorb(&house.seal()).unwrap();
                archive.sign(&key(1), true).unwrap();
            }
        }
        house
    });
    while !agent.is_finished() {
        let mut findings = findings_of(&trail);
        // Until the first head is signed.
        findings.retain(|finding| *finding != Finding::Unsigned);
        assert!(findings.is_empty(), "{findings:#?}");
    }
    let house = agent.join().unwrap();
    let report = verify(&house, &trust(key(1).verifier()));
    assert_eq!((report.rows, report.signed.unwrap().size), (240, 240));
}

fn findings_of(trail: &Trail) -> Vec<Finding> {
    let trust = trust(key(1).verifier());
    trail.verify(&trust, |_, _| ()).unwrap().findings
}
