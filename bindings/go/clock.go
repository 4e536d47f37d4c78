package rekindle

import (
	"math"
	"time"
)

// Both clocks, in milliseconds.
type clock interface {
	mono() float64
	wall() float64
	// Calls back in a goroutine of its own once mono has been reached; gives what calls it off.
	at(mono float64, call func()) (cancel func())
}

type systemClock struct{ start time.Time }

func (c systemClock) mono() float64 { return float64(time.Since(c.start)) / float64(time.Millisecond) }

func (c systemClock) wall() float64 { return float64(time.Now().UnixMicro()) / 1000 }

func (c systemClock) at(mono float64, call func()) func() {
	// Never a moment too soon, and nothing that overflows.
	left := math.Min(math.Max(0, math.Ceil(mono-c.mono())), 1e9)
	timer := time.AfterFunc(time.Duration(left)*time.Millisecond, call)
	return func() { timer.Stop() }
}
