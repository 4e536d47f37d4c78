package rekindle

import (
	"math"
	"sync"
)

// A clock that stands until a test turns it.
type manualClock struct {
	mutex           sync.Mutex
	monoNow, wallMS float64
	timers          map[*manualTimer]struct{}
}

type manualTimer struct {
	due  float64
	call func()
}

func newManualClock() *manualClock {
	return &manualClock{monoNow: 3_600_000, wallMS: 1_893_456_000_000, timers: map[*manualTimer]struct{}{}}
}

func (c *manualClock) now() (float64, float64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.monoNow, c.wallMS
}

func (c *manualClock) boot() string { return "" }

func (c *manualClock) at(due float64, call func()) func() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	timer := &manualTimer{due, call}
	c.timers[timer] = struct{}{}
	return func() {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		delete(c.timers, timer)
	}
}

func (c *manualClock) advance(ms float64) {
	c.mutex.Lock()
	c.monoNow += ms
	c.wallMS += ms
	var due []*manualTimer
	for timer := range c.timers {
		if timer.due <= c.monoNow {
			due = append(due, timer)
			delete(c.timers, timer)
		}
	}
	c.mutex.Unlock()
	for _, timer := range due {
		timer.call()
	}
}

func (c *manualClock) jumpWall(ms float64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.wallMS += ms
}

// How long until the next timer, if it is due within so long.
func (c *manualClock) next(within float64) (float64, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	left := math.Inf(1)
	for timer := range c.timers {
		left = math.Min(left, math.Max(0, timer.due-c.monoNow))
	}
	return left, left <= within
}
