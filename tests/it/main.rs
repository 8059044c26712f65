//! The one test binary: every case is a text file or a named trial, so `cargo test -- story/` picks
//! a folder.

mod answers;
mod binary;
mod bombs;
mod calls;
mod catalog;
mod clients;
mod compatibility;
mod crash;
mod errors;
mod family;
mod lake;
mod made;
mod operation;
mod postgres;
mod random;
mod rust_clients;
mod server;
mod sql;
mod story;
mod sweep;
mod tidy;
mod tpch;
mod wire;

fn main() -> std::process::ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = [
        tidy::trials(),
        compatibility::trials(),
        errors::trials(),
        sql::trials(),
        wire::trials(),
        story::trials(),
        clients::trials(),
        bombs::trials(),
        calls::trials(),
        crash::trials(),
        family::trials(),
        lake::trials(),
        catalog::trials(),
        operation::trials(),
        random::trials(),
        sweep::trials(),
        tpch::trials(),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials.into_iter().flatten().collect());
    postgres::stop();
    conclusion.exit_code()
}
