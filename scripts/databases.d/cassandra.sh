# Cassandra 5.0, one node on port 25540 (plain and TLS on one port). Sourced by scripts/databases.
# shellcheck shell=bash disable=SC2154

cassandra_port=25540

cassandra_install() {
    # Runs on Java 11 and 17.
    need java openjdk-17-jre-headless
    fetch_jars cassandra
    python_driver cassandra 'cassandra-driver>=3.29,<4'
}

cassandra_start() {
    local home=$cache/cassandra package opened=()
    mkdir -p "$home"
    openssl pkcs12 -export -in "$tls/server.pem" -inkey "$tls/server.key" -out "$home/server.p12" \
        -passout pass:tests-only
    sed -e "s|CACHE|$cache|; s|PORT0|$cassandra_port|; s|PORT1|$((cassandra_port + 1))|" \
        "$here/cassandra-server/cassandra.yaml" >"$home/cassandra.yaml"
    # What it reaches into on Java 17, by its own list.
    for package in java.base/jdk.internal.{misc,ref,loader,reflect,math,module,util.jar} \
        java.base/sun.nio.ch java.base/java.{io,nio,util,util.concurrent,util.concurrent.atomic} \
        java.base/java.{lang,lang.ref,lang.module,lang.reflect,math,net} java.sql/java.sql \
        java.rmi/sun.rmi.{registry,server} jdk.unsupported/sun.misc \
        java.management.rmi/com.sun.jmx.remote.internal.rmi \
        jdk.management/com.sun.management.internal; do
        opened+=("--add-opens=$package=ALL-UNNAMED" "--add-exports=$package=ALL-UNNAMED")
    done
    launch_java cassandra -Xmx512m -Djdk.attach.allowAttachSelf=true "${opened[@]}" \
        "-Dcassandra.config=file://$home/cassandra.yaml" "-Dcassandra.storagedir=$home/data" \
        "-Dlogback.configurationFile=$here/cassandra-server/logback.xml" \
        -Dcassandra.ring_delay_ms=100 -Dcassandra.skip_wait_for_gossip_to_settle=0 \
        -Dcassandra.superuser_setup_delay_ms=0 -cp "$cache/cassandra-jars/*" \
        org.apache.cassandra.service.CassandraDaemon
}

# Roles and keyspaces, unless they are there, with the common password. limited_user sees no
# keyspace; group_role may not log in.
cassandra_ready() {
    TEST_DATABASE_PASSWORD=$password "$cache/cassandra-client/bin/python" - "$cassandra_port" <<'PYTHON'
import os, sys
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster

def connect(user, password):
    return Cluster(["127.0.0.1"], port=int(sys.argv[1]), protocol_version=4,
                   auth_provider=PlainTextAuthProvider(user, password))

password = os.environ["TEST_DATABASE_PASSWORD"]
with connect("cassandra", "cassandra") as cluster:
    session = cluster.connect()
    for keyspace in ("app_db", '"Mixed"'):
        session.execute(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = "
                        "{'class': 'SimpleStrategy', 'replication_factor': 1}")
    for role, login in ("app_user", True), ("limited_user", True), ("group_role", False):
        session.execute(f"CREATE ROLE IF NOT EXISTS {role} WITH LOGIN = {login} "
                        "AND PASSWORD = %s", (password,))
    session.execute("GRANT ALL PERMISSIONS ON KEYSPACE app_db TO app_user")
with connect("app_user", password) as cluster:
    cluster.connect("app_db").execute("SELECT release_version FROM system.local")
PYTHON
}

cassandra_env() {
    variable TEST_CASSANDRA_URL "cassandra://app_user:$password_in_url@127.0.0.1:$cassandra_port/app_db"
    variable TEST_CASSANDRA_PYTHON "$cache/cassandra-client/bin/python"
}
