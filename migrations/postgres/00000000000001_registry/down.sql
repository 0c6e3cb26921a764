DROP TABLE sealed_canary;
DROP TABLE history;
DROP FUNCTION history_is_append_only();
DROP TABLE checks;
DROP TABLE tokens;
DROP TABLE assignments;
DROP TABLE datastores;
