//! Classified values do not reach whoever may not see them.
