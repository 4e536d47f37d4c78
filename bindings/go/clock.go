package rekindle

import (
	"math"
	"sync/atomic"
	"time"
)

// The monotonic clock and the wall clock, in milliseconds.
type clock interface {
	// Returns the monotonic time and the wall time.
	now() (mono, wall float64)
	// Calls back in a new goroutine once mono has been reached. cancel stops the timer.
	at(mono float64, call func()) (cancel func())
	// Identifies the boot that mono counts from, if other processes share that clock; else empty.
	boot() string
}

// Boot time, which includes suspension, if the system has it; else Go's monotonic clock. Reading boot time costs more than everything
// else that a valid token needs, so it is read once a second, and when the wall clock has run ahead, as it does after a suspension.
type systemClock struct {
	// How far boot time is ahead of Go's clock, as last read.
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
	// A smaller change of the wall clock does not matter to a token.
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
	// Rounded up, so that it never fires too early, and limited, so that it does not overflow.
	left := math.Min(math.Max(0, math.Ceil(mono-now)), 1e9)
	timer := time.AfterFunc(time.Duration(left)*time.Millisecond, call)
	return func() { timer.Stop() }
}
