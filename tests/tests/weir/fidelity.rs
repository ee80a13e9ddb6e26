//! Through the agent and direct: the same bytes.
