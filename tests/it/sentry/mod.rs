//! Reports to Sentry: what each holds and what switches it off, and all of it from the program to a server.

mod program;
mod receiver;
mod reports;
