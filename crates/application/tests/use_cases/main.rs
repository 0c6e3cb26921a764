//! The use cases over mocks, where the question is what they ask of the ports, and over storage in
//! memory, where it is what comes out.

mod access;
mod create;
mod datasets;
mod delete;
mod outcomes;
mod overtaken;
mod refused;
mod restore;
mod revise;
mod support;
mod test_connection;
mod verify;
