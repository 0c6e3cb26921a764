//! Bare handlers to compare with.

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use datastore_domain::{
    AccessToken, DatastoreId, ListFilter, ListQuery, OrderKey, Ordering, PageRequest, Paging,
};
use datastore_persistence::Storage;
use datastore_ports::{DatastoreRepository, TokenRepository};
use std::net::TcpListener;

/// What a bare handler does before it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The two look-ups of the request.
    Lookups,
    /// Nothing.
    None,
}

/// What the handlers stand on.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) work: Work,
    pub(crate) storage: Storage,
    pub(crate) detail: Bytes,
    pub(crate) list: Bytes,
}

/// Serves on `listener` until the process ends.
pub(crate) async fn serve(listener: TcpListener, peer: Peer) {
    let data = Data::new(peer);
    let app = move || {
        App::new()
            .app_data(data.clone())
            .route("/api/v1/datastores/", web::get().to(list))
            .route("/api/v1/datastores/{id}/", web::get().to(detail))
    };
    let server = HttpServer::new(app).workers(1).disable_signals();
    server.listen(listener).expect("a listener").run().await.expect("the peer serves");
}

async fn token(request: &HttpRequest, peer: &Peer) {
    let header = request.headers().get(AUTHORIZATION).expect("a token").to_str().expect("ASCII");
    let token = AccessToken::parse(&header["Bearer ".len()..]).expect("well-formed");
    TokenRepository::find(&peer.storage, token.digest()).await.expect("reads").expect("known");
}

async fn detail(request: HttpRequest, id: web::Path<i64>, peer: Data<Peer>) -> HttpResponse {
    if peer.work == Work::Lookups {
        token(&request, &peer).await;
        let id = DatastoreId::new(*id).expect("positive");
        DatastoreRepository::find(&peer.storage, id).await.expect("reads").expect("known");
    }
    HttpResponse::Ok().content_type("application/json").body(peer.detail.clone())
}

async fn list(request: HttpRequest, peer: Data<Peer>) -> HttpResponse {
    if peer.work == Work::Lookups {
        token(&request, &peer).await;
        let query = ListQuery {
            filter: ListFilter::default(),
            ordering: vec![Ordering { key: OrderKey::CreatedAt, descending: true }],
            paging: Paging::Number(PageRequest { page: 1, size: 50 }),
        };
        DatastoreRepository::list(&peer.storage, &query).await.expect("reads");
    }
    HttpResponse::Ok().content_type("application/json").body(peer.list.clone())
}
