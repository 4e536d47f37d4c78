//! The server that both clients ask: so little of HTTP/1.1 that it is never what is measured. A process of its own.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// In a GraphQL answer.
pub(crate) const PUPILS: usize = 1_420;

/// The argument that makes this program the server.
pub(crate) const WORD: &str = "serve";

/// A server that runs until this is dropped.
pub(crate) struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start() -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(WORD).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut url)?;
        }
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, url: url.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// Serves until standard input closes.
pub(crate) fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("http://{}", listener.local_addr()?);
        io::stdout().flush()?;
        let ended = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            _ = ended => Ok(()),
            broken = listen(listener) => broken,
        }
    })
}

async fn listen(listener: TcpListener) -> io::Result<()> {
    let answers = Arc::new(Answers { small: answer(&small()), large: answer(&large()) });
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(connection(socket, Arc::clone(&answers)));
    }
}

struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
}

async fn connection(mut socket: TcpStream, answers: Arc<Answers>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut read = Vec::with_capacity(4096);
    loop {
        while let Some(length) = whole(&read) {
            let answer = if read.starts_with(b"GET") { &answers.small } else { &answers.large };
            socket.write_all(answer).await?;
            read.drain(..length);
        }
        if socket.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
}

/// The length of the first request, once it is there.
fn whole(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).ok()?.to_ascii_lowercase();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let length = head + body.unwrap_or(0usize);
    (read.len() >= length).then_some(length)
}

fn answer(body: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: Tue, 01 Jan 2030 00:00:00 GMT\r\n";
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// 1 KB.
fn small() -> String {
    let pupils: Vec<_> = (0..12).map(pupil).collect();
    let text = serde_json::json!({ "pupils": pupils, "fill": "" }).to_string();
    text.replace(r#""fill":"""#, &format!(r#""fill":"{}""#, "x".repeat(1024usize.saturating_sub(text.len()))))
}

/// 100 KB.
fn large() -> String {
    let pupils: Vec<_> = (0..PUPILS).map(pupil).collect();
    serde_json::json!({ "data": { "pupils": pupils } }).to_string()
}

fn pupil(number: usize) -> serde_json::Value {
    serde_json::json!({ "id": number, "name": format!("Pupil number {number}"), "form": "4b", "present": true })
}
