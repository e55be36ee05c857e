#!/usr/bin/env bash
# Records docs/first-minute.svg: three terminals in tmux, drawn by termtosvg (https://pypi.org/project/termtosvg/).
# usage: docs/first-minute.sh [taskcast program]      needs tmux and termtosvg
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export PATH="$(dirname "$(realpath "${1:-target/release/taskcast}")"):$PATH" TASKCAST_CONFIG_DIR
TASKCAST_CONFIG_DIR=$(mktemp -d)
work=/tmp/hello
rm -rf "$work"
mkdir -p "$work/src"
printf '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2024"\n[dependencies]\nserde_json = "1"\nanyhow = "1"\n' >"$work/Cargo.toml"
printf 'fn main() { println!("{}", serde_json::json!({"lost": "nothing"})); }\n' >"$work/src/main.rs"
(cd "$work" && cargo fetch --quiet)
cd "$work"
taskcast start --storage memory 2>server.log &
server=$!
trap 'kill $server; tmux -L first-minute kill-server 2>/dev/null; rm -rf "$work" "$TASKCAST_CONFIG_DIR"' EXIT
until taskcast ping >/dev/null 2>&1; do sleep 0.1; done

tmux="tmux -L first-minute"
type_in() { # PANE TEXT: as somebody types it
  local pane=$1 text=$2 at
  for ((at = 0; at < ${#text}; at++)); do
    $tmux send-keys -t "$pane" -l -- "${text:at:1}"
    sleep 0.02
  done
  $tmux send-keys -t "$pane" Enter
}
play() {
  until $tmux has-session 2>/dev/null; do sleep 0.1; done
  sleep 1.5
  type_in 0 'taskcast run --id build -- cargo build'
  sleep 1.2
  type_in 1 'taskcast logs build'
  sleep 2.5
  $tmux send-keys -t 1 C-c
  sleep 1.2
  type_in 2 'taskcast logs build   # late'
  sleep 1.5
  # What it said to go on with.
  again=$($tmux capture-pane -pJ -t 1 | grep -o 'taskcast logs build --since [0-9A-Z]*' | tail -n 1)
  type_in 1 "$again"
  while kill -0 "$(pgrep -f 'taskcast run --id build' | head -n 1)" 2>/dev/null; do sleep 0.2; done
  sleep 4
  $tmux kill-server
}
cat >tmux.conf <<'CONF'
set -g status off
set -g default-command "env PS1='$ ' bash --norc --noprofile"
set -g pane-border-style fg=colour240
set -g pane-active-border-style fg=colour240
CONF
play &
termtosvg -g 110x30 -M 700 -t gjm8 first-minute.svg -c \
  "$tmux -f tmux.conf new-session \; split-window -v -l 60% \; split-window -h \; select-pane -t 0"
wait %2 2>/dev/null || true
cp first-minute.svg "$root/docs/first-minute.svg"
