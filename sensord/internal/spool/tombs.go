package spool

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"voiptop/protocol"
)

const (
	tombsFile = "expired"
	maxTombs  = 1 << 16
)

// tombs remembers the captures that retention removed, the last maxTombs of them: a text file with an id a line.
type tombs struct {
	root  *os.Root
	known map[protocol.UUID]bool
	order []protocol.UUID // oldest first
	lines int             // in the file

	fileMu  sync.Mutex
	unsaved []protocol.UUID
}

func openTombs(root *os.Root) (*tombs, error) {
	t := &tombs{root: root, known: map[protocol.UUID]bool{}}
	f, err := root.OpenFile(tombsFile, os.O_RDONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		t.lines++
		if u, err := protocol.ParseUUID(sc.Text()); err == nil { // a line that a crash has cut is passed over
			t.remember(u)
		}
	}
	return t, sc.Err()
}

func (t *tombs) has(u protocol.UUID) bool { return t.known[u] }

// add remembers u; save brings it to disk. The spool's lock is held.
func (t *tombs) add(u protocol.UUID) {
	t.remember(u)
	t.fileMu.Lock()
	t.unsaved = append(t.unsaved, u)
	t.fileMu.Unlock()
}

func (t *tombs) remember(u protocol.UUID) {
	if t.known[u] {
		return
	}
	if len(t.order) == maxTombs {
		delete(t.known, t.order[0])
		t.order = t.order[1:]
	}
	t.known[u] = true
	t.order = append(t.order, u)
}

// save appends what was added to the file. A file that has grown to twice its bound is begun anew with the second half.
func (t *tombs) save() error {
	t.fileMu.Lock()
	defer t.fileMu.Unlock()
	if len(t.unsaved) == 0 {
		return nil
	}
	var b strings.Builder
	for _, u := range t.unsaved {
		fmt.Fprintln(&b, u)
	}
	f, err := t.root.OpenFile(tombsFile, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	_, err = f.WriteString(b.String())
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	t.lines += len(t.unsaved)
	t.unsaved = nil
	if t.lines > 2*maxTombs {
		return t.shorten()
	}
	return nil
}

// shorten keeps the last maxTombs lines of the file.
func (t *tombs) shorten() error {
	b, err := t.root.ReadFile(tombsFile)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(b), "\n")
	lines = lines[max(0, len(lines)-1-maxTombs):]
	if err := t.root.WriteFile(tombsFile+partSuffix, []byte(strings.Join(lines, "")), 0o640); err != nil {
		return err
	}
	t.lines = len(lines)
	return t.root.Rename(tombsFile+partSuffix, tombsFile)
}

func (t *tombs) close() error { return t.save() }
