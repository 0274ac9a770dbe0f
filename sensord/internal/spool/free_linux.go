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

// openLimit is how many files the spool may have open: a quarter of the process's.
func openLimit() int {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 128
	}
	return int(min(max(l.Cur/4, 16), 4096))
}
