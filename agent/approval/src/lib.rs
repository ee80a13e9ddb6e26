//! Held requests and the people who release them.
