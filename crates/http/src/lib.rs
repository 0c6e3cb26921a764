//! REST adapter: actix-web routes, wire types and problem documents.
//!
//! A handler extracts, parses, calls one use case and renders; it decides no business rule. Every
//! route is listed in `routes` and described in the OpenAPI document by its handler.

mod body;
mod cursor;
mod etag;
mod handlers;
mod input;
mod json;
mod middleware;
mod openapi;
mod origin;
mod output;
mod page;
mod problem;
mod query;
mod routes;
mod server;
mod state;

pub use openapi::openapi_json;
pub use server::{HttpSettings, RunningServer, Stopper};
