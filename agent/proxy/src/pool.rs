//! Buffers that the sessions of one thread take turns with, so that an idle session has none.
//!
//! Knows nothing of what is in them: only empty ones are taken back.

use std::cell::RefCell;

use bytes::BytesMut;

/// Bytes of a new buffer.
pub const SIZE: usize = 16 << 10;
/// Bytes of the largest buffer that is kept.
const LARGEST: usize = 4 * SIZE;
/// Buffers that a thread keeps. Sessions that are busy at the same moment have more.
const KEPT: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Puts a buffer with room in place of one that has none.
pub fn take(buffer: &mut BytesMut) {
    if buffer.capacity() == 0 {
        let pooled = POOL.with_borrow_mut(Vec::pop);
        *buffer = pooled.unwrap_or_else(|| BytesMut::with_capacity(SIZE));
    }
}

/// Takes back a buffer that is empty. What is cut from it and still in use keeps its memory.
pub fn give(buffer: &mut BytesMut) {
    if !buffer.is_empty() {
        return;
    }
    let mut buffer = std::mem::take(buffer);
    if buffer.try_reclaim(SIZE) && buffer.capacity() <= LARGEST {
        POOL.with_borrow_mut(|pool| {
            if pool.len() < KEPT {
                pool.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> usize {
        POOL.with_borrow(Vec::len)
    }

    #[test]
    fn an_empty_buffer_is_used_again() {
        let mut buffer = BytesMut::new();
        take(&mut buffer);
        buffer.extend_from_slice(b"hello");
        let place = buffer.as_ptr();
        give(&mut buffer);
        assert_eq!((&*buffer, kept()), (b"hello".as_slice(), 0));
        drop(buffer.split());
        give(&mut buffer);
        assert_eq!((buffer.capacity(), kept()), (0, 1));
        take(&mut buffer);
        assert_eq!((buffer.as_ptr(), kept()), (place, 0));
    }

    #[test]
    fn what_is_still_in_use_is_not_written_over() {
        let mut buffer = BytesMut::new();
        take(&mut buffer);
        buffer.extend_from_slice(b"hello");
        let cut = buffer.split().freeze();
        give(&mut buffer);
        assert_eq!(kept(), 0);
        take(&mut buffer);
        buffer.extend_from_slice(b"other");
        assert_eq!(&*cut, b"hello");
    }

    #[test]
    fn neither_large_buffers_nor_many_are_kept() {
        give(&mut BytesMut::with_capacity(LARGEST + 1));
        assert_eq!(kept(), 0);
        for _ in 0..2 * KEPT {
            give(&mut BytesMut::with_capacity(SIZE));
        }
        assert_eq!(kept(), KEPT);
    }
}
