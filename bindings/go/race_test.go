//go:build race

package rekindle

// The race detector watches 8,128 at most; `cargo xtask test go` runs the test of ten thousand without it, too.
const goroutines = 5_000
