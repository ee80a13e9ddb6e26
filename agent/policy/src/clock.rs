//! Whether a policy's answer about the same request can change: then an answer is only good for the moment it was given.

use cedar_policy::Policy;
use serde_json::Value;

/// The circumstances that the agent's clock gives, and those that other requests change.
const OF_THE_MOMENT: [&str; 4] = ["time", "hour", "weekday", "usage"];

/// Whether the policy reads one of them, as far as can be seen; what cannot be seen counts as read.
pub(crate) fn is_read_by(policy: &Policy) -> bool {
    policy.to_json().map_or(true, |policy| is_read_in(&policy))
}

/// In Cedar's JSON format, `context.time` is `{".": {"left": {"Var": "context"}, "attr": "time"}}`, and so is
/// `context["time"]`. Where `context` stands without an attribute, all of it is read.
/// <https://docs.cedarpolicy.com/policies/json-format.html>
fn is_read_in(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            if matches!(name.as_str(), "." | "has") && is_context(value.get("left")) {
                let attribute = value.get("attr").and_then(Value::as_str);
                return attribute.is_none_or(|name| OF_THE_MOMENT.contains(&name));
            }
            (name == "Var" && value == "context") || is_read_in(value)
        }),
        Value::Array(values) => values.iter().any(is_read_in),
        _ => false,
    }
}

fn is_context(value: Option<&Value>) -> bool {
    value
        .and_then(|value| value.get("Var"))
        .is_some_and(|name| name == "context")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(condition: &str) -> bool {
        let policy = format!("permit (principal, action, resource) when {{ {condition} }};");
        is_read_by(&Policy::parse(None, policy).unwrap())
    }

    #[test]
    fn every_way_to_the_moment_is_seen() {
        for condition in [
            "context.hour < 18",
            "context[\"weekday\"] == 1",
            "context has time && true",
            "[1, 2].contains(context.weekday)",
            "context.usage.hour.rows > 1000",
            "if context.approved then context.time > datetime(\"2026-01-01\") else false",
            "{\"now\": context}.now.approved",
        ] {
            assert!(reads(condition), "{condition}");
        }
    }

    #[test]
    fn a_setting_with_time_in_its_name_is_no_clock() {
        assert!(!reads(
            "resource.name == \"statement_timeout\" && context.has_where"
        ));
        assert!(!reads("resource.time == 3"));
    }
}
