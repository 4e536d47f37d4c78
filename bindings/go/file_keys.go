package rekindle

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// Keys returns the keys that have a record. The store must be a folder.
func (s *FileStore) Keys(context.Context) ([]string, error) {
	if !s.folder {
		return nil, errors.New("a store of one record has no keys: take NewFolderStore")
	}
	entries, err := os.ReadDir(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		// No session has been saved yet.
		return nil, nil
	}
	var keys []string
	for _, entry := range entries {
		if key, ok := keyOf(entry.Name()); ok {
			keys = append(keys, key)
		}
	}
	return keys, err
}
