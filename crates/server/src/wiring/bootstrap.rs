//! What the first start makes beside database and keys: one token for the administrator.

use super::{StartError, data_dir};
use crate::settings::Settings;
use datastore_application::{Access, Author};
use datastore_crypto::private_file;
use datastore_domain::{AccessToken, PageRequest, Role, Secret, TokenName};
use std::io::{self, Read as _};
use std::path::Path;

/// Sees to it that somebody can get in: an empty embedded database gets one admin token, in a file
/// for the user of this process alone. It is printed nowhere, and neither logged.
///
/// The file comes first, and what stands in it is stored: so a start that is cut off anywhere, or
/// beside another one, leaves a file whose token counts, or will after the next start.
pub(super) async fn first_token(settings: &Settings, access: &Access) -> Result<(), StartError> {
    #[expect(clippy::disallowed_methods, reason = "this is the first start")]
    let actor = Author::first_start();
    let count_only = PageRequest { page: 1, size: 1 };
    if access.list_tokens(&actor, count_only).await?.count != Some(0) {
        return Ok(());
    }
    if settings.database_url().sqlite_path().is_none() {
        tracing::warn!(
            "no access token exists; make one with `datastore-api token create --name admin --role admin`"
        );
        return Ok(());
    }
    // The database may be elsewhere.
    data_dir::make(settings)?;
    let path = settings.admin_token_file();
    let token = match kept(&path)? {
        Some(token) => {
            tracing::warn!(
                path = %path.display(),
                "the token in {} was made by an earlier start and counts from now on",
                path.display()
            );
            token
        }
        None => make(&path, access)?,
    };
    let name = TokenName::try_from("admin").expect("a valid name");
    access.adopt_token(&actor, name, Role::Admin, &token).await?;
    tracing::info!(path = %path.display(), "an admin token is in the file {}", path.display());
    Ok(())
}

fn make(path: &Path, access: &Access) -> Result<AccessToken, StartError> {
    let failed = |source| StartError::AdminToken { path: path.to_owned(), source };
    let token = access.draw_token()?;
    match private_file::create(path, token.expose()) {
        Ok(()) => Ok(token),
        // Another process that started at the same moment was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            kept(path)?.ok_or_else(|| failed(error))
        }
        Err(error) => Err(failed(error)),
    }
}

/// The token in the file, of a start that came no further or of a database that is gone; `None`
/// without the file. One that others could have read or written is refused.
fn kept(path: &Path) -> Result<Option<AccessToken>, StartError> {
    const LONGEST: u64 = 200;
    let failed = |source| StartError::AdminToken { path: path.to_owned(), source };
    let (file, found) = match private_file::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let us = rustix::process::geteuid().as_raw();
    let mut text = String::new();
    if found.regular && found.belongs_to(us) && found.mode & 0o077 == 0 {
        file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    }
    let text = Secret::new(text);
    let token = AccessToken::parse(text.expose().trim_end());
    token.map(Some).ok_or_else(|| StartError::NoAdminToken(path.to_owned()))
}
