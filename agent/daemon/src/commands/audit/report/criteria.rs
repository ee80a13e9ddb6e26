//! What the trail can be evidence for: SOC 2's Trust Services Criteria (2017, points of focus of 2022), in our own words.

use serde::Serialize;

use super::findings::Findings;

/// One line from a criterion to what was found.
#[derive(Debug, Serialize)]
pub struct Evidence {
    /// Such as CC6.1.
    pub criterion: &'static str,
    /// What it is about, in short.
    pub about: &'static str,
    /// What was found.
    pub found: String,
    /// What finds it again, over the views of `weir audit sql`.
    pub query: &'static str,
}

/// The lines, each with its query.
pub fn evidence(found: &Findings) -> Vec<Evidence> {
    let Findings {
        sessions,
        unproven,
        plain,
        totals,
        denied,
        approvals,
        changes,
        policies,
        missing,
        records,
        ..
    } = found;
    let line = |criterion, about, found, query| Evidence {
        criterion,
        about,
        found,
        query,
    };
    vec![
        line(
            "CC6.1",
            "logical access is restricted",
            format!(
                "{} requests were judged by policy, {} were refused",
                totals.requests, denied.count
            ),
            "SELECT outcome, count(*) FROM requests WHERE stage = 'run' GROUP BY ALL",
        ),
        line(
            "CC6.2",
            "who has access is known and authorised",
            format!(
                "{sessions} sessions; of {unproven} the client is an address and no proven process"
            ),
            "SELECT workload, \"user\", count(*), count(*) FILTER (NOT proven) FROM sessions GROUP BY ALL",
        ),
        line(
            "CC6.3",
            "access follows roles, and duties are segregated",
            format!(
                "{} held requests were settled; nobody releases their own",
                approvals.count
            ),
            "SELECT outcome, approved_by, own_approval, count(*) FROM approvals GROUP BY ALL",
        ),
        line(
            "CC6.6",
            "threats from outside are kept out",
            format!("{plain} of {sessions} sessions had no TLS on the client's side"),
            "SELECT source, client_tls, count(*) FROM sessions GROUP BY ALL",
        ),
        line(
            "CC6.7",
            "data leaves only to whom it may",
            format!(
                "{} rows of {} bytes left, with {} values masked",
                totals.rows, totals.bytes, totals.masked_values
            ),
            "SELECT workload, \"user\", sum(\"rows\"), sum(bytes), sum(masked_values) FROM requests GROUP BY ALL",
        ),
        line(
            "CC7.2",
            "anomalies are seen",
            format!(
                "of {} requests it was not known what they touch; policies decide about those, too",
                totals.opaque
            ),
            "SELECT opaque, outcome, count(*) FROM touched WHERE object IS NULL GROUP BY ALL",
        ),
        line(
            "CC7.3",
            "events are looked into",
            format!(
                "{} refusals, each with its policy and its reason",
                denied.count
            ),
            "SELECT asked_at, workload, statement, policies, reason FROM denied ORDER BY asked_at",
        ),
        line(
            "CC8.1",
            "changes are authorised",
            format!(
                "{} statements change structure or rights; {} starts, stops and policy sets",
                changes.count, policies.count
            ),
            "SELECT asked_at, workload, statement, outcome, approved_by FROM changes ORDER BY asked_at",
        ),
        line(
            "A1",
            "the service is available",
            "starts and stops of the agent; an agent that is not there is seen here".to_owned(),
            "SELECT * FROM policies WHERE event IN ('started', 'policy_loaded', 'policy_rejected') ORDER BY since",
        ),
        line(
            "PI1",
            "what is stored is complete and accurate",
            format!("{records} records, {missing} missing between the first and the last"),
            "SELECT * FROM gaps",
        ),
        line(
            "C1",
            "confidential data is known and protected",
            format!("{} requests read classified columns, masked", totals.masked),
            "SELECT class, \"column\", count(*), sum(\"rows\") FROM masked GROUP BY ALL",
        ),
        line(
            "P4",
            "personal data is used for its purpose and kept as long as needed",
            "who read which class of data; the oldest record tells the retention".to_owned(),
            "SELECT class, workload, \"user\", count(*), min(asked_at) FROM masked GROUP BY ALL",
        ),
        line(
            "P6",
            "disclosures of personal data are recorded",
            "every request that read a classified column, with who, when and how much".to_owned(),
            "SELECT asked_at, workload, \"user\", \"column\", \"rows\" FROM masked ORDER BY asked_at",
        ),
    ]
}
