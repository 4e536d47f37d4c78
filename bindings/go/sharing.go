package rekindle

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
)

// Sessions with the same store and options in one process are one session of the core: they share their state (spec 4.2).
type sharedSession struct {
	number    uint32
	served    *served
	store     Store
	transport http.RoundTripper
}

// The key that two sessions must have in common to share their state; empty: the session shares nothing. Refresh functions and login
// handlers can't be compared.
func sharingOf(options Options, settings message) string {
	told, ok := options.Store.(StoreIdentity)
	if !ok || told.Identity() == "" || options.Alone || options.Refresh != nil || options.Login != nil {
		return ""
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return ""
	}
	return string(text)
}

// Returns the existing session for these settings, or creates one.
func (d *driver) join(sharing string, settings message, served *served, joins *life) (uint32, *served, error) {
	d.sharing.Lock()
	defer d.sharing.Unlock()
	if known, ok := d.shared[sharing]; ok && sameStore(known.store, served.store) && same(known.transport, served.transport) {
		known.served.add(joins)
		return known.number, known.served, nil
	}
	served.context, served.end = context.WithCancel(context.Background())
	served.add(joins)
	number, err := d.register(&registration{settings: settings, served: served})
	if err != nil {
		served.end()
		return 0, nil, err
	}
	if _, taken := d.shared[sharing]; sharing != "" && !taken {
		d.shared[sharing] = sharedSession{number, served, served.store, served.transport}
		served.sharing = sharing
	}
	return number, served, nil
}

// Releases a session; the last one ends the core's session.
func (d *driver) leave(number uint32, served *served, leaves *life) {
	d.sharing.Lock()
	defer d.sharing.Unlock()
	if !served.remove(leaves) {
		return
	}
	if served.sharing != "" {
		delete(d.shared, served.sharing)
	}
	d.forget(number)
	served.end()
}

// Two file stores are the same if their canonical paths are; other stores only if they are the same object.
func sameStore(one, other Store) bool {
	first, ok := one.(*FileStore)
	second, isFile := other.(*FileStore)
	if ok && isFile {
		return first.path == second.path && first.folder == second.folder
	}
	return same(one, other)
}

func same(one, other any) bool {
	return reflect.TypeOf(one) == reflect.TypeOf(other) && reflect.TypeOf(one).Comparable() && one == other
}
