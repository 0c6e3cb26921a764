DROP INDEX history_by_action;
DROP INDEX history_by_actor;

DROP INDEX assignments_by_datastore;
CREATE INDEX assignments_by_datastore ON assignments (datastore_id, id);

DROP INDEX deleted_datastores_by_response_time;
DROP INDEX deleted_datastores_by_type;
DROP INDEX deleted_datastores_by_name;
DROP INDEX deleted_datastores_by_created_at;

DROP INDEX datastores_of_activity;
DROP INDEX datastores_of_system;
DROP INDEX datastores_of_type;

DROP INDEX datastores_by_response_time;
CREATE INDEX datastores_by_response_time
    ON datastores ((avg_response_time_ms IS NULL), avg_response_time_ms, id)
    WHERE deleted_at IS NULL;
CREATE INDEX datastores_by_response_time_desc
    ON datastores ((avg_response_time_ms IS NULL), avg_response_time_ms DESC, id DESC)
    WHERE deleted_at IS NULL;
