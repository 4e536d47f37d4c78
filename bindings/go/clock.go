package rekindle

import (
	"math"
	"sync/atomic"
	"time"
)

// Both clocks, in milliseconds.
type clock interface {
	// A monotonic clock, and the wall clock.
	now() (mono, wall float64)
	// Calls back in a goroutine of its own once mono has been reached; gives what calls it off.
	at(mono float64, call func()) (cancel func())
	// Names the beginning of mono, where other processes share it; else empty.
	boot() string
}

// Boot time, suspension included, where the system tells it; else Go's monotonic clock. Asking the system for boot time costs more
// than everything else that a valid token does, so it is asked again once a second, and once the wall clock has run ahead: a
// suspended machine's does.
type systemClock struct {
	// What boot time is ahead of Go's clock, as it was last read.
	ahead atomic.Pointer[reading]
}

type reading struct {
	ahead time.Duration
	// Go's clock and the wall clock at that moment.
	mono time.Duration
	wall time.Duration
}

// Go's clock counts from here.
var began = time.Now()

const (
	readAgainAfter = time.Second
	// A wall clock that is set by so little matters to no token.
	readAgainBeyond = 100 * time.Millisecond
)

func (c *systemClock) now() (float64, float64) {
	now := time.Now()
	mono, wall := now.Sub(began), time.Duration(now.UnixNano())
	known := c.ahead.Load()
	if known == nil || mono-known.mono > readAgainAfter || apart(wall-known.wall, mono-known.mono) > readAgainBeyond {
		known = &reading{ahead: 0, mono: mono, wall: wall}
		if since, ok := bootTime(); ok {
			known.ahead = since - mono
		}
		c.ahead.Store(known)
	}
	return float64(mono+known.ahead) / float64(time.Millisecond), float64(wall) / float64(time.Millisecond)
}

func apart(one, other time.Duration) time.Duration { return max(one-other, other-one) }

func (c *systemClock) boot() string {
	if _, ok := bootTime(); !ok {
		return ""
	}
	return bootID()
}

func (c *systemClock) at(mono float64, call func()) func() {
	now, _ := c.now()
	// Never a moment too soon, and nothing that overflows.
	left := math.Min(math.Max(0, math.Ceil(mono-now)), 1e9)
	timer := time.AfterFunc(time.Duration(left)*time.Millisecond, call)
	return func() { timer.Stop() }
}
