//! One test per function.

use std::collections::BTreeMap;

use model::{Floor, Spread};

use super::*;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn partial(prefix: usize, pad: &str, suffix: usize) -> MaskFunction {
    MaskFunction::Partial {
        prefix,
        pad: pad.into(),
        suffix,
    }
}

fn hash(joinable: bool) -> MaskFunction {
    MaskFunction::Hash {
        key: "k".into(),
        joinable,
    }
}

fn tokenize(joinable: bool) -> MaskFunction {
    MaskFunction::Tokenize {
        key: "k".into(),
        joinable,
    }
}

fn noise(spread: Spread) -> MaskFunction {
    MaskFunction::Noise {
        key: "k".into(),
        spread,
    }
}

#[test]
fn redact_says_nothing_in_the_type() {
    let redact = MaskFunction::Redact;
    assert_eq!(text(&redact, TEXT, "secret"), some("***"));
    assert_eq!(text(&redact, JSON, "{\"a\": 1}"), some("null"));
    assert_eq!(binary(&redact, JSONB, b"\x01{}"), some("null"));
    assert_eq!(
        text(&redact, TEXTS, "{a,\"b c\",NULL}"),
        some("{***,***,NULL}")
    );
    for oid in [INT4, NUMERIC, DATE, UUID, BYTEA, POINT, 3614] {
        assert_eq!(text(&redact, oid, "42"), None);
    }
}

#[test]
fn null_is_null_and_stays_null() {
    assert_eq!(text(&MaskFunction::Null, TEXT, "x"), None);
    for function in [
        MaskFunction::Redact,
        hash(true),
        MaskFunction::Fixed("x".into()),
    ] {
        assert_eq!(shown(&function, TEXT, Format::Text, None), None);
    }
    let always = MaskFunction::Always("x".into());
    assert_eq!(
        shown(&always, TEXT, Format::Text, None),
        Some(b"x".to_vec())
    );
}

#[test]
fn partial_keeps_the_ends_by_characters() {
    let card = partial(0, "XXXX-", 4);
    assert_eq!(text(&card, TEXT, "4012888888881881"), some("XXXX-1881"));
    assert_eq!(text(&card, TEXT, "1881"), some("XXXX-"));
    assert_eq!(text(&card, TEXT, "äöüßäöüß"), some("XXXX-äöüß"));
    assert_eq!(text(&partial(2, "*", 1), TEXT, "äbcd"), some("äb*d"));
    assert_eq!(text(&partial(2, "*", 0), TEXT, "abc"), some("ab*"));
    assert_eq!(text(&partial(usize::MAX, "*", 2), TEXT, "abc"), some("*"));
    assert_eq!(
        text(&card, TEXTS, r#"[0:1]={4012888888881881,"a \"b, c"}"#),
        some(r#"[0:1]={XXXX-1881,"XXXX-b, c"}"#)
    );
    // Not UTF-8, and not text.
    assert_eq!(
        shown(&card, TEXT, Format::Text, Some(b"\xff\xfe\xfd\xfc\xfb\xfa")),
        Some(b"XXXX-".to_vec())
    );
    assert_eq!(text(&card, INT8, "4012888888881881"), None);
}

#[test]
fn an_address_keeps_its_first_letter_and_top_level_domain() {
    let email = MaskFunction::Email;
    assert_eq!(
        text(&email, TEXT, "alice@example.com"),
        some("a***@***.com")
    );
    for no_address in ["alice", "@example.com", "alice@localhost", "a@b.", "a@b.c4"] {
        assert_eq!(text(&email, TEXT, no_address), some("***"));
    }
}

#[test]
fn fixed_is_a_value_of_the_type_or_null() {
    let fixed = |text: &str| MaskFunction::Fixed(text.into());
    for (oid, value, shown) in [
        (TEXT, "hidden", "hidden"),
        (INT4, "0", "0"),
        (NUMERIC, "-12.50", "-12.50"),
        (NUMERIC, "100000000", "100000000"),
        (NUMERIC, "0.0001", "0.0001"),
        (NUMERIC, "0", "0"),
        (FLOAT8, "1.5", "1.5"),
        (DATE, "1900-01-01", "1900-01-01"),
        (
            TIMESTAMP,
            "2000-01-01 12:30:00.25",
            "2000-01-01 12:30:00.25",
        ),
        (
            TIMESTAMPTZ,
            "2000-01-01 12:30:00+02",
            "2000-01-01 10:30:00+00",
        ),
        (
            UUID,
            "00000000-0000-0000-0000-000000000001",
            "00000000-0000-0000-0000-000000000001",
        ),
        (BYTEA, "\\x00ff", "\\x00ff"),
        (JSONB, "{}", "{}"),
        (16, "true", "t"),
        (869, "10.0.0.0/8", "10.0.0.0/8"),
        (869, "::1", "::1"),
    ] {
        assert_eq!(
            binary(&fixed(value), oid, b""),
            some(shown),
            "{oid} {value}"
        );
    }
    assert_eq!(
        text(&fixed("0"), INTS, "{{1,2},{3,NULL}}"),
        some("{{0,0},{0,NULL}}")
    );
    for (oid, value) in [
        (INT4, "x"),
        (INT4, "3000000000"),
        (DATE, "1900-02-30"),
        (UUID, "1"),
        (JSON, "{"),
    ] {
        assert_eq!(
            text(&fixed(value), oid, "1"),
            if oid == JSON { some("null") } else { None }
        );
        assert!(!Mask::fits(&fixed(value), oid));
    }
}

#[test]
fn a_hash_is_alike_in_both_formats_and_fits_the_type() {
    // printf 'abc' | openssl dgst -sha256 -mac HMAC -macopt hexkey:5a5a...
    let shown = text(&hash(true), TEXT, "abc").unwrap();
    assert_eq!(shown.len(), 64);
    assert_ne!(shown, text(&hash(false), TEXT, "abc").unwrap());
    let uuid = "00112233-4455-6677-8899-aabbccddeeff";
    let shown = text(&hash(true), UUID, uuid).unwrap();
    let bytes = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeffu128.to_be_bytes();
    assert_eq!(binary(&hash(true), UUID, &bytes), some(&shown));
    assert_eq!(shown.as_bytes()[14], b'8', "{shown}");
    let number = text(&hash(true), INT8, "42").unwrap();
    assert_eq!(
        binary(&hash(true), INT8, &42i64.to_be_bytes()),
        some(&number)
    );
    assert_eq!(text(&hash(true), NUMERIC, "42.00"), Some(number));
    // Zero, with all the places that a value on the wire can have.
    let zero = [0, 0, 0, 0, 0, 0, 0xff, 0xff];
    assert_eq!(
        binary(&hash(true), NUMERIC, &zero),
        binary(&hash(true), NUMERIC, &[0; 8])
    );
    assert_eq!(
        binary(&hash(true), BYTEA, b"ab"),
        text(&hash(true), BYTEA, "\\x6162")
    );
    assert_eq!(
        binary(&hash(true), JSONB, b"\x01{}"),
        text(&hash(true), JSONB, "{}")
    );
    // A key that is not there, and types that cannot hold it.
    let unknown = MaskFunction::Hash {
        key: "none".into(),
        joinable: true,
    };
    assert_eq!(text(&unknown, TEXT, "abc"), some("***"));
    assert_eq!(text(&hash(true), INT2, "42"), None);
}

#[test]
fn a_joinable_hash_is_what_pgcrypto_makes() {
    // python3 -c "import hmac; print(hmac.digest(b'\x5a'*32, b'abc', 'sha256').hex())"
    let shown = "4ac3ba798b0bd780cf9c24f34dab801e8540602f161a5ce9ef4006194ce5c49d";
    assert_eq!(text(&hash(true), TEXT, "abc"), some(shown));
}

#[test]
fn tokens_keep_the_form_and_differ_by_column() {
    let card = text(&tokenize(true), TEXT, "4012-8888-8888-1881").unwrap();
    let form: String = card
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    assert_eq!(form, "9999-9999-9999-9999");
    assert_ne!(
        card,
        text(&tokenize(false), TEXT, "4012-8888-8888-1881").unwrap()
    );
    let mail = text(&tokenize(true), TEXT, "Ada@example.org").unwrap();
    assert!(
        mail.as_bytes()[3] == b'@' && mail.as_bytes()[11] == b'.',
        "{mail}"
    );
    // Too few forms, other alphabets, too long.
    for value in ["12345", "abc", "Zoë Müller", &"1".repeat(300)] {
        assert_eq!(text(&tokenize(true), TEXT, value), some("***"), "{value}");
    }
    assert_eq!(text(&tokenize(true), INT4, "99999"), None);
    for value in ["100000", "-2147483647", "123456789"] {
        let token: i32 = text(&tokenize(true), INT4, value).unwrap().parse().unwrap();
        assert_eq!(token.to_string().len(), value.len());
        assert_ne!(token.to_string(), value);
    }
    let token = text(&tokenize(true), NUMERIC, "12345.67").unwrap();
    assert_eq!((token.len(), token.find('.')), (8, Some(5)), "{token}");
    let uuid = "00112233-4455-6677-8899-aabbccddeeff";
    let token = text(&tokenize(true), UUID, uuid).unwrap();
    let bytes = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeffu128.to_be_bytes();
    assert_eq!(binary(&tokenize(true), UUID, &bytes), Some(token));
}

#[test]
fn a_date_goes_back_to_its_period() {
    let date = |floor| MaskFunction::Date { floor };
    for (floor, shown) in [
        (Floor::Year, "2024-01-01"),
        (Floor::Quarter, "2024-04-01"),
        (Floor::Month, "2024-05-01"),
    ] {
        assert_eq!(text(&date(floor), DATE, "2024-05-17"), some(shown));
        let days = 8903i32.to_be_bytes();
        assert_eq!(value::text(DATE, &days).unwrap(), "2024-05-17");
        assert_eq!(binary(&date(floor), DATE, &days), some(shown));
        assert_eq!(
            text(&date(floor), TIMESTAMPTZ, "2024-05-17 23:30:00.5+05:30"),
            Some(format!("{shown} 00:00:00+05:30"))
        );
    }
    assert_eq!(
        text(&date(Floor::Day), TIMESTAMP, "2024-05-17 23:30:00.5"),
        some("2024-05-17 00:00:00")
    );
    assert_eq!(text(&date(Floor::Day), DATE, "2024-05-17"), None);
    for unread in [
        "infinity",
        "0044-03-15 BC",
        "17.05.2024",
        "10000-01-01",
        "2024-05-17 x",
    ] {
        assert_eq!(text(&date(Floor::Month), DATE, unread), None, "{unread}");
    }
    assert_eq!(text(&date(Floor::Month), TEXT, "2024-05-17"), some("***"));
}

#[test]
fn a_number_goes_down_to_its_bucket() {
    let number = |bucket| MaskFunction::Number { bucket };
    for (oid, value, shown) in [
        (INT4, "1999", "1000"),
        (INT4, "-1", "-1000"),
        (NUMERIC, "1999.99", "1000"),
        (NUMERIC, "-0.01", "-1000"),
        (FLOAT8, "1999.9", "1000"),
        (FLOAT8, "-1e-3", "-1000"),
        (INTS, "{1,1500}", "{0,1000}"),
    ] {
        assert_eq!(text(&number(1000), oid, value), some(shown), "{value}");
    }
    assert_eq!(
        binary(&number(1000), INT8, &1999i64.to_be_bytes()),
        some("1000")
    );
    // 12345.67: three groups, weight 1, scale 2.
    let numeric = [0, 3, 0, 1, 0, 0, 0, 2, 0, 1, 0x09, 0x29, 0x1a, 0x2c];
    assert_eq!(value::text(NUMERIC, &numeric).unwrap(), "12345.67");
    assert_eq!(binary(&number(1000), NUMERIC, &numeric), some("12000"));
    for (oid, value) in [
        (INT4, "-2147483648"),
        (NUMERIC, "NaN"),
        (FLOAT8, "Infinity"),
        (TEXT, "1"),
    ] {
        let expected = if oid == TEXT { some("***") } else { None };
        assert_eq!(text(&number(1000), oid, value), expected, "{value}");
    }
}

#[test]
fn noise_is_near_and_the_same_each_time() {
    let tenth = noise(Spread::Percent(10));
    let near = text(&tenth, INT4, "5000").unwrap();
    assert!((4500..=5500).contains(&near.parse::<i32>().unwrap()));
    assert_eq!(text(&tenth, INT4, "5000"), Some(near.clone()));
    assert_eq!(binary(&tenth, INT4, &5000i32.to_be_bytes()), Some(near));
    let near: f64 = text(&tenth, FLOAT8, "5000").unwrap().parse().unwrap();
    assert!((4500.0..=5500.0).contains(&near) && near != 5000.0);
    let near = text(&tenth, NUMERIC, "5000.00").unwrap();
    assert_eq!(near.find('.'), Some(4), "{near}");
    let days = noise(Spread::Days(3));
    let near = text(&days, DATE, "2024-05-17").unwrap();
    assert!(("2024-05-14".."2024-05-21").contains(&&*near), "{near}");
    assert_eq!(binary(&days, DATE, &8903i32.to_be_bytes()), Some(near));
    let near = text(&days, TIMESTAMPTZ, "2024-05-17 12:00:00+02").unwrap();
    assert!(
        near.starts_with("2024-05-") && near.ends_with("+02"),
        "{near}"
    );
    assert_eq!(text(&days, INT4, "5000"), None);
}

#[test]
fn json_is_masked_at_its_paths() {
    let paths = BTreeMap::from([
        ("card.number".into(), partial(0, "*", 4)),
        ("contacts.*.email".into(), MaskFunction::Email),
        ("salary".into(), MaskFunction::Number { bucket: 1000 }),
        ("secrets".into(), MaskFunction::Redact),
    ]);
    let json = MaskFunction::Json(paths);
    let document = r#"{"id": 7, "card": {"number": "4012888888881881", "x": 1.50}, "contacts": [{"email": "a@b.org"}, {"email": 7}],
        "salary": 4711, "secrets": [1, 2], "s\u0061lary": null, "salary": "4711"}"#;
    let shown = r#"{"id": 7, "card": {"number": "*1881", "x": 1.50}, "contacts": [{"email": "a***@***.org"}, {"email": null}], "salary": 4000, "secrets": null, "salary": null, "salary": "***"}"#;
    assert_eq!(text(&json, JSON, document), some(shown));
    let versioned = [b"\x01", document.as_bytes()].concat();
    assert_eq!(binary(&json, JSONB, &versioned), some(shown));
    assert_eq!(text(&json, JSON, "{\"card\": "), None);
    assert_eq!(text(&json, TEXT, "{}"), some("***"));
}

#[test]
fn what_is_encrypted_passes_and_nothing_else() {
    let encrypted = MaskFunction::Encrypted(MaskFunction::Redact.into());
    for cipher in [
        "-----BEGIN PGP MESSAGE-----\n\nhQEMA+x\n=abcd\n-----END PGP MESSAGE-----\n",
        "enc:c2VjcmV0IHNlY3JldCBzZWNyZXQ=",
        "vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM96XVZ",
        "eyJhbGciOiJSU0EifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4.XFBoMYUZ",
    ] {
        assert_eq!(text(&encrypted, TEXT, cipher), some(cipher));
    }
    for clear in [
        "123-45-6789",
        "enc:",
        "enc:my secret is in clear text",
        "eyJ.a.b",
        "",
    ] {
        assert_eq!(text(&encrypted, TEXT, clear), some("***"), "{clear}");
    }
    let bytes: Vec<u8> = (0..64).map(|n: u8| n.wrapping_mul(37) ^ 0x80).collect();
    assert_eq!(
        shown(&encrypted, BYTEA, Format::Binary, Some(&bytes)),
        Some(bytes)
    );
    assert_eq!(
        shown(
            &encrypted,
            BYTEA,
            Format::Binary,
            Some(b"plain text in a bytea column")
        ),
        None
    );
}

#[test]
fn a_binary_array_keeps_its_shape() {
    let array = |elements: &[Option<&[u8]>], has_null: i32| {
        let mut bytes = Vec::new();
        for number in [1, has_null, 25, elements.len() as i32, 1] {
            bytes.extend(number.to_be_bytes());
        }
        for element in elements {
            let length = element.map_or(-1, |element| element.len() as i32);
            bytes.extend(length.to_be_bytes());
            bytes.extend(element.unwrap_or_default());
        }
        bytes
    };
    let clear = array(&[Some(b"secret"), None], 1);
    assert_eq!(
        shown(&MaskFunction::Redact, TEXTS, Format::Binary, Some(&clear)),
        Some(array(&[Some(b"***"), None], 1))
    );
    // What becomes NULL is told at the front.
    let clear = array(&[Some(b"secret")], 0);
    let unfit = MaskFunction::Json(BTreeMap::new());
    let no_text = MaskFunction::Encrypted(MaskFunction::Null.into());
    assert_eq!(
        shown(&unfit, TEXTS, Format::Binary, Some(&clear)),
        Some(array(&[Some(b"***")], 0))
    );
    assert_eq!(
        shown(&no_text, TEXTS, Format::Binary, Some(&clear)),
        Some(array(&[None], 1))
    );
    assert_eq!(
        shown(&MaskFunction::Null, TEXTS, Format::Binary, Some(&clear)),
        None
    );
    assert_eq!(
        shown(&MaskFunction::Redact, INTS, Format::Binary, Some(&clear)),
        None
    );
}

#[test]
fn a_key_is_64_digits_and_tells_nothing() {
    for text in ["", "5a", &"5g".repeat(32), &"5a".repeat(33)] {
        assert!(Key::parse(text).is_err());
    }
    let key = Key::parse(&format!("{}\n", "5A".repeat(32))).unwrap();
    assert_eq!(format!("{key:?}"), "Key");
    let mask = mask_of(&hash(true), TEXT, Format::Text, "c");
    assert!(!format!("{mask:?}").contains("90"), "{mask:?}");
}
