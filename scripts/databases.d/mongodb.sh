# FerretDB 1.24 on SQLite, which speaks MongoDB's protocol; MongoDB itself is not in any package
# registry. Two servers: one with users on port 25520 (TLS on 25521), one without access control on
# 25522 (TLS on 127.0.0.2:25521, where the certificate's name is wrong). Sourced by scripts/databases.
#
# FerretDB knows no roles: whoever logs in may do everything.
# shellcheck shell=bash disable=SC2154

mongodb_port=25520
mongodb_tls_port=25521
mongodb_open_port=25522
mongodb_module=github.com/FerretDB/FerretDB
mongodb_version=v1.24.0

mongodb_install() {
    [ -x "$cache/ferretdb" ] || mongodb_build
    python_driver mongodb 'pymongo>=4.10,<5'
}

mongodb_build() {
    local source=$cache/ferretdb-source module
    command -v go >/dev/null || install_packages golang-go
    say "building FerretDB $mongodb_version (a minute)"
    rm -rf "$source"
    {
        # Outside of any module of ours, so that only the version asked for counts.
        module=$(cd "$cache" && GOFLAGS=-mod=mod go mod download -json "$mongodb_module@$mongodb_version" |
            sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p') && [ -n "$module" ] &&
            cp -r "$module" "$source" && chmod -R u+w "$source" &&
            # Releases are built with this file; without it the program panics at its start.
            printf '%s\n' "$mongodb_version" >"$source/build/version/version.txt" &&
            (cd "$source" && GOFLAGS='-mod=mod -buildvcs=false' go build -o "$cache/ferretdb.new" ./cmd/ferretdb)
    } >"$cache/mongodb-build.log" 2>&1 ||
        { tail -n 20 "$cache/mongodb-build.log" >&2; die 'FerretDB was not built; it needs Go 1.22 or later'; }
    mv "$cache/ferretdb.new" "$cache/ferretdb"
    rm -rf "$source"
}

# mongodb_launch NAME ADDRESS TLS_ADDRESS [FLAG…]
mongodb_launch() {
    local name=$1 address=$2 tls_address=$3
    shift 3
    mkdir -p "$cache/$name"
    launch "$name" "$cache/ferretdb" --handler=sqlite --sqlite-url="file:$cache/$name/" \
        --state-dir="$cache/$name" --listen-addr="$address" --listen-tls="$tls_address" \
        --listen-tls-cert-file="$tls/server.pem" --listen-tls-key-file="$tls/server.key" \
        --debug-addr=- --telemetry=disable --log-level=error "$@"
}

mongodb_start() {
    # The name of a set is all that FerretDB has of one: hello names it and this one server.
    FERRETDB_SETUP_PASSWORD=$password mongodb_launch mongodb \
        "127.0.0.1:$mongodb_port" "127.0.0.1:$mongodb_tls_port" --repl-set-name=rs0 \
        --test-enable-new-auth --setup-username=app_user --setup-database=admin
    mongodb_launch mongodb-open "127.0.0.1:$mongodb_open_port" "127.0.0.2:$mongodb_tls_port"
}

# Users of one mechanism alone, and one whom another database knows; the password is the common one.
mongodb_ready() {
    TEST_DATABASE_PASSWORD=$password "$cache/mongodb-client/bin/python" - \
        "$mongodb_port" "$mongodb_open_port" <<'PYTHON'
import os, sys
import pymongo
from pymongo.errors import OperationFailure

ALREADY_EXISTS = 51003
password = os.environ["TEST_DATABASE_PASSWORD"]
options = {"directConnection": True, "serverSelectionTimeoutMS": 2000}
port, open_port = (int(argument) for argument in sys.argv[1:])
server = pymongo.MongoClient("127.0.0.1", port, username="app_user", password=password, **options)
for database, user, mechanisms in [
    ("admin", "sha1_user", ["SCRAM-SHA-1"]),
    ("admin", "sha256_user", ["SCRAM-SHA-256"]),
    ("app_db", "db_user", ["SCRAM-SHA-1", "SCRAM-SHA-256"]),
]:
    try:
        server[database].command("createUser", user, pwd=password, roles=[], mechanisms=mechanisms)
    except OperationFailure as error:
        if error.code != ALREADY_EXISTS:
            raise
server["app_db"].list_collection_names()
pymongo.MongoClient("127.0.0.1", open_port, **options)["app_db"].list_collection_names()
PYTHON
}

mongodb_env() {
    local login=app_user:$password_in_url
    variable TEST_MONGODB_URL "mongodb://$login@127.0.0.1:$mongodb_port/app_db?authSource=admin"
    variable TEST_MONGODB_TLS_URL "mongodb://$login@localhost:$mongodb_tls_port/app_db?authSource=admin&tls=true"
    variable TEST_MONGODB_OPEN_URL "mongodb://127.0.0.1:$mongodb_open_port/app_db"
    variable TEST_PYMONGO "$cache/mongodb-client/bin/python"
}
