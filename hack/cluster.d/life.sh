# shellcheck shell=bash
# What hack/cluster does with a cluster whose STATE, NAME and mode are known: start it, look at it, disturb it, end it.
#
# STATE holds: pid (of the node's process), address, settings, kubeconfig, pki/, log/, run/NAME.pid, and the components' data.

running() { grep -qsz -x -F "$state" "/proc/$(cat "$state/pid" 2>/dev/null || echo none)/cmdline"; }

need_running() {
  running || die "no cluster named \"$name\" runs" "start it: hack/cluster up --name $name"
  read_state
}

read_state() { source "$state/address"; source "$state/settings"; }

kube() { "$bin/kubectl" --kubeconfig "$state/kubeconfig" --request-timeout 5s "$@"; }

# The node's process 1 as the host sees it. unshare ignores SIGTERM, so it is this one that is ended.
node_process() { pgrep -P "$(cat "$state/pid")"; }

in_node() {
  if [ "$mode" = full ]; then nsenter --target "$(node_process)" --mount --pid "$@"; else "$@"; fi
}

components() {
  echo etcd apiserver
  if [ "$mode" = full ]; then echo containerd; fi
  if [ "$controllers" = yes ]; then echo controller-manager; fi
  if [ "$mode" = full ]; then echo scheduler kubelet proxy coredns; fi
}

# --- up

cluster_up() {
  if running; then read_state; announce "is running already"; return; fi
  if [ "$mode" = full ]; then need_root "a full cluster"; install_for cluster node; fi
  command -v openssl >/dev/null || die "openssl is missing" "apt-get install openssl"
  bin=$("$here/cluster-tools/build")
  if [ "$mode" = full ]; then pause_image=$("$here/images" pause); fi
  if [ -d "$state" ]; then remove_remains; fi
  step "Starting cluster \"$name\""
  mkdir -p "$state/log"
  with_lock cluster-addresses choose_addresses
  declare -p bin mode controllers | sed 's/^declare -[^ ]* //' > "$state/settings"
  echo "cluster=$name" >> "$state/settings"
  read_state
  make_pki
  if [ "$mode" = full ]; then launch_node; else launch_control_plane; fi
  await "its API server answers" api_ready
  if [ "$mode" = full ]; then furnish; fi
  if [ "$controllers" = yes ]; then await "the default service account is made" account_ready; fi
  announce "is ready"
}

announce() {
  say "cluster \"$name\" $1; to use it: export KUBECONFIG=$state/kubeconfig PATH=$bin:\$PATH"
  echo "$state/kubeconfig"
}

# await WHAT COMMAND…: for as long as a busy machine may need, or fail with the log of whatever was ending all the while.
await() {
  wait_until 240 "$@" && running && return
  tail -n 5 "$state/log/node.log" | sed 's/^/    | /' >&2
  die "waited 240 s until $1" "read the logs in $state/log, then end it: hack/cluster down --name $name"
}

api_ready() { running && kube get --raw /readyz; }
node_ready() { [ "$(kube get node node1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }
dns_ready() { curl -sf "http://$dns_ip:8181/ready"; }
account_ready() { kube -n default get serviceaccount default; }
containerd_ready() { containers version; }

launch_control_plane() {
  setsid "$here/cluster.d/node" "$state" > "$state/log/node.log" 2>&1 < /dev/null &
  echo $! > "$state/pid"
}

launch_node() {
  mkfifo "$state/cable"
  setsid unshare --net --pid --mount --uts --fork --kill-child --mount-proc "$here/cluster.d/node" "$state" \
    > "$state/log/node.log" 2>&1 < "$state/cable" &
  echo $! > "$state/pid"
  exec 3> "$state/cable"
  wait_until 10 "the node has a network of its own" own_network || die "unshare made no network namespace" "see $state/log/node.log"
  ip link add "$link" type veth peer name eth0 netns "$(node_process)"
  ip addr add "$host_ip/24" dev "$link"
  ip link set "$link" up
  ip route replace "$pod_subnet" via "$node_ip"
  ip route replace "$service_subnet" via "$node_ip"
  echo connected >&3
  exec 3>&-
}

# The child has its namespace a moment after the fork, not with it.
own_network() {
  local child
  child=$(node_process) && [ "$(readlink "/proc/$child/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

furnish() {
  await "containerd answers" containerd_ready
  import_image "$pause_image"
  kube apply --server-side -f "$here/cluster.d/rbac.yaml" > "$state/log/rbac.log"
  await "its node is Ready" node_ready
  await "DNS answers" dns_ready
}

# --- images

containers() { ctr --address "$state/containerd.sock" --namespace k8s.io "$@"; }
import_image() { containers images import --snapshotter "$(cat "$state/snapshotter")" "$1" > "$state/log/import.log" 2>&1; }

cluster_load() {
  (( $# )) || die "load needs an image file" "hack/images makes them"
  local image
  for image in "$@"; do
    [ -r "$image" ] || die "$image cannot be read" "hack/images makes image files and prints where they are"
    import_image "$image" || die "containerd did not take $image: $(tail -n 1 "$state/log/import.log")"
  done
}

# cluster_tag IMAGE NEW: a second name for an image that the node has.
cluster_tag() {
  (( $# == 2 )) || die "tag needs an image's name and its second name"
  containers images tag --force "$1" "$2" > /dev/null
}

# --- components

need_component() {
  [[ " $(components | tr '\n' ' ')" == *" ${1:-none} "* ]] || die "\"${1:-}\" is no component of this cluster" \
    "take one of: $(components | tr '\n' ' ')"
}

component_process() { cat "$state/run/$1.pid" 2>/dev/null; }

component_signal() {
  need_component "${2:-}"
  in_node kill -s "$1" "$(component_process "$2")"
}

component_changed() { [ "$(component_process "$1")" != "$2" ]; }

# A frozen one must be woken to take note of its end; one that takes more than 5 s (the API server waits for its
# clients' watches) is not asked again.
component_restart() {
  need_component "${1:-}"
  local old
  old=$(component_process "$1")
  in_node kill -s TERM "$old" 2>/dev/null || true
  in_node kill -s CONT "$old" 2>/dev/null || true
  if ! wait_until 5 "$1 has ended" component_changed "$1" "$old"; then
    in_node kill -s KILL "$old" 2>/dev/null || true
    await "$1 is started again" component_changed "$1" "$old"
  fi
  if [ "$1" = apiserver ] || [ "$1" = etcd ]; then await "the API server answers" api_ready; fi
}

component_log() {
  [ -d "$state/log" ] || die "there is no cluster named \"$name\"" "start it: hack/cluster up --name $name"
  [ -n "${1:-}" ] && [ -r "$state/log/$1.log" ] || die "\"${1:-}\" has no log" \
    "take one of: $(cd "$state/log" && echo *.log | sed 's/\.log//g')"
  cat "$state/log/$1.log"
}

# The state letter of proc(5): T is stopped.
component_state() {
  local letter
  letter=$(in_node cat "/proc/$(component_process "$1")/stat" 2>/dev/null | sed 's/.*) //; s/ .*//') || true
  case $letter in "" | Z) echo ended ;; T) echo paused ;; *) echo running ;; esac
}

cluster_status() {
  running || { echo "cluster \"$name\" does not run"; exit 1; }
  read_state
  local component condition worst=0
  echo "cluster    $name ($mode) at https://$node_ip:$api_port"
  echo "kubeconfig $state/kubeconfig"
  echo "programs   $bin"
  if [ "$mode" = full ]; then echo "network    link $link, node $node_ip, pods $pod_subnet, services $service_subnet"; fi
  for component in $(components); do
    condition=$(component_state "$component")
    printf '%-19s %s\n' "$component" "$condition"
    [ "$condition" = running ] || worst=1
  done
  api_ready > /dev/null 2>&1 || { echo "the API server does not answer"; worst=1; }
  exit "$worst"
}

# --- down

cluster_down() {
  [ -d "$state" ] || { say "there is no cluster named \"$name\""; return; }
  remove_remains
  say "cluster \"$name\" is gone"
}

ended() { ! running; }
link_gone() { ! ip link show "$link"; }

# remove_remains: end it if it runs, and remove whatever of it is there: half of one too.
remove_remains() {
  mode=control-plane link=none
  for file in address settings; do if [ -r "$state/$file" ]; then source "$state/$file"; fi; done
  if [ "$mode" = full ]; then need_root "ending a full cluster"; fi
  if running; then
    if [ "$mode" = full ]; then kill -KILL "$(node_process)"; else kill -KILL -- "-$(cat "$state/pid")"; fi
    wait_until 20 "its processes end" ended || die "process $(cat "$state/pid") does not end"
  fi
  if [ "$mode" = full ]; then
    # it goes with the node's network too, and that may be at this very moment
    ip link del "$link" 2>/dev/null || wait_until 5 "$link is gone" link_gone || die "the link $link cannot be removed" "try: ip link del $link"
    remove_cgroups
  fi
  rm -rf --one-file-system "$state"
}

# containerd puts every cluster's pods into cgroups under k8s.io. One that holds a process cannot be removed, so that only
# ours go while another cluster runs.
remove_cgroups() {
  local root
  for root in /sys/fs/cgroup/k8s.io /sys/fs/cgroup/*/k8s.io; do
    if [ -d "$root" ]; then find "$root" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
  done
}
