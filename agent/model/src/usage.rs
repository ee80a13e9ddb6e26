//! How much a subject has run and read before: what policies on rates and volumes speak of.

/// How much came before a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In the same session.
    pub session: Count,
    /// Of the same subject, in the last 60 to 65 seconds.
    pub minute: Count,
    /// Of the same subject, in the last 60 to 65 minutes.
    pub hour: Count,
}

/// How much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Statements that somebody wanted to run, refused ones too.
    pub statements: u64,
    /// Rows that clients read, of statements that have ended.
    pub rows: u64,
    /// Bytes of rows and COPY data that clients read, of statements that have ended.
    pub bytes: u64,
}

impl Count {
    /// Adds to it; what does not fit stays at the most that does.
    pub fn add(&mut self, more: Count) {
        self.statements = self.statements.saturating_add(more.statements);
        self.rows = self.rows.saturating_add(more.rows);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}
