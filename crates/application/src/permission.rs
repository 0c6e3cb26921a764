//! Permissions as proofs: what a role may do is decided in the one table below.

use datastore_domain::{Actor, RequestId, Role, TokenId, TokenName};
use std::marker::PhantomData;

/// A permission, as a type.
pub trait Permission {
    /// What the permission allows, to follow "may" or "to".
    const ALLOWS: &'static str;
    /// The roles that have it.
    const ROLES: &'static [Role];
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $allows:literal: $($role:ident)+;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Permission for $name {
            const ALLOWS: &'static str = $allows;
            const ROLES: &'static [Role] = &[$(Role::$role),+];
        }
    )+};
}

permissions! {
    /// Read datastores; connection details only in roles that see them.
    ReadDatastores = "read datastores": Viewer Matcher Editor Admin;
    /// Read the catalogue of types.
    ReadTypes = "read the types of datastores": Viewer Matcher Editor Admin;
    /// Assign and release datasets.
    AssignDatasets = "assign and release datasets": Matcher Admin;
    /// Create, change and delete datastores.
    ChangeDatastores = "create, change and delete datastores": Editor Admin;
    /// Test connections.
    TestConnections = "test connections": Editor Admin;
    /// Read past assignments, of deleted datastores too.
    ReadDatasetHistory = "read past assignments of datasets": Matcher Admin;
    /// List deleted datastores.
    ListDeleted = "list deleted datastores": Admin;
    /// Bring deleted datastores back.
    RestoreDatastores = "restore datastores": Admin;
    /// Read who changed what.
    ReadHistory = "read the history": Admin;
    /// Make, list and revoke tokens.
    ManageTokens = "manage tokens": Admin;
}

/// Who calls, and in which request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The holder of the token.
    pub actor: Actor,
    /// The request; `None` for commands.
    pub request_id: Option<RequestId>,
}

/// The role lacks a permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("role {role} may not {allows}; {roles} may", roles = list(.roles))]
pub struct Forbidden {
    /// The caller's role.
    pub role: Role,
    /// What was to be done.
    pub allows: &'static str,
    /// The roles that may.
    pub roles: &'static [Role],
}

fn list(roles: &[Role]) -> String {
    roles.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(" or ")
}

impl Caller {
    /// Proves that the caller has the permission `P`.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] names the roles that have it.
    pub fn authorize<P: Permission>(self) -> Result<Granted<P>, Forbidden> {
        self.require::<P>()?;
        Ok(Granted { caller: self, permission: PhantomData })
    }

    /// As [`Caller::authorize`], without the proof.
    pub(crate) fn require<P: Permission>(&self) -> Result<(), Forbidden> {
        let role = self.actor.role;
        if P::ROLES.contains(&role) {
            return Ok(());
        }
        Err(Forbidden { role, allows: P::ALLOWS, roles: P::ROLES })
    }
}

/// Proof that the caller has the permission `P`: made by [`Caller::authorize`], or for the operator
/// at the machine.
#[derive(Clone, Debug)]
pub struct Granted<P> {
    caller: Caller,
    permission: PhantomData<P>,
}

impl<P> Granted<P> {
    /// The operator at the command line, who needs no permission, as they have the database and its
    /// keys. Not for requests: `clippy.toml` bans it elsewhere.
    #[must_use]
    pub fn command_line() -> Self {
        let name = TokenName::try_from("command line").expect("a valid name");
        let actor = Actor { token: TokenId(0), name, role: Role::Admin };
        Self { caller: Caller { actor, request_id: None }, permission: PhantomData }
    }

    /// Who has the permission.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether the caller sees connection details.
    #[must_use]
    pub fn sees_connection_details(&self) -> bool {
        self.caller.actor.role.sees_connection_details()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datastore_domain::{TokenId, TokenName};

    fn may<P: Permission>(role: Role) -> bool {
        let name = TokenName::try_from("t").expect("valid");
        let actor = Actor { token: TokenId(1), name, role };
        Caller { actor, request_id: None }.authorize::<P>().is_ok()
    }

    /// The table of roles in the contract, role by role.
    #[test]
    fn t25_roles_have_the_permissions_of_the_table() {
        let held = |role| {
            [
                may::<ReadDatastores>(role),
                may::<ReadTypes>(role),
                may::<AssignDatasets>(role),
                may::<ChangeDatastores>(role),
                may::<TestConnections>(role),
                may::<ReadDatasetHistory>(role),
            ]
        };
        assert_eq!(held(Role::Viewer), [true, true, false, false, false, false]);
        assert_eq!(held(Role::Matcher), [true, true, true, false, false, true]);
        assert_eq!(held(Role::Editor), [true, true, false, true, true, false]);
        assert_eq!(held(Role::Admin), [true; 6]);
        for role in Role::ALL {
            let of_admins = [
                may::<ListDeleted>(role),
                may::<RestoreDatastores>(role),
                may::<ReadHistory>(role),
                may::<ManageTokens>(role),
            ];
            assert_eq!(of_admins, [role == Role::Admin; 4], "{role}");
        }
    }

    #[test]
    fn a_refusal_names_the_roles_that_may() {
        let refusal = Forbidden {
            role: Role::Viewer,
            allows: ChangeDatastores::ALLOWS,
            roles: ChangeDatastores::ROLES,
        };
        let text = "role viewer may not create, change and delete datastores; \
                    editor or admin may";
        assert_eq!(refusal.to_string(), text);
    }
}
