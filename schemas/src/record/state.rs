//! What the processors remember of an athlete: internal, versioned like the facts.
