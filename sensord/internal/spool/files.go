package spool

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"voiptop/protocol"
)

// place tells a call's two files apart.
type place uint8

const (
	stored place = iota // DIR/YYYY-MM-DD/HH/UUID.pcapng.part
	window              // DIR/undecided/UUID.pcapng
)

// heldFolder holds the packets of calls of which no rule has decided.
const heldFolder = "undecided"

func heldPath(u protocol.UUID) string { return heldFolder + "/" + u.String() + suffix }

// openFiles holds the files that are open for writing, at most max; the one unused longest is closed and opened again when
// it is needed. Only the writing goroutine uses it.
type openFiles struct {
	max   int
	byUse list.List // of *openFile, longest unused first
	of    map[fileKey]*list.Element
}

type fileKey struct {
	r     *recording
	which place
}

type openFile struct {
	key fileKey
	f   *os.File
}

func (o *openFiles) init(n int) { o.max, o.of = n, map[fileKey]*list.Element{} }

// get opens a file of r, and makes it if its size is 0.
func (o *openFiles) get(s *Spool, r *recording, which place) (*os.File, error) {
	key := fileKey{r, which}
	if e := o.of[key]; e != nil {
		o.byUse.MoveToBack(e)
		return e.Value.(*openFile).f, nil
	}
	if o.byUse.Len() >= o.max {
		old := o.byUse.Front().Value.(*openFile).key
		o.close(old.r, old.which)
	}
	name, flags := filePath(r.id)+partSuffix, os.O_RDWR
	if which == window {
		name = heldPath(r.id)
	}
	if *r.disk.size(which) == 0 {
		if err := s.makeFolder(path.Dir(name)); err != nil {
			return nil, err
		}
		if err := s.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := s.root.OpenFile(name, flags, 0o640)
	if err != nil {
		return nil, err
	}
	r.disk.made[which] = true
	o.of[key] = o.byUse.PushBack(&openFile{key, f})
	return f, nil
}

func (o *openFiles) close(r *recording, which place) {
	key := fileKey{r, which}
	if e := o.of[key]; e != nil {
		o.byUse.Remove(e)
		delete(o.of, key)
		_ = e.Value.(*openFile).f.Close() // written through: a late error of the file system shows at the next write
	}
}

// promote makes the open file of what is held that of what is stored.
func (o *openFiles) promote(r *recording) {
	key := fileKey{r, window}
	if e := o.of[key]; e != nil {
		delete(o.of, key)
		key.which = stored
		e.Value.(*openFile).key = key
		o.of[key] = e
	}
}

func (o *openFiles) closeAll() {
	for k := range o.of {
		o.close(k.r, k.which)
	}
}

// makeFolder makes a folder below the spool's, and those above it. A link in place of one is refused: a Root lets none lead
// out of the spool, and within it captures would end where they are not looked for.
func (s *Spool) makeFolder(name string) error {
	if s.folder == name {
		if _, err := s.root.Lstat(name); err == nil {
			return nil // made before
		}
	}
	at := ""
	for part := range strings.SplitSeq(name, "/") {
		at = path.Join(at, part)
		if err := s.root.Mkdir(at, 0o750); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	if err := s.plainFolder(name); err != nil {
		return err
	}
	s.folder = name
	return nil
}

// plainFolder is an error when a folder, or one above it, is a link or no folder.
func (s *Spool) plainFolder(name string) error {
	for at := name; at != "."; at = path.Dir(at) {
		info, err := s.root.Lstat(at)
		if err != nil {
			return err
		}
		if info.Mode().Type() != fs.ModeDir {
			return fmt.Errorf("%s in the spool folder is not a folder; remove it", at)
		}
	}
	return nil
}
