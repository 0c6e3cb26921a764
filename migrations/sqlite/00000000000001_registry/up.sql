-- Times are microseconds since 1970-01-01T00:00:00Z. Text is compared by code point: BINARY is
-- SQLite's default collation. Constraints that the code tells apart are told apart by column.

CREATE TABLE datastores (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    record BLOB NOT NULL UNIQUE CHECK (length(record) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    system TEXT NOT NULL,
    description TEXT NOT NULL,
    search_text TEXT NOT NULL,
    is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    server TEXT,
    port INTEGER CHECK (port BETWEEN 1 AND 65535),
    username TEXT,
    password_sealed BLOB,
    database_name TEXT,
    tls TEXT,
    connection_string_sealed BLOB,
    connection_string_mask TEXT,
    max_connections INTEGER CHECK (max_connections > 0),
    avg_response_time_ms REAL CHECK (avg_response_time_ms > 0),
    storage_capacity_gb REAL CHECK (storage_capacity_gb > 0),
    CONSTRAINT datastores_one_connection CHECK (
        (server IS NOT NULL AND port IS NOT NULL AND username IS NOT NULL
            AND password_sealed IS NOT NULL AND tls IS NOT NULL
            AND connection_string_sealed IS NULL AND connection_string_mask IS NULL)
        OR
        (server IS NULL AND port IS NULL AND username IS NULL
            AND password_sealed IS NULL AND tls IS NULL AND database_name IS NULL
            AND connection_string_sealed IS NOT NULL AND connection_string_mask IS NOT NULL)
    )
) STRICT;

CREATE UNIQUE INDEX datastores_living_name ON datastores (name) WHERE deleted_at IS NULL;
CREATE INDEX datastores_by_created_at ON datastores (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX datastores_by_type ON datastores (type, id) WHERE deleted_at IS NULL;
CREATE INDEX datastores_by_response_time
    ON datastores ((avg_response_time_ms IS NULL), avg_response_time_ms, id)
    WHERE deleted_at IS NULL;
CREATE INDEX datastores_by_response_time_desc
    ON datastores ((avg_response_time_ms IS NULL), avg_response_time_ms DESC, id DESC)
    WHERE deleted_at IS NULL;

CREATE TABLE assignments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    datastore_id INTEGER NOT NULL REFERENCES datastores (id),
    dataset_id TEXT NOT NULL,
    name TEXT,
    assigned_at INTEGER NOT NULL,
    assigned_by TEXT NOT NULL,
    released_at INTEGER
) STRICT;

CREATE UNIQUE INDEX assignments_current_dataset
    ON assignments (dataset_id) WHERE released_at IS NULL;
CREATE INDEX assignments_current_by_datastore
    ON assignments (datastore_id, assigned_at, id) WHERE released_at IS NULL;
CREATE INDEX assignments_by_datastore ON assignments (datastore_id, id);

CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE TABLE checks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    datastore_id INTEGER NOT NULL REFERENCES datastores (id),
    at INTEGER NOT NULL,
    failed_step TEXT,
    failure_code TEXT,
    response_time_ms REAL,
    CONSTRAINT checks_whole_failure CHECK ((failed_step IS NULL) = (failure_code IS NULL))
) STRICT;

CREATE INDEX checks_by_datastore ON checks (datastore_id, at, id);

CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    datastore_id INTEGER REFERENCES datastores (id),
    version INTEGER,
    changes TEXT NOT NULL,
    request_id TEXT
) STRICT;

CREATE INDEX history_by_datastore ON history (datastore_id, id);

CREATE TRIGGER history_refuses_update BEFORE UPDATE ON history
BEGIN
    SELECT RAISE(ABORT, 'history is append-only');
END;

CREATE TRIGGER history_refuses_delete BEFORE DELETE ON history
BEGIN
    SELECT RAISE(ABORT, 'history is append-only');
END;

-- One value sealed under the key ring: whoever starts with another ring is told at once.
CREATE TABLE sealed_canary (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
) STRICT;
