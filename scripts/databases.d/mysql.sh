# A MySQL server that is not MariaDB, on port 25501 (TLS in band) and, without TLS, on 25502: Dolt's
# engine, built from scripts/mysql-server, since MySQL's own server is in no package registry.
# Sourced by scripts/databases.
# shellcheck shell=bash disable=SC2154

mysql_port=25501
mysql_plain_port=25502

# Built anew when its source changed.
mysql_install() {
    local source=$here/mysql-server built
    built=$(cat "$source"/* | sha256sum)
    [ "$(cat "$cache/mysql-server.source" 2>/dev/null)" != "$built" ] || return 0
    command -v go >/dev/null || install_packages golang-go
    say 'building the MySQL server (a minute)'
    (cd "$source" && GOFLAGS=-buildvcs=false go build -o "$cache/mysql-server.new" .) \
        >"$cache/mysql-build.log" 2>&1 ||
        { tail -n 20 "$cache/mysql-build.log" >&2; die 'the MySQL server was not built; it needs Go 1.23 or later'; }
    mv "$cache/mysql-server.new" "$cache/mysql-server"
    printf '%s\n' "$built" >"$cache/mysql-server.source"
}

mysql_start() {
    TEST_DATABASE_PASSWORD=$password launch mysql "$cache/mysql-server" "127.0.0.1:$mysql_port" \
        "$tls/server.pem" "$tls/server.key" "127.0.0.1:$mysql_plain_port"
}

# mysql_query PORT USER: with the client that comes with MariaDB.
mysql_query() {
    MYSQL_PWD=$password mariadb --no-defaults --host=127.0.0.1 --port="$1" --user="$2" \
        --connect-timeout=5 --execute='SELECT 1' app_db
}

mysql_ready() { mysql_query "$mysql_port" native_user && mysql_query "$mysql_plain_port" native_user; }

mysql_env() {
    variable TEST_MYSQL_URL "mysql://app_user:$password_in_url@127.0.0.1:$mysql_port/app_db"
    variable TEST_MYSQL_PLAIN_URL "mysql://native_user:$password_in_url@127.0.0.1:$mysql_plain_port/app_db"
}
