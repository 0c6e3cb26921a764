//! The tables, as `migrations/` makes them on both databases.

use diesel::prelude::*;

/// A unique index whose violation is an answer: PostgreSQL names the index, SQLite the column.
#[derive(Clone, Copy)]
pub(crate) struct UniqueIndex {
    pub(crate) name: &'static str,
    pub(crate) column: &'static str,
}

pub(crate) const LIVING_NAME: UniqueIndex =
    UniqueIndex { name: "datastores_living_name", column: "datastores.name" };

pub(crate) const CURRENT_DATASET: UniqueIndex =
    UniqueIndex { name: "assignments_current_dataset", column: "assignments.dataset_id" };

/// The datastores that are not deleted. Every query for them begins here; those for past records
/// (history, checks) go by id.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn living() -> _ {
    datastores::table.filter(datastores::deleted_at.is_null())
}

/// The datastores that are deleted.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn deleted() -> _ {
    datastores::table.filter(datastores::deleted_at.is_not_null())
}

/// The assignments that have not ended.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn current() -> _ {
    assignments::table.filter(assignments::released_at.is_null())
}

// diesel has these for PostgreSQL only.
diesel::postfix_operator!(
    NullsFirst,
    " NULLS FIRST",
    diesel::expression::expression_types::NotSelectable
);
diesel::postfix_operator!(
    NullsLast,
    " NULLS LAST",
    diesel::expression::expression_types::NotSelectable
);

diesel::table! {
    datastores (id) {
        id -> BigInt,
        record -> Binary,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
        name -> Text,
        #[sql_name = "type"]
        datastore_type -> Text,
        system -> Text,
        description -> Text,
        search_text -> Text,
        is_active -> Bool,
        server -> Nullable<Text>,
        port -> Nullable<Integer>,
        username -> Nullable<Text>,
        password_sealed -> Nullable<Binary>,
        database_name -> Nullable<Text>,
        tls -> Nullable<Text>,
        connection_string_sealed -> Nullable<Binary>,
        connection_string_mask -> Nullable<Text>,
        max_connections -> Nullable<Integer>,
        avg_response_time_ms -> Nullable<Double>,
        storage_capacity_gb -> Nullable<Double>,
    }
}

diesel::table! {
    assignments (id) {
        id -> BigInt,
        datastore_id -> BigInt,
        dataset_id -> Text,
        name -> Nullable<Text>,
        assigned_at -> BigInt,
        assigned_by -> Text,
        released_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    tokens (id) {
        id -> BigInt,
        name -> Text,
        role -> Text,
        digest -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    checks (id) {
        id -> BigInt,
        datastore_id -> BigInt,
        at -> BigInt,
        failed_step -> Nullable<Text>,
        failure_code -> Nullable<Text>,
        response_time_ms -> Nullable<Double>,
    }
}

diesel::table! {
    history (id) {
        id -> BigInt,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        datastore_id -> Nullable<BigInt>,
        version -> Nullable<BigInt>,
        changes -> Text,
        request_id -> Nullable<Text>,
    }
}

diesel::table! {
    sealed_canary (id) {
        id -> Integer,
        sealed -> Binary,
    }
}

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}
