//! The one table of routes.

use crate::handlers::{
    Answer, assign_dataset, create_datastore, create_token, current_datasets, dataset_history,
    delete_datastore, get_datastore, get_token, health, history, list_datastores, list_tokens,
    performance, release_dataset, restore_datastore, revise_datastore, revoke_token,
    test_connection, test_unsaved_connection, types,
};
use crate::openapi;
use crate::problem::Problem;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

const DATASTORES: &str = "/api/v1/datastores";

/// Registers every route.
pub(crate) fn configure(config: &mut ServiceConfig) {
    datastores(config);
    below_a_datastore(config);
    administration(config);
    service(config);
    config.default_service(web::to(unknown));
}

fn datastores(config: &mut ServiceConfig) {
    config
        .service(
            api("", "GET, HEAD, POST, OPTIONS")
                .route(web::get().to(list_datastores::list_datastores))
                .route(web::head().to(list_datastores::list_datastores))
                .route(web::post().to(create_datastore::create_datastore)),
        )
        .service(
            api("/types", "GET, HEAD, OPTIONS")
                .route(web::get().to(types::list_types))
                .route(web::head().to(types::list_types)),
        )
        .service(
            api("/test-connection", "POST, OPTIONS")
                .route(web::post().to(test_unsaved_connection::test_unsaved_connection)),
        )
        .service(
            api("/{id}", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS")
                .route(web::get().to(get_datastore::get_datastore))
                .route(web::head().to(get_datastore::get_datastore))
                .route(web::put().to(revise_datastore::replace_datastore))
                .route(web::patch().to(revise_datastore::patch_datastore))
                .route(web::delete().to(delete_datastore::delete_datastore)),
        );
}

fn below_a_datastore(config: &mut ServiceConfig) {
    config
        .service(
            api("/{id}/test-connection", "POST, OPTIONS")
                .route(web::post().to(test_connection::test_connection)),
        )
        .service(
            api("/{id}/current-datasets", "GET, HEAD, OPTIONS")
                .route(web::get().to(current_datasets::list_current_datasets))
                .route(web::head().to(current_datasets::list_current_datasets)),
        )
        .service(
            api("/{id}/current-datasets/{dataset_id}", "PUT, DELETE, OPTIONS")
                .route(web::put().to(assign_dataset::assign_dataset))
                .route(web::delete().to(release_dataset::release_dataset)),
        )
        .service(
            api("/{id}/performance", "GET, HEAD, OPTIONS")
                .route(web::get().to(performance::get_performance))
                .route(web::head().to(performance::get_performance)),
        )
        .service(
            api("/{id}/restore", "POST, OPTIONS")
                .route(web::post().to(restore_datastore::restore_datastore)),
        )
        .service(
            api("/{id}/dataset-history", "GET, HEAD, OPTIONS")
                .route(web::get().to(dataset_history::list_dataset_history))
                .route(web::head().to(dataset_history::list_dataset_history)),
        )
        .service(
            api("/{id}/history", "GET, HEAD, OPTIONS")
                .route(web::get().to(history::list_history))
                .route(web::head().to(history::list_history)),
        );
}

fn administration(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/v1/audit", "GET, HEAD, OPTIONS")
                .route(web::get().to(history::list_audit))
                .route(web::head().to(history::list_audit)),
        )
        .service(
            resource("/api/v1/tokens", "GET, HEAD, POST, OPTIONS")
                .route(web::get().to(list_tokens::list_tokens))
                .route(web::head().to(list_tokens::list_tokens))
                .route(web::post().to(create_token::create_token)),
        )
        .service(
            resource("/api/v1/tokens/{id}", "GET, HEAD, DELETE, OPTIONS")
                .route(web::get().to(get_token::get_token))
                .route(web::head().to(get_token::get_token))
                .route(web::delete().to(revoke_token::revoke_token)),
        );
}

fn service(config: &mut ServiceConfig) {
    config
        .service(
            resource("/livez", "GET, HEAD, OPTIONS")
                .route(web::get().to(health::livez))
                .route(web::head().to(health::livez)),
        )
        .service(
            resource("/readyz", "GET, HEAD, OPTIONS")
                .route(web::get().to(health::readyz))
                .route(web::head().to(health::readyz)),
        )
        .service(
            resource("/openapi.json", "GET, HEAD, OPTIONS")
                .route(web::get().to(openapi::serve_document))
                .route(web::head().to(openapi::serve_document)),
        )
        .service(
            resource("/docs", "GET, HEAD, OPTIONS")
                .route(web::get().to(openapi::serve_page))
                .route(web::head().to(openapi::serve_page)),
        );
}

/// A resource of the API below [`DATASTORES`].
fn api(path: &str, allow: &'static str) -> Resource {
    resource(&format!("{DATASTORES}{path}"), allow)
}

/// A resource with and without a slash at its end; it answers `OPTIONS`, and 405 to every method
/// that it has no route for.
fn resource(path: &str, allow: &'static str) -> Resource {
    let options = move || async move {
        HttpResponse::NoContent().insert_header((header::ALLOW, allow)).finish()
    };
    let refused = move || async move { Answer::Err(Problem::method_not_allowed(allow)) };
    web::resource([path.to_owned(), format!("{path}/")])
        .route(web::method(actix_web::http::Method::OPTIONS).to(options))
        .default_service(web::to(refused))
}

async fn unknown() -> Answer {
    Err(Problem::not_found("path"))
}
