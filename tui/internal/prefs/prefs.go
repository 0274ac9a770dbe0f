// Package prefs keeps what a user has chosen on voiptop's screens: columns, their order, how ladders are drawn. The file is
// ~/.config/voiptop/config, lines of "name = value" that one may write oneself; docs/voiptop.md describes it.
//
// It is not for where calls come from, and not for secrets: the token has a file of its own.
package prefs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Path is where the file is: ~/.config/voiptop/config, "" when there is no home.
func Path() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "voiptop", "config")
}

// Prefs are settings by name. The zero value is empty, and is kept in memory only.
type Prefs struct {
	path string

	mu     sync.Mutex
	values map[string]string
}

// names are the settings that there are, with the values that they may have, "" for any.
var names = map[string][]string{
	"live_columns": nil, "done_columns": nil, "streams_columns": nil, "regs_columns": nil,
	"requests_columns": nil, "stats_figures_columns": nil, "stats_groups_columns": nil, "stats_ranges_columns": nil, "stats_counts_columns": nil,
	"requests_sort": nil, "stats_figures_sort": nil, "stats_groups_sort": nil, "stats_ranges_sort": nil, "stats_counts_sort": nil,
	"live_sort": nil, "done_sort": nil, "streams_sort": nil, "regs_sort": nil,
	"ladder_time": {"delta", "elapsed", "time"}, "ladder_colours": {"kind", "call"}, "ladder_split": nil,
	"hosts": nil, "filter": nil, "mouse": {"yes", "no"}, "theme": {"auto", "dark", "light"}, "ascii": {"yes", "no"}, "utc": {"yes", "no"},
}

const maxFile = 64 << 10 // bytes; a larger file is none of ours

// Load reads a file. One that is not there is empty. Lines that are not understood are errors, joined; the others count.
func Load(path string) (*Prefs, error) {
	p := &Prefs{path: path, values: map[string]string{}}
	if path == "" {
		return p, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("read settings: %w", err)
	}
	if len(b) > maxFile {
		return p, fmt.Errorf("%s: larger than %d bytes: it is not read", path, maxFile)
	}
	var errs []error
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		name, value, ok := parse(line)
		if name == "" && ok {
			continue
		}
		allowed, known := names[name]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s:%d: want name = value", path, n))
		case !known:
			errs = append(errs, fmt.Errorf("%s:%d: no setting is called %q", path, n, name))
		case allowed != nil && !slices.Contains(allowed, value):
			errs = append(errs, fmt.Errorf("%s:%d: %s is %q, want %s", path, n, name, value, strings.Join(allowed, ", ")))
		default:
			p.values[name] = value
			if name == "hosts" {
				for _, x := range wrongHosts(p.List(name)) {
					errs = append(errs, fmt.Errorf("%s:%d: hosts: %q, want an address and its name: 10.0.0.5 head office", path, n, x))
				}
			}
		}
	}
	return p, errors.Join(errs...)
}

// Hosts are the names that the user has given to addresses: "10.0.0.5 head office, 198.51.100.9 carrier".
func (p *Prefs) Hosts() map[string]string {
	names := map[string]string{}
	for _, x := range p.List("hosts") {
		if addr, name, ok := host(x); ok {
			names[addr] = name
		}
	}
	return names
}

func wrongHosts(list []string) []string {
	return slices.DeleteFunc(list, func(x string) bool {
		_, _, ok := host(x)
		return ok
	})
}

// host reads an address and its name.
func host(x string) (addr, name string, ok bool) {
	addr, name, _ = strings.Cut(x, " ")
	name = strings.TrimSpace(name)
	a, err := netip.ParseAddr(addr)
	return a.Unmap().String(), name, err == nil && name != ""
}

// parse reads a line. The name of an empty line or a comment is "".
func parse(line string) (name, value string, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' || line[0] == ';' {
		return "", "", true
	}
	name, value, ok = strings.Cut(line, "=")
	return strings.TrimSpace(name), strings.TrimSpace(value), ok && strings.TrimSpace(name) != ""
}

// Get is a setting, "" when it was not made.
func (p *Prefs) Get(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.values[name]
}

// List is a setting that is a list: "From, To, MOS".
func (p *Prefs) List(name string) (out []string) {
	for _, s := range strings.Split(p.Get(name), ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// Set changes a setting, "" forgets it. Save writes it.
func (p *Prefs) Set(name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.values == nil {
		p.values = map[string]string{}
	}
	if value == "" {
		delete(p.values, name)
		return
	}
	p.values[name] = value
}

// Save writes the settings to the file. Comments, and lines that were not understood, stay.
func (p *Prefs) Save() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.path == "" {
		return nil
	}
	old, err := os.ReadFile(p.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("save settings: %w", err)
	}
	if len(old) > maxFile {
		return fmt.Errorf("save settings: %s is larger than %d bytes", p.path, maxFile)
	}
	var b bytes.Buffer
	if old == nil {
		b.WriteString("# voiptop's settings: name = value. voiptop changes them when you do so on its screens.\n")
	}
	written := map[string]bool{}
	for line := range strings.Lines(string(old)) {
		name, _, _ := parse(line)
		if _, ours := names[name]; !ours {
			b.WriteString(strings.TrimRight(line, "\n") + "\n")
			continue
		}
		if value, ok := p.values[name]; ok && !written[name] {
			written[name] = true
			fmt.Fprintf(&b, "%s = %s\n", name, value)
		}
	}
	for _, name := range sorted(p.values) {
		if !written[name] {
			fmt.Fprintf(&b, "%s = %s\n", name, p.values[name])
		}
	}
	return write(p.path, b.Bytes())
}

func sorted(m map[string]string) (out []string) {
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// write replaces a file in one step.
func write(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	f, err := os.CreateTemp(dir, ".config-*")
	if err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}
