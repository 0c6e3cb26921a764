# `make` alone lists what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help run test lint fmt bench databases databases-down rust

SERVER := cargo run --quiet --package datastore-api --bin datastore-api --

help: ## List the goals.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' Makefile

run: rust ## Build and start the server on its embedded database, under ./data.
	@cargo build --package datastore-api --bin datastore-api
	settings=$$($(SERVER) config check)
	setting() { sed -n "s/^$$1 = \"\(.*\)\"\$$/\1/p" <<<"$$settings" | head -n 1; }
	printf '\nWhen it listens, this works in another terminal:\n\n  %s\n\n' \
	    "curl -s -H \"Authorization: Bearer \$$(cat $$(setting data_dir)/admin-token)\" http://$$(setting bind)/api/v1/datastores/"
	exec $(SERVER) serve

test: rust ## Run all tests; starts the database servers they need, and stops those it started.
	@cache=$${DATASTORE_TEST_CACHE:-$$HOME/.cache/datastore-api-tests}
	[ -e "$$cache/env" ] || trap 'scripts/databases down' EXIT
	scripts/databases up
	eval "$$(scripts/databases env)"
	export REQUIRE_LIVE=1
	if cargo nextest --version >/dev/null 2>&1; then
	    cargo test --workspace --doc
	    cargo nextest run --workspace
	else
	    cargo test --workspace
	fi

lint: rust ## Check format, lints, dependencies and documentation.
	@cargo fmt --version >/dev/null 2>&1 ||
	    { echo 'cargo fmt is missing; install it with: rustup component add rustfmt' >&2; exit 1; }
	cargo clippy --version >/dev/null 2>&1 ||
	    { echo 'cargo clippy is missing; install it with: rustup component add clippy' >&2; exit 1; }
	cargo deny --version >/dev/null 2>&1 ||
	    { echo 'cargo deny is missing; install it with: cargo install --locked cargo-deny' >&2; exit 1; }
	set -x
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo fmt --manifest-path bench/Cargo.toml --check
	cargo clippy --locked --manifest-path bench/Cargo.toml -- -D warnings
	cargo deny check bans licenses sources
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

fmt: rust ## Format the code.
	@cargo fmt --all
	cargo fmt --manifest-path bench/Cargo.toml

bench: rust ## Compare the API with bare peers, and connection tests with the official drivers.
	@cache=$${DATASTORE_TEST_CACHE:-$$HOME/.cache/datastore-api-tests}
	[ -e "$$cache/env" ] || trap 'scripts/databases down' EXIT
	scripts/databases up
	eval "$$(scripts/databases env)"
	cargo bench --package datastore-api --bench throughput
	cargo run --locked --release --manifest-path bench/Cargo.toml

databases: ## Start the database servers that the tests need, and leave them running.
	@scripts/databases up
	echo 'To use them in this shell: eval "$$(scripts/databases env)"'

databases-down: ## Stop them.
	@scripts/databases down

rust:
	@command -v cargo >/dev/null ||
	    { echo 'cargo is missing; install Rust 1.90 or newer with rustup' >&2; exit 1; }
	command -v cc >/dev/null ||
	    { echo 'a C compiler is missing (SQLite is compiled in); on Debian install it with: apt-get install gcc libc6-dev' >&2; exit 1; }
