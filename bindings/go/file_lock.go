package rekindle

import (
	"io"
	"os"
	"strings"
	"time"
)

// Longer than any save takes on a disk that works.
const lockPatience = 5 * time.Second

// Longer than any note.
const mostNote = 256

// How the note of a version ends that is there.
const noteWritten = "\n\n"

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
	// Cut first: with the old note's end behind it, this one would say that the version is there, to readers without the lock,
	// and for good if the process is killed here.
	if old := noteText(l.file); strings.HasSuffix(old, noteWritten) {
		if err := l.file.Truncate(int64(len(old)) - 1); err != nil {
			return err
		}
	}
	return l.write(stamp.String() + "\n")
}

// That this version is there: an empty line follows it.
func (l *fileLock) noteWritten(stamp fileStamp) error { return l.write(stamp.String() + noteWritten) }

// The newest version that was written, if that is noted.
func (l *fileLock) written() *fileStamp { return writtenIn(l.file) }

func (l *fileLock) write(text string) error {
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

// Whether a record was ever written here.
func (p filePlace) noteWithoutLock() *fileStamp { return p.readLock(noteIn) }

// The newest version that was written: one that was only about to be may never have come.
func (p filePlace) writtenWithoutLock() *fileStamp { return p.readLock(writtenIn) }

func (p filePlace) readLock(read func(*os.File) *fileStamp) *fileStamp {
	file, err := openOwn(p.lock(), os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer file.Close()
	return read(file)
}

func noteIn(file *os.File) *fileStamp {
	return parseStamp(strings.TrimRight(noteText(file), "\n\x00 "))
}

func writtenIn(file *os.File) *fileStamp {
	if text, isThere := strings.CutSuffix(noteText(file), noteWritten); isThere {
		return parseStamp(text)
	}
	return nil
}

func noteText(file *os.File) string {
	bytes, err := io.ReadAll(io.NewSectionReader(file, 0, mostNote))
	if err != nil {
		return ""
	}
	return string(bytes)
}
