package rekindle

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"unsafe"
)

const openFlags = 0

// On Windows, access lists protect files, not owners and modes.
func ownership(fs.FileInfo) fileOwnership { return fileOwnership{links: 1} }

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

const (
	lockFailImmediately = 1
	lockExclusive       = 2
	errorLockViolation  = syscall.Errno(33)
)

// Returns false if another process holds the lock. Locks the whole file, as Rust's standard library does.
func tryLock(file *os.File, alone bool) (bool, error) {
	flags := uintptr(lockFailImmediately)
	if alone {
		flags |= lockExclusive
	}
	whole := uintptr(^uint32(0))
	var overlapped syscall.Overlapped
	done, _, err := lockFileEx.Call(file.Fd(), flags, 0, whole, whole, uintptr(unsafe.Pointer(&overlapped)))
	if done != 0 {
		return true, nil
	}
	if errors.Is(err, errorLockViolation) || errors.Is(err, syscall.ERROR_IO_PENDING) {
		return false, nil
	}
	return false, err
}

func syncFolder(string) error { return nil }

func isMounted(error) bool { return false }

func adviceOfSystem(error) string { return "check the path and the disk, then try again" }
