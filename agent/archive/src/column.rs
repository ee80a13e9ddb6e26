//! The columns of the archive, in their order on disk. Columns are only ever added, at the end, and make a new schema.

/// What a column holds. Every kind is read alike by DuckDB, Spark, Trino, pandas and Polars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// 32-bit signed.
    Int,
    /// 64-bit signed.
    Long,
    /// Microseconds since the Unix epoch, UTC.
    Time,
}

impl Kind {
    /// The type's name in DuckDB.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "VARCHAR",
            Kind::Int => "INTEGER",
            Kind::Long => "BIGINT",
            Kind::Time => "TIMESTAMPTZ",
        }
    }
}

macro_rules! columns {
    ($($variant:ident $name:literal $kind:ident $about:literal)*) => {
        /// A column.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Column {
            $(#[doc = $about] $variant,)*
        }

        impl Column {
            /// All columns, in their order.
            pub const ALL: &[Column] = &[$(Column::$variant,)*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Column::$variant => $name,)* }
            }

            /// Its type.
            pub fn kind(self) -> Kind {
                match self { $(Column::$variant => Kind::$kind,)* }
            }

            /// What it holds, one sentence of the data dictionary.
            pub fn about(self) -> &'static str {
                match self { $(Column::$variant => $about,)* }
            }
        }
    };
}

columns! {
    Sequence "weir_sequence" Long "Number of the record on its host: from 1, without gaps."
    Time "time" Long "When it happened: milliseconds since the Unix epoch (OCSF `time`)."
    TimeDt "time_dt" Time "The same to the microsecond."
    Event "weir_event" Text "What happened: started, policy_loaded, policy_rejected, signing_key, opened, encrypted, decided, settled, shown, finished, closed or stopped."
    CategoryUid "category_uid" Int "Always 6: Application Activity."
    ClassUid "class_uid" Int "Always 6005: Datastore Activity."
    ActivityId "activity_id" Int "What a decided request is: 1 Read (COPY out), 2 Update (also ALTER, GRANT), 3 Connect (also `opened`), 4 Query, 5 Write, 6 Create, 7 Delete, 99 Other, 0 where it is not known. 99 for every event that is no request."
    TypeUid "type_uid" Long "600500 + activity_id."
    TypeId "type_id" Int "Always 1: Database."
    SeverityId "severity_id" Int "1 Informational, 2 Low (held), 3 Medium (denied), 4 High (a policy set was rejected)."
    StatusId "status_id" Int "1 Success, 2 Failure (also a refusal), 0 Unknown (the session ended first), 99 Other (skipped by the server). NULL where nothing has ended."
    StatusCode "status_code" Text "The server's SQLSTATE."
    StatusDetail "status_detail" Text "The server's error message, or `suspended` or `skipped`."
    ActionId "action_id" Int "1 Allowed, 2 Denied, 3 Observed (monitored, and not what the policies said), 4 Modified (masked)."
    DispositionId "disposition_id" Int "1 Allowed, 2 Blocked, 6 Dropped (withdrawn), 8 Approved, 11 Corrected (masked), 14 Delayed (held), 15 Detected (monitored, and not what the policies said)."
    MetadataVersion "metadata_version" Text "Version of OCSF."
    MetadataProductName "metadata_product_name" Text "Always `weir`."
    MetadataProductVendorName "metadata_product_vendor_name" Text "Always `weir`."
    ActorUserName "actor_user_name" Text "Database user of the session's login; a claim until the server has authenticated it."
    ActorAppName "actor_app_name" Text "What the client calls itself."
    ActorSessionUid "actor_session_uid" Text "The session: a UUIDv7."
    ActorProcessPid "actor_process_pid" Long "The client's process id, in the host's pid namespace."
    ActorProcessName "actor_process_name" Text "The client's command name, which it can set itself."
    ActorProcessFilePath "actor_process_file_path" Text "The client's executable, where it was proven to be the one that connected."
    ActorProcessUserName "actor_process_user_name" Text "The client's Unix user."
    ActorProcessUserUid "actor_process_user_uid" Text "Its number."
    SrcEndpointIp "src_endpoint_ip" Text "The client's address."
    SrcEndpointPort "src_endpoint_port" Int "Its port."
    DstEndpointIp "dst_endpoint_ip" Text "The address that the client connected to."
    DstEndpointPort "dst_endpoint_port" Int "Its port."
    DatabaseName "database_name" Text "Database of the session's login."
    DatabaseTypeId "database_type_id" Int "1 Relational, where there is a session."
    QueryString "query_info_query_string" Text "The statement, exactly; without the literals (`'***'`) of one that carries credentials: passwords of roles, user mappings, foreign servers, subscriptions, dblink."
    Server "weir_server" Text "Name of the target in the configuration."
    ServerAddress "weir_server_address" Text "Where the agent dials for it, as address:port."
    Workloads "weir_workloads" Text "JSON list of the client's workloads, most telling first."
    Cgroup "weir_cgroup" Long "The client's cgroup v2 id."
    Gid "weir_gid" Long "The client's group id."
    LoginUid "weir_login_uid" Long "The client's audit login uid; NULL where it belongs to no login."
    ProcessStarted "weir_process_started" Long "When the client's process started: nanoseconds of CLOCK_BOOTTIME."
    Exe "weir_exe" Text "The client's executable as device:inode, both decimal, the device in the kernel's encoding."
    Request "weir_request" Long "Number of the request in its session, from 1."
    Stage "weir_stage" Text "connect, prepare or run."
    Effect "weir_effect" Text "What the policies said: allow, deny or hold."
    Policies "weir_policies" Text "JSON list of the deciding policies."
    Reason "weir_reason" Text "Why, one sentence: of a decision, a rejected policy set or a closed session."
    Hint "weir_hint" Text "What the client was told to do about it."
    Approvers "weir_approvers" Text "JSON list of who may release a held request."
    Verbs "weir_verbs" Text "JSON list of the statement's verbs."
    Objects "weir_objects" Text "JSON list of what it touches, without repetition: `schema.name` for relations and functions, `kind name` for the rest. NULL where that is not known."
    Opaque "weir_opaque" Text "Why it is not known what the statement touches, as `kind: explanation`."
    Masks "weir_masks" Text "JSON list of masked columns: {column, class, function, output, statement}. `output` is the number of the result's column that it flows into and `statement` that of the statement in the text, both from 1; neither is there where only an error can tell the column."
    Parameters "weir_parameters" Text "JSON list of bind values as they were sent: \"null\", {\"text\": ...}, {\"binary\": hex}, {\"encoded\": hex of text that is not UTF-8} or {\"large\": {length, sha256}}."
    Fingerprint "weir_fingerprint" Text "SHA-256 of the statement, hex; of one that carries credentials, of what is shown of it."
    PolicyHash "weir_policy_hash" Text "SHA-256 of the policy set, hex."
    Approval "weir_approval" Text "How a held request was settled: approved, denied, expired or withdrawn."
    ApprovalBy "weir_approval_by" Text "By whom."
    ApprovalReason "weir_approval_reason" Text "Why, in their words."
    Tags "weir_tags" Text "JSON list of the server's command tags."
    Rows "weir_rows" Long "Rows sent to the client."
    Bytes "weir_bytes" Long "Bytes of rows and COPY data sent to the client, after masking."
    MaskedValues "weir_masked_values" Long "Values that were masked."
    DurationUs "weir_duration_us" Long "Microseconds from the verdict to the end."
    AgentVersion "weir_agent_version" Text "Version of the agent that started."
    Record "weir_record" Text "The record as the journal held it: JSON, byte for byte. Every other column but the session's facts follows from it."
    Chain "weir_chain" Text "Of rows before schema weir.audit.5: SHA-256 over the row before's weir_chain and all other columns of this row, hex. NULL since the Merkle log has taken its place."
    ClientTls "weir_client_tls" Text "Version of TLS on the client's side of the session, such as `TLSv1.3`. NULL where it goes in plain."
    ServerTls "weir_server_tls" Text "The same for the side of the server."
    Monitored "weir_monitored" Int "1 where a request was forwarded as it came, whatever `weir_effect` and `weir_masks` say, because its target is only monitored. NULL where what they say was done."
    Values "weir_values" Text "JSON list of the bind values as PostgreSQL prints them: {type, format, value}, with `value` null for NULL. Instead of `value`, {hex, why} where it cannot be printed, and {length, sha256} where it was too large to be kept. `type` is null where it is not known; `format` says how the client sent it. NULL where there are no values."
    Unit "weir_unit" Text "The client's systemd unit."
    Container "weir_container" Text "The client's container: 64 hex digits."
    Pod "weir_pod" Text "The client's Kubernetes pod: its UID."
    RowLimit "weir_row_limit" Long "How many rows the result may have, where policies limit it."
    JudgedUs "weir_judged_us" Long "Microseconds from the question to the verdict: understanding, judging, recording, and waiting for a person."
    Shown "weir_shown" Text "What the client saw of a result, masked as it was, where policies have it recorded in full: JSON, one of {columns: [{name, kind}]}, {rows: [[value, ...], ...]} and {copied: [value, ...]} with values as in `weir_parameters`, and {truncated: {rows, bytes}} for what passes the limit. `kind` is the type's `pg_type.oid`."
}

/// A set of columns: the first so many of [`Column::ALL`]. Its name is part of every leaf, so that columns that came
/// later do not change older ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its name, in each file's metadata.
    pub name: &'static str,
    /// The last of its columns.
    pub last: Column,
}

impl Schema {
    /// All schemas, oldest first.
    pub const ALL: [Schema; 6] = [
        Schema {
            name: "weir.audit.1",
            last: Column::Chain,
        },
        Schema {
            name: "weir.audit.2",
            last: Column::ServerTls,
        },
        Schema {
            name: "weir.audit.3",
            last: Column::Monitored,
        },
        Schema {
            name: "weir.audit.4",
            last: Column::Values,
        },
        Schema {
            name: "weir.audit.5",
            last: Column::Values,
        },
        Schema::NEWEST,
    ];

    /// The schema of rows that are written now.
    pub const NEWEST: Schema = Schema {
        name: "weir.audit.6",
        last: Column::Shown,
    };

    /// The schemas whose rows are in a chain.
    const CHAINED: [&str; 4] = [
        "weir.audit.1",
        "weir.audit.2",
        "weir.audit.3",
        "weir.audit.4",
    ];

    /// Its columns, in order.
    pub fn columns(self) -> &'static [Column] {
        Column::ALL.get(..self.width()).unwrap_or(Column::ALL)
    }

    /// Whether each of its rows has the hash of a chain.
    pub(crate) fn is_chained(self) -> bool {
        Self::CHAINED.contains(&self.name)
    }

    /// How many columns it has.
    pub(crate) fn width(self) -> usize {
        self.last as usize + 1
    }
}
