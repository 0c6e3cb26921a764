//! Rows of `datastores`.

use super::Origin;
use crate::schema::datastores;
use datastore_domain::{
    Classification, DatabaseName, Datastore, DatastoreId, Description, Host, Measure, Name, Port,
    Profile, RecordId, SealedConnection, SealedValue, System, Timestamp, Username, Version,
    search_text,
};
use datastore_ports::{NewDatastore, RepositoryError};
use diesel::prelude::{AsChangeset, Insertable, Queryable, Selectable};

/// A datastore as read: all columns but `search_text`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = datastores)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub(crate) struct DatastoreRow {
    id: i64,
    record: Vec<u8>,
    version: i64,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
    name: String,
    datastore_type: String,
    system: String,
    description: String,
    is_active: bool,
    server: Option<String>,
    port: Option<i32>,
    username: Option<String>,
    password_sealed: Option<Vec<u8>>,
    database_name: Option<String>,
    tls: Option<String>,
    connection_string_sealed: Option<Vec<u8>>,
    connection_string_mask: Option<String>,
    max_connections: Option<i32>,
    avg_response_time_ms: Option<f64>,
    storage_capacity_gb: Option<f64>,
}

/// What a write sets: every column that may change. Owned, so that it is made before the
/// transaction begins and the writer's turn is short.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = datastores)]
#[diesel(treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct WrittenDatastore {
    version: i64,
    updated_at: i64,
    name: String,
    datastore_type: &'static str,
    system: &'static str,
    description: String,
    search_text: String,
    is_active: bool,
    server: Option<String>,
    port: Option<i32>,
    username: Option<String>,
    password_sealed: Option<Vec<u8>>,
    database_name: Option<String>,
    tls: Option<&'static str>,
    connection_string_sealed: Option<Vec<u8>>,
    connection_string_mask: Option<String>,
    max_connections: Option<i32>,
    avg_response_time_ms: Option<f64>,
    storage_capacity_gb: Option<f64>,
}

impl WrittenDatastore {
    pub(crate) fn new(
        version: Version,
        updated_at: Timestamp,
        profile: &Profile,
        connection: &SealedConnection,
    ) -> Self {
        let mut row = Self {
            version: version.get(),
            updated_at: updated_at.as_micros(),
            name: profile.name.as_str().to_owned(),
            datastore_type: profile.classification.datastore_type().as_str(),
            system: profile.classification.system().as_str(),
            description: profile.description.as_str().to_owned(),
            search_text: search_text(&profile.name, &profile.description),
            is_active: profile.is_active,
            server: None,
            port: None,
            username: None,
            password_sealed: None,
            database_name: None,
            tls: None,
            connection_string_sealed: None,
            connection_string_mask: None,
            max_connections: profile.max_connections.map(|n| n.get()),
            avg_response_time_ms: profile.avg_response_time_ms.map(Measure::get),
            storage_capacity_gb: profile.storage_capacity_gb.map(Measure::get),
        };
        row.set_connection(connection);
        row
    }

    fn set_connection(&mut self, connection: &SealedConnection) {
        match connection {
            SealedConnection::Parts { host, port, username, password, database, tls } => {
                self.server = Some(host.as_str().to_owned());
                self.port = Some(i32::from(port.get()));
                self.username = Some(username.as_str().to_owned());
                self.password_sealed = Some(password.as_bytes().to_vec());
                self.database_name = database.as_ref().map(|name| name.as_str().to_owned());
                self.tls = Some(tls.as_str());
            }
            SealedConnection::Uri { sealed, mask } => {
                self.connection_string_sealed = Some(sealed.as_bytes().to_vec());
                self.connection_string_mask = Some(mask.clone());
            }
        }
    }
}

/// The datastore that `new` became under the number that the database gave it.
pub(crate) fn stored_datastore(new: NewDatastore, id: i64) -> Result<Datastore, RepositoryError> {
    let origin = Origin { table: "datastores", id };
    Ok(Datastore {
        id: DatastoreId::new(id).ok_or(origin.corrupt("id"))?,
        record: new.record,
        version: Version::FIRST,
        created_at: new.at,
        updated_at: new.at,
        deleted_at: None,
        profile: new.profile,
        connection: new.connection,
    })
}

impl DatastoreRow {
    fn origin(&self) -> Origin {
        Origin { table: "datastores", id: self.id }
    }

    fn profile(&self) -> Result<Profile, RepositoryError> {
        let origin = self.origin();
        let measure = |column, number: Option<f64>| {
            number.map(|n| origin.parse(column, Measure::try_from(n))).transpose()
        };
        let datastore_type = origin.parse("type", self.datastore_type.parse())?;
        let system = origin.parse("system", self.system.parse())?;
        let max_connections = self.max_connections.map(|n| f64::from(n).try_into()).transpose();
        Ok(Profile {
            name: origin.parse("name", Name::try_from(self.name.as_str()))?,
            classification: Classification::new(datastore_type, system)
                .ok_or(origin.corrupt("type"))?,
            description: origin
                .parse("description", Description::try_from(self.description.as_str()))?,
            is_active: self.is_active,
            max_connections: origin.parse("max_connections", max_connections)?,
            avg_response_time_ms: measure("avg_response_time_ms", self.avg_response_time_ms)?,
            storage_capacity_gb: measure("storage_capacity_gb", self.storage_capacity_gb)?,
        })
    }

    fn connection(&mut self, system: System) -> Result<SealedConnection, RepositoryError> {
        let origin = self.origin();
        if let Some(sealed) = self.connection_string_sealed.take() {
            let mask = self.connection_string_mask.take();
            return Ok(SealedConnection::Uri {
                sealed: SealedValue::new(sealed),
                mask: mask.ok_or(origin.corrupt("connection_string_mask"))?,
            });
        }
        let port = self.port.and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or(origin.corrupt("port"))?;
        let host = self.server.as_deref().ok_or(origin.corrupt("server"))?;
        let username = self.username.as_deref().ok_or(origin.corrupt("username"))?;
        let password = self.password_sealed.take().ok_or(origin.corrupt("password_sealed"))?;
        let database = self.database_name.as_deref().map(|name| DatabaseName::new(name, system));
        let tls = self.tls.as_deref().ok_or(origin.corrupt("tls"))?;
        Ok(SealedConnection::Parts {
            host: origin.parse("server", Host::try_from(host))?,
            port: origin.parse("port", Port::try_from(port))?,
            username: origin.parse("username", Username::try_from(username))?,
            password: SealedValue::new(password),
            database: origin.parse("database_name", database.transpose())?,
            tls: origin.parse("tls", tls.parse())?,
        })
    }
}

impl TryFrom<DatastoreRow> for Datastore {
    type Error = RepositoryError;

    fn try_from(mut row: DatastoreRow) -> Result<Self, RepositoryError> {
        let origin = row.origin();
        let profile = row.profile()?;
        let connection = row.connection(profile.classification.system())?;
        let record = origin.parse("record", <[u8; 16]>::try_from(row.record.as_slice()))?;
        Ok(Self {
            id: DatastoreId::new(row.id).ok_or(origin.corrupt("id"))?,
            record: RecordId::from_bytes(record),
            version: Version::new(row.version).ok_or(origin.corrupt("version"))?,
            created_at: origin.time("created_at", row.created_at)?,
            updated_at: origin.time("updated_at", row.updated_at)?,
            deleted_at: origin.optional_time("deleted_at", row.deleted_at)?,
            profile,
            connection,
        })
    }
}
