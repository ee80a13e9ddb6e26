-- One row per request: what was asked, what was decided, who released it, how it ended.
CREATE OR REPLACE VIEW requests AS
WITH decided AS (
  SELECT * FROM audit WHERE weir_event = 'decided'
  QUALIFY row_number() OVER (PARTITION BY host, actor_session_uid, weir_request ORDER BY weir_sequence) = 1
), settled AS (
  SELECT host, actor_session_uid, weir_request, time_dt AS settled_at,
         weir_approval, weir_approval_by, weir_approval_reason
  FROM audit WHERE weir_event = 'settled'
), finished AS (
  SELECT host, actor_session_uid, weir_request, time_dt AS finished_at, status_id, status_code, status_detail,
         weir_rows, weir_bytes, weir_masked_values, weir_judged_us, weir_duration_us
  FROM audit WHERE weir_event = 'finished'
)
SELECT d.host, d.weir_sequence AS sequence, d.actor_session_uid AS session, d.weir_request AS request,
       d.time_dt AS asked_at, d.weir_stage AS stage,
       d.actor_user_name AS "user", d.actor_process_user_name AS os_user,
       d.weir_workloads::JSON ->> '$[0]' AS workload, d.actor_process_file_path AS executable,
       d.src_endpoint_ip AS source, d.weir_server AS server, d.database_name AS database,
       d.query_info_query_string AS statement, d.weir_fingerprint AS fingerprint, d.weir_values AS "values",
       from_json(d.weir_verbs, '["VARCHAR"]') AS verbs, from_json(d.weir_objects, '["VARCHAR"]') AS objects,
       d.weir_opaque AS opaque, d.weir_masks AS masks, d.weir_row_limit AS row_limit,
       d.weir_effect AS effect, from_json(d.weir_policies, '["VARCHAR"]') AS policies, d.weir_policy_hash AS policy_hash,
       from_json(d.weir_approvers, '["VARCHAR"]') AS approvers,
       d.weir_reason AS reason, d.weir_monitored = 1 AS monitored,
       CASE WHEN d.weir_monitored = 1 AND d.weir_effect <> 'allow' THEN 'observed'
            WHEN d.weir_effect = 'deny' THEN 'denied'
            WHEN d.weir_effect = 'hold' AND d.weir_stage = 'run' THEN coalesce(s.weir_approval, 'waiting')
            ELSE 'allowed' END AS outcome,
       s.settled_at, s.weir_approval AS approval, s.weir_approval_by AS approved_by,
       s.weir_approval_reason AS approval_reason,
       f.finished_at, f.status_id AS status, f.status_code AS error, f.status_detail AS detail,
       f.weir_rows AS "rows", f.weir_bytes AS bytes, f.weir_masked_values AS masked_values,
       f.weir_judged_us AS judged_us, f.weir_duration_us AS duration_us
FROM decided d
LEFT JOIN settled s USING (host, actor_session_uid, weir_request)
LEFT JOIN finished f USING (host, actor_session_uid, weir_request);

-- One row per session: who, from where, to which database, and what came of it.
CREATE OR REPLACE VIEW sessions AS
SELECT host, actor_session_uid AS session,
       min(time_dt) AS opened_at, max(time_dt) FILTER (weir_event = 'closed') AS closed_at,
       any_value(actor_user_name) AS "user", any_value(actor_process_user_name) AS os_user,
       any_value(weir_workloads)::JSON ->> '$[0]' AS workload,
       any_value(actor_process_file_path) AS executable, any_value(actor_process_pid) AS pid,
       any_value(weir_unit) AS unit, any_value(weir_container) AS container, any_value(weir_pod) AS pod,
       any_value(src_endpoint_ip) AS source, any_value(weir_server) AS server, any_value(database_name) AS database,
       any_value(actor_app_name) AS application,
       any_value(weir_client_tls) AS client_tls, any_value(weir_server_tls) AS server_tls,
       -- Whether the kernel said which process it is: a client of the gateway is only an address.
       any_value(weir_cgroup) IS NOT NULL AS proven,
       count(*) FILTER (weir_event = 'decided' AND weir_stage = 'run') AS requests,
       count(*) FILTER (weir_event = 'decided' AND weir_effect = 'deny') AS denied,
       count(*) FILTER (weir_event = 'decided' AND weir_effect = 'hold' AND weir_stage = 'run') AS held,
       coalesce(sum(weir_rows), 0)::BIGINT AS "rows", coalesce(sum(weir_bytes), 0)::BIGINT AS bytes,
       coalesce(sum(weir_masked_values), 0)::BIGINT AS masked_values,
       any_value(weir_reason) FILTER (weir_event = 'closed') AS ended_because
FROM audit WHERE actor_session_uid IS NOT NULL
GROUP BY host, actor_session_uid;

-- What was refused: by policies, by a person, or because nobody answered.
CREATE OR REPLACE VIEW denied AS
SELECT * FROM requests WHERE outcome IN ('denied', 'expired', 'withdrawn');

-- What waited for a person, and who released it.
CREATE OR REPLACE VIEW approvals AS
SELECT host, session, request, asked_at, settled_at, settled_at - asked_at AS waited,
       "user", os_user, workload, server, database, statement, "values", fingerprint, policies, approvers, reason,
       outcome, approved_by, approval_reason, status, "rows",
       -- Nobody releases what they asked for themselves: expect no row where this is true.
       approved_by = os_user AS own_approval
FROM requests WHERE effect = 'hold' AND stage = 'run' AND outcome <> 'observed';

-- One row per request and masked column.
CREATE OR REPLACE VIEW masked AS
SELECT r.host, r.session, r.request, r.asked_at, r."user", r.os_user, r.workload, r.server, r.database, r.statement,
       m.mask ->> 'column' AS "column", m.mask ->> 'class' AS class, m.mask -> 'function' AS "function",
       r."rows", r.masked_values
FROM requests r, LATERAL (SELECT unnest(from_json(r.masks, '["JSON"]')) AS mask) m
WHERE r.stage = 'run' AND r.outcome IN ('allowed', 'approved') AND r.monitored IS NOT TRUE;

-- One row per request and object that it touches. A request of which that is not known has one row without an object.
CREATE OR REPLACE VIEW touched AS
SELECT r.*, o.object
FROM requests r, LATERAL (
  SELECT unnest(CASE WHEN r.objects IS NULL THEN [NULL::VARCHAR] ELSE r.objects END) AS object
) o
WHERE r.stage = 'run' AND (o.object IS NOT NULL OR r.opaque IS NOT NULL);

-- Who touched a table, such as 'public.customers', and who may have: `certain` is false where it is not known what a
-- statement touched that went through.
CREATE OR REPLACE MACRO who_touched(wanted) AS TABLE
SELECT asked_at, host, "user", os_user, workload, executable, source, server, database, session, request, verbs,
       statement, outcome, "rows", masked_values, object IS NOT NULL AS certain
FROM touched
WHERE object = wanted OR (object IS NULL AND outcome IN ('allowed', 'approved', 'observed'))
ORDER BY asked_at;

-- What changed structure or rights.
CREATE OR REPLACE VIEW changes AS
SELECT * FROM requests
WHERE stage = 'run' AND list_has_any(verbs, ['create', 'alter', 'drop', 'truncate', 'grant']);

-- Which policies were in force from when on, and which were rejected.
CREATE OR REPLACE VIEW policies AS
SELECT host, time_dt AS since, weir_event AS event, weir_policy_hash AS hash, weir_agent_version AS agent_version,
       weir_reason AS error
FROM audit WHERE weir_event IN ('started', 'policy_loaded', 'policy_rejected');

-- Whether records are missing, by host. This tells a gap, not an edit: for that, `weir audit verify`.
CREATE OR REPLACE VIEW gaps AS
SELECT host, min(weir_sequence) AS first, max(weir_sequence) AS last, count(*) AS records,
       max(weir_sequence) - min(weir_sequence) + 1 - count(*) AS missing
FROM audit GROUP BY host;

-- The records as nested OCSF events of class 6005, with the profile security_control.
CREATE OR REPLACE VIEW ocsf_6005 AS
SELECT time, category_uid, class_uid, activity_id, type_uid, type_id, severity_id, status_id, status_code, status_detail,
       action_id, disposition_id,
       {'version': metadata_version, 'sequence': weir_sequence, 'log_name': host, 'profiles': ['security_control'],
        'product': {'name': metadata_product_name, 'vendor_name': metadata_product_vendor_name}} AS metadata,
       {'user': {'name': actor_user_name}, 'app_name': actor_app_name, 'session': {'uid': actor_session_uid},
        'process': {'pid': actor_process_pid, 'name': actor_process_name,
                    'file': {'path': actor_process_file_path},
                    'user': {'name': actor_process_user_name, 'uid': actor_process_user_uid}}} AS actor,
       {'ip': src_endpoint_ip, 'port': src_endpoint_port} AS src_endpoint,
       {'ip': dst_endpoint_ip, 'port': dst_endpoint_port, 'svc_name': weir_server} AS dst_endpoint,
       {'name': database_name, 'type_id': database_type_id} AS database,
       CASE WHEN query_info_query_string IS NOT NULL THEN {'query_string': query_info_query_string} END AS query_info,
       {'event': weir_event, 'request': weir_request, 'reason': weir_reason, 'policies': weir_policies,
        'objects': weir_objects, 'masks': weir_masks} AS unmapped
FROM audit;
