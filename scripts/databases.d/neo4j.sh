# Neo4j 5.26 Community, two servers: one with users on port 25560 (plain and TLS on one port), one
# without authentication on 25561. Sourced by scripts/databases.
#
# Community has no roles: whoever logs in may do everything. Of databases it has `system` and one
# more; that one is app-db here, since names of databases hold no underscore.
# shellcheck shell=bash disable=SC2154

neo4j_port=25560
neo4j_open_port=25561

neo4j_install() {
    # Runs on Java 17 and 21.
    need java openjdk-17-jre-headless
    fetch_jars neo4j
    python_driver neo4j 'neo4j>=5.28,<7'
}

# neo4j_home HOME LINE…: a home folder whose configuration ends in LINEs.
neo4j_home() {
    local home=$1
    shift
    mkdir -p "$home/conf"
    # Bolt is the only protocol, on loopback only, nothing is reported to the vendor, and the server
    # ends at once: there is nobody to wait for.
    printf '%s\n' server.default_listen_address=127.0.0.1 server.http.enabled=false \
        server.https.enabled=false initial.dbms.default_database=app-db \
        dbms.usage_report.enabled=false internal.server.bolt.connection_shutdown_wait_time=0s \
        internal.server.bolt.thread_pool_shutdown_wait_time=0s "$@" >"$home/conf/neo4j.conf"
}

# The initial password counts only until the first start; data without it are no use.
neo4j_prepare() {
    local home=$cache/neo4j certificates=$cache/neo4j/certificates/bolt
    # Attempts: enough for tests that log in wrongly beside each other, few enough to see the lock.
    neo4j_home "$home" "server.bolt.listen_address=127.0.0.1:$neo4j_port" \
        "server.bolt.additional_listen_addresses=127.0.0.2:$neo4j_port" \
        server.bolt.tls_level=OPTIONAL dbms.ssl.policy.bolt.enabled=true \
        dbms.ssl.policy.bolt.base_directory=certificates/bolt \
        dbms.ssl.policy.bolt.client_auth=NONE server.memory.pagecache.size=64m \
        dbms.security.auth_max_failed_attempts=20
    mkdir -p "$certificates/trusted" "$certificates/revoked"
    cp "$tls/server.key" "$certificates/private.key"
    cp "$tls/server.pem" "$certificates/public.crt"
    [ ! -e "$cache/neo4j.complete" ] || return 0
    rm -rf "$home/data"
    NEO4J_HOME=$home java -cp "$cache/neo4j-jars/*" org.neo4j.cli.AdminTool \
        dbms set-initial-password -- "$password" >"$cache/neo4j-password.log" 2>&1 ||
        { tail -n 20 "$cache/neo4j-password.log" >&2; die 'the password of Neo4j was not set'; }
    touch "$cache/neo4j.complete"
}

# neo4j_launch NAME HEAP
neo4j_launch() {
    launch_java "$1" "-Xmx$2" --add-opens=java.base/java.nio=ALL-UNNAMED \
        --add-opens=java.base/java.io=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED \
        -cp "$cache/neo4j-jars/*" \
        org.neo4j.server.CommunityEntryPoint --home-dir="$cache/$1" --config-dir="$cache/$1/conf"
}

neo4j_start() {
    neo4j_prepare
    neo4j_home "$cache/neo4j-open" "server.bolt.listen_address=127.0.0.1:$neo4j_open_port" \
        dbms.security.auth_enabled=false server.memory.pagecache.size=8m
    neo4j_launch neo4j 512m
    neo4j_launch neo4j-open 256m
}

# Users, unless they are there, with the common password; expired_user has to change it.
neo4j_ready() {
    TEST_DATABASE_PASSWORD=$password "$cache/neo4j-client/bin/python" - \
        "$neo4j_port" "$neo4j_open_port" <<'PYTHON'
import os, sys
import neo4j

password = os.environ["TEST_DATABASE_PASSWORD"]
port, open_port = sys.argv[1:]

def ask(port, login, database, *statements):
    with neo4j.GraphDatabase.driver(f"bolt://127.0.0.1:{port}", auth=login) as driver:
        with driver.session(database=database) as session:
            for statement in statements:
                session.run(statement, password=password).consume()

create = "CREATE USER %s IF NOT EXISTS SET PASSWORD $password CHANGE %s"
ask(port, ("neo4j", password), "system", create % ("app_user", "NOT REQUIRED"),
    create % ("limited_user", "NOT REQUIRED"), create % ("expired_user", "REQUIRED"))
ask(port, ("app_user", password), "app-db", "RETURN 1")
ask(open_port, None, "app-db", "RETURN 1")
PYTHON
}

neo4j_env() {
    variable TEST_NEO4J_URL "bolt://app_user:$password_in_url@127.0.0.1:$neo4j_port/app-db"
    variable TEST_NEO4J_OPEN_URL "bolt://127.0.0.1:$neo4j_open_port/app-db"
    variable TEST_NEO4J_PYTHON "$cache/neo4j-client/bin/python"
}
