# shellcheck shell=bash
# The files that containerd, CNI, kubelet and CoreDNS are configured by, written into STATE.

# overlayfs does not stack on every file system that a state folder may lie on; copying always works.
choose_snapshotter() {
  local try
  try=$(mktemp -d -p "$state")
  mkdir "$try"/{lower,upper,work,merged}
  if mount -t overlay overlay -o "lowerdir=$try/lower,upperdir=$try/upper,workdir=$try/work" "$try/merged" 2>/dev/null; then
    umount "$try/merged"
    echo overlayfs
  else
    echo native
  fi
  rm -rf "$try"
}

snapshotter=$(choose_snapshotter)
echo "$snapshotter" > snapshotter
printf 'nameserver 127.0.0.1\n' > resolv.conf
mkdir -p cni

cat > cni/10-supernova.conflist <<C
{"cniVersion": "0.4.0", "name": "supernova", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam", "ranges": [[{"subnet": "$pod_subnet"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
C

cat > containerd.toml <<C
version = 2
root = "$state/containerd"
state = "/run/containerd"
[grpc]
  address = "$state/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$snapshotter"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$state/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$state/certs.d"
C

# kubelet refuses cgroups v1 unless told; on v2 the setting means nothing, so it is written only where it does.
cgroups_v1=$([ -e /sys/fs/cgroup/cgroup.controllers ] || echo "failCgroupV1: false")
cat > kubelet.yaml <<C
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
$cgroups_v1
containerRuntimeEndpoint: unix://$state/containerd.sock
tlsCertFile: $pki/kubelet.crt
tlsPrivateKeyFile: $pki/kubelet.key
clusterDNS: [$dns_ip]
clusterDomain: cluster.local
failSwapOn: false
resolvConf: $state/resolv.conf
syncFrequency: 2s
configMapAndSecretChangeDetectionStrategy: Watch
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
maxPods: 250
podLogsDir: $state/pods-log
C

cat > Corefile <<C
.:53 {
  bind $dns_ip
  errors
  ready $dns_ip:8181
  kubernetes cluster.local in-addr.arpa {
    endpoint $server
    kubeconfig $pki/coredns.kubeconfig
    pods insecure
    ttl 5
  }
  cache 5
}
C
