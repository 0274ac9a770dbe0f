package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/rules"
)

// rulebook holds the local capture rules: a text file that people edit, looked at twice a second, and replaced through the
// API. The set in force is read by the engine without a lock.
type rulebook struct {
	path  string // of the rules
	state string // of the revision's record
	log   *slog.Logger

	set atomic.Pointer[rules.Set]

	mu       sync.Mutex
	text     string
	revision uint64
	modified time.Time
	size     int64
	problem  *protocol.Problem // why the file as it is now is not in force
}

// bookRecord is what is remembered between two starts, so that a revision's number is never used for another text.
type bookRecord struct {
	Revision uint64 `json:"revision"`
	SHA256   string `json:"sha256"`
}

// openRules reads the rules. A file with an error in it is an error: the sensor must not start with other rules than asked.
func openRules(path, stateDir string, log *slog.Logger) (*rulebook, error) {
	b := &rulebook{path: path, state: filepath.Join(stateDir, "rules.json"), log: log}
	b.set.Store(&rules.Set{})
	if raw, err := os.ReadFile(b.state); err == nil {
		var r bookRecord
		if json.Unmarshal(raw, &r) == nil {
			b.revision = r.Revision
		}
	}
	if err := b.reload(); err != nil {
		return nil, err
	}
	return b, nil
}

// decide answers what to keep of a call, at its first INVITE.
func (b *rulebook) decide(c *protocol.CDR) (string, protocol.Keep) {
	if r := b.set.Load().Decide(rules.Call{CDR: c}, c.Start.Std()); r != nil {
		return r.Name, r.Keep
	}
	return "", protocol.KeepNone
}

// watch applies the file whenever it has changed, until ctx ends.
func (b *rulebook) watch(ctx context.Context) {
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if !b.changed() {
				continue
			}
			if err := b.reload(); err != nil {
				b.log.Error("capture rules not applied; the ones before stay in force", "err", err)
			}
		}
	}
}

func (b *rulebook) changed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	st, err := os.Stat(b.path)
	if err != nil {
		return b.size >= 0 && errors.Is(err, os.ErrNotExist)
	}
	return !st.ModTime().Equal(b.modified) || st.Size() != b.size
}

// reload reads the file and puts it in force. No file is no rules.
func (b *rulebook) reload() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	st, err := os.Stat(b.path)
	if errors.Is(err, os.ErrNotExist) {
		b.modified, b.size = time.Time{}, -1
		return b.apply("")
	}
	if err != nil {
		return b.refuse(fmt.Errorf("read capture rules: %w", err))
	}
	b.modified, b.size = st.ModTime(), st.Size()
	text, err := os.ReadFile(b.path)
	if err != nil {
		return b.refuse(fmt.Errorf("read capture rules: %w", err))
	}
	return b.apply(string(text))
}

func (b *rulebook) refuse(err error) error {
	b.problem = &protocol.Problem{
		Code: "bad-rules", Title: "the capture rules as they are now are not in force", Detail: err.Error(),
		Remedy: "mend the file; it is applied as soon as it is right",
	}
	return err
}

// apply puts a text in force and gives it a revision. b.mu is held.
func (b *rulebook) apply(text string) error {
	set, err := rules.Parse(b.path, text)
	if err != nil {
		return b.refuse(err)
	}
	b.problem = nil
	sum := sha256.Sum256([]byte(text))
	rec := bookRecord{b.revision, hex.EncodeToString(sum[:])}
	var was bookRecord
	if raw, err := os.ReadFile(b.state); err == nil {
		_ = json.Unmarshal(raw, &was) // a damaged record only costs a number
	}
	if was.SHA256 != rec.SHA256 {
		rec.Revision = max(b.revision, was.Revision) + 1
		raw, err := json.Marshal(rec)
		if err != nil {
			return err
		}
		if err := writeFile(b.state, raw); err != nil {
			return fmt.Errorf("record the rules' revision: %w", err)
		}
		b.log.Info("capture rules applied", "rules", len(set.Rules), "revision", rec.Revision)
	}
	b.text, b.revision = text, rec.Revision
	b.set.Store(set)
	return nil
}

func (b *rulebook) current() sensorapi.Rules {
	b.mu.Lock()
	defer b.mu.Unlock()
	return sensorapi.Rules{Revision: b.revision, Text: b.text}
}

// replace writes the file, comments and all, and puts it in force.
func (b *rulebook) replace(r sensorapi.Rules) (sensorapi.Rules, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Revision != 0 && r.Revision != b.revision {
		return sensorapi.Rules{}, &protocol.Problem{
			Code: "rules-changed", Status: http.StatusPreconditionFailed,
			Title:  fmt.Sprintf("the rules have changed: revision %d is in force, the edit began from %d", b.revision, r.Revision),
			Remedy: "read them again and repeat the edit",
		}
	}
	if _, err := rules.Parse("rules", r.Text); err != nil {
		return sensorapi.Rules{}, &protocol.Problem{Code: "bad-rules", Status: http.StatusUnprocessableEntity, Title: err.Error()}
	}
	if err := writeFile(b.path, []byte(r.Text)); err != nil {
		return sensorapi.Rules{}, fmt.Errorf("write capture rules: %w", err)
	}
	if st, err := os.Stat(b.path); err == nil {
		b.modified, b.size = st.ModTime(), st.Size()
	}
	if err := b.apply(r.Text); err != nil {
		return sensorapi.Rules{}, err
	}
	return sensorapi.Rules{Revision: b.revision, Text: b.text}, nil
}

// trouble says why the file is not in force, nil when it is.
func (b *rulebook) trouble() *protocol.Problem {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.problem
}

// writeFile replaces a file at once: a reader sees the old text or the new one.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone after the rename
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o640)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
