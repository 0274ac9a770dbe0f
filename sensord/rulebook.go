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
	"strconv"
	"sync"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/rules"
)

// rulesEvery is how often the files of the rules are looked at.
const rulesEvery = 250 * time.Millisecond

// unusableRules is what is said of a sensor that has no rules since its start.
const unusableRules = "the capture rules cannot be used: nothing is kept until they are mended"

// rulebook holds the capture rules: the local ones, a text file that people edit and CSV files that it names, looked at a few
// times a second and replaced through the API; and behind them hosted's, see hostedRules.
type rulebook struct {
	path  string // of the local rules
	state string // of the revision's record
	log   *slog.Logger

	changed chan struct{} // holds something when other rules are in force than take has answered with

	mu       sync.Mutex
	local    *rules.Set
	text     string
	revision uint64
	since    uint64 // the first revision of the same text: since then only CSV files have changed
	files    []fileStamp
	problem  *protocol.Problem // why the files as they are now are not in force
	blocked  bool              // no local rules could be read since the start: until they can, nothing is kept
	hosted   hostedRules
}

// bookRecord is what is remembered between two starts, so that a revision's number is never used for other rules.
type bookRecord struct {
	Revision uint64 `json:"revision"`
	SHA256   string `json:"sha256"`
}

// fileStamp tells one state of a file from another.
type fileStamp struct {
	path     string
	modified time.Time
	size     int64 // -1: there is no file
}

// stampOf answers the stamp of a file; one that cannot be looked at is as none.
func stampOf(path string) fileStamp {
	st, err := os.Stat(path)
	if err != nil {
		return fileStamp{path: path, size: -1}
	}
	return fileStamp{path, st.ModTime(), st.Size()}
}

// openRules reads the rules. Hosted's count only for a sensor that has a link. A local file that cannot be used keeps no sensor from
// recording calls, and must not have it keep what the file forbids: until it is mended no rule is in force, hosted's neither, and nothing
// is kept.
func openRules(path, stateDir string, linked bool, log *slog.Logger) *rulebook {
	b := &rulebook{path: path, state: filepath.Join(stateDir, "rules.json"), log: log, changed: make(chan struct{}, 1), local: &rules.Set{}}
	if raw, err := os.ReadFile(b.state); err == nil {
		var r bookRecord
		if json.Unmarshal(raw, &r) == nil {
			b.revision = r.Revision
		}
	}
	if err := b.reload(); err != nil {
		b.blocked = true
		b.problem.Title = unusableRules
		log.Error(unusableRules, "err", err)
	}
	if linked {
		b.hosted.open(filepath.Join(stateDir, "hosted.rules"), log)
	}
	return b
}

// unusable is why no rule is in force, nil if some are.
func (b *rulebook) unusable() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.blocked {
		return nil
	}
	return errors.New(b.problem.Detail)
}

// take answers the rules in force, local ones first.
func (b *rulebook) take() *rules.Set {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.changed:
	default:
	}
	if b.blocked {
		return &rules.Set{}
	}
	return rules.Join(b.local, b.hosted.set)
}

// tell says that other rules are in force. b.mu is held.
func (b *rulebook) tell() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// watch applies the files whenever they have changed, until ctx ends.
func (b *rulebook) watch(ctx context.Context) {
	t := time.NewTicker(rulesEvery)
	defer t.Stop()
	said := ""
	if err := b.unusable(); err != nil {
		said = err.Error()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if !b.stale() {
				continue
			}
			err := b.reload()
			if err != nil && err.Error() != said {
				b.log.Error("capture rules not applied; the ones before stay in force", "err", err)
			}
			if said = ""; err != nil {
				said = err.Error()
			}
		}
	}
}

// stale reports whether the files are to be read again: one has changed, or they could not be used, perhaps because of a
// CSV file that is not known then.
func (b *rulebook) stale() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.files {
		if now := stampOf(f.path); !now.modified.Equal(f.modified) || now.size != f.size {
			return true
		}
	}
	return b.problem != nil
}

// reload reads the file and puts it in force. No file is no rules.
func (b *rulebook) reload() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = append(b.files[:0], stampOf(b.path))
	text, err := os.ReadFile(b.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return b.refuse(fmt.Errorf("read capture rules: %w", err))
	}
	return b.apply(string(text))
}

func (b *rulebook) refuse(err error) error {
	b.problem = badRules(err)
	b.problem.Title = "the capture rules as they are now are not in force"
	if b.blocked {
		b.problem.Title = unusableRules
	}
	b.problem.Remedy = "mend the file; it is applied as soon as it is right"
	return err
}

// apply puts a text in force and gives it a revision. b.mu is held.
func (b *rulebook) apply(text string) error {
	set, err := rules.Parse(b.path, text)
	if err != nil {
		return b.refuse(err)
	}
	h := sha256.New()
	h.Write([]byte(text))
	for _, f := range set.Files() {
		b.files = append(b.files, stampOf(f))
		csv, err := os.ReadFile(f)
		if err != nil {
			return b.refuse(fmt.Errorf("read capture rules: %w", err))
		}
		h.Write(csv)
	}
	rec := bookRecord{b.revision, hex.EncodeToString(h.Sum(nil))}
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
			return b.refuse(fmt.Errorf("record the rules' revision: %w", err))
		}
		b.log.Info("capture rules applied", "rules", len(set.Rules), "revision", rec.Revision)
	}
	if text != b.text || b.since == 0 {
		b.since = rec.Revision
	}
	b.problem, b.blocked = nil, false
	b.text, b.revision, b.local = text, rec.Revision, set
	b.tell()
	return nil
}

func (b *rulebook) current() sensorapi.Rules {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.report()
}

// revisions answers those of the local rules and of hosted's that are in force.
func (b *rulebook) revisions() (local, hosted uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.revision, b.hosted.revision
}

// report is what the API says of the rules. b.mu is held.
func (b *rulebook) report() sensorapi.Rules {
	r := sensorapi.Rules{Revision: b.revision, Text: b.text, Hosted: b.hosted.report()}
	if b.blocked && r.Hosted != nil {
		r.Hosted.Problem = b.problem
	}
	return r
}

// replace writes the file, comments and all, and puts it in force.
func (b *rulebook) replace(r sensorapi.Rules) (sensorapi.Rules, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Revision != 0 && (r.Revision < b.since || r.Revision > b.revision) {
		return sensorapi.Rules{}, &protocol.Problem{
			Code: "rules-changed", Status: http.StatusPreconditionFailed,
			Title:  fmt.Sprintf("the rules have changed: revision %d is in force, the edit began from %d", b.revision, r.Revision),
			Remedy: "read them again and repeat the edit",
		}
	}
	if _, err := rules.Parse(b.path, r.Text); err != nil {
		return sensorapi.Rules{}, badRules(err)
	}
	if err := writeFile(b.path, []byte(r.Text)); err != nil {
		return sensorapi.Rules{}, fmt.Errorf("write capture rules: %w", err)
	}
	b.files = append(b.files[:0], stampOf(b.path))
	if err := b.apply(r.Text); err != nil {
		return sensorapi.Rules{}, err
	}
	return b.report(), nil
}

// troubles say which rules are not in force, and why.
func (b *rulebook) troubles() (list []protocol.Problem) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range []*protocol.Problem{b.problem, b.hosted.problem} {
		if p != nil {
			list = append(list, *p)
		}
	}
	return list
}

// badRules makes a problem of why a text is not in force: with the place, as far as it is known.
func badRules(err error) *protocol.Problem {
	p := &protocol.Problem{Code: "bad-rules", Status: http.StatusUnprocessableEntity, Title: "the rules cannot be read", Detail: err.Error()}
	var e *rules.Error
	if errors.As(err, &e) {
		p.Fields = map[string]string{
			"line": strconv.Itoa(e.Pos.Line), "column": strconv.Itoa(e.Pos.Col), "found": e.Found, "expected": e.Expected, "nearest": e.Nearest, "file": e.File,
		}
	}
	return p
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
