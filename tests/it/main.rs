//! The one integration test binary of the workspace; each folder is a topic.

mod openapi;
mod stores;
