package rekindle

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// FileStore keeps one record in a file, or one file for each key in a folder, mode 0600, for all processes on one machine, in all
// languages.
//
// If a process is killed, the file contains the old record or the new one. A damaged file is set aside and reported as damaged until a
// sign-in. The file system must support locks: most network shares do, and the others return an error. Only this user's files are read
// or written.
type FileStore struct {
	path   string
	folder bool

	mutex sync.Mutex
	// The newest versions that this store has seen: they permit replacing a file whose header is damaged.
	seen, seenBefore        map[string]string
	sweptTemps, sweptOwners time.Time
}

// NewFileStore returns a store of one record, for one sign-in, in the file at path. It only resolves links; the first save creates
// missing folders, with access only for this user.
func NewFileStore(path string) *FileStore {
	return &FileStore{path: canonicalPath(path), seen: map[string]string{}}
}

// NewFolderStore returns a store of many records, for an App: one file for each key in the folder at path.
func NewFolderStore(path string) *FileStore {
	return &FileStore{path: canonicalPath(path), folder: true, seen: map[string]string{}}
}

// Path returns the path of the file or folder, with links resolved.
func (s *FileStore) Path() string { return s.path }

// Identity returns the canonical path.
func (s *FileStore) Identity() string { return s.path }

// Shared returns true: other processes use the same records.
func (s *FileStore) Shared() bool { return true }

// Keyed reports whether the store has room for many keys: it is a folder.
func (s *FileStore) Keyed() bool { return s.folder }

// Format shows the path.
func (s *FileStore) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "rekindle.FileStore(%q)", s.path) }

// How often a folder is searched for files of killed processes.
const sweepEvery = 10 * time.Minute

// Up to twice as many keys' newest versions are remembered.
const mostSeen = 2048

// Load returns the record, or nil if there is none.
func (s *FileStore) Load(_ context.Context, key string) (*Record, error) {
	place := s.place(key)
	if s.folder || s.due(&s.sweptTemps) {
		place.sweep()
	}
	newest := s.newest(key)
	record, err := place.load(newest)
	// An older copy does not replace a newer version.
	if record != nil && counterOf(newest) <= counterOf(record.Version) {
		s.saw(key, record.Version)
	}
	return record, err
}

// Save replaces the record if it meets the condition, and returns the new version; otherwise it returns ErrConflict.
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

// Retire ends Announce.
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
	if strings.HasPrefix(key, "rekindle.client:") {
		return filePlace{s.path + ".client"}
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

// The paths that belong to a record.
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

// Resolves links once, so that two names of one file have the same lock and identity.
func canonicalPath(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	// As many links as Linux allows; a loop is reported when the file is opened.
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

// The canonical form of the part that exists, followed by the rest.
func existing(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(existing(parent), filepath.Base(path))
	}
	return path
}
