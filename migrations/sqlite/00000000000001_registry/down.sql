DROP TABLE sealed_canary;
DROP TRIGGER history_refuses_delete;
DROP TRIGGER history_refuses_update;
DROP TABLE history;
DROP TABLE checks;
DROP TABLE tokens;
DROP TABLE assignments;
DROP TABLE datastores;
