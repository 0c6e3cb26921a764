//! Create, read, change and delete datastores.

use crate::permission::{ChangeDatastores, Granted, ListDeleted, ReadDatastores};
use crate::registry::{Registry, entry};
use crate::verify::Verify;
use crate::view::DatastoreView;
use crate::{Error, secrets};
use datastore_domain::{
    Action, ConnectSpec, Datastore, DatastoreFields, DatastoreId, Draft, ListQuery, RecordId,
    Revision, RevisionMode, SecretPlan, Version, Violations,
};
use datastore_ports::{NewDatastore, Page, RepositoryError};

/// How often a write without a precondition starts over because somebody else wrote in between.
/// Each round means that another write succeeded, of another replica: writers of one process take
/// turns.
pub(crate) const ROUNDS: usize = 32;

/// A datastore that was found, as the start of a change: so that a request for one that does not
/// exist is refused before its body is looked at.
#[derive(Debug)]
pub struct Located(Datastore);

impl Registry {
    /// Checks what would create a datastore, and creates none.
    ///
    /// # Errors
    ///
    /// All [`Violations`].
    pub fn check_new(&self, fields: &DatastoreFields) -> Result<(), Violations> {
        Draft::new(fields, self.tls_minimum).map(drop)
    }

    /// Checks a write against the datastore without carrying it out.
    ///
    /// # Errors
    ///
    /// All [`Violations`].
    pub fn check_change(
        &self,
        located: &Located,
        fields: &DatastoreFields,
        mode: RevisionMode,
    ) -> Result<(), Violations> {
        located.0.revise(fields.clone(), mode, self.tls_minimum).map(drop)
    }

    /// Creates a datastore.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], [`Error::NameTaken`], [`Error::Unavailable`], [`Error::Internal`]; of a
    /// connection that is to be tested first, [`Error::ConnectionFailed`] and whatever keeps a test
    /// from running.
    pub async fn create(
        &self,
        granted: &Granted<ChangeDatastores>,
        fields: &DatastoreFields,
        verify: Verify,
    ) -> Result<DatastoreView, Error> {
        let draft = Draft::new(fields, self.tls_minimum)?;
        if verify != Verify::Never {
            self.verify(granted.caller(), None, draft.connect_spec()).await?;
        }
        let changes = draft.changes();
        let record = RecordId::from_entropy(self.ports.entropy.bytes().map_err(Error::Internal)?);
        let connection = secrets::seal(&*self.ports.cipher, record, draft.target)?;
        let at = self.ports.clock.now();
        let new = NewDatastore { record, at, profile: draft.profile, connection };
        let entry = entry(granted, at, Action::Create, None, changes);
        let datastore = self.ports.datastores.insert(new, entry).await?;
        tracing::info!(datastore_id = datastore.id.get(), "datastore created");
        Ok(DatastoreView::new(datastore, granted.sees_connection_details()))
    }

    /// One datastore.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unavailable`], [`Error::Internal`].
    pub async fn get(
        &self,
        granted: &Granted<ReadDatastores>,
        id: DatastoreId,
    ) -> Result<DatastoreView, Error> {
        let datastore = self.find(id).await?;
        Ok(DatastoreView::new(datastore, granted.sees_connection_details()))
    }

    /// Datastores that live, whatever the query says of deleted ones.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn list(
        &self,
        granted: &Granted<ReadDatastores>,
        mut query: ListQuery,
    ) -> Result<Page<DatastoreView>, Error> {
        query.filter.deleted = false;
        self.views(&query, granted.sees_connection_details()).await
    }

    /// Deleted datastores, whatever the query says of them.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn list_deleted(
        &self,
        granted: &Granted<ListDeleted>,
        mut query: ListQuery,
    ) -> Result<Page<DatastoreView>, Error> {
        query.filter.deleted = true;
        self.views(&query, granted.sees_connection_details()).await
    }

    async fn views(&self, query: &ListQuery, details: bool) -> Result<Page<DatastoreView>, Error> {
        let page = self.ports.datastores.list(query).await?;
        let rows = page.rows.into_iter().map(|row| DatastoreView::new(row, details)).collect();
        Ok(Page { count: page.count, before: page.before, after: page.after, rows })
    }

    /// Finds a datastore that is to be changed or tested.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unavailable`], [`Error::Internal`].
    pub async fn locate<P>(
        &self,
        _granted: &Granted<P>,
        id: DatastoreId,
    ) -> Result<Located, Error> {
        self.find(id).await.map(Located)
    }

    /// Replaces (PUT) or merges (PATCH) the members of a datastore. A write that changes nothing
    /// answers the datastore as it is.
    ///
    /// `expected` holds the versions that the caller allows to be overwritten; `None` allows any:
    /// then the last of two writers wins, and the history has both.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], [`Error::PreconditionFailed`], [`Error::NameTaken`],
    /// [`Error::NotFound`], [`Error::Unavailable`], [`Error::Internal`]; of a connection that is to
    /// be tested first, [`Error::ConnectionFailed`] and whatever keeps a test from running.
    pub async fn revise(
        &self,
        granted: &Granted<ChangeDatastores>,
        located: Located,
        fields: &DatastoreFields,
        mode: RevisionMode,
        expected: Option<&[Version]>,
        verify: Verify,
    ) -> Result<DatastoreView, Error> {
        let id = located.id();
        let mut write = Write { fields, mode, expected, verify, verified: None };
        for _ in 0..ROUNDS {
            match self.revise_in_turn(granted, id, &write).await? {
                Revised::Stored(now) => {
                    return Ok(DatastoreView::new(now, granted.sees_connection_details()));
                }
                // Out of turn, as a test takes longer than others wait for theirs. What is to be
                // stored may be something else by the next turn, and is tested once more then.
                Revised::ToVerify(spec) => {
                    self.verify(granted.caller(), Some(id), spec.clone()).await?;
                    write.verified = Some(spec);
                }
            }
        }
        Err(RepositoryError::VersionConflict.into())
    }

    async fn revise_in_turn(
        &self,
        granted: &Granted<ChangeDatastores>,
        id: DatastoreId,
        write: &Write<'_>,
    ) -> Result<Revised, Error> {
        let _turn = self.turns.of(id).await?;
        // What was located may be old by now: the body took its time, and so did others.
        let mut current = self.find(id).await?;
        for _ in 0..ROUNDS {
            let revision = current.revise(write.fields.clone(), write.mode, self.tls_minimum)?;
            check_expectation(&current, write.expected)?;
            let Some(revision) = revision else {
                return Ok(Revised::Stored(current));
            };
            if let Some(spec) = self.to_verify(write.verify, &current, &revision)?
                && write.verified.as_ref() != Some(&spec)
            {
                return Ok(Revised::ToVerify(spec));
            }
            match self.store(granted, &current, revision).await {
                Ok(changed) => {
                    self.ports.tester.forget(changed.record);
                    return Ok(Revised::Stored(changed));
                }
                Err(Attempt::Overtaken) => current = self.find(current.id).await?,
                Err(Attempt::Failed(error)) => return Err(error),
            }
        }
        Err(RepositoryError::VersionConflict.into())
    }

    async fn store(
        &self,
        granted: &Granted<ChangeDatastores>,
        current: &Datastore,
        revision: Revision,
    ) -> Result<Datastore, Attempt> {
        let connection = match revision.connection {
            SecretPlan::Keep(kept) => kept,
            SecretPlan::Seal(target) => secrets::seal(&*self.ports.cipher, current.record, target)?,
        };
        let changed = Datastore {
            version: current.version.next(),
            // A clock that was set back must not make a record older than it was.
            updated_at: self.ports.clock.now().max(current.updated_at),
            profile: revision.profile,
            connection,
            ..current.clone()
        };
        let subject = Some((changed.id, Some(changed.version)));
        let entry = entry(granted, changed.updated_at, Action::Update, subject, revision.changes);
        self.ports.datastores.update(&changed, current.version, entry).await?;
        Ok(changed)
    }

    /// Deletes a datastore softly: row, history and past assignments stay, the name is free again.
    ///
    /// # Errors
    ///
    /// [`Error::PreconditionFailed`], [`Error::InUse`], [`Error::NotFound`],
    /// [`Error::Unavailable`].
    pub async fn delete(
        &self,
        granted: &Granted<ChangeDatastores>,
        located: Located,
        expected: Option<&[Version]>,
    ) -> Result<(), Error> {
        let Located(mut current) = located;
        let _turn = self.turns.of(current.id).await?;
        for _ in 0..ROUNDS {
            check_expectation(&current, expected)?;
            let at = self.ports.clock.now();
            let deleted = current.delete(at).map_err(|_| Error::NotFound("datastore"))?;
            let subject = Some((deleted.id, Some(deleted.version)));
            let entry = entry(granted, at, Action::Delete, subject, Vec::new());
            match self.ports.datastores.delete(&deleted, current.version, entry).await {
                Ok(()) => {
                    self.ports.tester.forget(current.record);
                    return Ok(());
                }
                Err(RepositoryError::VersionConflict) => current = self.find(current.id).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(RepositoryError::VersionConflict.into())
    }

    pub(crate) async fn find(&self, id: DatastoreId) -> Result<Datastore, Error> {
        self.ports.datastores.find(id).await?.ok_or(Error::NotFound("datastore"))
    }
}

/// A change that somebody asks for.
struct Write<'a> {
    fields: &'a DatastoreFields,
    mode: RevisionMode,
    expected: Option<&'a [Version]>,
    verify: Verify,
    /// What was tested of it, and well.
    verified: Option<ConnectSpec>,
}

/// What became of a change in its turn.
enum Revised {
    /// The datastore as it is now.
    Stored(Datastore),
    /// Nothing is stored yet, as this has to be tested first.
    ToVerify(ConnectSpec),
}

/// Why one round of a write did not end it.
enum Attempt {
    Overtaken,
    Failed(Error),
}

impl From<Error> for Attempt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<RepositoryError> for Attempt {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::VersionConflict => Self::Overtaken,
            other => Self::Failed(other.into()),
        }
    }
}

pub(crate) fn check_expectation(
    current: &Datastore,
    expected: Option<&[Version]>,
) -> Result<(), Error> {
    match expected {
        Some(versions) if !versions.contains(&current.version) => Err(Error::PreconditionFailed),
        _ => Ok(()),
    }
}

impl Located {
    pub(crate) fn into_datastore(self) -> Datastore {
        self.0
    }

    pub(crate) fn id(&self) -> DatastoreId {
        self.0.id
    }
}
