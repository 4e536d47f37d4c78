//go:build !race

package rekindle

const goroutines = 10_000
