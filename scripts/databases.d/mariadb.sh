# MariaDB 10.11 of Debian on port 25500, with TLS in band, also on 127.0.0.2 where the name in its
# certificate is wrong; and one on 25503 that is told to check no login (skip_grant_tables), with a
# certificate of X.509 version 1, as servers made for themselves. Its command-line client is the tests' second opinion. Sourced by
# scripts/databases.
# shellcheck shell=bash disable=SC2154

mariadb_port=25500
mariadb_open_port=25503

mariadb_install() {
    { command -v mariadbd && command -v mariadb; } >/dev/null || install_packages mariadb-server
}

# Runs at every start, one statement a line. A backslash would be an escape in a string, and the
# common password holds none. What each user cannot do is in its name; busy_user may come once an
# hour.
mariadb_statements() {
    local user
    printf '%s\n' 'CREATE DATABASE IF NOT EXISTS app_db;' 'CREATE DATABASE IF NOT EXISTS locked_db;' \
        "ALTER USER root@localhost IDENTIFIED BY '$password';" \
        "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';" 'FLUSH PRIVILEGES;'
    for user in app_user admin_user tls_user locked_user expired_user busy_user; do
        echo "CREATE OR REPLACE USER $user@'%' IDENTIFIED BY '$password';"
    done
    printf '%s\n' "CREATE OR REPLACE USER nopass_user@'%';" \
        "CREATE OR REPLACE USER ed25519_user@'%' IDENTIFIED VIA ed25519 USING PASSWORD('$password');" \
        "CREATE OR REPLACE USER two_user@'%' IDENTIFIED VIA ed25519 USING PASSWORD('another') OR mysql_native_password USING PASSWORD('$password');" \
        "CREATE OR REPLACE USER socket_user@'%' IDENTIFIED VIA unix_socket;" \
        "CREATE OR REPLACE USER pam_user@'%' IDENTIFIED VIA pam;" \
        "CREATE OR REPLACE USER elsewhere_user@'192.0.2.1' IDENTIFIED BY '$password';" \
        "ALTER USER tls_user@'%' REQUIRE SSL;" \
        "ALTER USER locked_user@'%' ACCOUNT LOCK;" \
        "ALTER USER expired_user@'%' PASSWORD EXPIRE;" \
        "ALTER USER busy_user@'%' WITH MAX_CONNECTIONS_PER_HOUR 1;" \
        "GRANT ALL ON *.* TO admin_user@'%';"
    for user in app_user tls_user busy_user nopass_user ed25519_user two_user expired_user; do
        echo "GRANT ALL ON app_db.* TO $user@'%';"
    done
}

# mariadb_launch NAME PORT OPTION…: on data of its own, which is made anew when it breaks: nothing is
# flushed.
mariadb_launch() {
    local data=$cache/$1 name=$1 port=$2
    shift 2
    if [ ! -e "$data.complete" ]; then
        rm -rf "$data"
        mkdir -m 700 "$data"
        mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$data" \
            --auth-root-authentication-method=normal --skip-test-db >"$cache/mariadb-install.log" 2>&1 ||
            { tail -n 20 "$cache/mariadb-install.log" >&2; die 'mariadb-install-db failed'; }
        touch "$data.complete"
    fi
    launch "$name" mariadbd --no-defaults --datadir="$data" --user=root --port="$port" \
        --socket="$data/mariadb.sock" --skip-name-resolve \
        --innodb-flush-log-at-trx-commit=0 --innodb-buffer-pool-size=32M "$@"
}

mariadb_old_certificate() {
    local place=$cache/mariadb-tls
    [ ! -e "$place/complete" ] || return 0
    rm -rf "$place"
    mkdir -m 700 "$place"
    {
        openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$place/key" -out "$place/csr"
        # Without extensions it is of version 1.
        openssl x509 -req -in "$place/csr" -signkey "$place/key" -days 3650 -out "$place/pem"
    } >"$cache/openssl.log" 2>&1 || { cat "$cache/openssl.log" >&2; die 'openssl failed'; }
    touch "$place/complete"
}

mariadb_start() {
    mariadb_old_certificate
    mariadb_statements >"$cache/mariadb.sql"
    chmod 600 "$cache/mariadb.sql"
    mariadb_launch mariadb "$mariadb_port" --bind-address=127.0.0.1,127.0.0.2 \
        --init-file="$cache/mariadb.sql" --plugin-load-add=auth_ed25519 --plugin-load-add=auth_pam \
        --ssl-ca="$tls/ca.pem" --ssl-cert="$tls/server.pem" --ssl-key="$tls/server.key" \
        --max-connections=200 --max-connect-errors=1000000
    mariadb_launch mariadb-open "$mariadb_open_port" --bind-address=127.0.0.1 --skip-grant-tables \
        --ssl-cert="$cache/mariadb-tls/pem" --ssl-key="$cache/mariadb-tls/key"
}

# mariadb_query PORT DATABASE
mariadb_query() {
    MYSQL_PWD=$password mariadb --no-defaults --host=127.0.0.1 --port="$1" \
        --user=app_user --connect-timeout=5 --execute='SELECT 1' "$2"
}

mariadb_ready() { mariadb_query "$mariadb_port" app_db && mariadb_query "$mariadb_open_port" mysql; }

mariadb_env() {
    variable TEST_MARIADB_URL "mysql://app_user:$password_in_url@127.0.0.1:$mariadb_port/app_db"
    variable TEST_MARIADB_OPEN_URL "mysql://app_user:$password_in_url@127.0.0.1:$mariadb_open_port/mysql"
}
