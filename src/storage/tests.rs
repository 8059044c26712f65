//! Recovery gives back what was committed.
