#!/usr/bin/env bash
# Runs all tests with counters in every line and prints how many lines of the engine and of everything they reach.
# The program that tests start is counted as well, also where a test kills it: counters live in a mapped file
# (https://clang.llvm.org/docs/SourceBasedCodeCoverage.html#running-the-instrumented-program, "%c").
# usage: tests/coverage.sh [FILTER…]    with COVERAGE_SHOW=lines the lines that no test reaches are listed as well
set -euo pipefail
cd "$(dirname "$0")/.."

rustup component add llvm-tools >/dev/null 2>&1 || true
tools=$(rustc --print target-libdir)/../bin
if [ ! -x "$tools/llvm-cov" ]; then
  echo "the tools of this compiler are missing: rustup component add llvm-tools" >&2
  exit 1
fi

export CARGO_TARGET_DIR=${COVERAGE_TARGET_DIR:-$PWD/target/coverage} CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never
profiles=$CARGO_TARGET_DIR/profiles
rm -rf "$profiles"
mkdir -p "$profiles"

# Only the crates of the workspace are counted, so only they are compiled anew.
wrapper=$CARGO_TARGET_DIR/counted-rustc
printf '#!/bin/sh\nexec "$@" -C instrument-coverage -C llvm-args=-runtime-counter-relocation\n' >"$wrapper"
chmod +x "$wrapper"
export RUSTC_WORKSPACE_WRAPPER=$wrapper LLVM_PROFILE_FILE="$profiles/%8m%c.profraw"

cargo test --workspace --all-features --lib --bins --tests --no-fail-fast -- "$@" || failed=$?

objects=$(cargo test --workspace --all-features --lib --bins --tests --no-run --message-format=json 2>/dev/null |
  grep -o '"executable":"[^"]*"' | cut -d'"' -f4 | sort -u | sed 's/^/--object=/')
"$tools/llvm-profdata" merge --sparse --failure-mode=all "$profiles"/*.profraw -o "$profiles/all.profdata"

# A line counts if it is compiled into the program or the engine: tests within the sources and what they are made of do not.
# shellcheck disable=SC2086 # one object a word
"$tools/llvm-cov" export --format=lcov --instr-profile="$profiles/all.profdata" $objects |
  awk -v root="$PWD/" -v show="${COVERAGE_SHOW:-}" '
    function counts(path) { return path ~ /^(actors\/)?src\// && path !~ /\/(tests|testing|properties)\// }
    /^SF:/ {
      path = substr($0, 4)
      sub(root, "", path)
      end = counts(path) ? 1e9 : 0
      before = ""
      for (line = 1; end && (getline text < path) > 0; line++) {
        if (before == "#[cfg(test)]" && text ~ /^mod tests/) { end = line; break }
        before = text
      }
      close(path)
    }
    /^DA:/ {
      split(substr($0, 4), at, ",")
      if (at[1] + 0 < end) {
        hit[path, at[1]] += at[2]
        known[path, at[1]] = 1
      }
    }
    END {
      for (key in known) {
        split(key, at, SUBSEP)
        crate = at[1] ~ /^actors\// ? "engine" : "service"
        all[crate]++
        reached[crate] += hit[key] > 0
        if (show == "lines" && !hit[key]) print at[1] ":" at[2] | "sort -t: -k1,1 -k2,2n"
      }
      close("sort -t: -k1,1 -k2,2n")
      printf "engine      %6d of %6d lines  %.1f %%\n", reached["engine"], all["engine"], 100 * reached["engine"] / all["engine"]
      both = all["engine"] + all["service"]
      hits = reached["engine"] + reached["service"]
      printf "everything  %6d of %6d lines  %.1f %%\n", hits, both, 100 * hits / both
    }'
exit "${failed:-0}"
