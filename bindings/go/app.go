package rekindle

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"runtime"
	"sync"
	"time"
	"weak"
)

// App manages the sign-ins of many users, with one configuration and one store. Unreferenced sessions are released, except the
// most recently used ones, and are restored from the store.
//
//	app, err := rekindle.NewApp(rekindle.AppOptions{Options: rekindle.Options{
//		TokenURL: "https://auth.example.com/token",
//		Origins:  []string{"https://api.example.com"},
//		Store:    rekindle.NewFolderStore("sessions"),
//	}})
//	session, err := app.Session("user-42")
type App struct {
	options   Options
	driver    *driver
	mostIdle  int
	listeners *listeners[keyedEvent]
	known     *knownSessions

	mutex sync.Mutex
	// The most recently used sessions, the latest first.
	kept   list.List
	places map[string]*list.Element
	closed bool
	// Sends the requests of a sign-in before its user is known.
	anonymous *Session
}

// Separate from the App, so that the App can be garbage-collected before its sessions.
type knownSessions struct {
	mutex sync.Mutex
	all   map[string]weak.Pointer[Session]
}

type keyedEvent struct {
	key   string
	event Event
}

// AppOptions configure an App. Tokens, Key and Alone belong to a single session and must be empty.
type AppOptions struct {
	Options
	// MostIdle is how many unreferenced sessions are kept in memory. Defaults to 1,000; negative: none.
	MostIdle int
}

// An element of the list of the most recently used sessions.
type keptSession struct {
	key     string
	session *Session
}

// NewApp creates an app. It sends no request and does not read the store until the first call of a session.
func NewApp(options AppOptions) (*App, error) {
	driver, err := shared()
	if err != nil {
		return nil, err
	}
	return newApp(options, driver)
}

func newApp(options AppOptions, driver *driver) (*App, error) {
	own := options.Options
	if own.Tokens != nil || own.Key != "" || own.Alone {
		return nil, invalid("tokens", "Tokens, Key and Alone are one session's: leave them out of AppOptions, and give tokens to app.Session(key, tokens)")
	}
	if told, ok := own.Store.(StoreKeys); ok && !told.Keyed() {
		return nil, invalid("store", "this store keeps one record, and an app has many: give one that keeps a record for each key, such as NewFolderStore")
	}
	if own.Store == nil {
		own.Store = &MemoryStore{}
	}
	most := options.MostIdle
	if most == 0 {
		most = 1000
	}
	app := &App{
		options: own, driver: driver, mostIdle: max(most, 0), listeners: &listeners[keyedEvent]{},
		known: &knownSessions{all: map[string]weak.Pointer[Session]{}}, places: map[string]*list.Element{},
	}
	// An invalid configuration is reported now, not at the first user's session.
	own.Key = "check"
	trial, err := newSession(own, driver, nil)
	if err != nil {
		return nil, err
	}
	trial.drop()
	return app, nil
}

// Session returns a user's session: always the same one while it is referenced. Tokens are for a user who has never signed in.
func (a *App) Session(key string, tokens ...Tokens) (*Session, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.closed {
		return nil, misuse("this app was closed: make a new one")
	}
	session := a.known.get(key)
	if session == nil || session.isClosed() {
		own := a.options
		own.Key = key
		if key == "" {
			return nil, invalid("key", "the key of a session is empty: give what names the user")
		}
		if len(tokens) > 0 {
			own.Tokens = &tokens[0]
		}
		var err error
		listeners := a.listeners
		hear := func(event Event) { listeners.tell(keyedEvent{key, event}) }
		if session, err = newSession(own, a.driver, hear); err != nil {
			return nil, err
		}
		a.known.add(key, session)
	}
	a.keep(key, session)
	return session, nil
}

// Events yields every event of all sessions from this call on, each with its session's key, until the context ends, the app is
// closed, or the loop exits. The newest 256 unread events are buffered.
func (a *App) Events(ctx context.Context) iter.Seq2[string, Event] {
	events := a.listeners.iterate(ctx)
	return func(yield func(string, Event) bool) {
		for one := range events {
			if !yield(one.key, one.event) {
				return
			}
		}
	}
}

// SessionsInMemory returns the number of sessions in memory.
func (a *App) SessionsInMemory() int { return len(a.known.alive()) }

// Stats returns the sum of the counters of all sessions in memory.
func (a *App) Stats(ctx context.Context) (map[string]uint64, error) {
	all := map[string]uint64{}
	for _, session := range a.known.alive() {
		stats, err := session.Stats(ctx)
		if err != nil {
			return nil, err
		}
		for name, count := range stats {
			all[name] += count
		}
	}
	return all, nil
}

// Shutdown waits until all work is done and saved, for at most the given duration. It reports whether that succeeded.
func (a *App) Shutdown(ctx context.Context, most time.Duration) (bool, error) {
	var group sync.WaitGroup
	var mutex sync.Mutex
	all, failures := true, []error(nil)
	for _, session := range a.known.alive() {
		group.Go(func() {
			settled, err := session.Shutdown(ctx, most)
			mutex.Lock()
			defer mutex.Unlock()
			all = all && settled
			failures = append(failures, err)
		})
	}
	group.Wait()
	return all, errors.Join(failures...)
}

// Close ends all sessions after waiting at most 5 s for work in progress to be done and saved.
func (a *App) Close() error {
	sessions := a.known.alive()
	a.mutex.Lock()
	a.closed = true
	if a.anonymous != nil {
		a.anonymous.drop()
	}
	a.kept.Init()
	clear(a.places)
	a.mutex.Unlock()
	var group sync.WaitGroup
	failures := make([]error, len(sessions))
	for at, session := range sessions {
		group.Go(func() { failures[at] = session.Close() })
	}
	group.Wait()
	a.listeners.close()
	return errors.Join(failures...)
}

// Format shows no secret, whatever the verb.
func (a *App) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "rekindle.App{..}") }

// LogValue shows no secret.
func (a *App) LogValue() slog.Value { return slog.StringValue("rekindle.App{..}") }

func (a *App) keep(key string, session *Session) {
	if place := a.places[key]; place != nil {
		a.kept.Remove(place)
	}
	a.places[key] = a.kept.PushFront(keptSession{key, session})
	for a.kept.Len() > a.mostIdle {
		last := a.kept.Back()
		delete(a.places, last.Value.(keptSession).key)
		a.kept.Remove(last)
	}
}

func (k *knownSessions) get(key string) *Session {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.all[key].Value()
}

func (k *knownSessions) add(key string, session *Session) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.all[key] = weak.Make(session)
	runtime.AddCleanup(session, k.forget, key)
}

// The session of this key was garbage-collected; another one may have replaced it.
func (k *knownSessions) forget(key string) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.all[key].Value() == nil {
		delete(k.all, key)
	}
}

func (k *knownSessions) alive() []*Session {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	sessions := make([]*Session, 0, len(k.all))
	for _, one := range k.all {
		if session := one.Value(); session != nil && !session.isClosed() {
			sessions = append(sessions, session)
		}
	}
	return sessions
}
