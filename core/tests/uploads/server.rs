//! A server that decides byte by byte what it reads and when it closes. It is a proxy as well: it answers for every host
//! that it is asked for, in a tunnel too.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rekindle::transport::{ProxyChoice, ReqwestTransport, TransportOptions};
use rekindle::{Client, RetryPolicy, Session};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use url::Url;

/// What the server does with the first upload.
#[derive(Clone, Copy)]
pub(crate) enum Early {
    /// Answers at the head, and reads on when the next upload has begun, as long as something comes.
    ReadsOn(u16),
    /// Accepts at the head, and reads all of it.
    Accepts,
    /// Answers at the head and closes, though the body still comes: the peer's next write breaks off.
    Closes(u16),
}

/// Which uploads have begun.
#[derive(Default)]
struct First {
    begun: bool,
    second: bool,
}

pub(crate) struct Server {
    url: String,
    seen: Arc<Seen>,
    /// How often a request may be sent for transient failures.
    sends: u32,
}

/// What came to the server.
#[derive(Default)]
struct Seen {
    /// Bodies that came whole.
    whole: Mutex<Vec<Vec<u8>>>,
    heads: Mutex<Vec<String>>,
}

/// Shared by all connections of a server.
struct Listening {
    early: Early,
    first: (Mutex<First>, Condvar),
    seen: Arc<Seen>,
    tls: Arc<ServerConfig>,
}

impl Server {
    pub(crate) fn start(early: Early) -> Self {
        Self::start_with(early, certified().1)
    }

    fn start_with(early: Early, tls: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Seen>::default();
        let listening = Arc::new(Listening { early, first: Default::default(), seen: seen.clone(), tls });
        thread::spawn(move || {
            for socket in listener.incoming() {
                let listening = listening.clone();
                let socket = socket.unwrap();
                // What has not left yet when it closes is dropped, and Nagle's algorithm holds back.
                socket.set_nodelay(true).unwrap();
                thread::spawn(move || serve(BufReader::new(Socket::Plain(socket)), &listening));
            }
        });
        let sends = if matches!(early, Early::ReadsOn(503)) { 2 } else { 1 };
        Self { url, seen, sends }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_of(&self.url, TransportOptions::default())
    }

    fn client_of(&self, origin: &str, options: TransportOptions) -> Client {
        let session = Session::builder("json")
            .token_url(format!("{origin}/refresh"))
            .tokens("at-1", "rt-1")
            .origin(origin)
            .insecure_origin(origin)
            .transport(ReqwestTransport::new(options).unwrap())
            .build()
            .unwrap();
        // A retry would hide that the second upload was cut short.
        let retry = RetryPolicy { max_sends: self.sends, ..RetryPolicy::never() };
        Client::builder(session).base_url(origin).retry(retry).build().unwrap()
    }

    /// How long the bodies were that came whole.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.seen.whole.lock().unwrap().iter().map(Vec::len).collect()
    }

    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        self.seen.whole.lock().unwrap().clone()
    }
}

/// The server as a proxy, with a client of `origin` that goes through it.
pub(crate) struct Proxied {
    server: Server,
    pub(crate) client: Client,
}

impl Proxied {
    pub(crate) fn start(early: Early, origin: &str, user: &str) -> Self {
        let (root, tls) = certified();
        let server = Server::start_with(early, tls);
        let mut proxy = Url::parse(&server.url).unwrap();
        if let Some((name, password)) = user.split_once(':') {
            proxy.set_username(name).unwrap();
            proxy.set_password(Some(password)).unwrap();
        }
        let options = TransportOptions {
            extra_root_certificates: vec![root],
            proxy: ProxyChoice::Url(proxy),
            ..TransportOptions::default()
        };
        let client = server.client_of(origin, options);
        Self { server, client }
    }

    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.server.lengths()
    }

    /// The heads of all requests, in lower case, with the requests for tunnels.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.server.seen.heads.lock().unwrap().clone()
    }
}

/// A certificate of `api.test`, and a server with it that speaks HTTP/1.1.
fn certified() -> (Vec<u8>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["api.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem().into_bytes(), Arc::new(config))
}

/// A connection, in a tunnel or not.
enum Socket {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Socket {
    fn begin_tls(self, tls: &Arc<ServerConfig>) -> Option<Self> {
        let Self::Plain(socket) = self else { return None };
        let connection = ServerConnection::new(tls.clone()).ok()?;
        Some(Self::Tls(Box::new(StreamOwned::new(connection, socket))))
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

fn serve(mut socket: BufReader<Socket>, listening: &Listening) -> Option<()> {
    loop {
        let (path, length) = head(&mut socket, &listening.seen)?;
        if path.ends_with("/refresh") {
            body(&mut socket, length)?;
            answer(&mut socket, 200, r#"{"access_token":"at-2","refresh_token":"rt-2"}"#)?;
        } else if path.ends_with(":443") {
            answer(&mut socket, 200, "")?;
            socket = BufReader::new(socket.into_inner().begin_tls(&listening.tls)?);
        } else {
            upload(&mut socket, length, listening)?;
        }
    }
}

fn upload(socket: &mut BufReader<Socket>, length: Option<usize>, listening: &Listening) -> Option<()> {
    let Listening { early, first, seen, .. } = listening;
    if std::mem::replace(&mut first.0.lock().unwrap().begun, true) {
        first.0.lock().unwrap().second = true;
        first.1.notify_all();
        let body = body(socket, length)?;
        seen.whole.lock().unwrap().push(body);
        return answer(socket, 200, "kept");
    }
    match early {
        Early::Accepts => {
            answer(socket, 200, "kept")?;
            let body = body(socket, length)?;
            seen.whole.lock().unwrap().push(body);
        }
        Early::ReadsOn(status) => {
            answer(socket, *status, "no")?;
            let begun = first.0.lock().unwrap();
            let second = |first: &mut First| !first.second;
            drop(first.1.wait_timeout_while(begun, Duration::from_secs(10), second).unwrap());
            body(socket, length)?;
        }
        Early::Closes(status) => {
            answer(socket, *status, "no")?;
            return None;
        }
    }
    Some(())
}

fn head(reader: &mut impl BufRead, seen: &Seen) -> Option<(String, Option<usize>)> {
    let (mut line, mut head) = (String::new(), String::new());
    let (mut path, mut length) = (String::new(), None);
    while reader.read_line(&mut line).ok()? > 0 {
        let text = line.trim_end().to_ascii_lowercase();
        head.push_str(&text);
        head.push('\n');
        match text.split_once(": ") {
            _ if text.is_empty() => {
                seen.heads.lock().unwrap().push(head);
                return Some((path, length));
            }
            Some(("content-length", value)) => length = value.trim().parse().ok(),
            None => path = text.split(' ').nth(1)?.to_owned(),
            _ => {}
        }
        line.clear();
    }
    None
}

/// Of known length, or in chunks.
fn body(reader: &mut impl BufRead, length: Option<usize>) -> Option<Vec<u8>> {
    let mut all = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut all).ok()?;
    while length.is_none() {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut chunk = vec![0; usize::from_str_radix(line.trim(), 16).ok()? + 2];
        reader.read_exact(&mut chunk).ok()?;
        if chunk.len() == 2 {
            break;
        }
        all.extend_from_slice(&chunk[..chunk.len() - 2]);
    }
    Some(all)
}

fn answer(socket: &mut BufReader<Socket>, status: u16, text: &str) -> Option<()> {
    let length = text.len();
    // In one piece: closing drops what has not left yet.
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nLocation: /again\r\nRetry-After: 0\r\n\
         Content-Length: {length}\r\n\r\n{text}"
    );
    socket.get_mut().write_all(head.as_bytes()).ok()?;
    socket.get_mut().flush().ok()
}
