//! What must hold for the facts of every statement of MySQL's, in every state that earlier statements left the session in.
//!
//! Knows no SQL. The claims:
//!
//! * nothing panics, and the same question has the same answer;
//! * only a text of exactly one statement shows columns: the others could not be masked;
//! * nothing on the wire has an oid, so no relation has;
//! * a line break at the end changes nothing.
//!
//! ```text
//! input    texts, separated by bytes of 0; each is run, and completed
//! ```

use model::{Login, Object, Outcome, Status, Touches, Use};
use sql::Facts;
use sql::mysql::{Catalog, Modes, Session, Table, analyse};

/// Checks all claims for these texts, one after the other.
pub fn check(input: &[u8], catalog: &Catalog) {
    let mut session = Session::new(&login(), Some(Modes::default()), Some(true));
    for text in input.split(|byte| *byte == 0) {
        let facts = analyse(text, &session, catalog);
        assert_eq!(facts, analyse(text, &session, catalog), "twice asked");
        check_known(&facts);
        let longer = analyse(&[text, b"\n"].concat(), &session, catalog);
        if matches!(facts.touches, Touches::Known(_)) {
            assert_eq!(facts, longer, "a line break changes the facts");
        }
        session.forwarded(&facts);
        session.finished(&facts, &completed());
        session.settled();
    }
}

fn check_known(facts: &Facts) {
    let Touches::Known(touches) = &facts.touches else {
        return;
    };
    for touch in touches {
        if let Object::Relation(relation) = &touch.object {
            assert_eq!(relation.oid, None, "an oid");
        }
        let shows = touch.columns.iter().any(|used| used.how == Use::Shown);
        let is_one = facts.shape.statements == 1;
        assert!(is_one || !shows, "columns shown by several statements");
    }
}

/// Two tables, a view over one, and a function that does anything.
pub fn catalog() -> Catalog {
    let table = |name: &str, columns: &[&str]| Table {
        database: "app".to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        ..Table::default()
    };
    let view = Table {
        view: true,
        reads: vec![("app".to_owned(), "t".to_owned())],
        ..table("v", &["a"])
    };
    let tables = [table("t", &["a", "b", "c"]), table("p", &["a", "k"]), view];
    let routines = [("app".to_owned(), "f".to_owned())];
    Catalog::new(["app".to_owned()], tables, routines, Some(false))
}

fn login() -> Login {
    Login {
        user: "app".to_owned(),
        database: "app".to_owned(),
        application: None,
        settings: vec![],
    }
}

fn completed() -> Outcome {
    Outcome {
        status: Status::Completed,
        tags: vec![],
        rows: 0,
        bytes: 0,
        masked: 0,
        masked_values: Vec::new(),
    }
}
