//! The server: a thread with a runtime of its own, until the handle is dropped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::answer::{self, Answer};
use crate::auth::Auth;
use crate::http::{self, Request};
use crate::script::Script;
use crate::stage::{Logged, Stage};
use crate::{AuthConfig, control, uploads};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// A scripted server on a free port of the loopback.
///
/// ```
/// use rekindle_test_server::{Script, Step, TestServer};
/// use serde_json::json;
///
/// # fn main() -> std::io::Result<()> {
/// let script = Script::new().step(Step::on("GET", "/data").json(200, json!({"ok": true})));
/// let server = TestServer::start(script)?;
/// assert_eq!(server.complaints().len(), 1); // nobody has asked for /data yet
/// # Ok(())
/// # }
/// ```
pub struct TestServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What connections share.
pub(crate) struct Shared {
    pub(crate) stage: Stage,
    auth: Mutex<Option<Arc<Auth>>>,
}

impl TestServer {
    /// Starts a server that plays this script, with nothing behind it.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::start_with(script, None)
    }

    pub(crate) fn start_with(script: Script, auth: Option<Arc<Auth>>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = bind(&runtime)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { stage: Stage::new(script), auth: Mutex::new(auth) });
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("test-server".to_owned()).spawn(move || {
            // Ending the runtime ends every connection.
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = listen(listener, served) => {}
                }
            });
        })?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The server's URL, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Plays another script from its beginning, and empties the log.
    pub fn play(&self, script: Script) {
        self.shared.stage.replace(script);
    }

    /// The requests that arrived, in order (the newest 20 000).
    pub fn log(&self) -> Vec<Logged> {
        self.shared.stage.log()
    }

    /// Lets go the requests that are held under this name, now and later.
    pub fn release(&self, name: &str) {
        self.shared.stage.release(name);
    }

    /// Waits until so many requests have arrived since the script began.
    pub async fn seen(&self, requests: u64) {
        self.shared.stage.seen(requests).await;
    }

    /// What the script still waits for, and the requests it did not foresee.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.stage.complaints()
    }

    /// Proves that every step was used as often as it had to be, and that nothing else was asked for.
    #[track_caller]
    pub fn assert_consumed(&self) {
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "not as scripted:\n{}", complaints.join("\n"));
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported on its own.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for TestServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestServer").field("url", &self.base_url()).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn auth(&self) -> Option<Arc<Auth>> {
        self.auth.lock().clone()
    }

    pub(crate) fn set_auth(&self, config: AuthConfig) {
        *self.auth.lock() = Some(Arc::new(Auth::new(config)));
    }

    async fn answer(&self, request: &Request) -> Answer {
        if request.path() == uploads::PATH {
            return uploads::received(request);
        }
        if request.path().starts_with("/__") {
            return control::answer(self, request).await;
        }
        let Some(part) = self.stage.enter(request) else {
            return self.unscripted(request).await;
        };
        self.stage.wait(&part).await;
        let mut answer = match &part.step.respond {
            Some(respond) => respond.answer().unwrap_or_else(|why| Answer::json(500, &why.into())),
            None => self.model(request).await.unwrap_or_else(|| Answer::empty(200)),
        };
        if part.step.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(part.step.delay_ms)).await;
        }
        answer.fault = part.step.fault.or(answer.fault);
        answer
    }

    async fn unscripted(&self, request: &Request) -> Answer {
        match self.model(request).await {
            Some(answer) => answer,
            None => {
                self.stage.not_scripted(request);
                Answer::json(599, &serde_json::json!({"error": "not_scripted", "path": request.target}))
            }
        }
    }

    async fn model(&self, request: &Request) -> Option<Answer> {
        Some(self.auth()?.answer(request).await)
    }
}

/// With room for a thousand clients that come at once: one that finds none tries again after a second.
fn bind(runtime: &Runtime) -> io::Result<TcpListener> {
    let _inside = runtime.enter();
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(BACKLOG)
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // A connection that was given up before it was accepted is no reason to end.
        if let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, Arc::clone(&shared)));
        }
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut socket = BufReader::new(socket);
    while let Some(mut request) = http::head(&mut socket).await? {
        // Before the body has come, which is read all the same: no reset takes the answer away.
        let early = uploads::refusal(&request);
        if let Some(refusal) = &early {
            answer::send(socket.get_mut(), refusal, &request.method, request.keep_alive).await?;
        }
        request.body = http::body(&mut socket, &request).await?;
        if early.is_some() {
            continue;
        }
        let answer = shared.answer(&request).await;
        if !answer::send(socket.get_mut(), &answer, &request.method, request.keep_alive).await? {
            break;
        }
    }
    Ok(())
}
