//! How others reach the process that serves a directory: the files `token` and `address` in it.
//!
//! The token is made once and can be read by the directory's owner alone. The address is there
//! while somebody serves, and perhaps after somebody died.

use std::{
    fs,
    io::{self, ErrorKind, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::{clock::SystemClock, ports::Clock};

const TOKEN: &str = "token";
const ADDRESS: &str = "address";

/// The directory's token; made, if there is none.
pub fn token(dir: &Path) -> io::Result<String> {
    let path = dir.join(TOKEN);
    match fs::read_to_string(&path) {
        Ok(token) if !token.trim().is_empty() => return Ok(token.trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(_) | Err(_) => {}
    }
    fs::create_dir_all(dir)?;
    let token = format!("{:032x}", SystemClock.unique());
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    Ok(token)
}

/// Says where the directory is served.
pub fn announce(dir: &Path, at: SocketAddr) -> io::Result<()> {
    fs::write(dir.join(ADDRESS), format!("{}\n", reachable(at)))
}

/// Nobody serves the directory any more.
pub fn withdraw(dir: &Path) {
    // One that stays is found out by whoever calls there.
    let _ = fs::remove_file(dir.join(ADDRESS));
}

/// Where the directory was served last.
pub fn address(dir: &Path) -> Option<SocketAddr> {
    fs::read_to_string(dir.join(ADDRESS)).ok()?.trim().parse().ok()
}

/// What listens everywhere listens here, too.
fn reachable(at: SocketAddr) -> SocketAddr {
    let here = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(here, at.port())
}
