package rekindle

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// One record that all sessions of a case share, and that fails on demand.
type shelf struct {
	mutex           sync.Mutex
	record          *string
	loading, saving string
	saves           int
	owners          map[string]*atomic.Bool
}

// As a process sees it, until its life has ended.
type shelfView struct {
	*shelf
	ended *atomic.Bool
}

var errScripted = errors.New("as scripted")

func newShelf() *shelf {
	return &shelf{loading: "works", saving: "works", owners: map[string]*atomic.Bool{}}
}

func (v shelfView) Identity() string { return "scripted" }
func (v shelfView) Shared() bool     { return true }

func (v shelfView) Load(context.Context, string) (*Record, error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.ended.Load() || v.loading != "works" {
		return nil, errScripted
	}
	return v.current(), nil
}

func (s *shelf) current() *Record {
	if s.record == nil {
		return nil
	}
	return &Record{Text: *s.record, Version: strconv.Itoa(s.saves)}
}

func (v shelfView) Save(_ context.Context, _, record string, expected Expected) (string, error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.ended.Load() || v.saving == "unavailable" {
		return "", errScripted
	}
	if !expected.Fits(v.current()) {
		return "", ErrConflict
	}
	v.record = &record
	v.saves++
	if v.saving == "lands" {
		return "", errScripted
	}
	return strconv.Itoa(v.saves), nil
}

func (v shelfView) Announce(_ context.Context, _, owner string) error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.owners[owner] = v.ended
	return nil
}

func (v shelfView) Retire(context.Context, string, string) error { return nil }

func (v shelfView) Owner(_ context.Context, _, owner string) (OwnerState, error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	ended, known := v.owners[owner]
	switch {
	case !known:
		return Unknown, nil
	case ended.Load():
		return Dead, nil
	}
	return Alive, nil
}

func (s *shelf) set(spec object) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if load, ok := spec["load"].(string); ok {
		s.loading = load
	}
	if save, ok := spec["save"].(string); ok {
		s.saving = save
	}
	how, ok := spec["damage"].(string)
	if !ok {
		return
	}
	s.saves++
	s.record = damaged(*s.record, how)
}

// What is left of a record; nil: nothing.
func damaged(record, how string) *string {
	switch how {
	case "remove":
		return nil
	case "empty":
		record = ""
	case "truncate":
		record = record[:len(record)/2]
	case "garbage":
		record = strings.Repeat("#", len(record))
	default:
		record += "}trailing"
	}
	return &record
}

func (s *shelf) stored() object {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.record == nil {
		return object{"present": false}
	}
	return object{"present": true, "text": *s.record}
}
