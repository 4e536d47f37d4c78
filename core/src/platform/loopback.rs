//! The loopback receiver of the sign-in callback (RFC 8252 section 7.3): it accepts one callback and then closes the
//! port.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use rekindle_proto::sign_in::PendingSignIn;
use rekindle_proto::{ErrorKind, Failure};
use tokio::io::AsyncWrite;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use url::Host;

use crate::clock::Clock;
use crate::error::Error;
use crate::sign_in::{LoopbackOptions, answer_callback};

/// A browser sends no longer head.
const LONGEST_HEAD: usize = 32 * 1024;
/// A client that sends nothing for so long is not a browser.
const SILENCE: Duration = Duration::from_secs(10);
/// The maximum number of connections: other programs on this machine must not keep the browser out.
const MOST_CONNECTIONS: usize = 64;

/// Waits on loopback for the browser's callback. Dropping it closes the port.
#[derive(Debug)]
pub struct LoopbackReceiver {
    listeners: Vec<TcpListener>,
    redirect_uri: String,
}

impl LoopbackReceiver {
    /// Opens the port, for this process only. Call it inside a tokio runtime.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::sign_in::{LoopbackOptions, LoopbackReceiver};
    ///
    /// let receiver = LoopbackReceiver::bind(&LoopbackOptions::default())?;
    /// assert!(receiver.redirect_uri().starts_with("http://127.0.0.1:"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the port is in use by another program, or the host is not loopback.
    pub fn bind(options: &LoopbackOptions) -> Result<Self, Error> {
        let addresses = addresses(&options.host)?;
        // A port that is free for one address family may be in use for the other.
        let mut tries = if options.port == 0 { 8 } else { 1 };
        loop {
            tries -= 1;
            match Self::listen_on(&addresses, options) {
                Err(error) if tries > 0 && error.argument() == Some("redirect_uri") => {}
                done => return done,
            }
        }
    }

    fn listen_on(addresses: &[IpAddr], options: &LoopbackOptions) -> Result<Self, Error> {
        let mut listeners: Vec<TcpListener> = Vec::new();
        let (mut port, mut last) = (options.port, None);
        for address in addresses {
            match listen(SocketAddr::new(*address, port)) {
                Ok(listener) => {
                    port = listener.local_addr().map_or(port, |address| address.port());
                    listeners.push(listener);
                }
                // On machines without the other address family, localhost has only one. A port in use belongs to
                // another program.
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => return Err(taken(port)),
                Err(error) => last = Some(error),
            }
        }
        if listeners.is_empty() {
            let why = last.map_or_else(String::new, |error| format!(" ({error})"));
            let message = format!(
                "no port could be opened on {}{why}: sign in with a device code instead",
                options.host
            );
            return Err(Error::new(ErrorKind::System, message));
        }
        let redirect_uri = format!("http://{}:{port}{}", options.host, options.path);
        Ok(Self { listeners, redirect_uri })
    }

    /// The redirect URI for the authorization request.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Waits for the callback of this sign-in and returns its URL. Any other request, such as one from another program
    /// on this machine or from a page that guesses, is rejected, and the wait continues.
    ///
    /// # Errors
    ///
    /// Timeout: no callback arrived in time.
    pub async fn receive(
        self,
        pending: &PendingSignIn,
        clock: &dyn Clock,
        most: Duration,
    ) -> Result<String, Error> {
        let mut over = clock.sleep_until(clock.mono().saturating_add(most));
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                stream = self.accept(), if connections.len() < MOST_CONNECTIONS => {
                    connections.push(self.serve(stream, pending, clock));
                }
                Some(callback) = connections.next(), if !connections.is_empty() => {
                    if let Some(callback) = callback {
                        return Ok(callback);
                    }
                }
                () = &mut over => {
                    let seconds = most.as_secs();
                    let message = format!("the browser did not return within {seconds} s: start the sign-in again");
                    return Err(Error::new(ErrorKind::Timeout, message));
                }
            }
        }
    }

    async fn accept(&self) -> TcpStream {
        poll_fn(|context| {
            for listener in &self.listeners {
                if let std::task::Poll::Ready(Ok((stream, _))) = listener.poll_accept(context) {
                    return std::task::Poll::Ready(stream);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Handles one connection with one request.
    async fn serve(&self, stream: TcpStream, pending: &PendingSignIn, clock: &dyn Clock) -> Option<String> {
        let exchange = async {
            let head = read_head(&stream).await?;
            let (answer, callback) = answer_callback(pending, &self.redirect_uri, &head);
            answer_with(stream, &answer).await;
            callback
        };
        tokio::select! {
            callback = exchange => callback,
            () = clock.sleep_until(clock.mono() + SILENCE) => None,
        }
    }
}

/// The head of a request; `None` if it is too long or truncated.
async fn read_head(stream: &TcpStream) -> Option<String> {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        stream.readable().await.ok()?;
        match stream.try_read(&mut piece) {
            Ok(0) => return None,
            Ok(count) => head.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return None,
        }
        if head.windows(4).any(|four| four == b"\r\n\r\n") {
            return String::from_utf8(head).ok();
        }
        if head.len() > LONGEST_HEAD {
            return None;
        }
    }
}

/// The response is written completely: if the connection were closed too early, the browser would not show the page.
async fn answer_with(mut stream: TcpStream, answer: &str) {
    let mut rest = answer.as_bytes();
    while !rest.is_empty() && stream.writable().await.is_ok() {
        match stream.try_write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
    let _ = poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await;
}

fn addresses(host: &str) -> Result<Vec<IpAddr>, Failure> {
    let (four, six) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    match Host::parse(host) {
        // A browser may use either.
        Ok(Host::Domain(name)) if name == "localhost" => Ok(vec![four, six]),
        Ok(Host::Ipv4(address)) if address.is_loopback() => Ok(vec![address.into()]),
        Ok(Host::Ipv6(address)) if address.is_loopback() => Ok(vec![address.into()]),
        _ => Err(Failure::config("redirect_uri", format_args!(": {host} is not a loopback address"))),
    }
}

/// No other program may open the same port: no SO_REUSEADDR, no SO_REUSEPORT.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(address)?;
    socket.listen(64)
}

fn taken(port: u16) -> Error {
    let what = format!(
        ": port {port} is another program's, which would get the code: end it, or take a port that is free"
    );
    Failure::config("redirect_uri", what).into()
}
