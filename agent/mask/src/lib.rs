//! Mask functions over one value, keeping its type and wire format.
