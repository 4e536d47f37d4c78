//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package rekindle

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Opens neither a link nor, waiting for its other end, a pipe.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func ownership(there fs.FileInfo) fileOwnership {
	stat, ok := there.Sys().(*syscall.Stat_t)
	if !ok {
		return fileOwnership{}
	}
	return fileOwnership{
		links: uint64(stat.Nlink), owner: stat.Uid, isAnothers: stat.Uid != uint32(os.Geteuid()), openToOthers: there.Mode().Perm()&0o022 != 0,
	}
}

// Returns false if another process holds the lock.
func tryLock(file *os.File, alone bool) (bool, error) {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return false, err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = syscall.Flock(int(fd), how|syscall.LOCK_NB) }); err != nil {
		return false, err
	}
	if errors.Is(failed, syscall.EWOULDBLOCK) || errors.Is(failed, syscall.EINTR) {
		return false, nil
	}
	return failed == nil, failed
}

// Makes a rename in the folder survive a power failure.
func syncFolder(folder string) error {
	open, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer open.Close()
	// Some file systems do not support this for folders.
	if err := open.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// A file that is a mount point can be neither replaced nor moved.
func isMounted(err error) bool { return errors.Is(err, syscall.EBUSY) }

func adviceOfSystem(err error) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return "keep the session file on a file system that can be written; of a container, mount the file's folder"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return "free some space; the record that was there is untouched"
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR):
		return "give the path of a file inside a folder"
	}
	return "check the path and the disk, then try again"
}
