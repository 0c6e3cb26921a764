//! The rules of the registry from outside: what is accepted, what is refused and why, and what a
//! write does to a stored datastore.

#[macro_use]
mod support;

mod candidate;
mod connection;
mod example;
mod life_cycle;
mod masks;
mod members;
mod patch;
mod properties;
mod put;
mod repointing;
mod secrets;
mod tls_minimum;
mod whole_input;
