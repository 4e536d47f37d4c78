package rekindle

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"
)

// Event is an event of a session. Events are ordered and contain no secrets.
type Event struct {
	// Name: SignedIn, RefreshStarted, RefreshSucceeded, RefreshFailed, Adopted, Renewed, ExtraChanged, Unpersisted, Persisted,
	// Replayed, Retried, LoginRequired, RefreshLimited, SignedOut or Warned.
	Name string
	// Lineage identifies the sign-in.
	Lineage string
	// Generation increases by one with each new access token of a sign-in.
	Generation uint64
	// The following fields are set for some events only.
	Cause   string
	Kind    Kind
	Reason  string
	Warning string
	// Names of what changed, for ExtraChanged.
	Names      []string
	Waiters    int
	Persisted  bool
	Duration   time.Duration
	RetryAfter time.Duration
}

type eventData struct {
	Name       string   `json:"name"`
	Lineage    string   `json:"lineage"`
	Generation uint64   `json:"generation"`
	Cause      string   `json:"cause"`
	Kind       Kind     `json:"kind"`
	Reason     string   `json:"reason"`
	Warning    string   `json:"warning"`
	Names      []string `json:"names"`
	Waiters    *int     `json:"waiters"`
	Persisted  *bool    `json:"persisted"`
	Duration   float64  `json:"duration_ms"`
	RetryAfter *float64 `json:"retry_after_ms"`
}

func (d *eventData) asEvent() Event {
	event := Event{
		Name: d.Name, Lineage: d.Lineage, Generation: d.Generation, Cause: d.Cause, Kind: d.Kind, Reason: d.Reason,
		Warning: d.Warning, Names: d.Names, Duration: milliseconds(d.Duration),
	}
	if d.Waiters != nil {
		event.Waiters = *d.Waiters
	}
	if d.Persisted != nil {
		event.Persisted = *d.Persisted
	}
	if d.RetryAfter != nil {
		event.RetryAfter = milliseconds(*d.RetryAfter)
	}
	return event
}

// How many unread events are kept.
const mostKept = 256

// The listeners of a session's events. They only queue the events: no code of the user runs during a turn.
type listeners[E any] struct {
	mutex sync.Mutex
	all   map[*listener[E]]struct{}
	ended bool
}

type listener[E any] struct {
	kept []E
	most int
	wake chan struct{}
}

func (l *listeners[E]) tell(event E) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for one := range l.all {
		if one.kept = append(one.kept, event); len(one.kept) > one.most {
			one.drop()
		}
		one.ring()
	}
}

func (l *listeners[E]) add(most int) *listener[E] {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.all == nil {
		l.all = map[*listener[E]]struct{}{}
	}
	one := &listener[E]{most: most, wake: make(chan struct{}, 1)}
	l.all[one] = struct{}{}
	if l.ended {
		one.ring()
	}
	return one
}

func (l *listeners[E]) remove(one *listener[E]) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	delete(l.all, one)
}

// Returns the events since the last call, and whether there will be no more.
func (l *listeners[E]) take(one *listener[E]) ([]E, bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	kept := one.kept
	one.kept = nil
	return kept, l.ended
}

func (l *listeners[E]) close() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.ended = true
	for one := range l.all {
		one.ring()
	}
}

// Drops the oldest event, but never LoginRequired (spec 10.1).
func (one *listener[E]) drop() {
	at := slices.IndexFunc(one.kept, func(event E) bool { return !isLoginRequired(event) })
	at = max(at, 0)
	one.kept = slices.Delete(one.kept, at, at+1)
}

func isLoginRequired(event any) bool {
	switch told := event.(type) {
	case Event:
		return told.Name == "LoginRequired"
	case keyedEvent:
		return told.event.Name == "LoginRequired"
	}
	return false
}

func (one *listener[E]) ring() {
	select {
	case one.wake <- struct{}{}:
	default:
	}
}

// Yields all events from this call on, until the context ends, the session is closed, or the loop exits.
func (l *listeners[E]) iterate(ctx context.Context) iter.Seq[E] {
	one := l.add(mostKept)
	return func(yield func(E) bool) {
		defer l.remove(one)
		for {
			events, ended := l.take(one)
			for _, event := range events {
				if !yield(event) {
					return
				}
			}
			if ended {
				return
			}
			select {
			case <-one.wake:
			case <-ctx.Done():
				return
			}
		}
	}
}
