//! The stores: where the engine's logs are kept, one folder each.
//!
//! A store implements [`taskcast_actors::ports::TaskStore`] and passes `taskcast_actors::store_suite!`. It compares
//! stamps and moves opaque bytes; rules, actors and HTTP are deliberately absent.

mod authorities;
pub mod link;
pub mod mark;
pub mod postgres;
pub mod redis;
pub mod sqlite;
pub mod tiered;
