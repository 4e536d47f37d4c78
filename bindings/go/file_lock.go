package rekindle

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Longer than any save takes on a disk that works.
const lockPatience = 5 * time.Second

// Longer than any note.
const mostNote = 256

// The short lock around one read-modify-write, which is never held across a network call. Its file also notes the newest
// version, so that a record whose header is lost can still be mended by the holder of that version.
type fileLock struct{ file *os.File }

// The folder must be there.
func (p filePlace) take(patience time.Duration) (*fileLock, error) {
	begun, pause := time.Now(), time.Millisecond
	for {
		lock, err := p.attempt()
		if lock != nil || err != nil {
			return lock, err
		}
		if time.Since(begun) >= patience {
			return nil, busyFile(p.lock())
		}
		time.Sleep(pause)
		pause = min(2*pause, 32*time.Millisecond)
	}
}

// Neither a lock nor an error: somebody else holds it.
func (p filePlace) attempt() (*fileLock, error) {
	file, err := openSole(p.lock(), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	lock := &fileLock{file}
	switch locked, err := tryLock(file, true); {
	case err != nil:
		file.Close()
		return nil, noLocks(p.lock(), err)
	case locked && stillNames(p.lock(), file) && lock.isOurs():
		return lock, nil
	case locked && stillNames(p.lock(), file):
		lock.release()
		return nil, foreignLock(p.lock())
	}
	// Somebody holds it; or the lock file was removed meanwhile, and guards nothing.
	lock.release()
	return nil, nil
}

// Closing ends the lock: nobody else has this descriptor.
func (l *fileLock) release() { l.file.Close() }

// The newest version that was about to be written, if the note is readable.
func (l *fileLock) noted() *fileStamp { return noteIn(l.file) }

// Before the record is there, so that the note is never older.
func (l *fileLock) note(stamp fileStamp) error {
	// Cut first: other languages end the note of a version that is there with an empty line, and what is left of one must not
	// make this one look so, for good if the process is killed here.
	if old, err := io.ReadAll(io.NewSectionReader(l.file, 0, mostNote)); err == nil && strings.HasSuffix(string(old), "\n\n") {
		if err := l.file.Truncate(int64(len(old)) - 1); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("%s\n", stamp)
	if _, err := l.file.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return l.file.Truncate(int64(len(text)))
}

// A note, whole or torn, or nothing yet: other content is somebody else's, and must not be written over.
func (l *fileLock) isOurs() bool {
	bytes, err := io.ReadAll(io.NewSectionReader(l.file, 0, mostNote+1))
	return err == nil && len(bytes) <= mostNote && strings.Trim(string(bytes), "0123456789abcdefABCDEF-\n\x00") == ""
}

func (p filePlace) noteWithoutLock() *fileStamp {
	file, err := openOwn(p.lock(), os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer file.Close()
	return noteIn(file)
}

func noteIn(file *os.File) *fileStamp {
	bytes, err := io.ReadAll(io.NewSectionReader(file, 0, mostNote))
	if err != nil {
		return nil
	}
	return parseStamp(strings.TrimRight(string(bytes), "\n\x00 "))
}
