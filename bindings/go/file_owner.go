package rekindle

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Distinguishes a dead owner from a slow one: its file is locked while its process is running.
var owners = struct {
	sync.Mutex
	// The files that this process has locked.
	held map[string]*os.File
}{held: map[string]*os.File{}}

// A dead owner's file is kept for longer than any lease, so that other processes notice the death, too.
const deadOwnerKept = 10 * time.Minute

// How often taking the lock is tried again: sweeps and checks hold it briefly.
const ownerAttempts = 100

var ownerWord = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// Best effort.
func (p filePlace) announce(owner string) {
	path := p.ownerFile(owner)
	if path == "" || holds(path) || makeFolder(p.dir()) != nil {
		return
	}
	for range ownerAttempts {
		file, err := openSole(path, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return
		}
		locked, err := tryLock(file, true)
		if locked && stillNames(path, file) {
			owners.Lock()
			defer owners.Unlock()
			owners.held[path] = file
			return
		}
		file.Close()
		if err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func (p filePlace) retire(owner string) {
	path := p.ownerFile(owner)
	owners.Lock()
	file := owners.held[path]
	delete(owners.held, path)
	owners.Unlock()
	if file != nil {
		// In this order, so that others see the owner as alive or unknown, never as dead.
		removeLocked(path, file)
	}
}

func (p filePlace) owner(owner string) OwnerState {
	path := p.ownerFile(owner)
	if path == "" {
		return Unknown
	}
	if holds(path) {
		return Alive
	}
	file, err := openSole(path, os.O_RDWR)
	if err != nil {
		return Unknown
	}
	defer file.Close()
	// A shared lock, so that two checks at the same time don't take each other for the owner.
	locked, err := tryLock(file, false)
	switch {
	case err != nil || (locked && !stillNames(path, file)):
		return Unknown
	case locked:
		return Dead
	}
	return Alive
}

// Removes the files of owners that have been dead for long: those of this record, or of all in its folder.
func (p filePlace) sweepOwners(wholeFolder bool) {
	entries, err := os.ReadDir(p.dir())
	if err != nil {
		return
	}
	own := filepath.Base(p.record) + ".owner-"
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), own) || (wholeFolder && strings.Contains(entry.Name(), ".json.owner-")) {
			removeIfLongDead(filepath.Join(p.dir(), entry.Name()))
		}
	}
}

func removeIfLongDead(path string) {
	file, err := openSole(path, os.O_RDWR)
	if err != nil {
		return
	}
	there, err := file.Stat()
	if err == nil && time.Since(there.ModTime()) > deadOwnerKept {
		if locked, _ := tryLock(file, true); locked && stillNames(path, file) {
			removeLocked(path, file)
			return
		}
	}
	file.Close()
}

// No path on Apple's mobile systems, which end apps that are suspended while they hold a file lock, nor for an id that is not a plain
// word, because it could lead to another folder.
func (p filePlace) ownerFile(owner string) string {
	if runtime.GOOS == "ios" || !ownerWord.MatchString(owner) {
		return ""
	}
	return p.record + ".owner-" + owner
}

func holds(path string) bool {
	owners.Lock()
	defer owners.Unlock()
	return owners.held[path] != nil
}

// Removes the file while it is open if the system allows that, else after closing it.
func removeLocked(path string, file *os.File) {
	if os.Remove(path) == nil {
		file.Close()
		return
	}
	file.Close()
	_ = os.Remove(path)
}
