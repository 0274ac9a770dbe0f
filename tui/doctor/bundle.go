package doctor

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"voiptop/protocol"
)

// Bundle writes a .tar.gz for whoever helps: the report, the configuration without its secrets, versions, and what the
// sensor says of its health. It holds no call, no packet and no key. The file is readable by its owner only.
func Bundle(ctx context.Context, e *Env, r Report, path string) (err error) {
	files := map[string][]byte{}
	r.Checks = slices.Clone(r.Checks)
	for i := range r.Checks {
		r.Checks[i].Seen = quoted(r.Checks[i].Seen)
		r.Checks[i].Details = slices.Clone(r.Checks[i].Details)
		for n, d := range r.Checks[i].Details { // notes name keys only
			r.Checks[i].Details[n] = quoted(d)
		}
	}
	if files["report.json"], err = json.MarshalIndent(r, "", "  "); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	if files["voipmonitor.conf"], err = e.confText(); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	files["versions.txt"] = []byte(e.versions(ctx))
	if h, err := e.Health(ctx); err == nil {
		if files["health.json"], err = json.MarshalIndent(h, "", "  "); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
	}
	if err := writeTar(path, files, e); err != nil {
		return fmt.Errorf("bundle %s: %w", path, err)
	}
	return nil
}

// confText is the configuration without its secrets: the file, and those that it includes, one after the other.
func (e *Env) confText() ([]byte, error) {
	names := []string{e.ConfPath}
	if c, err := e.Conf(); err == nil && len(c.Files) > 0 {
		names = c.Files
	}
	var all []byte
	for n, name := range names {
		if n > 0 {
			all = fmt.Appendf(all, "\n# %s\n", name)
		}
		text, err := os.ReadFile(name)
		switch {
		case err == nil:
			all = append(all, redact(text)...)
		case errors.Is(err, fs.ErrNotExist), isPermission(err):
			all = fmt.Appendf(all, "# %v\n", err)
		default:
			return nil, err
		}
	}
	return all, nil
}

func writeTar(path string, files map[string][]byte, e *Env) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(path)
		}
	}()
	z := gzip.NewWriter(f)
	t := tar.NewWriter(z)
	for _, name := range []string{"report.json", "voipmonitor.conf", "versions.txt", "health.json"} {
		b, ok := files[name]
		if !ok {
			continue
		}
		b = scrub(b)
		if err := t.WriteHeader(&tar.Header{Name: "voipmon-doctor/" + name, Mode: 0o644, Size: int64(len(b)), ModTime: e.Now()}); err != nil {
			return err
		}
		if _, err := t.Write(b); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func (e *Env) versions(ctx context.Context) string {
	var b strings.Builder
	fmt.Fprintln(&b, protocol.VersionLine("voipmon"))
	if h, err := e.Health(ctx); err == nil {
		fmt.Fprintf(&b, "sensord %s (commit %s) %s/%s\n", h.Info.Version, h.Info.Commit, h.Info.OS, h.Info.Arch)
	}
	for _, p := range []string{"/proc/version", "/etc/os-release"} {
		if text, err := os.ReadFile(e.path(p)); err == nil {
			b.Write(text)
		}
	}
	return b.String()
}
