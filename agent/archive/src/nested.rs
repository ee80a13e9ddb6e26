//! Rows as OCSF events: nested, with what OCSF has no word for under `unmapped`.

use serde_json::{Map, Value as Json};

use crate::column::Column;
use crate::row::{Row, Value};

/// Objects whose attributes are columns of their own, each as the column's name begins. What is nested deeper comes first.
const OBJECTS: [(&str, &[&str]); 13] = [
    ("metadata_product_", &["metadata", "product"]),
    ("metadata_", &["metadata"]),
    ("actor_process_file_", &["actor", "process", "file"]),
    ("actor_process_user_", &["actor", "process", "user"]),
    ("actor_process_", &["actor", "process"]),
    ("actor_session_", &["actor", "session"]),
    ("actor_user_", &["actor", "user"]),
    ("actor_", &["actor"]),
    ("src_endpoint_", &["src_endpoint"]),
    ("dst_endpoint_", &["dst_endpoint"]),
    ("database_", &["database"]),
    ("query_info_", &["query_info"]),
    ("weir_", &["unmapped"]),
];

/// The row as an event of class 6005 with the profile `security_control`. An event of the agent itself has the agent for
/// its actor and its source, because the class asks for both.
pub fn event(row: &Row) -> Json {
    let mut event = Map::new();
    for (column, value) in row.iter() {
        let value: Json = match value {
            Value::Null => continue,
            Value::Text(text) => text.into(),
            Value::Int(number) => number.into(),
            Value::Long(number) => number.into(),
        };
        // OCSF's time is in milliseconds; `time_dt` would be a text.
        if column != Column::TimeDt {
            put(&mut event, column.name(), value);
        }
    }
    put(&mut event, "metadata_sequence", row.sequence().into());
    put(
        &mut event,
        "metadata_profiles",
        vec!["security_control"].into(),
    );
    if row.text(Column::ActorSessionUid).is_none() {
        put(&mut event, "actor_app_name", "weir".into());
        put(&mut event, "src_endpoint_svc_name", "weir".into());
        put(&mut event, "database_type_id", 0.into());
    }
    Json::Object(event)
}

fn put(event: &mut Map<String, Json>, name: &str, value: Json) {
    let place = OBJECTS
        .iter()
        .find_map(|(prefix, path)| Some((*path, name.strip_prefix(prefix)?)));
    let (path, name) = place.unwrap_or((&[], name));
    let mut object = event;
    for part in path {
        let inner = object
            .entry(*part)
            .or_insert_with(|| Json::Object(Map::new()));
        // Objects only ever hold what this function puts into them.
        let Json::Object(inner) = inner else { return };
        object = inner;
    }
    object.insert(name.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_find_their_places() {
        let mut row = Row::empty();
        row.put(Column::Sequence, 7_u64);
        row.put(Column::Time, 5_i64);
        row.put(Column::TimeDt, 5000_i64);
        row.put(Column::ActorSessionUid, "s");
        row.put(Column::ActorUserName, "app");
        row.put(Column::ActorProcessFilePath, "/usr/bin/psql");
        row.put(Column::ActorProcessPid, 9_i64);
        row.put(Column::SrcEndpointIp, "10.0.0.7");
        row.put(Column::MetadataProductName, "weir");
        row.put(Column::QueryString, "SELECT 1");
        row.put(Column::Effect, "allow");
        assert_eq!(
            event(&row),
            json!({
                "time": 5,
                "metadata": {"product": {"name": "weir"}, "sequence": 7, "profiles": ["security_control"]},
                "actor": {
                    "session": {"uid": "s"}, "user": {"name": "app"},
                    "process": {"pid": 9, "file": {"path": "/usr/bin/psql"}},
                },
                "src_endpoint": {"ip": "10.0.0.7"},
                "query_info": {"query_string": "SELECT 1"},
                "unmapped": {"sequence": 7, "effect": "allow"},
            })
        );
    }

    #[test]
    fn an_event_of_the_agent_has_an_actor_and_a_source() {
        let event = event(&Row::empty());
        assert_eq!(event["actor"]["app_name"], "weir");
        assert_eq!(event["src_endpoint"]["svc_name"], "weir");
    }
}
