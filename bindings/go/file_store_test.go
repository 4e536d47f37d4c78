//go:build unix

package rekindle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func fileStore(t *testing.T) *FileStore {
	t.Helper()
	return NewFileStore(filepath.Join(t.TempDir(), "folder", "session"))
}

func saved(t *testing.T, store *FileStore, record string, expected Expected) string {
	t.Helper()
	version, err := store.Save(t.Context(), "default", record, expected)
	must(t, err)
	return version
}

func refused(t *testing.T, store *FileStore, words string) error {
	t.Helper()
	_, loading := store.Load(t.Context(), "default")
	_, saving := store.Save(t.Context(), "default", "SECRET-2", Expected{Anything: true})
	for _, err := range []error{loading, saving} {
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "SECRET") {
			t.Fatalf("%v does not say %q", err, words)
		}
	}
	return loading
}

// spec 7.1, 7.7
func TestAFileIsReplacedOnlyIfItIsWhatWasExpected(t *testing.T) {
	store := fileStore(t)
	if record, err := store.Load(t.Context(), "default"); record != nil || err != nil {
		t.Fatal(record, err)
	}
	version := saved(t, store, "a", Expected{Absent: true})
	for _, expected := range []Expected{{Absent: true}, {Version: "1-x"}} {
		if _, err := store.Save(t.Context(), "default", "b", expected); !errors.Is(err, ErrConflict) {
			t.Fatal(err)
		}
	}
	next := saved(t, store, "b", Expected{Version: version})
	record, err := NewFileStore(store.Path()).Load(t.Context(), "default")
	must(t, err)
	if record.Text != "b" || record.Version != next || !strings.HasPrefix(next, "2-") {
		t.Fatal(record.Text, record.Version)
	}
	for path, mode := range map[string]os.FileMode{store.Path(): 0o600, store.Path() + ".lock": 0o600, filepath.Dir(store.Path()): 0o700} {
		there, err := os.Stat(path)
		must(t, err)
		if there.Mode().Perm() != mode {
			t.Errorf("%s: %o", path, there.Mode().Perm())
		}
	}
}

// spec 7.8
func TestWhatIsNotThisUsersOwnIsRefusedAndStaysAsItIs(t *testing.T) {
	target := filepath.Join(t.TempDir(), "bashrc")
	must(t, os.WriteFile(target, []byte("mine"), 0o600))
	prepare := map[string]func(path string) error{
		"symbolic link":                  func(path string) error { return os.Symlink(target, path) },
		"chmod 600":                      func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o622)) },
		"not a session file of rekindle": func(path string) error { return os.WriteFile(path, []byte("{}"), 0o600) },
		"not a file":                     func(path string) error { return os.Mkdir(path, 0o700) },
		"larger than 1 MiB":              func(path string) error { return os.WriteFile(path, make([]byte, 2<<20), 0o600) },
		"newer rekindle":                 func(path string) error { return os.WriteFile(path, []byte("rekindle-store 2 future\n"), 0o600) },
	}
	for words, make := range prepare {
		store := fileStore(t)
		must(t, os.MkdirAll(filepath.Dir(store.Path()), 0o700))
		must(t, make(store.Path()))
		if err := refused(t, store, words); errors.Is(err, ErrDamaged) {
			t.Errorf("%s: damaged", words)
		}
	}
	for words, link := range map[string]func(string, string) error{"symbolic link": os.Symlink, "hard link": os.Link} {
		store := fileStore(t)
		must(t, os.MkdirAll(filepath.Dir(store.Path()), 0o700))
		must(t, link(target, store.Path()+".lock"))
		if _, err := store.Save(t.Context(), "default", "a", Expected{Absent: true}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v does not say %q", err, words)
		}
	}
	if left, err := os.ReadFile(target); string(left) != "mine" || err != nil {
		t.Fatal(left, err)
	}
}

// spec 7.7
func TestADamagedFileIsSetAsideAndMendedByTheHolderOfTheNewestVersion(t *testing.T) {
	store := fileStore(t)
	version := saved(t, store, "a", Expected{Absent: true})
	must(t, os.WriteFile(store.Path(), []byte("rekindle-store 1 torn"), 0o600))
	for range 2 {
		if _, err := NewFileStore(store.Path()).Load(t.Context(), "default"); !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	}
	if _, err := store.Save(t.Context(), "default", "b", Expected{Absent: true}); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	saved(t, store, "b", Expected{Version: version})
	record, err := store.Load(t.Context(), "default")
	must(t, err)
	if aside, err := os.ReadFile(store.Path() + ".damaged-1"); record.Text != "b" || string(aside) != "rekindle-store 1 torn" {
		t.Fatal(record.Text, err)
	}
}

// spec 7.14
func TestABackupThatComesBackIsReadByNobodyWhoDoesNotKnowTheNewestVersion(t *testing.T) {
	store := fileStore(t)
	first := saved(t, store, "first", Expected{Absent: true})
	backup, err := os.ReadFile(store.Path())
	must(t, err)
	early := NewFileStore(store.Path())
	newest := saved(t, store, "newest", Expected{Version: first})
	must(t, os.WriteFile(store.Path(), backup, 0o600))
	// Who wrote the newest goes on with what it knows, and writes over the copy, however often it looks.
	for range 2 {
		if record, err := store.Load(t.Context(), "default"); err != nil || record.Text != "first" {
			t.Fatal(record, err)
		}
	}
	for _, other := range []*FileStore{early, NewFileStore(store.Path())} {
		_, err := other.Load(t.Context(), "default")
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "older than what was last written") {
			t.Fatal(err)
		}
	}
	// Moved there on purpose.
	must(t, os.Remove(store.Path()+".lock"))
	if record, err := NewFileStore(store.Path()).Load(t.Context(), "default"); err != nil || record.Text != "first" {
		t.Fatal(record, err)
	}
	// A sign-in writes over it, and its version is none of before.
	must(t, os.WriteFile(store.Path()+".lock", []byte(stampOf(7, "x").String()+"\n\n"), 0o600))
	other := NewFileStore(store.Path())
	if _, err := other.Load(t.Context(), "default"); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	if saved(t, other, "signed in", Expected{Anything: true}) == newest {
		t.Fatal("a version that was there before")
	}
	if record, err := NewFileStore(store.Path()).Load(t.Context(), "default"); err != nil || record.Text != "signed in" {
		t.Fatal(record, err)
	}
}

// spec 7.14: a writer that is killed leaves a note of what never came.
func TestWhatWasAboutToBeWrittenMakesNoRecordAnOlderOne(t *testing.T) {
	store := fileStore(t)
	saved(t, store, "first", Expected{Absent: true})
	must(t, os.WriteFile(store.Path()+".lock", []byte(stampOf(7, "x").String()+"\n"), 0o600))
	if record, err := NewFileStore(store.Path()).Load(t.Context(), "default"); err != nil || record.Text != "first" {
		t.Fatal(record, err)
	}
}

// spec 7.7, 7.14
func TestANoteOfWhatIsAboutToBeWrittenSaysAtNoMomentThatItWas(t *testing.T) {
	place := filePlace{filepath.Join(t.TempDir(), "session")}
	lock, err := place.take(lockPatience)
	must(t, err)
	defer lock.release()
	var there atomic.Uint64
	var group sync.WaitGroup
	group.Go(func() {
		for counter := uint64(1); counter <= 5_000; counter++ {
			next := stampOf(counter, "x")
			err := lock.note(next)
			there.Store(counter)
			if err := errors.Join(err, lock.noteWritten(next)); err != nil {
				t.Error(err)
			}
		}
	})
	for there.Load() < 5_000 {
		if noted := place.writtenWithoutLock(); noted != nil && noted.counter > there.Load() {
			t.Errorf("%d is noted as written, and is not there", noted.counter)
		}
	}
	group.Wait()
	if written := lock.written(); written == nil || *written != stampOf(5_000, "x") {
		t.Fatal(written)
	}
}

func TestOneOfManyThatSaveAtOnceIsTheFirst(t *testing.T) {
	store := fileStore(t)
	var group sync.WaitGroup
	wins := make(chan string, 50)
	for range 50 {
		group.Go(func() {
			if version, err := NewFileStore(store.Path()).Save(t.Context(), "default", "x", Expected{Absent: true}); err == nil {
				wins <- version
			} else if !errors.Is(err, ErrConflict) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(wins) != 1 {
		t.Fatalf("%d saved", len(wins))
	}
}

// spec 7.4
func TestAnOwnerIsAliveUntilItsProcessIsKilled(t *testing.T) {
	store := fileStore(t)
	child := startChild(t, "announce", store.Path(), "")
	child.says(t, "announced")
	look := func(want OwnerState) {
		t.Helper()
		if life, err := store.Owner(t.Context(), "default", "a1"); life != want || err != nil {
			t.Fatal(life, err)
		}
	}
	look(Alive)
	must(t, child.Process.Signal(syscall.SIGKILL))
	_ = child.Wait()
	look(Dead)
	must(t, store.Announce(t.Context(), "default", "b1"))
	must(t, store.Retire(t.Context(), "default", "b1"))
	if life, _ := store.Owner(t.Context(), "default", "b1"); life != Unknown {
		t.Fatal(life)
	}
}

func TestOwnersThatAreLongDeadAreSwept(t *testing.T) {
	store := fileStore(t)
	saved(t, store, "a", Expected{Absent: true})
	old, fresh := store.Path()+".owner-old", store.Path()+".owner-fresh"
	for _, path := range []string{old, fresh} {
		must(t, os.WriteFile(path, nil, 0o600))
	}
	must(t, os.Chtimes(old, time.Now(), time.Now().Add(-time.Hour)))
	must(t, store.Announce(t.Context(), "default", "alive"))
	defer func() { _ = store.Retire(t.Context(), "default", "alive") }()
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Error("the old one is still there")
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error(err)
	}
}

// The same names as in every language: `core/src/platform/file_store/names.rs`.
func TestKeysHaveFilesOfTheirOwn(t *testing.T) {
	for key, name := range map[string]string{
		"user-42": "user-42.json", "Ada": "=41da.json", "..": "=2e=2e.json", "a/b\\c": "a=2fb=5cc.json", "con": "=63on.json", "lpt1": "=6cpt1.json",
	} {
		if given := fileNameOf(key); given != name {
			t.Errorf("%s: %s", key, given)
		}
	}
	if name := fileNameOf(strings.Repeat("x", 1000)); len(name) > 200 {
		t.Error(len(name))
	}
}
