//go:build !linux

package rekindle

import "time"

func bootTime() (time.Duration, bool) { return 0, false }

func bootID() string { return "" }
