//go:build tools

// What the CustomResourceDefinitions of the prometheus-operator are made from and with.
package tools

import (
	_ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	_ "sigs.k8s.io/controller-tools/cmd/controller-gen"
)
