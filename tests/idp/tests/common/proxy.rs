//! A TCP proxy in front of a token endpoint or an API: it holds answers back, or loses them, after the
//! server has acted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rekindle_idp::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Gone with its handle.
pub(crate) struct Proxy {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) base_url: String,
    state: Arc<State>,
    accepting: tokio::task::AbortHandle,
}

struct State {
    upstream: String,
    /// So many of the next answers are lost.
    lose: AtomicU32,
    held: watch::Sender<bool>,
    /// How many answers the server has begun to give.
    answered: watch::Sender<u32>,
}

impl Proxy {
    /// In front of `server`; lets everything pass until told otherwise.
    pub(crate) async fn start(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let upstream = server.base_url.strip_prefix("http://").unwrap().to_owned();
        let (held, answered) = (watch::Sender::new(false), watch::Sender::new(0));
        let state = Arc::new(State { upstream, lose: AtomicU32::new(0), held, answered });
        let accepting = tokio::spawn(accept(listener, state.clone())).abort_handle();
        Self { base_url, state, accepting }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// The server acts on the next `n` requests, and their answers are lost.
    pub(crate) fn lose(&self, n: u32) {
        self.state.lose.store(n, Ordering::SeqCst);
    }

    /// Holds answers back until [`Proxy::release`].
    pub(crate) fn hold(&self) {
        self.state.held.send_replace(true);
    }

    /// Lets go what is held.
    pub(crate) fn release(&self) {
        self.state.held.send_replace(false);
    }

    /// Waits until the server has acted on `n` requests.
    pub(crate) async fn answered(&self, n: u32) {
        self.state.answered.subscribe().wait_for(|answered| *answered >= n).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let _ = pass(client, &state).await;
        });
    }
}

/// One connection. The first bytes of an answer show that the server has acted.
async fn pass(client: TcpStream, state: &State) -> std::io::Result<()> {
    let (mut from_server, mut to_server) = TcpStream::connect(&state.upstream).await?.into_split();
    let (mut from_client, mut to_client) = client.into_split();
    let asking = tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    let _ended = AbortOnDrop(asking.abort_handle());
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let n = from_server.read(&mut chunk).await?;
        if n == 0 {
            return Ok(());
        }
        state.answered.send_modify(|answered| *answered += 1);
        let lose = |left: u32| left.checked_sub(1);
        if state.lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose).is_ok() {
            return Ok(());
        }
        let _ = state.held.subscribe().wait_for(|held| !held).await;
        to_client.write_all(&chunk[..n]).await?;
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
