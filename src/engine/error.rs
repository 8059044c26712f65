//! DataFusion errors to SQLSTATEs.
