//! TODO(storage).
