-- Indexes for walks through lists by cursor, and for lists of what is deleted. Each ordering by one
-- key has an index; that of response times has a twin, since absent ones come last in both
-- directions. Filters have one in the order that is used unless another is asked for, which also
-- counts their rows.

DROP INDEX datastores_by_response_time;
DROP INDEX datastores_by_response_time_desc;
CREATE INDEX datastores_by_response_time
    ON datastores (avg_response_time_ms, id) WHERE deleted_at IS NULL;
CREATE INDEX datastores_by_response_time_desc
    ON datastores (avg_response_time_ms DESC NULLS LAST, id DESC) WHERE deleted_at IS NULL;

CREATE INDEX datastores_of_type ON datastores (type, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX datastores_of_system ON datastores (system, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX datastores_of_activity
    ON datastores (is_active, created_at, id) WHERE deleted_at IS NULL;

CREATE INDEX deleted_datastores_by_created_at
    ON datastores (created_at, id) WHERE deleted_at IS NOT NULL;
CREATE INDEX deleted_datastores_by_name ON datastores (name, id) WHERE deleted_at IS NOT NULL;
CREATE INDEX deleted_datastores_by_type ON datastores (type, id) WHERE deleted_at IS NOT NULL;
CREATE INDEX deleted_datastores_by_response_time
    ON datastores (avg_response_time_ms, id) WHERE deleted_at IS NOT NULL;
CREATE INDEX deleted_datastores_by_response_time_desc
    ON datastores (avg_response_time_ms DESC NULLS LAST, id DESC) WHERE deleted_at IS NOT NULL;

DROP INDEX assignments_by_datastore;
CREATE INDEX assignments_by_datastore ON assignments (datastore_id, assigned_at, id);

CREATE INDEX history_by_actor ON history (actor, id);
CREATE INDEX history_by_action ON history (action, id);
