package rekindle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"sync"
)

// Store keeps one opaque record for each key, by compare-and-save. An error means that the store is unavailable: no token is lost, and
// the save is tried again. A store may also implement StoreIdentity, StoreKeys, StoreLister and Owners.
type Store interface {
	// Load returns the record, or nil if there is none.
	Load(ctx context.Context, key string) (*Record, error)
	// Save replaces the record if it meets the condition, in one atomic step, and returns the new version; otherwise ErrConflict.
	Save(ctx context.Context, key, record string, expected Expected) (version string, err error)
}

// StoreIdentity is implemented by stores that have an identity.
type StoreIdentity interface {
	// Identity distinguishes this store from others, without tokens; empty: unknown. Sessions with the same identity and settings share state.
	Identity() string
	// Shared reports whether other processes see the same record. Without this method a store counts as shared.
	Shared() bool
}

// StoreKeys is implemented by stores that can keep only one key. Without it, a store keeps a record for each key.
type StoreKeys interface {
	Keyed() bool
}

// StoreLister is implemented by stores that can list the keys of their records, for App.Accounts.
type StoreLister interface {
	Keys(ctx context.Context) ([]string, error)
}

// Owners is implemented by shared stores that can tell whether the process that runs a refresh is still alive.
type Owners interface {
	Announce(ctx context.Context, key, owner string) error
	Retire(ctx context.Context, key, owner string) error
	Owner(ctx context.Context, key, owner string) (OwnerState, error)
}

// OwnerState says whether an owner is still alive.
type OwnerState string

// The values that Owners.Owner returns.
const (
	Alive   OwnerState = "alive"
	Dead    OwnerState = "dead"
	Unknown OwnerState = "unknown"
)

// Record is a stored record with its version.
type Record struct {
	Text    string
	Version string
}

// Format shows only the version.
func (r Record) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "rekindle.Record{Version: %q}", r.Version)
}

// Expected is the condition of a save: the record must be absent, must have a given version, or may be anything.
type Expected struct {
	Absent   bool   `json:"absent"`
	Anything bool   `json:"anything"`
	Version  string `json:"version"`
}

// Fits reports whether a record (nil: none) meets the condition.
func (e Expected) Fits(record *Record) bool {
	switch {
	case e.Anything:
		return true
	case e.Absent:
		return record == nil
	}
	return record != nil && record.Version == e.Version
}

// MemoryStore keeps records in memory, one for each key. Its zero value is ready to use.
type MemoryStore struct {
	// Name is the store's identity: sessions whose stores have the same name share a state, if their settings are the same.
	Name string

	mutex   sync.Mutex
	records map[string]*Record
	saves   int
}

// Load returns the record, or nil if there is none.
func (s *MemoryStore) Load(_ context.Context, key string) (*Record, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.records[key], nil
}

// Save replaces the record if it meets the condition; otherwise it returns ErrConflict.
func (s *MemoryStore) Save(_ context.Context, key, record string, expected Expected) (string, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !expected.Fits(s.records[key]) {
		return "", ErrConflict
	}
	if s.records == nil {
		s.records = map[string]*Record{}
	}
	s.saves++
	version := strconv.Itoa(s.saves)
	s.records[key] = &Record{Text: record, Version: version}
	return version, nil
}

// Keys returns the keys that have a record.
func (s *MemoryStore) Keys(context.Context) ([]string, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Collect(maps.Keys(s.records)), nil
}

// Identity returns the store's name.
func (s *MemoryStore) Identity() string { return s.Name }

// Shared returns false: no other process uses the records.
func (s *MemoryStore) Shared() bool { return false }

// Format shows no record.
func (s *MemoryStore) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "rekindle.MemoryStore{..}")
}

func storeSettings(store Store) message {
	settings := message{"identity": nil, "shared": store != nil}
	if told, ok := store.(StoreIdentity); ok {
		settings["shared"] = told.Shared()
		if identity := told.Identity(); identity != "" {
			settings["identity"] = identity
		}
	}
	if told, ok := store.(StoreKeys); ok {
		settings["keyed"] = told.Keyed()
	}
	_, settings["clients"] = store.(*FileStore)
	return settings
}

// Carries out an effect with a store.
func askStore(ctx context.Context, store Store, asked *effect) message {
	answer, err := consult(ctx, store, asked)
	if err != nil {
		reason := withoutSecrets(err.Error())
		// A path may look like a token, but is not a secret.
		if own := (*fileFault)(nil); errors.As(err, &own) {
			reason = own.text
		}
		return message{"unavailable": reason, "damaged": errors.Is(err, ErrDamaged)}
	}
	return answer
}

func consult(ctx context.Context, store Store, asked *effect) (message, error) {
	owners, _ := store.(Owners)
	switch asked.Effect {
	case "load":
		record, err := store.Load(ctx, asked.Key)
		if err != nil || record == nil {
			return message{"record": nil}, err
		}
		return message{"record": record.Text, "version": record.Version}, nil
	case "save":
		version, err := store.Save(ctx, asked.Key, asked.Record, asked.Expected)
		if errors.Is(err, ErrConflict) {
			return message{"conflict": true}, nil
		}
		return message{"version": version}, err
	case "announce":
		if owners == nil {
			return message{}, nil
		}
		return message{}, owners.Announce(ctx, asked.Key, asked.Owner)
	case "retire":
		if owners == nil {
			return message{}, nil
		}
		return message{}, owners.Retire(ctx, asked.Key, asked.Owner)
	}
	if owners == nil {
		return message{"owner": Unknown}, nil
	}
	life, err := owners.Owner(ctx, asked.Key, asked.Owner)
	return message{"owner": life}, err
}

var longWords = regexp.MustCompile(`[\w.~+/=-]{16,}`)

// Databases quote their input in errors, and here that is a record with tokens.
func withoutSecrets(text string) string {
	text = longWords.ReplaceAllString(text, "[..]")
	return text[:min(len(text), 500)]
}
