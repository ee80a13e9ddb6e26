//! What a policy's answer depends on beside the request's objects: then an answer is only good for the moment, or for the
//! values, that it was given for.

use cedar_policy::Policy;
use serde_json::Value;

/// The circumstances that the agent's clock gives, and those that other requests change.
pub(crate) const OF_THE_MOMENT: &[&str] = &["time", "hour", "weekday", "usage"];

/// The circumstances that a statement's values give.
pub(crate) const OF_VALUES: &[&str] = &["equals", "parameters", "values_known"];

/// Whether the policy reads one of these, as far as can be seen; what cannot be seen counts as read.
pub(crate) fn is_read_by(circumstances: &[&str], policy: &Policy) -> bool {
    let policy = policy.to_json();
    policy.map_or(true, |policy| is_read_in(circumstances, &policy))
}

/// In Cedar's JSON format, `context.time` is `{".": {"left": {"Var": "context"}, "attr": "time"}}`, and so is
/// `context["time"]`. Where `context` stands without an attribute, all of it is read.
/// <https://docs.cedarpolicy.com/policies/json-format.html>
fn is_read_in(circumstances: &[&str], value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            if matches!(name.as_str(), "." | "has") && is_context(value.get("left")) {
                let attribute = value.get("attr").and_then(Value::as_str);
                return attribute.is_none_or(|name| circumstances.contains(&name));
            }
            (name == "Var" && value == "context") || is_read_in(circumstances, value)
        }),
        Value::Array(values) => values.iter().any(|value| is_read_in(circumstances, value)),
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
        is_read_by(OF_THE_MOMENT, &Policy::parse(None, policy).unwrap())
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
