//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package rekindle

import (
	"errors"
	"io/fs"
	"os"
)

const openFlags = 0

func ownership(fs.FileInfo) fileOwnership { return fileOwnership{links: 1} }

// Without a lock, two processes could use the same refresh token.
func tryLock(*os.File, bool) (bool, error) { return false, errors.ErrUnsupported }

func syncFolder(string) error { return nil }

func isMounted(error) bool { return false }

func adviceOfSystem(error) string { return "check the path and the disk, then try again" }
