//! One file per operation: extract, parse, call one use case, render.

pub(crate) mod assign_dataset;
pub(crate) mod create_datastore;
pub(crate) mod create_token;
pub(crate) mod current_datasets;
pub(crate) mod dataset_history;
pub(crate) mod delete_datastore;
pub(crate) mod get_datastore;
pub(crate) mod get_token;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod list_datastores;
pub(crate) mod list_tokens;
pub(crate) mod performance;
pub(crate) mod release_dataset;
pub(crate) mod restore_datastore;
pub(crate) mod revise_datastore;
pub(crate) mod revoke_token;
pub(crate) mod test_connection;
pub(crate) mod test_unsaved_connection;
pub(crate) mod types;

use crate::etag;
use crate::output::DatastoreOutput;
use crate::problem::Problem;
use crate::query::{Query, truth};
use crate::state::State;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use datastore_application::{DatastoreView, Verify};
use serde::Serialize;

/// What a handler answers.
pub(crate) type Answer = Result<HttpResponse, Problem>;

/// Which connections a write has tested before it stores them: as its only query parameter says, and
/// by the operator's rule, which the parameter cannot lift.
pub(crate) fn verify(request: &HttpRequest, state: &State) -> Result<Verify, Problem> {
    let mut query = Query::read(request, &["verify"]);
    let asked = query.get("verify", truth).unwrap_or_default();
    query.finish()?;
    Ok(match (asked, state.verify_on_write) {
        (true, _) => Verify::Always,
        (false, true) => Verify::NewConnections,
        (false, false) => Verify::Never,
    })
}

/// Completes an answer with a JSON body.
pub(crate) fn json(response: &mut HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    // A datastore takes about half a kilobyte; what is larger grows by doubling from there.
    let mut bytes = Vec::with_capacity(1024);
    serde_json::to_writer(&mut bytes, body).expect("output types have string keys only");
    if bytes.len() > 64 * 1024 {
        // A slow client may hold it for long, and doubling left up to as much again unused.
        bytes.shrink_to_fit();
    }
    response.insert_header((header::CONTENT_TYPE, "application/json")).body(bytes)
}

/// Completes an answer with a datastore and its entity tag.
pub(crate) fn datastore(response: &mut HttpResponseBuilder, view: &DatastoreView) -> HttpResponse {
    response.insert_header((header::ETAG, etag::of(view)));
    json(response, &DatastoreOutput::from(view))
}
