//! A throwaway PostgreSQL: made for one test, gone with it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_postgres::{Client, Config, NoTls};

use crate::{Dial, Duplex};

/// A running server of the newest version that is installed. Everybody is trusted.
pub(super) struct Server {
    dir: tempfile::TempDir,
    bin: PathBuf,
    pub(super) address: SocketAddr,
}

impl Server {
    pub(super) fn start() -> Self {
        let bin = newest_bin();
        let dir = tempfile::tempdir().unwrap();
        give_away(dir.path());
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let server = Self {
            dir,
            bin,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        };
        let data = server.data();
        server.run(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ],
        );
        let options = format!(
            "-p {port} -k {} -c listen_addresses=127.0.0.1 -c fsync=off",
            server.dir.path().display()
        );
        let log = format!("{}/log", server.dir.path().display());
        server.run(
            "pg_ctl",
            &["-D", &data, "-o", &options, "-l", &log, "-w", "start"],
        );
        server
    }

    fn data(&self) -> String {
        format!("{}/data", self.dir.path().display())
    }

    /// Runs one of the server's programs, not as root: they refuse that.
    fn run(&self, program: &str, args: &[&str]) {
        let path = self.bin.join(program);
        let mut command = match rooted() {
            true => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"])
                    .arg(path);
                command
            }
            false => Command::new(path),
        };
        // To a file and not to a pipe: the server would keep the pipe open.
        let output = tempfile::tempfile().unwrap();
        let status = command
            .args(args)
            .current_dir(self.dir.path())
            .stdout(output.try_clone().unwrap())
            .stderr(output.try_clone().unwrap())
            .status()
            .unwrap();
        assert!(
            status.success(),
            "{program}: {}",
            std::io::read_to_string({
                use std::io::Seek;
                let mut output = output;
                output.rewind().unwrap();
                output
            })
            .unwrap()
        );
    }

    pub(super) fn dial() -> Dial {
        Arc::new(|address| {
            Box::pin(async move {
                let stream: Box<dyn Duplex> = Box::new(TcpStream::connect(address).await?);
                Ok(stream)
            })
        })
    }

    /// A session of its own, as the superuser.
    pub(super) async fn connect(&self) -> Client {
        let mut config = Config::new();
        config.user("postgres").dbname("postgres");
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (client, connection) = config.connect_raw(stream, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]);
    }
}

fn rooted() -> bool {
    std::env::var_os("USER").is_some_and(|user| user == "root")
        || std::fs::metadata("/proc/self").is_ok_and(|meta| {
            use std::os::unix::fs::MetadataExt;
            meta.uid() == 0
        })
}

fn give_away(dir: &Path) {
    if rooted() {
        let status = Command::new("chown")
            .arg("nobody:nogroup")
            .arg(dir)
            .status()
            .unwrap();
        assert!(status.success());
    }
}

fn newest_bin() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .expect("install postgresql: these tests run against a real server");
    let newest = versions
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok())
        .max()
        .expect("no server under /usr/lib/postgresql");
    PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"))
}
