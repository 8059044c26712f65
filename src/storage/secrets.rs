//! Password verifiers: made, stored and checked apart from the catalog, so that no snapshot holds a secret.
