// Package doctor answers why a sensor is not in the cloud: it checks, one after the other, all that has to be right from the
// configuration file to the first CDR that hosted has stored, and says for each what was seen, why it matters and what to
// type. docs/doctor.md describes every check. `voipmon doctor` runs it.
//
// It changes nothing: hello is a probe, the spool is tried with a temporary file. The sensor's own view of itself
// (protocol.Health) is read from its API; what the sensor cannot know (is the file there? is the port open?) is tried from
// here, on the same machine. Checks reach the world through Env only.
package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"voiptop/protocol"
)

// Status is the outcome of a check.
type Status string

// The outcomes. A check that is skipped was not made, which is not "ok".
const (
	OK   Status = "ok"
	Warn Status = "warn" // works, but somebody should look
	Fail Status = "fail" // keeps calls from arriving in hosted
	Skip Status = "skip" // not checked, Seen says why
)

// Result is what a check found.
type Result struct {
	Status Status `json:"status"`
	Seen   string `json:"seen"`             // the fact, one line
	Why    string `json:"why,omitempty"`    // what it means
	Remedy string `json:"remedy,omitempty"` // a command to type, or what to do
	// Details are what Seen is a summary of, a line each.
	Details []string `json:"details,omitempty"`
	// Notes are what else there is to know, and nothing to mend.
	Notes []string `json:"notes,omitempty"`
	// Blocked says of a skipped check that it should have been made and could not: a lack of rights, a missing tool.
	Blocked bool `json:"blocked,omitempty"`
}

// Check is one thing to look at.
type Check struct {
	Code  string // stable; the anchor in docs/doctor.md
	Group string
	Title string
	Needs []string // codes of checks without which this one says nothing
	Run   func(ctx context.Context, e *Env) Result
}

// Outcome is a check with its result.
type Outcome struct {
	Code  string `json:"code"`
	Group string `json:"group"`
	Title string `json:"title"`
	Result
	Docs string `json:"docs"`
	MS   int64  `json:"ms"` // how long it took

	cause string // code of the check that kept this one from being made
}

// checkTimeout bounds one check.
const checkTimeout = 20 * time.Second

// Checks lists all checks in the order in which they are made.
func Checks() []Check {
	return slices.Concat(configChecks, networkChecks, linkChecks, hostChecks, serviceChecks, captureChecks, deliveryChecks,
		storageChecks, ruleChecks, limitChecks)
}

// groups lists the groups in the order of their checks.
func groups() (names []string) {
	for _, c := range Checks() {
		if !slices.Contains(names, c.Group) {
			names = append(names, c.Group)
		}
	}
	return names
}

// Selection says which checks to make, by group or code; empty means all.
type Selection struct{ Only, Skip []string }

// Validate reports a name that is neither a group nor a check.
func (s Selection) Validate() error {
	for _, name := range append(slices.Clone(s.Only), s.Skip...) {
		if !slices.ContainsFunc(Checks(), func(c Check) bool { return c.Group == name || c.Code == name }) {
			return fmt.Errorf("no group or check is called %q; groups are %s", name, strings.Join(groups(), ", "))
		}
	}
	return nil
}

func (s Selection) wants(c Check) bool {
	in := func(list []string) bool { return slices.Contains(list, c.Group) || slices.Contains(list, c.Code) }
	return (len(s.Only) == 0 || in(s.Only)) && !in(s.Skip)
}

// Run makes the checks that sel selects, in order, and gives each outcome to emit as it comes. A check that an unselected
// one is needed for has that one made silently; what the user skips by name is taken to be right.
func Run(ctx context.Context, e *Env, sel Selection, emit func(Outcome)) Report {
	e.begin()
	r := run{env: e, sel: sel, done: map[string]Outcome{}, all: map[string]Check{}}
	for _, c := range Checks() {
		r.all[c.Code] = c
	}
	report := Report{Version: protocol.Version, Conf: e.ConfPath, Checked: e.Now().UTC()}
	for _, c := range Checks() {
		if !sel.wants(c) {
			continue
		}
		o := r.outcome(ctx, c)
		if ctx.Err() != nil { // it may have failed for that reason alone
			report.Interrupted = true
			break
		}
		report.Checks = append(report.Checks, o)
		emit(o)
	}
	report.Status = report.status()
	return report
}

type run struct {
	env  *Env
	sel  Selection
	done map[string]Outcome
	all  map[string]Check
}

// outcome makes a check and those it needs, each once.
func (r *run) outcome(ctx context.Context, c Check) Outcome {
	if o, ok := r.done[c.Code]; ok {
		return o
	}
	start := r.env.Now()
	o := Outcome{Code: c.Code, Group: c.Group, Title: c.Title, Docs: "docs/doctor.md#" + c.Code}
	for _, need := range c.Needs {
		n := r.all[need]
		if slices.Contains(r.sel.Skip, n.Code) || slices.Contains(r.sel.Skip, n.Group) {
			continue
		}
		if was := r.outcome(ctx, n); was.Status == Fail || was.Status == Skip {
			o.cause = need
			if was.cause != "" {
				o.cause = was.cause
			}
			o.Result = skip("needs %s", o.cause)
			if root := r.all[o.cause]; !r.sel.wants(root) { // the report does not hold the reason: say it here
				o.Seen += ": " + r.done[o.cause].Seen
				o.Remedy = r.done[o.cause].Remedy
				o.Blocked = true
			}
			r.done[c.Code] = o
			return o
		}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	o.Result = c.Run(ctx, r.env)
	o.MS = r.env.Now().Sub(start).Milliseconds()
	r.done[c.Code] = o
	return o
}

// Report is the outcome of a run.
type Report struct {
	Version string    `json:"version"`
	Conf    string    `json:"conf"`
	Checked time.Time `json:"checked"`
	Status  int       `json:"exit"` // exit status: 0 all right or warnings, 1 a check failed, 2 something could not be checked
	Checks  []Outcome `json:"checks"`

	Interrupted bool `json:"interrupted,omitempty"` // before the last check
}

// Count says how many outcomes have a status.
func (r *Report) Count(s Status) (n int) {
	for _, o := range r.Checks {
		if o.Status == s {
			n++
		}
	}
	return n
}

// First is the failure to mend first, nil if nothing failed. Checks are made in the order in which one thing rests on another.
func (r *Report) First() *Outcome {
	if i := slices.IndexFunc(r.Checks, func(o Outcome) bool { return o.Status == Fail }); i >= 0 {
		return &r.Checks[i]
	}
	return nil
}

func (r *Report) status() int {
	blocked := slices.ContainsFunc(r.Checks, func(o Outcome) bool { return o.Blocked })
	switch {
	case r.Count(Fail) > 0:
		return 1
	case blocked || r.Interrupted || len(r.Checks) == 0:
		return 2
	}
	return 0
}

// Delivering reports whether nothing failed and hosted has acknowledged a CDR.
func (r *Report) Delivering() bool {
	return r.Count(Fail) == 0 && slices.ContainsFunc(r.Checks, func(o Outcome) bool { return o.Code == codeLastCDR && o.Status == OK })
}

func ok(format string, a ...any) Result { return Result{Status: OK, Seen: fmt.Sprintf(format, a...)} }

func warning(seen, why, remedy string) Result {
	return Result{Status: Warn, Seen: seen, Why: why, Remedy: remedy}
}

func failed(seen, why, remedy string) Result {
	return Result{Status: Fail, Seen: seen, Why: why, Remedy: remedy}
}

func skip(format string, a ...any) Result {
	return Result{Status: Skip, Seen: "not checked: " + fmt.Sprintf(format, a...)}
}

// blocked is a check that should have been made and could not be.
func blocked(seen, remedy string) Result {
	return Result{Status: Skip, Seen: "not checked: " + seen, Remedy: remedy, Blocked: true}
}
