package spool

import "golang.org/x/sys/unix"

// freeBytes returns what an ordinary user may still write on the file system of dir, and its size.
func freeBytes(dir string) (free, total uint64) {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return 1 << 62, 1 << 62 // not known: writing will tell
	}
	size := uint64(st.Bsize)
	return st.Bavail * size, st.Blocks * size
}
