//! Known ways around proxies of this kind, each closed.
