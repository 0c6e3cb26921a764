# Redis 7 of Debian, two servers: one with passwords and users on port 26479 (TLS on 26480), one
# without on 26481. Sourced by scripts/databases.
# shellcheck shell=bash disable=SC2154

redis_port=26479
redis_tls_port=26480
redis_open_port=26481

redis_install() {
    command -v redis-server >/dev/null || install_packages redis-server
}

redis_start() {
    local quoted=${password//\\/\\\\}
    quoted=${quoted//\"/\\\"}
    mkdir -p "$cache/redis" "$cache/redis-open"
    # quiet_user may do nothing but read keys; no_info_user all but INFO and friends.
    cat >"$cache/redis/redis.conf" <<CONF
bind 127.0.0.1 127.0.0.2
port $redis_port
tls-port $redis_tls_port
tls-cert-file $tls/server.pem
tls-key-file $tls/server.key
tls-ca-cert-file $tls/ca.pem
tls-auth-clients no
dir $cache/redis
save ""
requirepass "$quoted"
user app_user on ">$quoted" ~* &* +@all
user quiet_user on ">$quoted" ~* +get
user no_info_user on ">$quoted" ~* +ping +select
user nopass_user on nopass ~* +@all
user off_user off ">$quoted" ~* +@all
CONF
    chmod 600 "$cache/redis/redis.conf"
    cat >"$cache/redis-open/redis.conf" <<CONF
bind 127.0.0.1
port $redis_open_port
dir $cache/redis-open
save ""
CONF
    launch redis redis-server "$cache/redis/redis.conf"
    launch redis-open redis-server "$cache/redis-open/redis.conf"
}

redis_ready() {
    local pong
    pong=$(REDISCLI_AUTH=$password redis-cli -h 127.0.0.1 -p "$redis_port" --user app_user ping)
    [ "$pong" = PONG ] && [ "$(redis-cli -h 127.0.0.1 -p "$redis_open_port" ping)" = PONG ]
}

redis_env() {
    variable TEST_REDIS_URL "redis://app_user:$password_in_url@127.0.0.1:$redis_port/0"
    variable TEST_REDIS_TLS_URL "rediss://app_user:$password_in_url@localhost:$redis_tls_port/0"
    variable TEST_REDIS_OPEN_URL "redis://127.0.0.1:$redis_open_port/0"
}
