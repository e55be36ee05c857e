#!/usr/bin/env bash
# Installs what is missing and runs every check of the project:
# format, lints, layering, unit, property, integration and documentation tests.
set -euo pipefail
cd "$(dirname "$0")/.."

# install PACKAGE WHAT: installs a Debian package, or says what is missing.
install() {
  echo "installing $1: $2"
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"
  else
    echo "$2 is missing: install it (Debian: apt-get install $1)" >&2
    exit 1
  fi
}

has_postgres() { command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }

step() { printf '\n== %s\n' "$*"; "$@"; }

command -v cc >/dev/null || install build-essential "a C compiler, which SQLite is built with"
command -v redis-server >/dev/null || install redis-server "a Redis server, which tests start and kill"
has_postgres || install postgresql "a PostgreSQL server, which tests start and kill"
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
step cargo fmt --all --check
step cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
step cargo check -p taskcast-actors --no-default-features --locked
step cargo check -p taskcast --lib --no-default-features --features client --locked
step cargo test --workspace --all-features --locked
step env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
