//! Remembered answers. The key and the single flight come with result reuse; nothing is cached yet.
