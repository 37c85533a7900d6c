//! Hashing what is written on its way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use sha2::{Digest, Sha256};
use tokio::io::AsyncWrite;

use crate::hash::hex;

/// Passes everything on to a writer, and makes the SHA-256 of it.
pub(super) struct Hashed<'a, W> {
    out: Pin<&'a mut W>,
    hash: Sha256,
}

impl<'a, W: AsyncWrite> Hashed<'a, W> {
    pub(super) fn new(out: Pin<&'a mut W>) -> Self {
        Self { out, hash: Sha256::new() }
    }

    /// The hash of what was written: 64 lower-case hex digits.
    pub(super) fn sha256(self) -> String {
        hex(self.hash)
    }
}

impl<W: AsyncWrite> AsyncWrite for Hashed<'_, W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(self.out.as_mut().poll_write(cx, bytes))?;
        self.hash.update(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out.as_mut().poll_shutdown(cx)
    }
}
