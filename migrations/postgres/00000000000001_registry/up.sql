-- Times are microseconds since 1970-01-01T00:00:00Z. Text that is ordered or searched is compared
-- by code point: COLLATE "C". Constraints that the code tells apart are told apart by name.

CREATE TABLE datastores (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record BYTEA NOT NULL UNIQUE CHECK (length(record) = 16),
    version BIGINT NOT NULL CHECK (version > 0),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    name TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    system TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    search_text TEXT COLLATE "C" NOT NULL,
    is_active BOOLEAN NOT NULL,
    server TEXT COLLATE "C",
    port INTEGER CHECK (port BETWEEN 1 AND 65535),
    username TEXT COLLATE "C",
    password_sealed BYTEA,
    database_name TEXT COLLATE "C",
    tls TEXT COLLATE "C",
    connection_string_sealed BYTEA,
    connection_string_mask TEXT COLLATE "C",
    max_connections INTEGER CHECK (max_connections > 0),
    avg_response_time_ms DOUBLE PRECISION CHECK (avg_response_time_ms > 0),
    storage_capacity_gb DOUBLE PRECISION CHECK (storage_capacity_gb > 0),
    CONSTRAINT datastores_one_connection CHECK (
        (server IS NOT NULL AND port IS NOT NULL AND username IS NOT NULL
            AND password_sealed IS NOT NULL AND tls IS NOT NULL
            AND connection_string_sealed IS NULL AND connection_string_mask IS NULL)
        OR
        (server IS NULL AND port IS NULL AND username IS NULL
            AND password_sealed IS NULL AND tls IS NULL AND database_name IS NULL
            AND connection_string_sealed IS NOT NULL AND connection_string_mask IS NOT NULL)
    )
);

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
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    datastore_id BIGINT NOT NULL REFERENCES datastores (id),
    dataset_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    assigned_at BIGINT NOT NULL,
    assigned_by TEXT COLLATE "C" NOT NULL,
    released_at BIGINT
);

CREATE UNIQUE INDEX assignments_current_dataset
    ON assignments (dataset_id) WHERE released_at IS NULL;
CREATE INDEX assignments_current_by_datastore
    ON assignments (datastore_id, assigned_at, id) WHERE released_at IS NULL;
CREATE INDEX assignments_by_datastore ON assignments (datastore_id, id);

CREATE TABLE tokens (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL UNIQUE CHECK (length(digest) = 32),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE checks (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    datastore_id BIGINT NOT NULL REFERENCES datastores (id),
    at BIGINT NOT NULL,
    failed_step TEXT COLLATE "C",
    failure_code TEXT COLLATE "C",
    response_time_ms DOUBLE PRECISION,
    CONSTRAINT checks_whole_failure CHECK ((failed_step IS NULL) = (failure_code IS NULL))
);

CREATE INDEX checks_by_datastore ON checks (datastore_id, at, id);

CREATE TABLE history (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    datastore_id BIGINT REFERENCES datastores (id),
    version BIGINT,
    changes TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C"
);

CREATE INDEX history_by_datastore ON history (datastore_id, id);

CREATE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'history is append-only';
END;
$$;

CREATE TRIGGER history_refuses_change BEFORE UPDATE OR DELETE ON history
    FOR EACH ROW EXECUTE FUNCTION history_is_append_only();

CREATE TRIGGER history_refuses_truncate BEFORE TRUNCATE ON history
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

-- One value sealed under the key ring: whoever starts with another ring is told at once.
CREATE TABLE sealed_canary (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BYTEA NOT NULL
);
