# shellcheck shell=bash
# The node's side of the network, in its own namespaces. Waits for the host's end of the cable: a line on standard input.
read -r _
ip link set lo up
ip addr add "$node_ip/24" dev eth0
ip link set eth0 up
ip route add default via "$host_ip"
ip link add cni0 type bridge
ip addr add "$dns_ip/20" dev cni0
ip link set cni0 up
# /proc is new to this namespace and may be read-only in a container; forwarding is on there already
sysctl -qw net.ipv4.ip_forward=1 || true
hostname node1 || true
mount -t tmpfs tmpfs /run
