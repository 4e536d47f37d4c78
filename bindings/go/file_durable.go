package rekindle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Creates the folder and its parents durably, with access only for this user.
func makeFolder(folder string) error {
	if there, err := os.Stat(folder); err == nil && there.IsDir() {
		return nil
	}
	parent := filepath.Dir(folder)
	if parent != folder {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		there, looked := os.Stat(folder)
		if errors.Is(err, fs.ErrExist) && looked == nil && there.IsDir() {
			return nil
		}
		return err
	}
	return syncFolder(parent)
}

// Writes bytes to temp and renames it to path, so that a crash leaves the old file or the new one. `before` runs right before the rename.
func writeDurably(path, temp string, bytes []byte, before func() error) error {
	if err := os.Remove(temp); err != nil && !isNotThere(err) {
		return err
	}
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(bytes)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil && before != nil {
		err = before()
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		// The bytes are a secret, and a full disk should not stay full because of them.
		_ = os.Remove(temp)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// Overwrites a file that cannot be replaced. Readers during the write, or after a crash in it, see a damaged record.
func overwrite(path string, bytes []byte) error {
	file, err := openSole(path, os.O_WRONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err = file.WriteAt(bytes, 0); err == nil {
		err = file.Truncate(int64(len(bytes)))
	}
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		return fileFailure("write", path, err)
	}
	return nil
}

// Whether path still names this open file.
func stillNames(path string, file *os.File) bool {
	there, err := os.Stat(path)
	if err != nil {
		return false
	}
	here, err := file.Stat()
	return err == nil && os.SameFile(there, here)
}
