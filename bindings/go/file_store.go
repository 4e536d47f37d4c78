package rekindle

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FileStore keeps one record in a file, or in a folder a file for each key, mode 0600, for all processes of one machine,
// whatever language they are written in.
//
// Killing a process at any instruction leaves the old record or the new one. A damaged file is set aside and reads as
// damaged until a sign-in. The file system must have working locks: most network shares do, some don't and say so. Only what is
// this user's own is read or written.
type FileStore struct {
	path   string
	folder bool

	mutex sync.Mutex
	// The newest versions that this store has seen: what may mend a file whose own header is lost.
	seen, seenBefore        map[string]string
	sweptTemps, sweptOwners time.Time
}

// NewFileStore makes a store of one record, at path: for one sign-in. It touches nothing yet but resolves links. Missing folders
// are made, closed to others, by the first save.
func NewFileStore(path string) *FileStore {
	return &FileStore{path: canonicalPath(path), seen: map[string]string{}}
}

// NewFolderStore makes a store of many records, each in a file of its own in the folder at path: for an App.
func NewFolderStore(path string) *FileStore {
	return &FileStore{path: canonicalPath(path), folder: true, seen: map[string]string{}}
}

// Path returns the path of the file or folder, with links resolved.
func (s *FileStore) Path() string { return s.path }

// Identity returns the canonical path.
func (s *FileStore) Identity() string { return s.path }

// Shared returns true: other processes see the records.
func (s *FileStore) Shared() bool { return true }

// Keyed: a folder has room for many keys, a file for one.
func (s *FileStore) Keyed() bool { return s.folder }

// Format shows the path.
func (s *FileStore) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "rekindle.FileStore(%q)", s.path) }

// How often a folder is looked through for what killed processes left.
const sweepEvery = 10 * time.Minute

// How many keys' newest versions are remembered, twice over.
const mostSeen = 2048

// Load returns the record, or nil if there is none.
func (s *FileStore) Load(_ context.Context, key string) (*Record, error) {
	place := s.place(key)
	if s.folder || s.due(&s.sweptTemps) {
		place.sweep()
	}
	newest := s.newest(key)
	record, err := place.load(newest)
	// A copy from before makes nobody forget what is newer.
	if record != nil && counterOf(newest) <= counterOf(record.Version) {
		s.saw(key, record.Version)
	}
	return record, err
}

// Save replaces the record if it is what was expected.
func (s *FileStore) Save(_ context.Context, key, record string, expected Expected) (string, error) {
	version, err := s.place(key).save(record, expected, s.newest(key))
	if err == nil {
		s.saw(key, version)
	}
	return version, err
}

// Announce marks the owner as alive, until Retire or the end of this process.
func (s *FileStore) Announce(_ context.Context, key, owner string) error {
	place := s.place(key)
	if s.due(&s.sweptOwners) {
		place.sweepOwners(s.folder)
	}
	place.announce(owner)
	return nil
}

// Retire ends what Announce began.
func (s *FileStore) Retire(_ context.Context, key, owner string) error {
	s.place(key).retire(owner)
	return nil
}

// Owner reports whether the owner's process is alive.
func (s *FileStore) Owner(_ context.Context, key, owner string) (OwnerState, error) {
	return s.place(key).owner(owner), nil
}

func (s *FileStore) place(key string) filePlace {
	if s.folder {
		return filePlace{filepath.Join(s.path, fileNameOf(key))}
	}
	return filePlace{s.path}
}

func (s *FileStore) due(last *time.Time) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !last.IsZero() && time.Since(*last) < sweepEvery {
		return false
	}
	*last = time.Now()
	return true
}

func (s *FileStore) newest(key string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if version, ok := s.seen[key]; ok {
		return version
	}
	return s.seenBefore[key]
}

func (s *FileStore) saw(key, version string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, known := s.seen[key]; !known && len(s.seen) >= mostSeen {
		s.seenBefore, s.seen = s.seen, map[string]string{}
	}
	s.seen[key] = version
}

func counterOf(version string) uint64 {
	if stamp := parseStamp(version); stamp != nil {
		return stamp.counter
	}
	return 0
}

// A record's path, and those beside it.
type filePlace struct{ record string }

func (p filePlace) dir() string    { return filepath.Dir(p.record) }
func (p filePlace) lock() string   { return p.record + ".lock" }
func (p filePlace) temp() string   { return p.record + ".rekindle-tmp" }
func (p filePlace) marker() string { return p.record + ".damaged" }

// The first free name to set a damaged record aside.
func (p filePlace) aside() string {
	for number := 1; ; number++ {
		name := fmt.Sprintf("%s.damaged-%d", p.record, number)
		if _, err := os.Lstat(name); os.IsNotExist(err) || number == 1<<31-1 {
			return name
		}
	}
}

// Links followed once, so that two names of one file share its lock and its identity.
func canonicalPath(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	// As many hops as Linux allows; a loop is reported when the file is opened.
	for range 40 {
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return existing(path)
}

// The canonical form of what exists, and the rest as it is.
func existing(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(existing(parent), filepath.Base(path))
	}
	return path
}
