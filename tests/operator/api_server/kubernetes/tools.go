//go:build tools

// Package tools pins the API server that the operator's tests run against.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
