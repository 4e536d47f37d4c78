package rekindle

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"unsafe"
)

const openFlags = 0

// Access lists, not owners and modes, guard files there.
func ownership(fs.FileInfo) fileOwnership { return fileOwnership{links: 1} }

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

const (
	lockFailImmediately = 1
	lockExclusive       = 2
	errorLockViolation  = syscall.Errno(33)
)

// Whether it is locked now; else somebody else holds it. The whole file, as Rust's standard library locks it.
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
