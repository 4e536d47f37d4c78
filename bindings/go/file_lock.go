package rekindle

import (
	"io"
	"os"
	"strings"
	"time"
)

// Longer than any save takes on a working disk.
const lockPatience = 5 * time.Second

// Longer than any note.
const mostNote = 256

// The end of the note of a version that was written completely.
const noteWritten = "\n\n"

// The lock around one read-modify-write; it is never held across a network call. Its file also notes the newest version, so that the
// holder of that version can replace a record whose header is damaged.
type fileLock struct{ file *os.File }

// The folder must exist.
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

// If it returns neither a lock nor an error, another process holds the lock.
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
	// Another process holds the lock; or the lock file was removed meanwhile, so that this lock is useless.
	lock.release()
	return nil, nil
}

// Closing the file releases the lock: the descriptor is not shared.
func (l *fileLock) release() { l.file.Close() }

// The newest version that was about to be written, if the note can be read.
func (l *fileLock) noted() *fileStamp { return noteIn(l.file) }

// Called before the record is written, so that the note is never older than the record.
func (l *fileLock) note(stamp fileStamp) error {
	// Truncated first: followed by the end of the old note, this one would say that the version was written, to readers without the
	// lock, and permanently if the process is killed here.
	if old := noteText(l.file); strings.HasSuffix(old, noteWritten) {
		if err := l.file.Truncate(int64(len(old)) - 1); err != nil {
			return err
		}
	}
	return l.write(stamp.String() + "\n")
}

// Notes that this version was written, with an empty line after it.
func (l *fileLock) noteWritten(stamp fileStamp) error { return l.write(stamp.String() + noteWritten) }

// The newest version that was written, if it is noted.
func (l *fileLock) written() *fileStamp { return writtenIn(l.file) }

func (l *fileLock) write(text string) error {
	if _, err := l.file.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return l.file.Truncate(int64(len(text)))
}

// Whether the content is a note, complete or not, or empty. Other content belongs to another program and must not be overwritten.
func (l *fileLock) isOurs() bool {
	bytes, err := io.ReadAll(io.NewSectionReader(l.file, 0, mostNote+1))
	return err == nil && len(bytes) <= mostNote && strings.Trim(string(bytes), "0123456789abcdefABCDEF-\n\x00") == ""
}

// Whether a record was ever written to this path.
func (p filePlace) noteWithoutLock() *fileStamp { return p.readLock(noteIn) }

// The newest version that was written; one that was about to be written may never have been.
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
