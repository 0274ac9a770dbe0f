package doctor

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// Account is a user of this machine.
type Account struct {
	Name   string
	UID    uint32
	GID    uint32
	Groups []uint32
}

// account is whom sensord runs as, or will: the owner of its process, run_as_user, the user of its unit, or the owner of its state.
// nil: not known.
func (e *Env) account(ctx context.Context) *Account {
	a, _ := e.who.get(func() (*Account, error) {
		if e.Lookup == nil {
			return nil, nil
		}
		if pid, err := peerPID(ctx, e.config().Socket); err == nil {
			if uid, ok := owner(e.path(fmt.Sprintf("/proc/%d", pid))); ok {
				return e.Lookup(strconv.FormatUint(uint64(uid), 10))
			}
		}
		name := e.config().RunAsUser
		if name == "" && e.Unit != nil {
			if u, err := e.Unit(ctx, unitName); err == nil {
				name = u["User"]
			}
		}
		if name == "" {
			uid, ok := owner(e.config().StateDir)
			if !ok {
				return nil, nil
			}
			name = strconv.FormatUint(uint64(uid), 10)
		}
		return e.Lookup(name)
	})
	return a
}

// lookup finds a user by name or number.
func lookup(name string) (*Account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return nil, fmt.Errorf("look up user %s: %w", name, err)
		}
	}
	a := &Account{Name: u.Username}
	ids, err := u.GroupIds()
	if err != nil {
		ids = nil // the first group is known in any case
	}
	for _, s := range append([]string{u.Uid, u.Gid}, ids...) {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("look up user %s: %w", name, err)
		}
		a.Groups = append(a.Groups, uint32(n))
	}
	a.UID, a.GID, a.Groups = a.Groups[0], a.Groups[1], a.Groups[2:]
	return a, nil
}

// mayNot tells of the first of the paths that sensord's user may not read or write, as op says: test(1)'s -r or -w. It is asked as that
// user, which only root can; "" where all may be done, or nobody can tell.
func (e *Env) mayNot(ctx context.Context, op string, paths ...string) (path string, a *Account) {
	a = e.account(ctx)
	if a == nil || a.UID == 0 || e.Try == nil {
		return "", nil
	}
	for _, p := range paths {
		if _, err := os.Stat(p); err != nil {
			continue
		}
		if ok, err := e.Try(ctx, a, op, p); err == nil && !ok {
			return p, a
		}
	}
	return "", nil
}

// sandbox is sensord's unit, nil where sensord was started otherwise.
func (e *Env) sandbox(ctx context.Context) map[string]string {
	if e.Unit == nil {
		return nil
	}
	u, err := e.Unit(ctx, unitName)
	if err != nil || u["LoadState"] != "loaded" {
		return nil
	}
	if h, err := e.Health(ctx); err == nil && (replays(h) || u["ActiveState"] != "active") {
		return nil
	}
	return u
}

// hidden tells whether the sandbox of sensord's unit shows it another file, or none, at a path.
func (e *Env) hidden(ctx context.Context, path string) bool {
	u := e.sandbox(ctx)
	for _, w := range []struct{ setting, folder string }{{"PrivateTmp", "/tmp"}, {"PrivateTmp", "/var/tmp"}, {"ProtectHome", "/home"}, {"ProtectHome", "/root"}} {
		if u[w.setting] == "yes" && within(w.folder, path) {
			return true
		}
	}
	return false
}

// within reports whether a path is that of a folder or of something in it.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// walledOff tells whether the sandbox of sensord's unit keeps a folder from being written to, and what lets it.
func (e *Env) walledOff(ctx context.Context, dir string) (remedy string, walled bool) {
	u := e.sandbox(ctx)
	if u["ProtectSystem"] != "strict" {
		return "", false
	}
	let := strings.Fields(u["ReadWritePaths"])
	for _, name := range strings.Fields(u["StateDirectory"]) {
		let = append(let, filepath.Join("/var/lib", name))
	}
	for _, p := range let {
		if within(strings.TrimPrefix(strings.TrimPrefix(p, "-"), "+"), dir) {
			return "", false
		}
	}
	return fmt.Sprintf("systemctl edit sensord: [Service] ReadWritePaths=%s ; then systemctl restart sensord", dir), true
}
