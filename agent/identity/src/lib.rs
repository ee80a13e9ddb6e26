//! From what the kernel saw of a peer to the subject that policy knows.
