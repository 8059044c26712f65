//! The process: configuration, listener, admin endpoint, signals, command line.
