//! Cedar policies and column classes: one pure, total decision.
