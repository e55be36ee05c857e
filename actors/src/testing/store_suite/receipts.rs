//! Receipts are swapped one at a time, and are gone when their time is over.

use std::sync::Arc;

use super::fixtures::*;
use crate::domain::Timestamp;
use crate::ports::{ReceiptKey, Swap, Swapped};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// Far from what any test takes, whatever clock a store forgets by.
const HOUR: u64 = 3_600_000;

fn key(n: u8) -> ReceiptKey {
    ReceiptKey(std::array::from_fn(|place| n.wrapping_mul(17).wrapping_add(u8::try_from(place).unwrap_or(0))))
}

/// `receipt` in place of `expected`, for an hour.
fn swap(expected: Option<&[u8]>, receipt: &[u8]) -> Swap {
    Swap {
        expected: expected.map(Vec::from),
        receipt: receipt.into(),
        expires: NOW.plus_millis(HOUR),
        now: NOW,
    }
}

async fn put(store: &Store, n: u8, receipt: &[u8]) {
    let swapped = store.receipts().swap(&key(n), swap(None, receipt)).await;
    assert_eq!(swapped, Ok(Swapped::Done));
}

async fn found(store: &Store, n: u8) -> Option<Vec<u8>> {
    store.receipts().find(&key(n), NOW).await.expect("it is looked for")
}

/// Whatever bytes there are, under the key they were put under.
pub async fn what_was_put_is_found_byte_for_byte(store: Store) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let receipts: [&[u8]; 5] = [&every_byte, b"7:7", b":", b"\0", b"text\r\n"];
    for (n, receipt) in (0..).zip(receipts) {
        assert_eq!(found(&store, n).await, None);
        put(&store, n, receipt).await;
    }
    for (n, receipt) in (0..).zip(receipts) {
        assert_eq!(found(&store, n).await.as_deref(), Some(receipt));
        let swapped = store.receipts().swap(&key(n), swap(Some(receipt), b"other")).await;
        assert_eq!(swapped, Ok(Swapped::Done), "it is recognised as well");
        assert_eq!(found(&store, n).await.as_deref(), Some(&b"other"[..]));
    }
}

/// Otherwise nothing changes, and what is there is told.
pub async fn a_swap_wants_exactly_what_is_there(store: Store) {
    let swapped = store.receipts().swap(&key(1), swap(Some(b"one"), b"two")).await;
    assert_eq!(swapped, Ok(Swapped::Held(None)), "there is nothing");
    assert_eq!(found(&store, 1).await, None);
    put(&store, 1, b"one").await;
    for expected in [None, Some(&b"on"[..]), Some(b"one "), Some(b"two")] {
        let swapped = store.receipts().swap(&key(1), swap(expected, b"two")).await;
        assert_eq!(swapped, Ok(Swapped::Held(Some(b"one".to_vec()))));
        assert_eq!(found(&store, 1).await.as_deref(), Some(&b"one"[..]));
    }
    assert_eq!(found(&store, 2).await, None, "another key knows nothing of it");
}

/// All others are told of the winner's.
pub async fn of_concurrent_swaps_over_one_receipt_one_is_made(store: Store) {
    let mut before: Option<Vec<u8>> = None;
    for round in 0..8_u8 {
        let tasks = (0..8_u8).map(|own| {
            let (store, expected) = (Arc::clone(&store), before.clone());
            let receipt = vec![round, own];
            tokio::spawn(async move {
                let swapped = store.receipts().swap(&key(1), swap(expected.as_deref(), &receipt)).await;
                (receipt, swapped.expect("it is decided"))
            })
        });
        let (mut winners, mut told) = (Vec::new(), Vec::new());
        for task in tasks.collect::<Vec<_>>() {
            match task.await.expect("no panic") {
                (receipt, Swapped::Done) => winners.push(receipt),
                (_, Swapped::Held(held)) => told.push(held),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        let winner = winners.pop();
        assert!(told.iter().all(|held| *held == winner), "round {round}: {told:?}");
        before = winner;
    }
}

/// From then on it is as if it had never been there.
pub async fn a_receipt_is_gone_once_its_time_is_over(store: Store) {
    put(&store, 1, b"one").await;
    let (last, over) = (NOW.plus_millis(HOUR - 1), NOW.plus_millis(HOUR));
    let receipts = store.receipts();
    assert_eq!(receipts.find(&key(1), last).await, Ok(Some(b"one".to_vec())));
    assert_eq!(receipts.find(&key(1), over).await, Ok(None));
    let late =
        |expected, now: Timestamp| Swap { now, expires: now.plus_millis(HOUR), ..swap(expected, b"two") };
    let held = Ok(Swapped::Held(Some(b"one".to_vec())));
    assert_eq!(receipts.swap(&key(1), late(None, last)).await, held);
    assert_eq!(receipts.swap(&key(1), late(Some(b"one"), over)).await, Ok(Swapped::Held(None)));
    assert_eq!(receipts.swap(&key(1), late(None, over)).await, Ok(Swapped::Done));
    assert_eq!(receipts.find(&key(1), over).await, Ok(Some(b"two".to_vec())));
    assert_eq!(receipts.find(&key(1), over.plus_millis(HOUR)).await, Ok(None), "each has a time of its own");
}

/// So whoever does not know whether a swap was made makes it again.
pub async fn a_swap_that_is_made_twice_finds_its_own(store: Store) {
    put(&store, 1, b"one").await;
    for expected in [None, Some(&b"zero"[..])] {
        let again = store.receipts().swap(&key(1), swap(expected, b"one")).await;
        assert_eq!(again, Ok(Swapped::Held(Some(b"one".to_vec()))));
    }
}

/// Removing them never touches one whose time is not over.
pub async fn receipts_that_are_over_harm_no_others(store: Store) {
    for n in 0..40 {
        let expires = NOW.plus_millis(if n % 2 == 0 { 1000 } else { HOUR });
        let swapped = store.receipts().swap(&key(n), Swap { expires, ..swap(None, &[n, 1]) }).await;
        assert_eq!(swapped, Ok(Swapped::Done));
    }
    let later = NOW.plus_millis(2000);
    for n in (0..40).filter(|n| n % 4 == 0) {
        let fresh = Swap { now: later, ..swap(None, &[n, 2]) };
        assert_eq!(store.receipts().swap(&key(n), fresh).await, Ok(Swapped::Done));
    }
    for n in 0..40_u8 {
        let kept = match n % 4 {
            0 => Some(vec![n, 2]),
            2 => None,
            _ => Some(vec![n, 1]),
        };
        assert_eq!(store.receipts().find(&key(n), later).await, Ok(kept), "{n}");
    }
}

/// Deleting a task changes no receipt.
pub async fn receipts_outlive_the_tasks(store: Store) {
    create(&store, "a").await;
    put(&store, 1, b"one").await;
    assert_eq!(store.delete(&id("a"), INCARNATION).await, Ok(true));
    assert_eq!(found(&store, 1).await.as_deref(), Some(&b"one"[..]));
}
