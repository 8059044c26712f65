//! The base relations: snapshot to rows.
