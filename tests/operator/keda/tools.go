//go:build tools

// Package tools pins the KEDA that the operator's trial with it runs.
package tools

import (
	_ "github.com/kedacore/keda/v2/cmd/adapter"
	_ "github.com/kedacore/keda/v2/cmd/operator"
)
