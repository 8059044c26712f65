//! Background merging of small segments, and sweeping.
