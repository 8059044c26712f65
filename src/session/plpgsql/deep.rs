//! Blocks in blocks, and functions that call each other, on a stack that grows.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes of stack that what runs next may need before the stack is looked at again: a statement is
/// dispatched, bound and opened in them.
const RED_ZONE_BYTES: usize = 512 * 1024;
/// Bytes a stack grows by.
const STACK_BYTES: usize = 4 * 1024 * 1024;

/// Work that is polled on a further piece of stack where little is left of this one.
pub(in crate::session) struct Deep<W>(Pin<Box<W>>);

impl<W: Future> Deep<W> {
    pub(in crate::session) fn new(work: W) -> Self {
        Self(Box::pin(work))
    }
}

impl<W: Future> Future for Deep<W> {
    type Output = W::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<W::Output> {
        let work = self.0.as_mut();
        stacker::maybe_grow(RED_ZONE_BYTES, STACK_BYTES, || work.poll(context))
    }
}
