package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/rules"
	"voiptop/sensord/conf"
	"voiptop/tui/internal/plural"
)

var ruleChecks = []Check{
	{Code: "rules-local", Group: "rules", Title: "the local capture rules are in force", Needs: []string{"conf-readable"}, Run: checkLocalRules},
	{Code: "rules-hosted", Group: "rules", Title: "hosted's capture rules are in force", Needs: []string{"sensord-socket"}, Run: checkHostedRules},
	{Code: "rules-held", Group: "rules", Title: "there is room for what rules leave undecided", Needs: []string{"sensord-socket"}, Run: checkHeld},
	{Code: "cloud-access", Group: "rules", Title: "what hosted may have of captures", Needs: []string{"conf-readable"}, Run: checkCloudAccess},
}

// ruleFile is where the local rules are.
func (e *Env) ruleFile() string {
	c := e.config()
	if c.RuleFile != "" {
		return c.RuleFile
	}
	return filepath.Join(c.StateDir, "local.rules")
}

// Rules asks the running sensor which rules it has in force.
func (e *Env) Rules(ctx context.Context) (sensorapi.Rules, error) {
	return e.rules.get(func() (sensorapi.Rules, error) {
		if e.api != nil {
			return e.api.Rules(ctx)
		}
		return sensorapi.Dial(e.config().Socket).Rules(ctx)
	})
}

func checkLocalRules(ctx context.Context, e *Env) Result {
	file := e.ruleFile()
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return blocked("no right to read "+file, "sudo voipmon doctor --only rules")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return failed(err.Error(), "sensord keeps no packet of any call without it", "mend the file, or rules_file in "+e.ConfPath)
	}
	if path, a := e.mayNot(ctx, "-r", file); path != "" {
		return failed(fmt.Sprintf("%s may not read %s, and sensord runs as that user", a.Name, path), "sensord keeps no packet of any call without it",
			fmt.Sprintf("chgrp %s %s ; chmod g+r %s", a.Name, path, path))
	}
	if err == nil && e.hidden(ctx, file) {
		return failed("sensord's unit hides "+file+" from it", "its rules are not in force", "put it elsewhere, for example /etc/sensord.rules ; then mend rules_file in "+e.ConfPath)
	}
	set, err := rules.Parse(file, string(text))
	if err != nil {
		h, down := e.Health(ctx)
		keepsNothing := func(p protocol.Problem) bool {
			return p.Code == "bad-rules" && strings.Contains(p.Title, "nothing is kept")
		}
		if down != nil || slices.ContainsFunc(h.Problems, keepsNothing) {
			return failed(err.Error(), "sensord keeps no packet of any call with it, and goes on with records", "mend the file, then: voipmon rules check "+file)
		}
		return warning(err.Error(), "the rules before the change stay in force until sensord is restarted; from then on it keeps nothing",
			"mend the file; it is applied at once: voipmon rules check "+file)
	}
	if len(set.Rules) == 0 {
		return e.noRules(ctx, file)
	}
	seen := fmt.Sprintf("%s: %s", file, plural.Of(len(set.Rules), "rule"))
	if w := set.Warnings(e.Now()); len(w) > 0 {
		seen = fmt.Sprintf("%s; %q in line %d %s", seen, w[0].Rule.Name, w[0].Rule.Pos.Line, w[0].Text)
		if len(w) > 1 {
			seen += fmt.Sprintf("; and %d more", len(w)-1)
		}
		return warning(seen, "these rules do nothing", "voipmon rules check "+file)
	}
	return ok("%s", seen)
}

// noRules is what to say of a sensor without local rules: that may be meant, unless its configuration asked for captures.
func (e *Env) noRules(ctx context.Context, file string) Result {
	if r, err := e.Rules(ctx); err == nil && r.Hosted != nil && r.Hosted.Revision > 0 {
		return ok("none; hosted has some")
	}
	if asked := e.config().Recording; len(asked) > 0 {
		return warning(fmt.Sprintf("no rules, but %s has %s", asked[0], asked[0].Key), "that key has no effect here: no packet of any call is kept without a capture rule",
			fmt.Sprintf("write a rule into %s, for example \"all: keep headers\"; voipmon rules import makes rules of VoIPmonitor's filter tables", file))
	}
	return ok("none: no packets are kept")
}

func checkHostedRules(ctx context.Context, e *Env) Result {
	r, err := e.Rules(ctx)
	switch {
	case err != nil:
		return skip("sensord does not tell its rules: %v", err)
	case r.Hosted == nil:
		return ok("none")
	case r.Hosted.Problem != nil:
		p := r.Hosted.Problem
		seen := p.Title
		if p.Detail != "" {
			seen += ": " + p.Detail
		}
		why := "none of hosted's rules are in force"
		if r.Hosted.Revision > 0 {
			why = fmt.Sprintf("those of revision %d stay in force", r.Hosted.Revision)
		}
		return warning(seen, why, p.Remedy)
	}
	set, err := rules.ParseHosted("hosted", r.Hosted.Text)
	if err != nil { // voipmon is older than sensord
		return ok("revision %d", r.Hosted.Revision)
	}
	return ok("revision %d: %s", r.Hosted.Revision, plural.Of(len(set.Rules), "rule"))
}

func checkHeld(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	seen := "no call is undecided"
	if n := h.Spool.HeldCalls; n > 0 {
		seen = fmt.Sprintf("%s undecided, %.1f MB held", plural.Of(n, "call"), float64(h.Spool.HeldBytes)/1e6)
	}
	i := slices.IndexFunc(h.Problems, func(p protocol.Problem) bool { return p.Code == "captures-window-full" })
	if i < 0 {
		return ok("%s", seen)
	}
	p := h.Problems[i]
	return warning(seen+"; "+p.Title+": "+p.Detail, "rules that decide at the end (mos, loss, finding, status ...) hold all packets of a call until then", p.Remedy)
}

func checkCloudAccess(ctx context.Context, e *Env) Result {
	c := e.config()
	switches := []struct {
		key, capability, allowed string
		on                       bool
	}{
		{"cloud_listen", "listen", "listen", c.CloudListen},
		{"cloud_download", "download", "download", c.CloudDownload},
	}
	h, err := e.Health(ctx)
	var may, off []string
	for _, s := range switches {
		if err == nil && h.Info.Version == protocol.Version && s.on != slices.Contains(h.Info.Capabilities, s.capability) {
			was := "no"
			if !s.on {
				was = "yes"
			}
			return warning(fmt.Sprintf("%s was changed; the running sensord still has %s = %s", s.key, s.key, was),
				"the configuration is read at the start", "systemctl restart sensord")
		}
		if s.on {
			may = append(may, s.allowed)
		} else {
			off = append(off, s.key+" = no")
		}
	}
	if len(off) == 0 {
		return ok("users of hosted with the right may %s", strings.Join(may, " and "))
	}
	return ok("%s: hosted's users get %s", strings.Join(off, ", "), cannot(c))
}

// cannot says what is switched off, in words.
func cannot(c *conf.Config) string {
	switch {
	case c.CloudListen:
		return "no packets of this sensor"
	case c.CloudDownload:
		return "no voice of this sensor"
	}
	return "neither packets nor voice of this sensor"
}
