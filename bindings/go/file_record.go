package rekindle

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// What was found at a record's path: a record, damage (now, or earlier, if it was set aside), or nothing.
type foundFile struct {
	record *Record
	stamp  *fileStamp
	damage *fileDamage
}

type fileDamage struct {
	why string
	// The file is still in place.
	inPlace bool
	// The versions whose holder may overwrite it. Empty: unknown.
	newest []fileStamp
}

// Takes no lock unless it finds damage: a rename shows the old file or the new one. `lastSeen` is the newest version that this
// store knows of, or empty.
func (p filePlace) load(lastSeen string) (*Record, error) {
	// Read before the record, which is written before its note.
	written := p.writtenWithoutLock()
	found, err := p.find(lastSeen)
	if err == nil && found.isSuperseded(written, lastSeen) {
		return p.loadSuperseded(lastSeen)
	}
	if err != nil || found.damage == nil {
		return found.record, err
	}
	why := found.damage.why
	if !found.damage.inPlace {
		return nil, damagedFile(p.record, why)
	}
	lock, err := p.take(lockPatience)
	if err != nil {
		return nil, damagedFile(p.record, why)
	}
	defer lock.release()
	if found, err = p.findLocked(lock, lastSeen); err != nil || found.damage == nil {
		return found.record, err
	}
	// If it can't be moved, it stays in place, and is found damaged again.
	_ = p.setAside(found.damage)
	return nil, damagedFile(p.record, found.damage.why)
}

// Reads again under the lock, if possible: a note that is being written may be misread.
func (p filePlace) loadSuperseded(lastSeen string) (*Record, error) {
	written := p.writtenWithoutLock
	if lock, err := p.take(lockPatience); err == nil {
		defer lock.release()
		written = lock.written
	}
	newest := written()
	found, err := p.find(lastSeen)
	switch {
	case err != nil:
		return nil, err
	case found.damage != nil:
		return nil, damagedFile(p.record, found.damage.why)
	case found.isSuperseded(newest, lastSeen):
		return nil, supersededFile(p.record, p.lock())
	}
	return found.record, nil
}

// Whether the record is older than the last write (a restored backup) and this store has not seen that write: its refresh token may have
// been used (spec 7.14). A store that has seen it keeps the newer state (spec 7.11).
func (f foundFile) isSuperseded(written *fileStamp, lastSeen string) bool {
	return f.stamp != nil && written != nil && written.counter > f.stamp.counter && lastSeen != written.String()
}

// Replaces the record if it meets the condition.
func (p filePlace) save(record string, expected Expected, lastSeen string) (string, error) {
	if err := p.refuseWhereNothingCanBe(); err != nil {
		return "", err
	}
	if err := makeFolder(p.dir()); err != nil {
		return "", fileFailure("create the folder", p.dir(), err)
	}
	lock, err := p.take(lockPatience)
	if err != nil {
		return "", err
	}
	defer lock.release()
	found, err := p.findLocked(lock, lastSeen)
	if err != nil {
		return "", err
	}
	if !expected.Fits(found.record) || (found.damage != nil && expected.Absent) {
		if found.damage == nil {
			return "", ErrConflict
		}
		if !found.damage.isNewest(expected, lastSeen) {
			// If that fails, it is found damaged again, in place.
			_ = p.setAside(found.damage)
			return "", damagedFile(p.record, found.damage.why)
		}
	}
	return p.write(lock, record, found)
}

// Removes the temporary file of a killed writer, unless a writer is active.
func (p filePlace) sweep() {
	if _, err := os.Lstat(p.temp()); err != nil {
		return
	}
	if lock, err := p.take(0); err == nil {
		defer lock.release()
		if os.Remove(p.temp()) == nil {
			_ = syncFolder(p.dir())
		}
	}
}

func (d *fileDamage) isNewest(expected Expected, lastSeen string) bool {
	if expected.Absent {
		return false
	}
	if len(d.newest) == 0 {
		return lastSeen != "" && expected.Version == lastSeen
	}
	for _, stamp := range d.newest {
		if stamp.String() == expected.Version {
			return true
		}
	}
	return false
}

func (p filePlace) write(lock *fileLock, record string, found foundFile) (string, error) {
	if found.damage != nil {
		// Keeps the unreadable file, and the marker until the new record is in place.
		if err := p.setAside(found.damage); err != nil {
			return "", err
		}
		if err := p.copyAside(); err != nil {
			return "", err
		}
	}
	stamp := stampOf(nextCounter(found, lock), record)
	bytes := encodeFile(record, stamp)
	err := writeDurably(p.record, p.temp(), bytes, func() error { return lock.note(stamp) })
	if isMounted(err) {
		// The file is a mount point, as in containers. The header's checksum shows an incomplete write (spec 7.9).
		err = overwrite(p.record, bytes)
	} else if err != nil {
		err = fileFailure("write", p.record, err)
	}
	if err != nil {
		return "", err
	}
	_ = lock.noteWritten(stamp)
	// Removed last: until then, the marker shows that there was a record.
	_ = os.Remove(p.marker())
	return stamp.String(), nil
}

// Higher than any version that was ever written, so that no version is used twice after a removal or a repair.
func nextCounter(found foundFile, lock *fileLock) uint64 {
	highest := uint64(0)
	if found.stamp != nil {
		highest = found.stamp.counter
	}
	if found.damage != nil {
		for _, stamp := range found.damage.newest {
			highest = max(highest, stamp.counter)
		}
	}
	if noted := lock.noted(); noted != nil {
		highest = max(highest, noted.counter)
	}
	return highest + 1
}

// Marker first, then the move: a crash between them leaves a damaged file, not an absent one.
func (p filePlace) setAside(damage *fileDamage) error {
	if !damage.inPlace {
		return nil
	}
	var marker strings.Builder
	for _, stamp := range damage.newest {
		marker.WriteString(stamp.String() + "\n")
	}
	err := writeDurably(p.marker(), p.temp(), []byte(marker.String()), nil)
	if err == nil {
		// It may still contain tokens.
		err = os.Chmod(p.record, 0o600)
	}
	if err == nil {
		err = os.Rename(p.record, p.aside())
	}
	if err == nil {
		err = syncFolder(p.dir())
	}
	if err == nil || isMounted(err) {
		return nil
	}
	return fileFailure("set aside the damaged", p.record, err)
}

// Keeps a copy of a file that could not be moved, before it is overwritten.
func (p filePlace) copyAside() error {
	bytes, err := readOwn(p.record)
	if err != nil || len(bytes) == 0 {
		return err
	}
	if err := writeDurably(p.aside(), p.temp(), bytes, nil); err != nil {
		return fileFailure("set aside the damaged", p.record, err)
	}
	return nil
}

// Like find; for a damaged file, the lock's note also gives the newest version.
func (p filePlace) findLocked(lock *fileLock, lastSeen string) (foundFile, error) {
	found, err := p.find(lastSeen)
	if err != nil || found.damage == nil || !found.damage.inPlace {
		return found, err
	}
	header := uint64(0)
	for _, stamp := range found.damage.newest {
		header = max(header, stamp.counter)
	}
	// A note that is older than the header (it is not synced) names no newest version.
	if noted := lock.noted(); noted != nil && noted.counter >= header {
		found.damage.newest = append(found.damage.newest, *noted)
	}
	return found, nil
}

func (p filePlace) find(lastSeen string) (foundFile, error) {
	if found, err := p.findRecord(lastSeen); err != nil || found != (foundFile{}) {
		return found, err
	}
	marker, err := readOwn(p.marker())
	if err != nil {
		return foundFile{}, err
	}
	if marker != nil {
		damage := &fileDamage{why: "it was set aside earlier"}
		for line := range strings.Lines(string(marker)) {
			if stamp := parseStamp(strings.TrimSpace(line)); stamp != nil {
				damage.newest = append(damage.newest, *stamp)
			}
		}
		return foundFile{damage: damage}, nil
	}
	// Without the lock, the record may have been restored and its marker removed between the two reads.
	return p.findRecord(lastSeen)
}

func (p filePlace) findRecord(lastSeen string) (foundFile, error) {
	bytes, err := readOwn(p.record)
	if err != nil || bytes == nil {
		return foundFile{}, err
	}
	read := decodeFile(bytes)
	switch {
	case read.newer > 0:
		return foundFile{}, newerFile(p.record, read.newer)
	case read.fault == "":
		return foundFile{record: &Record{Text: read.record, Version: read.stamp.String()}, stamp: read.stamp}, nil
	case p.isOurs(bytes, read.stamp, lastSeen):
		damage := &fileDamage{why: read.fault, inPlace: true}
		if read.stamp != nil {
			damage.newest = []fileStamp{*read.stamp}
		}
		return foundFile{damage: damage}, nil
	case len(bytes) == 0:
		// Created by mktemp, or as a mount point.
		return foundFile{}, nil
	}
	return foundFile{}, foreignFile(p.record)
}

// Whether a file that is not a record was one: other files are neither set aside nor overwritten (spec 7.8).
func (p filePlace) isOurs(bytes []byte, stamp *fileStamp, lastSeen string) bool {
	if stamp != nil || lastSeen != "" || beginsAsFile(bytes) || p.noteWithoutLock() != nil {
		return true
	}
	_, err := os.Stat(p.marker())
	return len(bytes) > 0 && err == nil
}

// Called before anything is created beside it. A folder can't be a record, and another user's file must not be written.
func (p filePlace) refuseWhereNothingCanBe() error {
	bytes, err := readOwn(p.record)
	if err != nil || bytes != nil {
		return err
	}
	return checkFolder(p.dir())
}

func isNotThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
