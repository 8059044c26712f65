//! `commons init`: a data directory ready to serve, with configuration, TLS pair and the
//! superuser's password.

use std::path::Path;

use super::config::{Config, DEFAULT_FILE, Overrides};
use super::{bootstrap, run};
use crate::base::{Error, Result, SqlState};

/// Makes `data_dir`: `config.toml`, a self-signed TLS pair for `hosts`, the catalog with its
/// superuser. Gives the password, which is stored nowhere in the clear.
///
/// # Errors
/// `55000` if the directory is not empty; `58030` I/O.
pub(super) async fn init(
    data_dir: &Path,
    hosts: Vec<String>,
    password: Option<String>,
) -> Result<Option<String>> {
    let io = |error: std::io::Error| {
        Error::new(
            SqlState::IO_ERROR,
            format!("could not make \"{}\": {error}", data_dir.display()),
        )
    };
    let occupied = match std::fs::read_dir(data_dir) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(io(error)),
    };
    if occupied {
        return Err(Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("directory \"{}\" is not empty", data_dir.display()),
        )
        .hint("Choose another one, or start what is there with commons serve."));
    }
    let tls_dir = data_dir.join("tls");
    std::fs::create_dir_all(&tls_dir).map_err(io)?;
    restrict(data_dir, 0o700)?;
    let pair = rcgen::generate_simple_self_signed(hosts)
        .map_err(|error| Error::internal("making a TLS pair", error))?;
    std::fs::write(tls_dir.join("server.crt"), pair.cert.pem()).map_err(io)?;
    // Made empty and restricted before the secret goes in.
    let key = tls_dir.join("server.key");
    std::fs::write(&key, "").map_err(io)?;
    restrict(&key, 0o600)?;
    std::fs::write(&key, pair.signing_key.serialize_pem()).map_err(io)?;
    let file = DEFAULT_FILE
        .replace("#certificate =", "certificate =")
        .replace("#key =", "key =");
    std::fs::write(data_dir.join("config.toml"), file).map_err(io)?;
    // A server that listens nowhere but on a port of its own for a moment makes the catalog: one
    // way to do it.
    let overrides = Overrides {
        data_dir: Some(data_dir.to_owned()),
        listen: Some("127.0.0.1:0".to_owned()),
        admin_listen: Some("off".to_owned()),
        ..Overrides::default()
    };
    let chosen = password.is_none().then(bootstrap::random_password);
    let config = Config::load(None, overrides)?;
    let server = run::start(&config, password.or_else(|| chosen.clone())).await?;
    server.stop();
    server.stopped().await;
    Ok(chosen)
}

fn restrict(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(|error| {
        Error::new(
            SqlState::IO_ERROR,
            format!("could not restrict \"{}\": {error}", path.display()),
        )
    })
}
