//! Connections that are read to the end even if a write failed (spec 11.1).

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::transport::connecting::within;
use crate::transport::proxies::Proxies;

type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Connects within the timeout, over TLS for https URLs, and through the proxy, if there is one.
#[derive(Clone)]
pub(crate) struct Connector {
    https: HttpsConnector<Road>,
    timeout: Duration,
}

impl Connector {
    pub(crate) fn new(
        tls: &rustls::ClientConfig,
        timeout: Duration,
        proxies: Proxies,
        user_agent: Option<&HeaderValue>,
    ) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let mut to_proxies = tls.clone();
        // A proxy needs another request line, and a tunnel is requested with HTTP/1.
        to_proxies.alpn_protocols.clear();
        let tunnel_headers = user_agent.map(|name| (USER_AGENT, name.clone())).into_iter().collect();
        let road = Road { tcp, to_proxies: Arc::new(to_proxies), proxies, tunnel_headers };
        Self { https: HttpsConnector::from((road, tls.clone())), timeout }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Stream>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, timeout) = (self.https.call(uri), self.timeout);
        Box::pin(async move { within(timeout, connecting).await })
    }
}

/// The connection on which HTTP is spoken with the peer: TLS is that to the proxy, if there is one.
type Stream = MaybeHttpsStream<TokioIo<ToItsEnd<TcpStream>>>;

/// Connected directly to a server, or through a proxy.
#[derive(Clone)]
struct Road {
    tcp: HttpConnector,
    to_proxies: Arc<rustls::ClientConfig>,
    proxies: Proxies,
    tunnel_headers: HeaderMap,
}

impl Road {
    fn tcp(&self, to_proxy: bool) -> Tcp {
        Tcp { connector: self.tcp.clone(), to_proxy }
    }

    /// A connection to the proxy, and whether it is used for a tunnel or for single requests.
    fn proxy(&self, tunnel: bool) -> HttpsConnector<Tcp> {
        HttpsConnector::from((self.tcp(!tunnel), self.to_proxies.clone()))
    }

    fn tunnel(&self, proxy: &Intercept) -> Tunnel<HttpsConnector<Tcp>> {
        let tunnel =
            Tunnel::new(proxy.uri().clone(), self.proxy(true)).with_headers(self.tunnel_headers.clone());
        match proxy.basic_auth() {
            Some(password) => tunnel.with_auth(password.clone()),
            None => tunnel,
        }
    }
}

impl Service<Uri> for Road {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting<Stream>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        match self.proxies.on_the_way(&to) {
            None => {
                let connecting = self.tcp(false).call(to);
                Box::pin(async move { connecting.await.map(MaybeHttpsStream::Http) })
            }
            Some(proxy) if to.scheme_str() == Some("https") => {
                let connecting = self.tunnel(&proxy).call(to);
                Box::pin(async move { connecting.await.map_err(Into::into) })
            }
            Some(proxy) => self.proxy(false).call(proxy.uri().clone()),
        }
    }
}

#[derive(Clone)]
struct Tcp {
    connector: HttpConnector,
    /// The headers name the server that the request is for.
    to_proxy: bool,
}

impl Service<Uri> for Tcp {
    type Response = TokioIo<ToItsEnd<TcpStream>>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, to_proxy) = (self.connector.call(uri), self.to_proxy);
        Box::pin(async move {
            let connection = connecting.await?.into_inner();
            Ok(TokioIo::new(ToItsEnd { to_proxy, ..ToItsEnd::new(connection) }))
        })
    }
}

/// A connection whose peer may close it after its response: a failed write is reported only after all received data
/// was read.
pub(crate) struct ToItsEnd<T> {
    connection: T,
    /// The error of a write.
    broke: Option<io::Error>,
    /// The task that waits to write.
    writer: Option<Waker>,
    /// Whether all data was read.
    is_read: bool,
    to_proxy: bool,
}

impl<T> ToItsEnd<T> {
    fn new(connection: T) -> Self {
        Self { connection, broke: None, writer: None, is_read: false, to_proxy: false }
    }

    /// Handles the result of a write; after an error the writer waits until all data was read.
    fn wrote(&mut self, context: &Context<'_>, wrote: io::Result<usize>) -> Poll<io::Result<usize>> {
        match wrote {
            Err(error) if is_gone(&error) && !self.is_read => {
                self.broke = Some(error);
                self.writer = Some(context.waker().clone());
                // The task that waited to read must poll again.
                context.waker().wake_by_ref();
                Poll::Pending
            }
            wrote => Poll::Ready(wrote),
        }
    }

    /// Ready with the error of a write once all data was read, pending until then; `None` if no write failed.
    fn poll_broken(&mut self, context: &Context<'_>) -> Option<Poll<io::Error>> {
        let broke = self.broke.as_ref()?;
        if self.is_read {
            return Some(Poll::Ready(same(broke)));
        }
        self.writer = Some(context.waker().clone());
        Some(Poll::Pending)
    }

    fn end(&mut self) {
        self.is_read = true;
        self.writer.take().into_iter().for_each(Waker::wake);
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ToItsEnd<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.connection).poll_read(context, buffer));
        if read.is_err() || (buffer.filled().len() == before && buffer.remaining() > 0) {
            self.end();
        }
        // The connection ended because of the failed write.
        match &self.broke {
            Some(broke) if self.is_read && read.is_ok() => Poll::Ready(Err(same(broke))),
            _ => Poll::Ready(read),
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ToItsEnd<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(broken) = self.poll_broken(context) {
            return broken.map(Err);
        }
        let wrote = ready!(Pin::new(&mut self.connection).poll_write(context, bytes));
        self.wrote(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(broken) = self.poll_broken(context) {
            return broken.map(Err);
        }
        let wrote = ready!(Pin::new(&mut self.connection).poll_write_vectored(context, bytes));
        self.wrote(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}

impl<T: Connection> Connection for ToItsEnd<T> {
    fn connected(&self) -> Connected {
        self.connection.connected().proxy(self.to_proxy)
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

fn same(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Writes fail; there is some data to read, then the end.
    struct Broken(&'static [u8]);

    impl AsyncRead for Broken {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buffer.put_slice(self.0);
            self.0 = &[];
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    // spec 11.1
    #[tokio::test]
    async fn a_write_that_broke_off_is_told_when_all_was_read() {
        let mut connection = ToItsEnd::new(Broken(b"answer"));
        assert!(connection.write(b"body").now_or_never().is_none());
        let mut read = [0; 16];
        assert_eq!(connection.read(&mut read).await.unwrap(), 6);
        assert!(connection.write(b"body").now_or_never().is_none());
        assert_eq!(connection.read(&mut read).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(connection.write(b"body").await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_writer_that_waits_is_woken_by_the_end() {
        let mut connection = ToItsEnd::new(Broken(b""));
        let mut writes = 0;
        let ended = poll_fn(|context| {
            writes += 1;
            let wrote = Pin::new(&mut connection).poll_write(context, b"body");
            if wrote.is_pending() {
                let mut bytes = [0; 4];
                let _ = Pin::new(&mut connection).poll_read(context, &mut ReadBuf::new(&mut bytes));
            }
            wrote
        });
        assert!(ended.await.is_err());
        assert_eq!(writes, 2);
    }
}
