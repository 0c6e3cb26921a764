//! What handlers do not say themselves of their operations: who may call them, and the refusals that
//! they have in common.

use crate::handlers::{
    assign_dataset, create_datastore, create_token, current_datasets, dataset_history,
    delete_datastore, get_datastore, get_token, history, list_datastores, list_tokens, performance,
    release_dataset, restore_datastore, revise_datastore, revoke_token, test_connection,
    test_unsaved_connection, types,
};
use crate::problem::Kind;
use crate::state::Allowed;
use actix_web::Handler;
use actix_web::http::{Method, StatusCode};
use datastore_application::Permission;
use datastore_domain::Role;
use std::collections::BTreeMap;
use utoipa::Modify;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder,
};

/// What a handler takes, which begins with the permission that it asks for.
trait Guarded {
    const ROLES: &'static [Role];
}

impl<P: Permission, A, B> Guarded for (Allowed<P>, A, B) {
    const ROLES: &'static [Role] = P::ROLES;
}

impl<P: Permission, A, B, C> Guarded for (Allowed<P>, A, B, C) {
    const ROLES: &'static [Role] = P::ROLES;
}

/// The roles that a handler lets in: those of the permission in its first argument.
fn roles<A: Guarded>(_: impl Handler<A>) -> &'static [Role] {
    A::ROLES
}

/// The roles of operations, by their ids: the names of their handlers.
macro_rules! guarded {
    ($($file:ident::$handler:ident,)+) => {
        BTreeMap::from([$((stringify!($handler), roles($file::$handler))),+])
    };
}

/// Adds them to every operation of the document.
pub(super) struct Operations;

impl Modify for Operations {
    fn modify(&self, document: &mut OpenApi) {
        let guarded = guarded![
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
        ];
        let mut used = Vec::new();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                let id = operation.operation_id.as_deref().unwrap_or_default();
                let roles = guarded.get(id).copied().unwrap_or_default();
                let refusals = refusals(path, &method, operation, roles);
                for status in &refusals {
                    let shared = Ref::from_response_name(name(*status)).into();
                    let responses = &mut operation.responses.responses;
                    responses.entry(status.as_str().to_owned()).or_insert(shared);
                }
                used.extend(refusals);
                name_roles(operation, roles);
            }
        }
        let components = document.components.get_or_insert_default();
        for status in used {
            components.responses.insert(name(status), response(status).into());
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// How an operation refuses, but for what is its own: conflicts, and what its handler names.
fn refusals(path: &str, method: &Method, operation: &Operation, roles: &[Role]) -> Vec<StatusCode> {
    let takes = |place: &ParameterIn, name: &str| {
        let parameters = operation.parameters.iter().flatten();
        parameters.into_iter().any(|parameter| match parameter {
            RefOr::T(parameter) => parameter.parameter_in == *place && parameter.name == name,
            RefOr::Ref(_) => false,
        })
    };
    let is_guarded = !roles.is_empty();
    let has_body = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    let is_conditional = takes(&ParameterIn::Header, "If-Match");
    let all = [
        (StatusCode::BAD_REQUEST, true),
        (StatusCode::UNAUTHORIZED, is_guarded),
        (StatusCode::FORBIDDEN, is_guarded && roles.len() < Role::ALL.len()),
        // What the path names, or a page beyond the last.
        (StatusCode::NOT_FOUND, path.contains('{') || takes(&ParameterIn::Query, "page")),
        (StatusCode::PRECONDITION_FAILED, is_conditional),
        // A restore is checked when it asks to be.
        (StatusCode::PRECONDITION_REQUIRED, is_conditional && *method != Method::POST),
        (StatusCode::PAYLOAD_TOO_LARGE, has_body),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, has_body),
        (StatusCode::TOO_MANY_REQUESTS, is_guarded),
        (StatusCode::INTERNAL_SERVER_ERROR, true),
        (StatusCode::SERVICE_UNAVAILABLE, is_guarded),
    ];
    let applies = |(status, applies)| (applies && kinds(status).next().is_some()).then_some(status);
    all.into_iter().filter_map(applies).collect()
}

fn kinds(status: StatusCode) -> impl Iterator<Item = Kind> {
    let shared = |kind: &Kind| !OF_ONE_ROUTE.contains(kind);
    Kind::ALL.iter().copied().filter(shared).filter(move |kind| kind.status() == status)
}

/// Problems of single routes, which name them themselves.
const OF_ONE_ROUTE: [Kind; 4] =
    [Kind::ConnectionFailed, Kind::ProbeCapacityExceeded, Kind::ProbeCancelled, Kind::ShuttingDown];

/// The name of the shared response, such as `NotFound`.
fn name(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or_default().replace(' ', "")
}

/// The problems of a status.
fn response(status: StatusCode) -> Response {
    let kinds: Vec<_> =
        kinds(status).map(|kind| format!("`{}`: {}.", kind.code(), kind.title())).collect();
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(kinds.join(" "));
    let response = response.content("application/problem+json", problem);
    let header = match status {
        StatusCode::UNAUTHORIZED => ("WWW-Authenticate", "`Bearer`"),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            ("Retry-After", "Seconds")
        }
        _ => return response.build(),
    };
    let (name, description) = header;
    let header = HeaderBuilder::new().description(Some(description)).build();
    response.header(name, header).build()
}

/// Says who may call the operation, for people and for programs.
fn name_roles(operation: &mut Operation, roles: &[Role]) {
    if roles.is_empty() {
        return;
    }
    let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    let line = format!("Roles: {}.", names.join(", "));
    operation.description = Some(match operation.description.take() {
        Some(text) if !text.is_empty() => format!("{text}\n\n{line}"),
        _ => line,
    });
    let extensions = operation.extensions.get_or_insert_default();
    extensions.insert("x-roles".to_owned(), names.into());
}
