//! Tests of queries end to end.
