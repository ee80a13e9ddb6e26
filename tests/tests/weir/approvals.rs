//! Held statements: who is told, who may release, and what ends the waiting.
