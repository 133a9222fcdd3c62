# shellcheck shell=bash
# Which addresses a cluster has. They are chosen once, under a lock, and kept in STATE/address, which every script sources.
#
# A full cluster takes the first free slot S of 0..15:
#   link supernovaS   host 10.89.S.1, node 10.89.S.2   pods 10.244.(16 S).0/20   services 10.96.(16 S).0/20
# A control plane alone takes free loopback ports.

slot_taken() { ip link show "supernova$1" >/dev/null 2>&1 || grep -qsx "slot=$1" "$clusters"/*/address; }

choose_slot() {
  local slot
  for slot in {0..15}; do
    slot_taken "$slot" || { write_slot "$slot"; return; }
  done
  die "all 16 slots are taken" "end a cluster: hack/cluster down --name NAME (they are in $clusters)"
}

write_slot() {
  local third=$((16 * $1))
  cat > "$state/address" <<A
slot=$1
link=supernova$1
host_ip=10.89.$1.1
node_ip=10.89.$1.2
pod_subnet=10.244.$third.0/20
dns_ip=10.244.$third.1
service_subnet=10.96.$third.0/20
kubernetes_ip=10.96.$third.1
api_port=6443
etcd_port=2379
etcd_peer_port=2380
A
}

# Below the range that the kernel gives to clients, so that no outgoing connection takes a port before we listen.
port_free() {
  ! grep -qs "_port=$1\$" "$clusters"/*/address && ! (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

choose_port() {
  local port
  until port=$((20000 + RANDOM % 10000)) && port_free "$port"; do :; done
  echo "$1=$port" >> "$state/address"
}

choose_ports() {
  cat > "$state/address" <<A
node_ip=127.0.0.1
service_subnet=10.96.0.0/20
kubernetes_ip=10.96.0.1
A
  choose_port api_port
  choose_port etcd_port
  choose_port etcd_peer_port
}

choose_addresses() {
  if [ "$mode" = full ]; then choose_slot; else choose_ports; fi
}
