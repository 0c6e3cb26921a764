//! Use cases of the datastore registry.
//!
//! [`Registry`] holds the use cases of datastores, [`Access`] those of tokens. Each use case asks
//! for a [`Granted`] permission, which only [`Caller::authorize`] makes: a route that forgot to ask
//! would not compile.

mod access;
mod datasets;
mod datastores;
mod error;
mod history;
mod performance;
mod permission;
mod refusals;
mod registry;
mod restore;
mod secrets;
mod shared;
mod test_connection;
mod verify;
mod view;

pub use access::{Access, AuthenticationError, Author, NewToken};
pub use datasets::AssignRequest;
pub use datastores::Located;
pub use error::Error;
pub use history::LocatedAny;
pub use performance::Performance;
pub use permission::{
    AssignDatasets, Caller, ChangeDatastores, Forbidden, Granted, ListDeleted, ManageTokens,
    Permission, ReadDatasetHistory, ReadDatastores, ReadHistory, ReadTypes, RestoreDatastores,
    TestConnections,
};
pub use registry::{Ports, Registry};
pub use test_connection::DEFAULT_DEADLINE;
pub use verify::Verify;
pub use view::{ConnectionView, DatastoreView};

// What callers of the use cases see of the ports, so that adapters on this side need not know them.
pub use datastore_ports::{AssignOutcome, Page, StorageBusy, StorageFault};
