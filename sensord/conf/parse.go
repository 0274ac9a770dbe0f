package conf

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"voiptop/rules"
)

const (
	maxFile     = 4 << 20 // bytes of a configuration file
	maxIncludes = 100
	theirPort   = 60024 // of VoIPmonitor's server_bind_port
)

// Load reads the file. The error is an Errors when the file was read but holds errors; the Config is then usable as far
// as it was understood, with every issue in it.
func Load(path string) (*Config, error) {
	c := Default()
	c.Path = path
	p := parser{c: c}
	if err := p.file(path); err != nil {
		return nil, err
	}
	if dir, err := os.Stat(filepath.Dir(path)); err == nil && dir.Mode().Perm()&0o002 == 0 { // else it may be anybody's, as in /tmp
		if err := p.dropIns(filepath.Join(filepath.Dir(path), dropIns)); err != nil {
			return nil, err
		}
	}
	p.finish()
	return c, c.errors()
}

// Parse reads a file's text. name is what messages call it; include is not followed.
func Parse(name string, text []byte) (*Config, error) {
	c := Default()
	c.Path = name
	p := parser{c: c, noInclude: true}
	p.text(name, text)
	p.finish()
	return c, c.errors()
}

// hashSeed makes the hashes of values worth nothing outside of this process.
var hashSeed = maphash.MakeSeed()

type parser struct {
	c         *Config
	seen      map[string]bool
	noInclude bool
	servers   []setting // resolved in finish, when the port is known
	port      int
	hepIP     string
	hepPort   int
	only      []string // of interface_ip_filter, in the words of a filter
}

// setting is one `key = value` line.
type setting struct {
	file  string
	line  int
	key   string // as it was written
	value string
}

func (s setting) place() Place { return Place{s.file, s.line, s.key} }

// dropIns reads the files of a folder, in the order of their names. What editors and package managers leave behind is no file of it.
func (p *parser) dropIns(dir string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read config: %w", err)
	}
	for _, f := range files {
		name, path := f.Name(), filepath.Join(dir, f.Name())
		if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
			continue
		}
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.Contains(name, ".dpkg-") || strings.Contains(name, ".rpm") || p.seen[path] {
			continue
		}
		if err := p.file(path); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) file(path string) error {
	if p.seen[path] {
		return fmt.Errorf("read config %s: it includes itself; remove the include", path)
	}
	if len(p.seen) >= maxIncludes {
		return fmt.Errorf("read config %s: more than %d files included", path, maxIncludes)
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[path] = true
	p.c.Files = append(p.c.Files, path)
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("read config %s: %w; name yours with -c FILE", path, os.ErrNotExist)
		}
		return fmt.Errorf("read config: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return fmt.Errorf("read config %s: %w", path, err)
	}
	if len(b) > maxFile {
		return fmt.Errorf("read config %s: larger than %d bytes; is this a configuration file?", path, maxFile)
	}
	return p.text(path, b)
}

func (p *parser) text(name string, b []byte) error {
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return fmt.Errorf("read config %s: it is UTF-16, as Windows writes it; iconv -f UTF-16 -t UTF-8 makes it a configuration file", name)
	}
	sc := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	sc.Buffer(nil, maxFile+1)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if !utf8.ValidString(line) {
			line = strings.ToValidUTF8(line, "?")
		}
		if line == "" || line[0] == '#' || line[0] == ';' || line[0] == '[' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		s := setting{name, n, strings.TrimSpace(key), cutComment(value)}
		switch {
		case !ok || s.key == "":
			p.noSetting(s, line)
		case canonical(s.key) == "include" && !p.noInclude:
			if err := p.include(s); err != nil {
				return err
			}
		default:
			p.set(s)
		}
	}
	return sc.Err()
}

// noSetting notes a line that sets nothing. One that begins with a key was meant to.
func (p *parser) noSetting(s setting, line string) {
	s.key = ""
	word, value := line, ""
	if i := strings.IndexAny(line, " \t:"); i >= 0 {
		word, value = line[:i], cutComment(line[i+1:])
	}
	if confidential(word) && word != line {
		line, value = word+" ...", "..."
	}
	found := fmt.Sprintf("found %q, expected a line of the form key = value", clip(line))
	if _, ok := keys[canonical(word)]; ok && canonical(word) != "" {
		p.issue(s, Error, found, fmt.Sprintf(`write "%s = %s"`, word, clip(value)))
		return
	}
	p.issue(s, Warning, found+"; the line has no effect", `put "#" before it if it is a comment`)
}

// confidential reports whether a key, of whomever, may have a value that is not for logs.
func confidential(key string) bool {
	key = canonical(key)
	return slices.ContainsFunc([]string{"pass", "secret", "token", "key"}, func(s string) bool { return strings.Contains(key, s) })
}

// include reads the files that the pattern names, in the order of their names.
func (p *parser) include(s setting) error {
	pattern := s.value
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(s.file), pattern)
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		p.issue(s, Error, fmt.Sprintf("%q is not a file name or pattern", s.value), `write for example "include = conf.d/*.conf"`)
		return nil
	}
	if len(files) == 0 {
		p.issue(s, Warning, fmt.Sprintf("%q names no file", pattern), "remove the line, or mend the path")
	}
	sort.Strings(files)
	for _, f := range files {
		if err := p.file(f); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) set(s setting) {
	name := canonical(s.key)
	k, ok := keys[name]
	if f, no := foreignNamed(name); no && !ok {
		p.setForeign(s, f)
		return
	}
	if !ok {
		remedy := "remove the line"
		if n := rules.Nearest(name, keyNames()); n != "" {
			remedy = fmt.Sprintf("did you mean %q?", n)
		}
		p.issue(s, Warning, "is not a key that sensord or VoIPmonitor knows; the line has no effect", remedy)
		return
	}
	if s.value == "" {
		return // voipmonitor.conf templates hold empty keys: the default stands
	}
	switch was, ok := p.c.places[name]; {
	case k.list || !ok:
	case was.File == s.file:
		p.issue(s, Warning, fmt.Sprintf("set again; line %d no longer counts", was.Line), "keep one of the two")
	default: // that is what included files are for
		p.issue(s, Info, fmt.Sprintf("set again; %s no longer counts", was), "")
	}
	p.c.places[name] = s.place()
	was := uint64(0)
	if k.list {
		was = p.c.values[name]
	}
	p.c.values[name] = maphash.String(hashSeed, fmt.Sprintln(was, s.value))
	if err := k.set(p, s); err != nil {
		p.issue(s, Error, err.Error(), k.example)
	}
}

// finish settles what depends on more than one key.
func (p *parser) finish() {
	written := p.port != 0
	if !written {
		p.port = DefaultPort
	}
	if p.hepPort == 0 {
		p.hepPort = DefaultHEPPort
	}
	p.c.HEPAddress = net.JoinHostPort(p.hepIP, strconv.Itoa(p.hepPort))
	if p.c.HEPSendID == 0 {
		p.c.HEPSendID = int(p.c.SensorID)
	}
	for _, s := range p.servers {
		a, err := serverAddress(s.value, p.port)
		if err != nil {
			p.issue(s, Error, err.Error(), keys["server_destination"].example)
			continue
		}
		p.c.Servers = append(p.c.Servers, a)
		if other, err := serverAddress(s.value, httpsPort); err == nil && other != a && !written {
			if p.c.Alternatives == nil {
				p.c.Alternatives = map[string]string{}
			}
			p.c.Alternatives[a] = other
		}
	}
	p.otherPort()
	p.narrow()
	p.once()
}

// once leaves each interface in the list once: what comes in twice costs twice.
func (p *parser) once() {
	c := p.c
	var list []string
	for _, name := range c.Interfaces {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	if c.Interfaces = list; len(list) < 2 || !slices.Contains(list, "any") {
		return
	}
	at := c.places["interface"]
	p.issue(setting{at.File, at.Line, at.Key, ""}, Warning, fmt.Sprintf("found %s: any is all of them, and counts", strings.Join(list, ", ")), "keep either any or the others")
	c.Interfaces = []string{"any"}
}

// otherPort tells of a port that is not hosted's usual one.
func (p *parser) otherPort() {
	if p.port == DefaultPort || len(p.servers) == 0 {
		return
	}
	at := p.c.places["server_destination_port"]
	s := setting{file: at.File, line: at.Line, key: "server_destination_port"}
	if p.port == theirPort {
		p.issue(s, Warning, fmt.Sprintf("%d is where a VoIPmonitor server listens for its sensors; hosted listens at %d unless told otherwise", p.port, DefaultPort),
			"remove the line, unless hosted is started with that port")
		return
	}
	p.issue(s, Info, fmt.Sprintf("port %d instead of %d, where hosted listens unless told otherwise", p.port, DefaultPort), "")
}

// narrow makes one filter of filter and interface_ip_filter.
func (p *parser) narrow() {
	if len(p.only) == 0 {
		return
	}
	only := strings.Join(p.only, " or ")
	if p.c.Filter == "" {
		p.c.Filter = only
	} else {
		p.c.Filter = "(" + p.c.Filter + ") and (" + only + ")"
	}
}

func (p *parser) issue(s setting, l Level, text, remedy string) {
	p.c.Issues = append(p.c.Issues, Issue{s.file, s.line, s.key, l, text, remedy})
}

// canonical is the form in which keys are compared.
func canonical(key string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(key)), "-", "_")
}

// cutComment takes a trailing comment off a value: # or ; that follows a blank. (A filter or a header list may hold the
// characters otherwise.)
func cutComment(v string) string {
	for i := 0; i < len(v); i++ {
		if (v[i] == '#' || v[i] == ';') && (i == 0 || v[i-1] == ' ' || v[i-1] == '\t') {
			v = v[:i]
			break
		}
	}
	return strings.TrimSpace(v)
}

func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "..."
	}
	return s
}
