package rekindle

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// What is at a record's path: a record, damage (now, or earlier, when it was set aside), or nothing.
type foundFile struct {
	record *Record
	stamp  *fileStamp
	damage *fileDamage
}

type fileDamage struct {
	why string
	// The file is still in place.
	inPlace bool
	// The versions whose holder may write over it. Empty: nobody knows.
	newest []fileStamp
}

// Takes no lock unless it finds damage: a rename shows the old file or the new one. `lastSeen` is the newest version that this
// store knows of, or empty.
func (p filePlace) load(lastSeen string) (*Record, error) {
	// Looked at before the record, which is there before it is noted as written.
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
	// Where nothing can be written it stays where it is, and is found damaged again.
	_ = p.setAside(found.damage)
	return nil, damagedFile(p.record, found.damage.why)
}

// Looks again with the lock, where it can be had: a note that is being written may look like another one.
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

// Whether this is a copy from before the last write (a backup), and who asks has not seen what was written: its refresh token may
// be spent (spec 7.14). Who has seen it knows better than the copy (spec 7.11).
func (f foundFile) isSuperseded(written *fileStamp, lastSeen string) bool {
	return f.stamp != nil && written != nil && written.counter > f.stamp.counter && lastSeen != written.String()
}

// Replaces the record if it is what was expected.
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
			// Where that fails it is found damaged again, in its place.
			_ = p.setAside(found.damage)
			return "", damagedFile(p.record, found.damage.why)
		}
	}
	return p.write(lock, record, found)
}

// Removes what a killed writer left behind, unless a writer is at it.
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
		// Keep what could not be read, and keep the marker until the new record is there.
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
		// It is mounted by itself, as containers do. Torn, it is damaged: the header's checksum tells (spec 7.9).
		err = overwrite(p.record, bytes)
	} else if err != nil {
		err = fileFailure("write", p.record, err)
	}
	if err != nil {
		return "", err
	}
	_ = lock.noteWritten(stamp)
	// Removed last: until here the marker guards the place where the record was.
	_ = os.Remove(p.marker())
	return stamp.String(), nil
}

// Higher than any that was ever here, so that no version comes back after a removal or a repair.
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
		// It may hold tokens still.
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

// Keeps a copy of what could not be moved, before it is written over.
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

// As find; of a damaged file, the lock's note too knows the newest version.
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
	// Without a lock the record may have come back, and its marker gone, between the two looks.
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
		// As mktemp leaves it, or who mounts a file for us.
		return foundFile{}, nil
	}
	return foundFile{}, foreignFile(p.record)
}

// Whether a file that is no record was one: only what is ours is set aside or written over (spec 7.8).
func (p filePlace) isOurs(bytes []byte, stamp *fileStamp, lastSeen string) bool {
	if stamp != nil || lastSeen != "" || beginsAsFile(bytes) || p.noteWithoutLock() != nil {
		return true
	}
	_, err := os.Stat(p.marker())
	return len(bytes) > 0 && err == nil
}

// Before anything is created beside it. A folder holds no record, and another user's file is not ours to write.
func (p filePlace) refuseWhereNothingCanBe() error {
	bytes, err := readOwn(p.record)
	if err != nil || bytes != nil {
		return err
	}
	return checkFolder(p.dir())
}

func isNotThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
