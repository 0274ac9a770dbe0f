package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// noRoom is so little of a disk that it counts as full, bytes.
const noRoom = 64 << 10

var storageChecks = []Check{
	{Code: "state", Group: "storage", Title: "there is room for CDRs", Needs: []string{"conf-readable"}, Run: func(ctx context.Context, e *Env) Result {
		return e.folder(ctx, "state_dir", e.config().StateDir, 256<<20)
	}},
	{Code: "spool", Group: "storage", Title: "there is room for captures", Needs: []string{"conf-readable"}, Run: checkSpool},
}

func checkSpool(ctx context.Context, e *Env) Result {
	if h, err := e.Health(ctx); err == nil && h.Spool.Stopped != "" {
		return failed("sensord writes no captures: "+h.Spool.Stopped, "calls that a rule keeps are not kept; CDRs go on", "df -h "+h.Spool.Dir+" ; make room or lower maxpoolsize")
	}
	c := e.config()
	r := e.folder(ctx, "spooldir", c.SpoolDir, 1<<30)
	if r.Status != OK {
		return r
	}
	limit := uint64(c.MaxPoolMB) << 20
	if _, size, err := e.Disk(c.SpoolDir); err == nil && (limit == 0 || limit > size) {
		what := "maxpoolsize is off (0)"
		if limit > 0 {
			what = fmt.Sprintf("maxpoolsize is %s, the disk has %s", gigabytes(limit), gigabytes(size))
		}
		return warning(r.Seen+"; "+what, "the disk fills before captures are removed; then none are written any more",
			fmt.Sprintf("write maxpoolsize = %d in %s", size>>20*8/10, e.ConfPath))
	}
	return r
}

// folder looks whether a folder can be written to and has room.
func (e *Env) folder(ctx context.Context, key, dir string, enough uint64) Result {
	if st, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return e.willBeMade(key, dir)
	} else if isPermission(err) {
		return blocked("no right to look into "+dir, "sudo voipmon doctor --only storage")
	} else if err != nil || !st.IsDir() {
		return failed(dir+" is no folder", "sensord will not start", "mend "+key+" in "+e.ConfPath)
	}
	f, err := os.CreateTemp(dir, ".voipmon-doctor-*")
	switch {
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return blocked("no right to write to "+dir+"; sensord may have it", "sudo voipmon doctor --only storage")
	case err != nil:
		return failed(err.Error(), "sensord cannot write there either", "df -h "+dir+" ; mount | grep -w ro ; ls -ld "+dir)
	}
	_, err = f.Write(make([]byte, 4096))
	f.Close()
	os.Remove(f.Name())
	if err != nil {
		return failed(err.Error(), "the disk is full", "df -h "+dir)
	}
	if path, a := e.mayNot(ctx, "-w", dir); path != "" {
		return failed(fmt.Sprintf("%s may not write to %s, and sensord runs as that user", a.Name, dir), "sensord will not start",
			fmt.Sprintf("chown %s: %s ; or name another folder as %s in %s", a.Name, dir, key, e.ConfPath))
	}
	if remedy, walled := e.walledOff(ctx, dir); walled {
		return failed("the unit lets sensord write to its own folders only, and not to "+dir, "sensord will not start", remedy)
	}
	free, size, err := e.Disk(dir)
	if err != nil {
		return blocked(err.Error(), "df -h "+dir)
	}
	seen := fmt.Sprintf("%s, %s of %s free", dir, gigabytes(free), gigabytes(size))
	switch {
	case free < noRoom:
		return failed(seen, "it is full: captures stop first, and then records of calls are dropped", "df -h "+dir+" ; du -xh "+dir+" | sort -h | tail")
	case free < enough:
		return warning(seen, "it will be full soon", "df -h "+dir)
	}
	return ok("%s", seen)
}

// willBeMade looks at a folder that sensord makes when it starts.
func (e *Env) willBeMade(key, dir string) Result {
	parent := filepath.Dir(dir)
	for parent != "/" && parent != "." {
		if _, err := os.Stat(parent); err == nil {
			break
		}
		parent = filepath.Dir(parent)
	}
	return warning(fmt.Sprintf("%s does not exist yet; sensord makes it in %s", dir, parent), "nothing was stored there so far",
		"systemctl start sensord ; or mend "+key+" in "+e.ConfPath)
}

// gigabytes writes a size, in megabytes where it is less than one.
func gigabytes(n uint64) string {
	if n < 1e9 {
		return fmt.Sprintf("%d MB", n/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
