# shellcheck shell=bash
# What the scripts of hack/ share: progress, failures that say what to do, packages, the cache, locks.
#
#   source "$(dirname "$(realpath "$0")")/lib.sh"
#   step "Building the server"
#   logged "$cache_dir/log/server.log" cmake --build build/release
#
# Progress and failures go to standard error; standard output is left to what a script answers.
set -Eeuo pipefail
shopt -s inherit_errexit

script_name=$(basename "$0")
source_dir=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
cache_dir=${SUPERNOVA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/supernova}
mkdir -p "$cache_dir/log"

current_step=""

say() { echo "$*" >&2; }

# Of the outermost script: those that it calls go on counting from there.
export SUPERNOVA_BEGAN=${SUPERNOVA_BEGAN:-$EPOCHSECONDS}

# step TEXT: say what begins now, and when; a failure names it.
step() {
  current_step=$1
  printf '==> [%3d s] %s\n' $((EPOCHSECONDS - SUPERNOVA_BEGAN)) "$1" >&2
}

# die WHY [NEXT]: end with the step, the reason and what to do next.
die() {
  trap - ERR
  {
    echo
    echo "$script_name: failed${current_step:+ at \"$current_step\"}"
    echo "  why:  $1"
    if [ -n "${2:-}" ]; then echo "  next: $2"; fi
  } >&2
  exit 1
}

# Only the script itself speaks: a subshell's failure is its command's.
unforeseen() { (( BASH_SUBSHELL )) || die "line $2 of $(basename "$3"): \"$4\" ended with status $1"; }
trap 'unforeseen "$?" "$LINENO" "${BASH_SOURCE[0]}" "$BASH_COMMAND"' ERR

# help: print the comment at the head of the script, which is its manual.
help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

need_root() {
  [ "$(id -u)" = 0 ] || die "$1 needs root" "run it as root: sudo hack/$script_name …"
}

# watched LOG COMMAND…: run it with its output in LOG; every 10 s say how long and its last line. Its status is the command's.
watched() {
  local log=$1 pid status=0 began=$SECONDS
  shift
  mkdir -p "$(dirname "$log")"
  "$@" > "$log" 2>&1 < /dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    if (( SECONDS - began > 0 && (SECONDS - began) % 10 == 0 )); then
      printf '    … %d s: %.100s\n' $((SECONDS - began)) "$(tail -n 1 "$log" | tr -d '\r')" >&2
      sleep 1
    fi
    sleep 0.1
  done
  wait "$pid" || status=$?
  return "$status"
}

# logged LOG COMMAND…: the same, and end with the last 15 lines if it fails.
logged() {
  local status=0
  watched "$@" || status=$?
  if [ "$status" = 0 ]; then return; fi
  tail -n 15 "$1" | sed 's/^/    | /' >&2
  die "\"$(basename "$2") ${*:3:2}\" ended with status $status" "read the whole log: $1"
}

# wait_until SECONDS WHAT COMMAND…: try until it succeeds; the failure says what was waited for.
wait_until() {
  local limit=$1 what=$2 began=$SECONDS said=$SECONDS
  shift 2
  until "$@" >/dev/null 2>&1; do
    if (( SECONDS - began >= limit )); then return 1; fi
    if (( SECONDS - said >= 10 )); then said=$SECONDS; say "    … $((SECONDS - began)) s: waiting until $what"; fi
    sleep 0.1
  done
}

package_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# install_packages PACKAGE…: install with apt-get what is missing, and nothing if nothing is.
install_packages() {
  local missing=() package
  for package in "$@"; do package_installed "$package" || missing+=("$package"); done
  (( ${#missing[@]} )) || return 0
  need_root "installing ${missing[*]}"
  step "Installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  if [ -z "${apt_updated:-}" ]; then logged "$cache_dir/log/apt-update.log" apt-get -q update; apt_updated=yes; fi
  logged "$cache_dir/log/apt-install.log" apt-get -q install -y --no-install-recommends "${missing[@]}"
}

# install_for GROUP…: the packages that hack/packages lists for these.
install_for() {
  local group list=""
  for group in "$@"; do
    list+=" $(sed -n "s/^$group  *//p" "$source_dir/hack/packages" | grep .)" || die "hack/packages has no group \"$group\""
  done
  # shellcheck disable=SC2086
  install_packages $list
}

# need_go: Debian's own Go is too old for Kubernetes, so this one thing is not installed by us.
need_go() {
  local have
  PATH=$PATH:/usr/local/go/bin
  command -v go >/dev/null || die "Go is not installed; the cluster's programs need Go 1.25 or newer" \
    "install it from https://go.dev/dl/ into /usr/local/go, or put its bin folder on PATH"
  have=$(go env GOVERSION)
  printf '%s\n' go1.25 "$have" | sort -VC || die "$have is too old; the cluster's programs need Go 1.25 or newer" \
    "install a newer one from https://go.dev/dl/"
}

# hash_files FILE…: one short name for the contents of these files.
hash_files() { cat -- "$@" | sha256sum | cut -c 1-16; }

# with_lock NAME COMMAND…: one at a time on this machine, whoever asks.
with_lock() {
  local lock=$cache_dir/$1.lock fd
  shift
  exec {fd}> "$lock"
  if ! flock -n "$fd"; then say "    … another one is at work; waiting for it"; flock "$fd"; fi
  "$@" {fd}>&-
  exec {fd}>&-
}
