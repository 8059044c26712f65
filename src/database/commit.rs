//! Commit: the only code that advances truth.
