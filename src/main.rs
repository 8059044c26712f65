//! The `commons` command.

use std::process::ExitCode;

/// Many threads allocate and free large buffers at once; measured against the system's allocator in
/// `benches/`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commons::server::cli::main()
}
