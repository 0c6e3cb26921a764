//! REST adapter: actix-web routes, wire types and problem documents.
//!
//! A handler extracts, parses, calls one use case and renders; it decides no business rule. Every
//! route is listed in `routes` and described in the OpenAPI document by its handler.

mod answer;
mod body;
mod connection;
mod cursor;
mod etag;
mod handlers;
mod input;
mod json;
mod limits;
mod middleware;
mod openapi;
mod origin;
mod output;
mod page;
mod problem;
mod query;
mod rate_limit;
mod routes;
mod running;
mod server;
mod slots;
mod state;
mod stop;

pub use limits::Limits;
pub use openapi::openapi_json;
pub use output::TestResult;
pub use rate_limit::RateLimit;
pub use server::{HttpSettings, RunningServer};
pub use stop::Stopper;
