package rekindle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Opens only this user's files, and never through a link (spec 7.8).

// Larger files are not records, and are not read.
const mostFile = 1 << 20

// The reasons to refuse a file on systems with owners and modes.
type fileOwnership struct {
	links        uint64
	owner        uint32
	isAnothers   bool
	openToOthers bool
}

func openOwn(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|openFlags, 0o600)
	if err != nil {
		return nil, notOpened(path, err)
	}
	if err := checkOpen(path, file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// A file that is overwritten must have no second name (hard link), whose content would change, too.
func openSole(path string, flags int) (*os.File, error) {
	file, err := openOwn(path, flags)
	if err != nil {
		return nil, err
	}
	if there, err := file.Stat(); err == nil && ownership(there).links > 1 {
		file.Close()
		return nil, fileError("%s has a second name (a hard link), and is not written; remove it: rm %[1]s", path)
	}
	return file, nil
}

// The bytes of one of this user's files; nil: there is no file.
func readOwn(path string) ([]byte, error) {
	there, err := os.Lstat(path)
	if isNotThere(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fileFailure("read", path, err)
	}
	// Checked before opening the file: another user's file may not be readable, and opening a pipe has side effects.
	if err := checkFile(path, there); err != nil {
		return nil, err
	}
	file, err := openOwn(path, os.O_RDONLY)
	if err != nil {
		if isNotThere(err) {
			return nil, nil
		}
		return nil, err
	}
	defer file.Close()
	bytes, err := io.ReadAll(io.LimitReader(file, mostFile+1))
	if err != nil {
		return nil, fileFailure("read", path, err)
	}
	if len(bytes) > mostFile {
		return nil, fileError("%s is larger than 1 MiB and no session file; it was not touched: give another path for the session", path)
	}
	return bytes, nil
}

func checkOpen(path string, file *os.File) error {
	there, err := file.Stat()
	if err != nil {
		return fileFailure("read", path, err)
	}
	return checkFile(path, there)
}

func checkFile(path string, there fs.FileInfo) error {
	switch own := ownership(there); {
	case there.Mode()&fs.ModeSymlink != 0:
		return fileError("%s is a symbolic link, which is not followed; remove it, or give the path it leads to", path)
	case !there.Mode().IsRegular():
		return fileError("%s is not a file; give the path of a file for the session, or move what is there away", path)
	case own.isAnothers:
		return fileError("%s belongs to the user with the id %d, and this process runs as %d; run it as that user, or hand the file over: chown %[3]d %[1]s", path, own.owner, os.Geteuid())
	case own.openToOthers:
		return fileError("other users may write %s (mode %o); close it to them: chmod 600 %[1]s, or keep the session elsewhere", path, there.Mode().Perm())
	}
	return nil
}

// Files that root creates in another user's folder would lock that user out.
func checkFolder(folder string) error {
	there, err := os.Stat(folder)
	for at := folder; err != nil && filepath.Dir(at) != at; {
		at = filepath.Dir(at)
		there, err = os.Stat(at)
	}
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	if own := ownership(there); own.isAnothers {
		return fileError("%s belongs to the user with the id %d, who could not use what root creates there; run this as that user, or hand the folder over: chown root %[1]s", folder, own.owner)
	}
	return nil
}

func notOpened(path string, err error) error {
	there, looked := os.Lstat(path)
	if looked != nil {
		return fileFailure("open", path, err)
	}
	if refused := checkFile(path, there); refused != nil {
		return refused
	}
	return fileFailure("open", path, err)
}

// A failure of the file store, as a message that never contains the file's content.
type fileFault struct {
	text  string
	cause error
}

func (f *fileFault) Error() string { return f.text }
func (f *fileFault) Unwrap() error { return f.cause }

func fileError(format string, values ...any) error {
	return &fileFault{text: fmt.Sprintf(format, values...)}
}

func fileFailure(doing, path string, err error) error {
	plain := err
	var named *fs.PathError
	if errors.As(err, &named) {
		plain = named.Err
	}
	return &fileFault{fmt.Sprintf("cannot %s %s: %s; %s", doing, path, plain, fileAdvice(err)), err}
}

func damagedFile(path, why string) error {
	return &fileFault{fmt.Sprintf("the session file %s is damaged: %s; sign in again (what could not be read is kept beside it as .damaged-*)", path, why), ErrDamaged}
}

func supersededFile(path, lock string) error {
	return &fileFault{fmt.Sprintf("the session file %s is older than what was last written there (a backup that was restored?), and its refresh token may be spent: sign in again, or bring the newest file back; if this one is right all the same, remove %s", path, lock), ErrDamaged}
}

func newerFile(path string, format uint64) error {
	return fileError("%s was written by a newer rekindle (format %d); update rekindle here, or keep this session in another file", path, format)
}

func foreignFile(path string) error {
	return fileError("%s is not a session file of rekindle; it was not touched: give another path for the session, or move that file away", path)
}

func foreignLock(path string) error {
	return fileError("%s is not a lock file of rekindle; it was not touched: give another path for the session, or move that file away", path)
}

func busyFile(path string) error {
	return fileError("cannot lock %s: another process has held it for 5 seconds (it may be stopped, or the disk stalls); end that process or try again", path)
}

func noLocks(path string, err error) error {
	return fileError("cannot lock %s: %v; the file system has no working locks (a network share?): keep the session file on a local disk", path, err)
}

func fileAdvice(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "make the file and its folder readable and writable for this user"
	case isNotThere(err):
		return "the folder went away: create it again"
	}
	return adviceOfSystem(err)
}
