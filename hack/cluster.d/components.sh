# shellcheck shell=bash
# How each component is started: run_NAME becomes it. Sourced by the node, in STATE, with its addresses read.

server=https://$node_ip:$api_port
pki=$state/pki

run_etcd() {
  local client=http://127.0.0.1:$etcd_port peer=http://127.0.0.1:$etcd_peer_port
  exec "$bin/etcd" --data-dir etcd --unsafe-no-fsync --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
}

run_apiserver() {
  local kubelet=(--kubelet-client-certificate "$pki/admin.crt" --kubelet-client-key "$pki/admin.key"
    --kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP --allow-privileged)
  local endpoint=(--advertise-address "$node_ip")
  # loopback is no endpoint of a Service
  if [ "$mode" = control-plane ]; then endpoint=(--bind-address 127.0.0.1 --endpoint-reconciler-type none); fi
  exec "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" --secure-port "$api_port" "${endpoint[@]}" \
    --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" --client-ca-file "$pki/ca.crt" \
    --service-cluster-ip-range "$service_subnet" --service-account-issuer https://kubernetes.default.svc \
    --service-account-key-file "$pki/sa.pub" --service-account-signing-key-file "$pki/sa.key" \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction "${kubelet[@]}" \
    --audit-policy-file "$here/audit-policy.yaml" --audit-log-path log/audit.log
}

# Its usual 20 requests a second would be all that many stacks at once measure.
run_controller-manager() {
  local config=$pki/controller-manager.kubeconfig
  exec "$bin/kube-controller-manager" --kubeconfig "$config" --authentication-kubeconfig "$config" \
    --authorization-kubeconfig "$config" --service-account-private-key-file "$pki/sa.key" --root-ca-file "$pki/ca.crt" \
    --use-service-account-credentials --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" \
    --leader-elect=false --kube-api-qps 500 --kube-api-burst 1000 --secure-port "$([ "$mode" = full ] && echo 10257 || echo 0)"
}

run_scheduler() {
  local config=$pki/scheduler.kubeconfig
  exec "$bin/kube-scheduler" --kubeconfig "$config" --authentication-kubeconfig "$config" \
    --authorization-kubeconfig "$config" --leader-elect=false
}

run_containerd() { exec containerd -c containerd.toml; }

run_kubelet() {
  exec "$bin/kubelet" --config kubelet.yaml --kubeconfig "$pki/kubelet.kubeconfig" --root-dir "$state/kubelet" \
    --hostname-override node1 --node-ip "$node_ip"
}

run_proxy() {
  exec "$bin/kube-proxy" --kubeconfig "$pki/proxy.kubeconfig" --proxy-mode iptables --cluster-cidr "$pod_subnet" \
    --hostname-override node1 --conntrack-max-per-core 0 --iptables-min-sync-period 100ms
}

run_coredns() { exec "$bin/coredns" -conf Corefile; }
