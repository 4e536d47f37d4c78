//! Reads files: dialects and request bodies. A host reads its files itself.

#[cfg(feature = "runtime")]
pub(crate) use self::system::{File, length, off_thread, open, text};

#[cfg(not(feature = "runtime"))]
pub(crate) use self::none::{File, length, off_thread, open, text};

#[cfg(feature = "runtime")]
mod system {
    pub(crate) use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(crate) fn text(path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    pub(crate) fn open(path: &Path) -> io::Result<File> {
        File::open(path)
    }

    pub(crate) fn length(path: &Path) -> io::Result<u64> {
        std::fs::metadata(path).map(|file| file.len())
    }

    /// Runs blocking work where it blocks nothing else.
    pub(crate) async fn off_thread<T: Send + 'static>(
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
    }
}

#[cfg(not(feature = "runtime"))]
mod none {
    use std::io;
    use std::path::Path;

    /// There are no files on this platform.
    pub(crate) enum File {}

    impl io::Read for File {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            match *self {}
        }
    }

    pub(crate) fn text(_: &Path) -> io::Result<String> {
        Err(unsupported())
    }

    pub(crate) fn open(_: &Path) -> io::Result<File> {
        Err(unsupported())
    }

    pub(crate) fn length(_: &Path) -> io::Result<u64> {
        Err(unsupported())
    }

    pub(crate) async fn off_thread<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        work()
    }

    fn unsupported() -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, "this build cannot read files: pass the text or the bytes")
    }
}
