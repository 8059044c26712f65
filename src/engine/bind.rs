//! Names to plan.
