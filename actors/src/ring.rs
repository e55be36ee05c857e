//! A bounded window of recent items that any number of readers share: the live side of every stream.
//!
//! Items have consecutive positions. A reader asks for the position it needs; it gets what is there, is told that
//! it fell behind the window, or waits. It holds no copy and no queue, so a slow reader costs nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use slab::Slab;

/// How much a ring keeps.
#[derive(Clone, Copy, Debug)]
pub struct RingLimits {
    /// At most this many items.
    pub items: usize,
    /// At most about this many bytes.
    pub bytes: usize,
}

/// What a reader finds at its position.
#[derive(Debug)]
pub enum RingRead<T, E> {
    /// The items from its position on.
    Items(T),
    /// The window has moved past its position; the ring now stands at this one.
    Behind(u64),
    /// Nothing will come any more.
    Ended(E),
}

struct Inner<T, E> {
    items: VecDeque<(T, usize)>,
    /// Position of the next item.
    next: u64,
    bytes: usize,
    readers: Slab<Option<Waker>>,
    end: Option<E>,
}

impl<T, E> Inner<T, E> {
    fn first(&self) -> u64 {
        self.next - self.items.len() as u64
    }

    fn trim(&mut self, limits: RingLimits) {
        while self.items.len() > limits.items || (self.bytes > limits.bytes && self.items.len() > 1) {
            if let Some((_, weight)) = self.items.pop_front() {
                self.bytes -= weight;
            }
        }
    }

    fn wait(&mut self, slot: usize, cx: &Context<'_>) {
        match &mut self.readers[slot] {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
    }

    fn take_wakers(&mut self) -> Vec<Waker> {
        self.readers.iter_mut().filter_map(|(_, waker)| waker.take()).collect()
    }
}

/// See the module.
pub struct Ring<T, E> {
    inner: Mutex<Inner<T, E>>,
    limits: RingLimits,
}

impl<T: Clone, E: Clone> Ring<T, E> {
    /// An empty ring whose first item will have position `next`.
    pub fn new(limits: RingLimits, next: u64) -> Self {
        let inner = Inner { items: VecDeque::new(), next, bytes: 0, readers: Slab::new(), end: None };
        Self { inner: Mutex::new(inner), limits }
    }

    /// How many readers there are.
    pub fn readers(&self) -> usize {
        self.inner.lock().readers.len()
    }

    /// Appends items with their weights in bytes, the first of them at position `at`, and wakes the readers. A
    /// position other than the one that comes next empties the window.
    pub fn push(&self, at: u64, items: impl ExactSizeIterator<Item = (T, usize)>) {
        let mut inner = self.inner.lock();
        let keep = !inner.readers.is_empty();
        if at != inner.next || !keep {
            inner.items = VecDeque::new();
            inner.bytes = 0;
        }
        inner.next = at + items.len() as u64;
        if keep {
            for (item, weight) in items {
                inner.bytes += weight;
                inner.items.push_back((item, weight));
            }
            inner.trim(self.limits);
        }
        let wakers = inner.take_wakers();
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The next item will have position `next`: what lies before it is not in the window.
    pub fn advance(&self, next: u64) {
        if self.next_position() != next {
            self.push(next, std::iter::empty());
        }
    }

    /// Nothing will come any more. The first end counts.
    pub fn end(&self, end: E) {
        let mut inner = self.inner.lock();
        inner.end.get_or_insert(end);
        let wakers = inner.take_wakers();
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Adds a reader.
    pub fn join(self: &Arc<Self>) -> RingReader<T, E> {
        let slot = self.inner.lock().readers.insert(None);
        RingReader { ring: Arc::clone(self), slot }
    }

    /// The position of the next item.
    pub fn next_position(&self) -> u64 {
        self.inner.lock().next
    }
}

/// One reader of a ring. It leaves when dropped; when the last one leaves, the window is emptied.
pub struct RingReader<T, E> {
    ring: Arc<Ring<T, E>>,
    slot: usize,
}

impl<T: Clone, E: Clone> RingReader<T, E> {
    /// Whether there is anything to read at `position`; waits otherwise.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>, position: u64) -> Poll<()> {
        let mut inner = self.ring.inner.lock();
        if position < inner.next || inner.end.is_some() {
            return Poll::Ready(());
        }
        inner.wait(self.slot, cx);
        Poll::Pending
    }

    /// Up to `max` items from `position` on, or waits until there are some.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        position: u64,
        max: usize,
    ) -> Poll<RingRead<Vec<T>, E>> {
        let mut inner = self.ring.inner.lock();
        if position < inner.next {
            let first = inner.first();
            if position < first {
                return Poll::Ready(RingRead::Behind(inner.next));
            }
            let from = usize::try_from(position - first).unwrap_or(usize::MAX);
            let items = inner.items.range(from..).take(max).map(|(item, _)| item.clone()).collect();
            return Poll::Ready(RingRead::Items(items));
        }
        if let Some(end) = &inner.end {
            return Poll::Ready(RingRead::Ended(end.clone()));
        }
        inner.wait(self.slot, cx);
        Poll::Pending
    }
}

impl<T, E> Drop for RingReader<T, E> {
    fn drop(&mut self) {
        let mut inner = self.ring.inner.lock();
        inner.readers.remove(self.slot);
        if inner.readers.is_empty() {
            inner.readers = Slab::new();
            inner.items = VecDeque::new();
            inner.bytes = 0;
        }
    }
}
