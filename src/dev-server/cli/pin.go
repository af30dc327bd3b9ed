//go:build pin

// Package pin names the Temporal CLI as a dependency, so that go.sum covers it
// and `go build` finds it. It is never compiled itself.
package pin

import _ "github.com/temporalio/cli/cmd/temporal"
