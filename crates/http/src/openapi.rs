//! The OpenAPI document, derived from the handlers, and a page that shows it.

mod operations;

use crate::handlers::{
    Answer, assign_dataset, create_datastore, create_token, current_datasets, dataset_history,
    delete_datastore, get_datastore, get_token, health, history, list_datastores, list_tokens,
    performance, release_dataset, restore_datastore, revise_datastore, revoke_token,
    test_connection, test_unsaved_connection, types,
};
use crate::problem::ProblemBody;
use crate::query::Query;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use operations::Operations;
use std::sync::LazyLock;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Datastore API",
        description = "Registry of the datastores of a data platform. Every path is served with its \
            trailing slash and without it. Errors are problem documents (RFC 9457).",
        license(name = "MIT OR Apache-2.0"),
    ),
    paths(
        list_datastores::list_datastores,
        create_datastore::create_datastore,
        types::list_types,
        get_datastore::get_datastore,
        revise_datastore::replace_datastore,
        revise_datastore::patch_datastore,
        delete_datastore::delete_datastore,
        test_unsaved_connection::test_unsaved_connection,
        test_connection::test_connection,
        current_datasets::list_current_datasets,
        assign_dataset::assign_dataset,
        release_dataset::release_dataset,
        performance::get_performance,
        restore_datastore::restore_datastore,
        dataset_history::list_dataset_history,
        history::list_history,
        history::list_audit,
        create_token::create_token,
        list_tokens::list_tokens,
        get_token::get_token,
        revoke_token::revoke_token,
        health::livez,
        health::readyz,
    ),
    components(schemas(ProblemBody<'_>)),
    modifiers(&BearerToken, &Operations),
    security(("token" = [])),
)]
struct Document;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A token made by `datastore-api token create` or `POST /api/v1/tokens/`.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let text = Document::openapi().to_pretty_json().expect("the document is plain data");
    format!("{text}\n")
});

/// The OpenAPI 3.1 document of the API, as JSON with a line break at its end.
#[must_use]
pub fn openapi_json() -> &'static str {
    &DOCUMENT
}

pub(crate) async fn serve_document(request: HttpRequest) -> Answer {
    Query::none(&request)?;
    let json = (header::CONTENT_TYPE, "application/json");
    Ok(HttpResponse::Ok().insert_header(json).body(openapi_json()))
}

/// The page loads nothing but the document, so it works without a network.
const POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'";

pub(crate) async fn serve_page(request: HttpRequest) -> Answer {
    Query::none(&request)?;
    let page = include_str!("docs.html");
    let html = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    let policy = (header::CONTENT_SECURITY_POLICY, POLICY);
    Ok(HttpResponse::Ok().insert_header(html).insert_header(policy).body(page))
}
