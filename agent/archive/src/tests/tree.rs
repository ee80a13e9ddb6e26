//! Claims about the tree over a trail: it grows with the journal, and is the same however it came to be.

use std::fs;

use proof::{Nodes as _, Tree};

use super::*;
use crate::log::Log;
use crate::manifest;

/// Leaf hashes of all rows of a trail.
fn leaves(house: &House) -> Vec<proof::Hash> {
    house.rows().iter().map(crate::leaf::of).collect()
}

fn tree(house: &House) -> Tree {
    let mut tree = Tree::default();
    tree.extend(leaves(house));
    tree
}

fn live(house: &House) -> PathBuf {
    journal::segments(&house.journal()).unwrap().pop().unwrap()
}

#[test]
fn the_tree_covers_records_before_they_are_archived() {
    let mut house = House::new();
    let mut archive = Archive::open(house.archive(), HOST).unwrap();
    for events in 1..=3 {
        house.write(Some(SessionId::now()), story().into_iter().take(events));
        house.sync();
        archive.follow(&live(&house)).unwrap();
        assert_eq!(*archive.tree(), tree(&house));
    }
    assert_eq!((archive.head(), archive.tree().size()), (0, 6));
    let segment = house.seal();
    let absorbed = archive.absorb(&segment).unwrap();
    assert_eq!((absorbed.rows, absorbed.known), (6, 0));
    assert_eq!(*archive.tree(), tree(&house));
    assert_eq!(house.findings(), [""; 0]);
}

#[test]
fn a_file_that_grew_over_midnight_goes_on_in_another() {
    let mut house = House::new();
    let mut archive = Archive::open(house.archive(), HOST).unwrap();
    for _ in 0..4 {
        house.write(None, (0..150).map(|_| closed()));
        house.sync();
        archive.follow(&live(&house)).unwrap();
    }
    assert_eq!((archive.head(), archive.tree().size()), (500, 600));
    let absorbed = archive.absorb(&house.seal()).unwrap();
    assert_eq!((absorbed.rows, absorbed.files.len()), (100, 1));
    assert_eq!(house.rows().len(), 600);
    assert_eq!(house.findings(), [""; 0]);
}

#[test]
fn a_crash_while_a_file_grows_comes_to_the_same_tree() {
    let mut house = House::new();
    let mut archive = Archive::open(house.archive(), HOST).unwrap();
    house.write(Some(SessionId::now()), story());
    house.sync();
    archive.follow(&live(&house)).unwrap();
    let before = archive.tree().clone();
    drop(archive);
    let segment = house.seal();
    let mut archive = Archive::open(house.archive(), HOST).unwrap();
    assert_eq!(archive.tree().size(), 0);
    archive.absorb(&segment).unwrap();
    assert_eq!(*archive.tree(), before);
    assert_eq!(house.findings(), [""; 0]);
}

#[test]
fn what_failed_begins_again() {
    let mut house = House::new();
    let mut archive = Archive::open(house.archive(), HOST).unwrap();
    house.write(Some(SessionId::now()), story());
    house.sync();
    archive.follow(&live(&house)).unwrap();
    house.write(None, [closed()]);
    let segment = house.seal();
    let whole = fs::read(&segment).unwrap();
    let mut torn = whole.clone();
    *torn.last_mut().unwrap() ^= 1;
    fs::write(&segment, torn).unwrap();
    archive.absorb(&segment).unwrap_err();
    fs::write(&segment, whole).unwrap();
    assert_eq!(archive.absorb(&segment).unwrap().rows, 9);
    assert_eq!(*archive.tree(), tree(&house));
    assert_eq!(house.findings(), [""; 0]);
}

#[test]
fn tiles_are_filled_and_have_the_hashes_of_the_tree() {
    let mut house = House::new();
    house.write(None, (0..66_000).map(|_| closed()));
    house.absorb();
    let leaves = leaves(&house);
    let lines = manifest::read(&crate::layout::manifest(&house.archive(), HOST)).unwrap();
    let directory = house.archive();
    let log = Log {
        directory: &directory,
        host: HOST,
        lines: &lines,
        tail: &[],
    };
    let tile = house.archive().join("log/db-1/tile/1/000");
    assert_eq!(fs::metadata(&tile).unwrap().len(), 256 * 32);
    let mut expected = Tree::default();
    expected.extend(leaves[256..512].iter().copied());
    assert_eq!(log.node(8, 1).unwrap(), expected.root());
    assert_eq!(fs::read(&tile).unwrap()[32..64], expected.root().0);
    // Without tiles the same comes of the leaves.
    let path = proof::inclusion(&log, 7, 66_000).unwrap();
    fs::remove_file(&tile).unwrap();
    assert_eq!(proof::inclusion(&log, 7, 66_000).unwrap(), path);
    let root = tree(&house).root();
    proof::verify_inclusion(leaves[7], 7, 66_000, &path, root).unwrap();
    // And who opens the archive makes them again.
    Archive::open(house.archive(), HOST).unwrap();
    assert!(tile.exists());
    let beyond = proof::inclusion(&log, 0, 66_002).unwrap_err();
    assert!(
        beyond.to_string().contains("has no record 66001"),
        "{beyond}"
    );
}
