//! Servers as containers.

use std::time::Duration;

use testcontainers::core::{IntoContainerPort as _, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};

/// Whether a Docker daemon answers.
pub(super) fn answers() -> bool {
    let socket = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".into());
    match socket.split_once("://") {
        Some(("unix", path)) => std::os::unix::net::UnixStream::connect(path).is_ok(),
        Some((_, address)) => std::net::TcpStream::connect(address).is_ok(),
        None => false,
    }
}

/// What to run.
pub(super) struct Image {
    pub(super) name: &'static str,
    pub(super) tag: &'static str,
    /// The server says this once it is ready.
    pub(super) ready: &'static str,
    pub(super) port: u16,
    pub(super) env: &'static [(&'static str, &'static str)],
    pub(super) command: Vec<String>,
}

/// A container whose port stays the same when it is started again.
pub(super) struct Container(ContainerAsync<GenericImage>);

impl Container {
    pub(super) async fn start_new(image: Image, host_port: u16) -> Self {
        let base = GenericImage::new(image.name, image.tag)
            .with_exposed_port(image.port.tcp())
            .with_wait_for(WaitFor::message_on_either_std(image.ready));
        let request = image.env.iter().fold(
            base.with_mapped_port(host_port, image.port.tcp()).with_startup_timeout(Duration::from_secs(120)),
            |request, (name, value)| request.with_env_var(*name, *value),
        );
        Self(request.with_cmd(image.command).start().await.expect("the container starts"))
    }

    pub(super) async fn kill(&self) {
        self.0.stop_with_timeout(Some(0)).await.expect("the container stops");
    }

    pub(super) async fn freeze(&self) {
        self.0.pause().await.expect("the container pauses");
    }

    pub(super) async fn thaw(&self) {
        self.0.unpause().await.expect("the container goes on");
    }

    pub(super) async fn start(&self) {
        self.0.start().await.expect("the container starts again");
    }
}
