#!/usr/bin/env bash
# Installs what is missing and runs every check of the project:
# format, lints, layering, unit, property, integration and documentation tests.
set -euo pipefail
cd "$(dirname "$0")/.."

need_cc() {
  command -v cc >/dev/null && return 0
  echo "installing a C compiler (SQLite is built from source)"
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq build-essential
  else
    echo "no C compiler found: install build-essential (Debian: apt-get install build-essential)" >&2
    exit 1
  fi
}

step() { printf '\n== %s\n' "$*"; "$@"; }

need_cc
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
step cargo fmt --all --check
step cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
step cargo check -p taskcast-actors --no-default-features --locked
step cargo test --workspace --all-features --locked
step env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
