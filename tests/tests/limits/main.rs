//! Tests of what clients may take up: each limit at its bound, clients that are slow, answers that
//! are big, and bytes that are no HTTP.

mod behind_the_end;
mod big_answers;
mod bounds;
mod connections;
mod hostile_servers;
mod protocol_errors;
mod silent_port;
mod silent_resolver;
mod slow_clients;
mod times;
mod wire;
