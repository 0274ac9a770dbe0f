package main

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// confine gives up for ever what sensord does not need once its sockets are open: it becomes the user, if one is named,
// and of root's powers it keeps, with capture, the two that open an interface's ring again when the interface comes back.
// What parses packets of strangers runs with that.
func confine(name string, capture bool) error {
	if name != "" {
		if err := become(name); err != nil {
			return err
		}
	}
	var keep []cap.Value
	if capture {
		keep = []cap.Value{cap.NET_RAW, cap.NET_ADMIN}
	}
	have, now := cap.GetProc(), cap.NewSet()
	for _, v := range keep {
		if ok, err := have.GetFlag(cap.Permitted, v); err != nil || !ok {
			continue // it was not given; what needs it has failed already
		}
		if err := now.SetFlag(cap.Permitted, true, v); err != nil {
			return fmt.Errorf("capability %v: %w", v, err)
		}
		if err := now.SetFlag(cap.Effective, true, v); err != nil {
			return fmt.Errorf("capability %v: %w", v, err)
		}
	}
	if ok, err := have.GetFlag(cap.Effective, cap.SETPCAP); err == nil && ok {
		if err := dropBound(now); err != nil {
			return err
		}
	}
	if err := now.SetProc(); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}

// dropBound takes all capabilities but those of keep out of the bounding set.
func dropBound(keep *cap.Set) error {
	for v := cap.Value(0); v < cap.MaxBits(); v++ {
		if kept, err := keep.GetFlag(cap.Permitted, v); err == nil && kept {
			continue
		}
		if err := cap.DropBound(v); err != nil {
			return fmt.Errorf("drop %v from the bounding set: %w", v, err)
		}
	}
	return nil
}

// become changes to a user and its groups, and keeps the capabilities.
func become(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("run_as_user: %w; make the user, or name another", err)
	}
	uid, gid, err := numbers(u)
	if err != nil {
		return fmt.Errorf("run_as_user %s: %w", name, err)
	}
	if uid == os.Geteuid() {
		return nil
	}
	list, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("run_as_user %s: its groups: %w", name, err)
	}
	groups := make([]int, 0, len(list))
	for _, g := range list {
		n, err := strconv.Atoi(g)
		if err != nil {
			return fmt.Errorf("run_as_user %s: group %q: %w", name, g, err)
		}
		groups = append(groups, n)
	}
	if err := cap.SetGroups(gid, groups...); err != nil {
		return fmt.Errorf("run_as_user %s: %w; start sensord as root, or as that user", name, err)
	}
	if err := cap.SetUID(uid); err != nil {
		return fmt.Errorf("run_as_user %s: %w; start sensord as root, or as that user", name, err)
	}
	return nil
}

// hand gives the user what sensord makes before it becomes that user.
func hand(name string, paths ...string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("run_as_user: %w; make the user, or name another", err)
	}
	uid, gid, err := numbers(u)
	if err != nil {
		return fmt.Errorf("run_as_user %s: %w", name, err)
	}
	if uid == os.Geteuid() {
		return nil
	}
	for _, p := range paths {
		if err := own(p, uid, gid); err != nil {
			return fmt.Errorf("run_as_user %s: %w; start sensord as root, or as that user", name, err)
		}
	}
	return nil
}

func numbers(u *user.User) (uid, gid int, err error) {
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, fmt.Errorf("user number %q: %w", u.Uid, err)
	}
	if gid, err = strconv.Atoi(u.Gid); err != nil {
		return 0, 0, fmt.Errorf("group number %q: %w", u.Gid, err)
	}
	return uid, gid, nil
}

// giveUp hands over what was made so far and confines sensord. A replay is somebody's at a terminal, who may name files that
// only root's powers read.
func (d *daemon) giveUp() error {
	c := d.conf
	if c.RunAsUser != "" {
		for _, dir := range []string{c.StateDir, c.SpoolDir} {
			if err := os.MkdirAll(dir, 0o750); err != nil {
				return fmt.Errorf("make the folder: %w; name one that sensord may write to in %s", err, c.Path)
			}
		}
		if err := hand(c.RunAsUser, c.StateDir, c.SpoolDir, c.Socket); err != nil {
			return err
		}
	}
	if d.opt.confine == nil || len(d.opt.read) > 0 {
		return nil
	}
	return d.opt.confine(c.RunAsUser, len(c.Interfaces) > 0)
}
