package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links a path may lead through.
const maxLinks = 40

// own gives a file or folder to a user. Root does it, and the folders on the way may have been the user's since the last start: so of
// symbolic links only root's own are followed. Whoever has broken into sensord could otherwise have any file of the machine
// given away at its next start.
func own(path string, uid, gid int) error {
	fd, err := openTrusted(path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "chown", Path: path, Err: err}
	}
	return nil
}

// openTrusted opens what a path names, for its name only (O_PATH), step by step.
func openTrusted(path string) (fd int, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return -1, err
	}
	const flags = unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC
	if fd, err = unix.Open("/", flags, 0); err != nil {
		return -1, &os.PathError{Op: "open", Path: "/", Err: err}
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
			fd = -1
		}
	}()
	rest := strings.Split(abs, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		if rest = rest[1:]; name == "" {
			continue
		}
		next, err := unix.Openat(fd, name, flags, 0)
		if err != nil {
			return fd, &os.PathError{Op: "open", Path: path, Err: err}
		}
		var st unix.Stat_t
		if err := unix.Fstat(next, &st); err != nil {
			unix.Close(next)
			return fd, &os.PathError{Op: "stat", Path: path, Err: err}
		}
		if st.Mode&unix.S_IFMT != unix.S_IFLNK {
			unix.Close(fd)
			fd = next
			continue
		}
		target := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(next, "", target)
		unix.Close(next)
		switch links++; {
		case err != nil:
			return fd, &os.PathError{Op: "readlink", Path: path, Err: err}
		case st.Uid != 0:
			return fd, fmt.Errorf("%s: %s in it is a symbolic link that user %d made; name the folder that it leads to", path, name, st.Uid)
		case links > maxLinks:
			return fd, &os.PathError{Op: "open", Path: path, Err: unix.ELOOP}
		}
		to := string(target[:n])
		if filepath.IsAbs(to) {
			unix.Close(fd)
			if fd, err = unix.Open("/", flags, 0); err != nil {
				return -1, &os.PathError{Op: "open", Path: "/", Err: err}
			}
		}
		rest = append(strings.Split(to, "/"), rest...)
	}
	return fd, nil
}
