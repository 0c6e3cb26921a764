# PostgreSQL 15 of Debian on port 25432: see the users below; and PgBouncer before it on 25433.
# Sourced by scripts/databases.
# shellcheck shell=bash disable=SC2154

postgres_port=25432
postgres_pooler_port=25433

postgres_bin() {
    local dir
    for dir in /usr/lib/postgresql/*/bin; do
        if [ -x "$dir/initdb" ]; then echo "$dir"; fi
    done | sort -V | tail -n 1
}

postgres_install() {
    if [ -z "$(postgres_bin)" ]; then install_packages postgresql-15; fi
    command -v psql >/dev/null || install_packages postgresql-client-15
    command -v pgbouncer >/dev/null || install_packages pgbouncer
}

# postgres_sql DATABASE [ARGUMENT…]: psql as the superuser; SQL on stdin or by -c.
postgres_sql() {
    local database=$1
    shift
    PGPASSWORD=$password PGCONNECT_TIMEOUT=5 PGSSLMODE=disable \
        psql -h 127.0.0.1 -p "$postgres_port" -U postgres -d "$database" -qAtX -v ON_ERROR_STOP=1 "$@"
}

postgres_prepare() {
    local data=$cache/postgres
    [ ! -e "$data.complete" ] || return 0
    rm -rf "$data"
    mkdir -m 700 "$data"
    printf '%s' "$password" >"$cache/postgres.password"
    as_user "$(postgres_bin)/initdb" -D "$data" -U postgres -A scram-sha-256 --no-sync \
        --pwfile="$cache/postgres.password" --encoding=UTF8 --locale=C >"$cache/postgres-initdb.log" 2>&1 ||
        { cat "$cache/postgres-initdb.log" >&2; die 'initdb failed'; }
    rm -f "$cache/postgres.password"
    cat >"$data/pg_hba.conf" <<'HBA'
# The first line that fits decides.
host      all  md5_user     127.0.0.0/8  md5
host      all  clear_user   127.0.0.0/8  password
host      all  trust_user   127.0.0.0/8  trust
host      all  reject_user  127.0.0.0/8  reject
host      all  all          127.0.0.0/8  scram-sha-256
HBA
    touch "$data.complete"
}

# Users and databases, unless they are there; the password is the common one.
postgres_fill() {
    postgres_sql postgres -v password="$password" <<'SQL'
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_user') AS fresh \gset
\if :fresh
BEGIN;
CREATE ROLE app_user LOGIN PASSWORD :'password';
CREATE ROLE trust_user LOGIN;
CREATE ROLE clear_user LOGIN PASSWORD :'password';
CREATE ROLE reject_user LOGIN PASSWORD :'password';
CREATE ROLE nologin_user NOLOGIN PASSWORD :'password';
CREATE ROLE full_user LOGIN CONNECTION LIMIT 0 PASSWORD :'password';
SET LOCAL password_encryption = 'md5';
CREATE ROLE md5_user LOGIN PASSWORD :'password';
COMMIT;
\endif
SELECT 'CREATE DATABASE app_db OWNER app_user'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'app_db') \gexec
SELECT 'CREATE DATABASE locked_db'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'locked_db') \gexec
REVOKE CONNECT ON DATABASE locked_db FROM PUBLIC;
SQL
}

# Of its databases one is missing at the server, and one has no server.
postgres_pooler_prepare() {
    local place=$cache/postgres-pooler at="host=127.0.0.1 port=$postgres_port"
    mkdir -p -m 700 "$place"
    printf '"%s" "%s"\n' app_user "$password" >"$place/users"
    chmod 600 "$place/users"
    cat >"$place/pgbouncer.ini" <<INI
[databases]
app_db = $at dbname=app_db
dropped_db = $at dbname=dropped_db
away_db = host=127.0.0.1 port=1
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $postgres_pooler_port
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $place/users
pool_mode = transaction
server_connect_timeout = 1
server_login_retry = 0
query_wait_timeout = 1
client_tls_sslmode = allow
client_tls_cert_file = $tls/server.pem
client_tls_key_file = $tls/server.key
INI
}

postgres_start() {
    postgres_prepare
    postgres_pooler_prepare
    launch postgres-pooler pgbouncer "$cache/postgres-pooler/pgbouncer.ini"
    # fsync off: the data is made anew when it breaks. 127.0.0.2 is for tests of wrong TLS names.
    launch postgres "$(postgres_bin)/postgres" -D "$cache/postgres" -p "$postgres_port" \
        -c listen_addresses=127.0.0.1,127.0.0.2 -c unix_socket_directories= -c max_connections=200 \
        -c ssl=on -c "ssl_cert_file=$tls/server.pem" -c "ssl_key_file=$tls/server.key" \
        -c fsync=off -c full_page_writes=off -c shared_buffers=64MB -c log_connections=off
}

# The users are made in the wait loop: the first attempt that reaches the server makes them.
postgres_ready() {
    local port
    postgres_fill
    for port in "$postgres_port" "$postgres_pooler_port"; do
        PGPASSWORD=$password PGCONNECT_TIMEOUT=5 \
            psql -h 127.0.0.1 -p "$port" -U app_user -d app_db -qAtX -c 'SELECT 1' || return 1
    done
}

postgres_env() {
    local at=127.0.0.1:$postgres_port
    variable TEST_POSTGRES_URL "postgres://app_user:$password_in_url@$at/app_db"
    variable TEST_PGBOUNCER_URL "postgres://app_user:$password_in_url@127.0.0.1:$postgres_pooler_port/app_db"
    variable TEST_POSTGRES_ADMIN_URL "postgres://postgres:$password_in_url@$at/postgres"
}
