//! The order of the sentence: the gate, the pump, and nothing else.
