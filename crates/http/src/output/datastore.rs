//! A datastore as clients read it.

use super::{Number, Time};
use datastore_application::{ConnectionView, DatastoreView};
use datastore_domain::PASSWORD_MASK;
use serde::Serialize;
use utoipa::ToSchema;

/// A datastore. Roles without connection details get none of `server`, `port`, `username`,
/// `password`, `connection_string`, `database` and `tls`.
#[derive(Serialize, ToSchema)]
#[schema(as = Datastore)]
pub(crate) struct DatastoreOutput<'a> {
    id: i64,
    /// RFC 3339, UTC.
    #[schema(value_type = String)]
    created_at: Time,
    /// RFC 3339, UTC.
    #[schema(value_type = String)]
    updated_at: Time,
    name: &'a str,
    r#type: &'static str,
    system: &'static str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    server: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u16>)]
    port: Option<Option<u16>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    username: Option<Option<&'a str>>,
    /// `***encrypted***` when one is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    password: Option<Option<&'static str>>,
    /// Masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    connection_string: Option<Option<&'a str>>,
    is_active: bool,
    #[schema(required)]
    max_connections: Option<i32>,
    #[schema(value_type = Option<f64>, required)]
    avg_response_time_ms: Option<Number>,
    #[schema(value_type = Option<f64>, required)]
    storage_capacity_gb: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    database: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    tls: Option<Option<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    deleted_at: Option<Time>,
}

impl<'a> From<&'a DatastoreView> for DatastoreOutput<'a> {
    fn from(view: &'a DatastoreView) -> Self {
        let profile = &view.profile;
        let mut output = Self {
            id: view.id.get(),
            created_at: Time(view.created_at),
            updated_at: Time(view.updated_at),
            name: profile.name.as_str(),
            r#type: profile.classification.datastore_type().as_str(),
            system: profile.classification.system().as_str(),
            description: profile.description.as_str(),
            server: None,
            port: None,
            username: None,
            password: None,
            connection_string: None,
            is_active: profile.is_active,
            max_connections: profile.max_connections.map(|n| n.get()),
            avg_response_time_ms: profile.avg_response_time_ms.map(|n| Number(n.get())),
            storage_capacity_gb: profile.storage_capacity_gb.map(|n| Number(n.get())),
            database: None,
            tls: None,
            deleted_at: view.deleted_at.map(Time),
        };
        if let Some(connection) = &view.connection {
            output.show(connection);
        }
        output
    }
}

impl<'a> DatastoreOutput<'a> {
    fn show(&mut self, connection: &'a ConnectionView) {
        self.server = Some(None);
        self.port = Some(None);
        self.username = Some(None);
        self.password = Some(None);
        self.connection_string = Some(None);
        self.database = Some(None);
        self.tls = Some(None);
        match connection {
            ConnectionView::Uri { mask } => self.connection_string = Some(Some(mask)),
            ConnectionView::Parts { host, port, username, database, tls } => {
                self.server = Some(Some(host.as_str()));
                self.port = Some(Some(port.get()));
                self.username = Some(Some(username.as_str()));
                self.password = Some(Some(PASSWORD_MASK));
                self.database = Some(database.as_ref().map(|d| d.as_str()));
                self.tls = Some(Some(tls.as_str()));
            }
        }
    }
}

/// A datastore in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = ListedDatastore)]
pub(crate) struct ListedDatastore<'a> {
    #[serde(flatten)]
    datastore: DatastoreOutput<'a>,
    /// RFC 3339, UTC; with `deleted=true` only.
    #[schema(value_type = Option<String>, nullable = false)]
    deleted_at: Option<Time>,
}

/// A page of datastores.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes an `Envelope` in the OpenAPI document")]
pub(crate) struct DatastorePage<'a> {
    /// Rows on all pages; absent when paged by cursor.
    #[schema(nullable = false)]
    count: Option<u64>,
    /// Absolute URL of the next page; null on the last.
    #[schema(required)]
    next: Option<String>,
    /// Absolute URL of the previous page; null on the first.
    #[schema(required)]
    previous: Option<String>,
    /// The rows of this page.
    results: Vec<ListedDatastore<'a>>,
}
