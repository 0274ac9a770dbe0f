package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/rules"
)

// Codes of the problems of rules; bad-rules is what a sensor answers too.
const (
	codeRulesChanged = "rules-changed"
	codeBadRules     = "bad-rules"
)

// maxRuleBody bounds a request that carries rules: 1 MiB of text (package rules), with the escapes that JSON may need.
const maxRuleBody = 4 << 20

type rulesAnswer struct {
	Revision uint64        `json:"revision"` // 0: none were written yet
	Text     string        `json:"text"`
	Author   string        `json:"author"`
	Changed  protocol.Time `json:"changed"`
}

func rulesOf(s store.RuleSet) rulesAnswer {
	a := rulesAnswer{Revision: s.Revision, Text: s.Text, Author: s.Author}
	if s.Revision > 0 {
		a.Changed = protocol.TimeOf(s.Changed)
	}
	return a
}

// rules answers the tenant's capture rules in force.
func (a *api) rules(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	s, err := a.Store.Rules(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	return writeJSON(w, rulesOf(s))
}

// setRules replaces the tenant's rules, if they are still those that the change was made to, and lets the sensors know.
func (a *api) setRules(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	var in struct {
		Revision *uint64 `json:"revision"`
		Text     *string `json:"text"`
	}
	if err := readJSONUpTo(maxRuleBody, w, r, &in); err != nil {
		return err
	}
	if in.Revision == nil || in.Text == nil {
		return badRequest("body", "has not both revision and text", "give the revision that the change was made to, and the whole text")
	}
	s, err := a.replaceRules(r, id, *in.Revision, *in.Text)
	if err != nil {
		return err
	}
	return writeJSON(w, rulesOf(s))
}

// replaceRules puts a text in force in the place of a revision.
func (a *api) replaceRules(r *http.Request, id auth.Identity, revision uint64, text string) (store.RuleSet, error) {
	set, err := a.parseRules(r.Context(), id.Tenant, text)
	if err != nil {
		return store.RuleSet{}, badRules(err)
	}
	s, err := a.Store.SetRules(r.Context(), store.RuleSet{Tenant: id.Tenant, Revision: revision, Text: text, Author: id.Name, Changed: a.Now()})
	if errors.Is(err, store.ErrStale) {
		return s, a.rulesChanged(r, id)
	}
	if err != nil {
		return s, err
	}
	a.Links.RulesChanged()
	detail := fmt.Sprintf("revision %d, %d rules, %d bytes", s.Revision, len(set.Rules), len(s.Text))
	return s, a.record(r, id, auth.ActionRules, "hosted", 0, detail)
}

// rulesChanged is the problem of who changes rules that somebody else has changed meanwhile. It names the revision in
// force, so that both can be compared.
func (a *api) rulesChanged(r *http.Request, id auth.Identity) error {
	now, err := a.Store.Rules(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	p := &protocol.Problem{
		Code: codeRulesChanged, Status: http.StatusPreconditionFailed, Title: "the rules were changed meanwhile",
		Remedy: "take the current ones, make the change again", Fields: map[string]string{"revision": strconv.FormatUint(now.Revision, 10)},
	}
	if now.Revision > 0 {
		p.Detail = fmt.Sprintf("revision %d by %s at %s is in force", now.Revision, now.Author, protocol.TimeOf(now.Changed))
	}
	return p
}

// badRules makes a problem of what is wrong with a rule file.
func badRules(err error) error {
	var e *rules.Error
	if !errors.As(err, &e) {
		return err
	}
	return &protocol.Problem{
		Code: codeBadRules, Status: http.StatusUnprocessableEntity, Title: "the rules cannot be read", Detail: e.Error(),
		Fields: map[string]string{
			"line": strconv.Itoa(e.Pos.Line), "column": strconv.Itoa(e.Pos.Col),
			"found": e.Found, "expected": e.Expected, "nearest": e.Nearest,
		},
	}
}

type revisionAnswer struct {
	Revision uint64        `json:"revision"`
	Author   string        `json:"author"`
	Changed  protocol.Time `json:"changed"`
}

// ruleHistory lists the revisions that are kept, newest first.
func (a *api) ruleHistory(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	list, err := a.Store.RuleHistory(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	out := make([]revisionAnswer, len(list))
	for i, s := range list {
		out[i] = revisionAnswer{s.Revision, s.Author, protocol.TimeOf(s.Changed)}
	}
	return writeJSON(w, out)
}

// rulesAt answers an old revision, whole.
func (a *api) rulesAt(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	none := notFound("there is no such revision of the rules")
	n, err := strconv.ParseUint(mux.Vars(r)["revision"], 10, 63)
	if err != nil {
		return none
	}
	s, err := a.Store.RulesAt(r.Context(), id.Tenant, n)
	if errors.Is(err, store.ErrNotFound) {
		return none
	}
	if err != nil {
		return err
	}
	return writeJSON(w, rulesOf(s))
}

type fieldAnswer struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Doc   string   `json:"doc"`
	Words []string `json:"words,omitempty"`
}

// ruleFields lists what a condition may ask for, for completion.
func (a *api) ruleFields(w http.ResponseWriter, _ *http.Request, _ auth.Identity) error {
	var out []fieldAnswer
	for _, f := range rules.Fields() {
		if f.InRules() {
			out = append(out, fieldAnswer{f.Name, f.Type.String(), f.Doc, f.Words})
		}
	}
	return writeJSON(w, out)
}
