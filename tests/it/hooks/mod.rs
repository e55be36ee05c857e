//! What hooks are told, each by its cause: in the engine alone, and in the service.

mod engine;
mod service;
mod storage;
