//! What the engine needs from outside, as traits. No implementation lives here.

mod bus;
mod clock;
mod cold;
mod hooks;
mod receipts;
mod store;

pub use bus::{Bus, BusError, BusEvent, BusSender, Interest, Topic};
pub use clock::{Clock, SystemClock};
pub use cold::{ColdTier, ReleaseError};
pub use hooks::TaskHooks;
pub use receipts::{ReceiptKey, Receipts, Swap, Swapped};
pub use store::{
    CommitError, CreateError, Created, Due, ErrorKind, Listing, Loaded, NewLog, Order, Page, Range, Seek,
    Slot, StoreError, TaskQuery, TaskStore,
};
