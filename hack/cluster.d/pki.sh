# shellcheck shell=bash
# The cluster's certificate authority, a certificate for each component, and kubeconfigs made of them. P-256 throughout.

new_key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

# issue NAME SUBJECT SAN: NAME.crt and NAME.key, for server and client.
issue() {
  openssl req "${new_key[@]}" -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out "$1.crt" \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$3") 2>/dev/null
  rm "$1.csr"
}

write_kubeconfig() {
  cat > "$1.kubeconfig" <<K
apiVersion: v1
kind: Config
clusters: [{name: $name, cluster: {server: "https://$node_ip:$api_port", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: $name, context: {cluster: $name, user: $1}}]
current-context: $name
K
}

# make_pki: all of it in STATE/pki, the administrator's kubeconfig as STATE/kubeconfig.
make_pki() (
  umask 077
  mkdir -p "$state/pki"
  cd "$state/pki"
  openssl req -x509 "${new_key[@]}" -keyout ca.key -out ca.crt -days 3650 -subj "/CN=$name-ca" 2>/dev/null
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out sa.key 2>/dev/null
  openssl pkey -in sa.key -pubout -out sa.pub
  issue apiserver /CN=kube-apiserver \
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:localhost,IP:127.0.0.1,IP:$kubernetes_ip,IP:$node_ip"
  issue admin /O=system:masters/CN=admin DNS:admin
  issue controller-manager /CN=system:kube-controller-manager DNS:controller-manager
  issue scheduler /CN=system:kube-scheduler DNS:scheduler
  issue proxy /CN=system:kube-proxy DNS:proxy
  issue coredns /CN=system:coredns DNS:coredns
  issue kubelet /O=system:nodes/CN=system:node:node1 "DNS:node1,IP:$node_ip"
  for user in admin controller-manager scheduler proxy coredns kubelet; do write_kubeconfig "$user"; done
  mv admin.kubeconfig ../kubeconfig
)
