//! Takes the port, or names the process that has it.

use std::net::SocketAddr;

use anyhow::anyhow;
use tokio::net::TcpListener;

/// Listens on `address`. When the port is taken, the error names the process that holds it and how to choose another.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            let port = address.port();
            let holder = holder(port).map_or_else(String::new, |holder| format!(" by {holder}"));
            anyhow!("port {port} is taken{holder}. Stop that, or choose another with --port or ODDISH_API_PORT")
        }
        std::io::ErrorKind::AddrNotAvailable => {
            anyhow!("this machine does not have the address {}: choose another with --host", address.ip())
        }
        _ => anyhow!("cannot listen on {address}: {error}"),
    })
}

fn holder(port: u16) -> Option<String> {
    let process = listeners::get_process_by_port(port, listeners::Protocol::TCP).ok()?;
    Some(format!("{} (process {})", process.name, process.pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_told_with_its_holder_and_the_way_out() {
        let first = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let error = listen(first.local_addr().unwrap()).await.unwrap_err().to_string();
        let own = format!("(process {})", std::process::id());
        assert!(error.contains(&own) && error.contains("--port"), "{error}");
    }
}
