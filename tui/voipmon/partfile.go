package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// overlap is how much of what an earlier download left is asked for again and compared: the capture may be another one now.
const overlap = 64 << 10

var errOther = errors.New("is of another capture; remove it, or leave --continue out")

// partFile is a file that a download is written to before it has its name.
type partFile struct {
	f    *os.File
	from int64 // where the download begins
	had  int64 // what was there when it was opened
	at   int64 // where the next byte belongs
}

// openPart opens path.part: empty, or to go on with what an earlier download left.
func openPart(path string, goOn bool) (*partFile, error) {
	flags := os.O_CREATE | os.O_RDWR
	if !goOn {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(path+".part", flags, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path + ".part", Err: errors.New("not a regular file")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	p := &partFile{f: f, had: info.Size()}
	p.from = max(0, p.had-overlap)
	p.at = p.from
	return p, nil
}

// Write compares what is there already and appends the rest.
func (p *partFile) Write(b []byte) (int, error) {
	n := 0
	if p.at < p.had {
		old := make([]byte, min(int64(len(b)), p.had-p.at))
		if _, err := io.ReadFull(io.NewSectionReader(p.f, p.at, int64(len(old))), old); err != nil {
			return 0, err
		}
		if !bytes.Equal(old, b[:len(old)]) {
			return 0, fmt.Errorf("%s %w", p.f.Name(), errOther)
		}
		n = len(old)
	}
	m, err := p.f.WriteAt(b[n:], p.at+int64(n))
	n += m
	p.at += int64(n)
	return n, err
}

// whole gives the file its name. What stood behind the end of the capture means that it was another one.
func (p *partFile) whole(path string) error {
	if p.at < p.had {
		p.f.Close()
		return fmt.Errorf("%s %w", p.f.Name(), errOther)
	}
	if err := p.f.Close(); err != nil {
		return err
	}
	return os.Rename(p.f.Name(), path)
}

// broken closes the file, and removes it unless it is worth going on with.
func (p *partFile) broken(keep bool) {
	p.f.Close()
	if !keep {
		os.Remove(p.f.Name())
	}
}

// save writes beside the file and gives it its name when it is whole, so that a failure leaves what was there.
func save(path string, write func(io.Writer) (int64, error)) (n int64, err error) {
	part, err := openPart(path, false)
	if err != nil {
		return 0, err
	}
	if n, err = write(part); err != nil {
		part.broken(false)
		return n, err
	}
	return n, part.whole(path)
}
