//! What is printed is what the server prints: a real one makes values, and says both of their forms.

#![allow(clippy::unwrap_used)]

use stage::{Folder, Postgres};
use weir_value::{Undecodable, text};

/// Types by oid, and a query whose one column is many values of the type.
const VALUES: [(u32, &str, &str); 34] = [
    (16, "bool", "VALUES (true), (false)"),
    (
        17,
        "bytea",
        "VALUES (''::bytea), ('\\x00ff27'), (decode(repeat('5c', 300), 'hex'))",
    ),
    (
        18,
        "\"char\"",
        "SELECT chr(g)::\"char\" FROM generate_series(1, 127) g",
    ),
    (19, "name", "VALUES ('a'::name), (' x'), ('Ünï')"),
    (
        20,
        "int8",
        "SELECT (random() * 9e18)::int8 * (-1)^(g % 2) FROM generate_series(1, 99) g UNION SELECT -9223372036854775808",
    ),
    (21, "int2", "VALUES (0::int2), (-1), (32767), (-32768)"),
    (
        23,
        "int4",
        "SELECT (random() * 2e9)::int4 * (-1)^(g % 2) FROM generate_series(1, 99) g UNION SELECT -2147483648",
    ),
    (25, "text", "VALUES (''), ('ä'), (E'a\\nb'), (' NULL ')"),
    (26, "oid", "VALUES (0::oid), (4294967295)"),
    (27, "tid", "VALUES ('(0,1)'::tid), ('(4294967295,65535)')"),
    (28, "xid", "VALUES ('7'::xid), ('4294967295')"),
    (114, "json", "VALUES ('{\"a\" : [1 , null]}'::json), ('1')"),
    (
        650,
        "cidr",
        "VALUES ('10.0.0.0/8'::cidr), ('0/0'), ('10.1.2.3/32'), ('2001:db8::/32'), ('::/0'), ('::1/128'), ('::a00:0/104')",
    ),
    (
        700,
        "float4",
        "SELECT ((random() - 0.5) * 10 ^ (g % 70 - 35))::float4 FROM generate_series(1, 700) g",
    ),
    (
        701,
        "float8",
        "SELECT ((random() - 0.5) * 10 ^ (g % 600 - 300))::float8 FROM generate_series(1, 1800) g",
    ),
    (
        774,
        "macaddr8",
        "VALUES ('08:00:2b:01:02:03:04:05'::macaddr8)",
    ),
    (829, "macaddr", "VALUES ('08:00:2b:01:02:0f'::macaddr)"),
    (
        869,
        "inet",
        "VALUES ('10.1.2.3'::inet), ('10.1.2.3/8'), ('::1'), ('::'), ('::2'), ('::1.2.3.4'), ('::ffff:1.2.3.4'), ('::ffff:0:1.2.3.4'), ('2001:db8::1:0:0:1/64'), ('1:0:2:0:3:0:4:0'), ('::1:2:3'), ('64:ff9b::1.2.3.4')",
    ),
    (1042, "bpchar", "VALUES ('a '::bpchar), ('')"),
    (1043, "varchar", "VALUES ('a'::varchar), ('x y')"),
    (
        1082,
        "date",
        "SELECT '2000-01-01'::date + (random() * 2e6 * (1 + g % 3 * g) - 2.4e6 * (g % 2))::int FROM generate_series(1, 300) g UNION VALUES ('infinity'::date), ('-infinity'), ('4714-11-24 BC'), ('5874897-12-31'), ('0001-12-31 BC'), ('0001-01-01')",
    ),
    (
        1083,
        "time",
        "SELECT (random() * interval '86399 s')::time(6) FROM generate_series(1, 99) UNION VALUES ('24:00'::time), ('00:00'), ('00:00:00.1')",
    ),
    (
        1114,
        "timestamp",
        "SELECT '2000-01-01'::timestamp + (random() - 0.5) * interval '12000 years' FROM generate_series(1, 500) UNION VALUES ('infinity'::timestamp), ('-infinity'), ('4714-11-24 BC'), ('294276-12-31 23:59:59.999999'), ('1999-12-31 23:59:59.999999')",
    ),
    (
        1184,
        "timestamptz",
        "SELECT '2000-01-01'::timestamptz + (random() - 0.5) * interval '12000 years' FROM generate_series(1, 500) UNION VALUES ('infinity'::timestamptz), ('-infinity'), ('0044-03-15 12:00 BC')",
    ),
    (
        1186,
        "interval",
        "SELECT make_interval((random() * 9 - 5)::int, (random() * 30 - 15)::int, 0, (random() * 9 - 5)::int, (random() * 30 - 15)::int, 0, (random() - 0.5) * (g % 5) * 1e3) FROM generate_series(1, 900) g UNION VALUES ('0'::interval), ('-1 day +1 us'), ('-1 us'), ('1 year -1 day'), ('-178000000 years'), ('2562047788:00:54.775807')",
    ),
    (
        1266,
        "timetz",
        "VALUES ('12:00+00'::timetz), ('12:00-08'), ('12:00:00.5+05:30'), ('23:59:59.999999-00:00:01'), ('24:00+15:59:59'), ('00:00-15:59')",
    ),
    (1560, "bit", "VALUES (B'1'::bit), (B'0')"),
    (
        1562,
        "varbit",
        "VALUES (B''::varbit), (B'101010101'), (B'11111111')",
    ),
    (
        1700,
        "numeric",
        "SELECT ((random() - 0.5) * 10 ^ (g % 60 - 30))::numeric FROM generate_series(1, 900) g UNION VALUES ('NaN'::numeric), ('Infinity'), ('-Infinity'), (0), (0.00), (-0.10), (10000), (1e30), (1e-30), (100000000.00000001), (1e131071), (-0.0001), (0.00010000)",
    ),
    (
        2950,
        "uuid",
        "SELECT gen_random_uuid() FROM generate_series(1, 9)",
    ),
    (3220, "pg_lsn", "VALUES ('0/0'::pg_lsn), ('16/B374D848')"),
    (
        3802,
        "jsonb",
        "VALUES ('{\"b\":[1.0,null], \"a\":\"\\u00e4\"}'::jsonb)",
    ),
    (4072, "jsonpath", "VALUES ('$.a[*]'::jsonpath)"),
    (29, "cid", "VALUES ('7'::cid)"),
];

/// The two forms of each of these values, both in hex.
fn forms(server: &Postgres, query: &str) -> Vec<(Vec<u8>, String)> {
    let settings = "SET TimeZone = 'UTC'; SET client_min_messages = error;";
    let rows = server
        .run("postgres", &format!("{settings} {query}"))
        .unwrap();
    let bytes = |hex: &str| -> Vec<u8> {
        let digits: Vec<char> = hex.chars().collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
        digits.chunks(2).map(|pair| byte(pair).unwrap()).collect()
    };
    let row = |line: &str| {
        let (binary, text) = line.split_once(' ')?;
        Some((bytes(binary), String::from_utf8(bytes(text)).unwrap()))
    };
    rows.lines().filter_map(row).collect()
}

fn compare(server: &Postgres, oid: u32, query: &str) {
    let values = forms(server, query);
    assert!(!values.is_empty(), "no value came of {query}");
    for (binary, printed) in values {
        assert_eq!(
            text(oid, &binary).as_deref(),
            Ok(&*printed),
            "{oid} {binary:02x?}"
        );
    }
}

/// The send function of a type, by the catalog.
fn send(server: &Postgres, kind: &str) -> String {
    let query = format!("SELECT typsend::oid::regproc FROM pg_type WHERE oid = '{kind}'::regtype");
    server.run("postgres", &query).unwrap().trim().to_owned()
}

#[test]
fn every_type_is_printed_as_the_server_prints_it() {
    let folder = Folder::new("weir-value").unwrap();
    let server = Postgres::start(folder.path()).unwrap();
    for (oid, kind, values) in VALUES {
        let send = send(&server, kind);
        let query = format!(
            "SELECT encode({send}(v), 'hex') || ' ' || encode(convert_to(format('%s', v), 'UTF8'), 'hex')
             FROM (SELECT v::{kind} FROM ({values}) AS x(v)) AS y"
        );
        compare(&server, oid, &query);
    }
}

#[test]
fn arrays_are_printed_as_the_server_prints_them() {
    let folder = Folder::new("weir-value").unwrap();
    let server = Postgres::start(folder.path()).unwrap();
    for (oid, array) in [
        (1007, "'{}'::int4[]"),
        (1007, "'{1,NULL,-3}'::int4[]"),
        (1007, "'{{1,2},{3,4}}'::int4[]"),
        (1007, "'[-1:1]={1,2,3}'::int4[]"),
        (1007, "'[2:3][0:0]={{1},{2}}'::int4[]"),
        (
            1009,
            "ARRAY['', 'null', 'NULL ', 'a,b', '{}', E'\\\\\"', E'a\\tb', 'plain', NULL, 'ü']",
        ),
        (1000, "ARRAY[true, false]"),
        (1001, "ARRAY['\\x5c'::bytea]"),
        (1014, "ARRAY['a  '::bpchar]"),
        (1115, "ARRAY['2026-01-01 00:00'::timestamp]"),
        (1231, "ARRAY[1.50, 'NaN', 1e40]"),
        (1041, "ARRAY['10.0.0.1'::inet, '::1/64']"),
        (1187, "ARRAY['1 day -1 s'::interval]"),
        (2951, "ARRAY[gen_random_uuid()]"),
        (3807, "ARRAY['{\"a\": \"b\"}'::jsonb]"),
    ] {
        let query = format!(
            "SELECT encode(array_send(v), 'hex') || ' ' || encode(convert_to(format('%s', v), 'UTF8'), 'hex')
             FROM (SELECT {array}) AS x(v)"
        );
        compare(&server, oid, &query);
    }
}

#[test]
fn the_table_of_types_is_the_servers() {
    let folder = Folder::new("weir-value").unwrap();
    let server = Postgres::start(folder.path()).unwrap();
    let rows = server
        .run(
            "postgres",
            "SELECT oid, typname, typarray FROM pg_type WHERE typtype = 'b' AND typarray <> 0",
        )
        .unwrap();
    let mut known = 0;
    for row in rows.lines() {
        let mut fields = row.split(['|', '\t']);
        let (oid, name, array) = (
            fields.next().unwrap(),
            fields.next().unwrap(),
            fields.next().unwrap(),
        );
        let (oid, array): (u32, u32) = (oid.parse().unwrap(), array.parse().unwrap());
        if let Some(ours) = weir_value::name(oid) {
            known += 1;
            assert_eq!(ours.trim_matches('"'), name);
            assert_eq!(weir_value::array_of(oid), Some(array), "{name}");
            assert_eq!(weir_value::name(array), Some(format!("{ours}[]")));
        }
    }
    assert_eq!(known, VALUES.len());
}

#[test]
fn what_the_server_would_not_take_has_no_text() {
    for (oid, bytes) in [
        (23, &[0, 0, 0][..]),
        (23, &[0, 0, 0, 0, 0]),
        (25, &[0xff]),
        (25, &[0]),
        (1082, &[0x7f, 0xff, 0xff, 0xfe]),
        (1700, &[0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10]),
        (
            1007,
            &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 9, 0, 0, 0, 1],
        ),
        (650, &[2, 8, 1, 4, 10, 0, 0, 1]),
        (3802, &[2, b'1']),
    ] {
        assert_eq!(
            text(oid, bytes),
            Err(Undecodable::Malformed),
            "{oid} {bytes:?}"
        );
    }
    assert_eq!(text(790, &[0; 8]), Err(Undecodable::Unknown));
}

#[test]
fn a_few_bytes_do_not_make_an_endless_text() {
    let numeric = [0, 1, 0x7f, 0xff, 0, 0, 0x3f, 0xff, 0, 1];
    let printed = text(1700, &numeric).unwrap();
    assert!(printed.len() < weir_value::LONGEST);
    let mut array = [
        0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 6, 0xa4, 0, 0, 1, 0, 0, 0, 0, 1,
    ]
    .to_vec();
    for _ in 0..256 {
        array.extend([0, 0, 0, 10]);
        array.extend(numeric);
    }
    assert_eq!(text(1231, &array), Err(Undecodable::TooLong));
}
