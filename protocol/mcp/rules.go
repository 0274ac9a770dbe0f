package mcp

import (
	"context"
	"net/http"

	"voiptop/protocol"
)

// Rules are capture rules with the number of their revision.
type Rules struct {
	Revision uint64
	Text     string
}

// RuleCheck is what became of a text of rules.
type RuleCheck struct {
	Problem *RuleProblem // nil: it can be read
	Rules   []RuleCount
	Checked int // past calls that were tried
}

// RuleProblem says where a text is wrong.
type RuleProblem struct {
	Line, Column             int
	Found, Expected, Nearest string
}

// RuleCount is what a rule would have kept.
type RuleCount struct {
	Name  string
	Keep  protocol.Keep
	Calls int
	Bytes int64
}

// RuleStep is what a rule said of a call.
type RuleStep struct {
	Rule    string
	Keep    protocol.Keep
	Decides bool
	Why     string
}

// Field is one thing that conditions ask for.
type Field struct {
	Name, Type, Doc string
	Words, Ops      []string
}

// NumbersHidden is the problem of a condition that asks who called, of whoever may not see that: by asking many, numbers could
// be found out.
func NumbersHidden() error {
	return &protocol.Problem{
		Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "the condition asks who called whom, and numbers are masked here",
		Remedy: "ask for addresses, sensors, statuses, quality or findings; or use a token with the right numbers", Fields: map[string]string{"right": "numbers"},
	}
}

type rulesIn struct{}

type rulesOut struct {
	Revision uint64 `json:"revision" jsonschema:"0: none were written yet"`
	Text     string `json:"text"`
	Cut      bool   `json:"cut,omitempty" jsonschema:"the text is longer than what is shown"`
	Masked   bool   `json:"masked,omitempty" jsonschema:"numbers in it are masked: it is not fit to be written back"`
}

func (s *server) rules(ctx context.Context, _ rulesIn) (out rulesOut, err error) {
	r, err := s.src.Rules(ctx)
	if err != nil {
		return out, err
	}
	out = rulesOut{Revision: r.Revision, Text: r.Text}
	if len(out.Text) > MaxRules {
		out.Text, out.Cut = out.Text[:MaxRules], true
	}
	if s.Mask != nil {
		masked := s.Mask.Text(out.Text)
		out.Text, out.Masked = masked, masked != out.Text
	}
	return out, nil
}

type ruleCheckIn struct {
	Text string `json:"text" jsonschema:"a whole file of capture rules, e.g. 'bad-calls: keep rtp when mos < 3'"`
}

type ruleCheckOut struct {
	OK      bool           `json:"ok"`
	Problem *ruleProblem   `json:"problem,omitempty"`
	Rules   []ruleCountOut `json:"rules,omitempty" jsonschema:"what each would have kept of past calls"`
	Checked int            `json:"checked" jsonschema:"past calls that were tried, the newest"`
}

type ruleProblem struct {
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Found    string `json:"found"`
	Expected string `json:"expected"`
	Nearest  string `json:"nearest,omitempty" jsonschema:"what was probably meant"`
}

type ruleCountOut struct {
	Name  string `json:"name"`
	Keep  string `json:"keep"`
	Calls int    `json:"calls" jsonschema:"for which it would have decided"`
	Bytes int64  `json:"bytes" jsonschema:"about, that would have been kept"`
}

func (s *server) ruleCheck(ctx context.Context, in ruleCheckIn) (out ruleCheckOut, err error) {
	if err := within("text", in.Text, MaxRules); err != nil {
		return out, err
	}
	r, err := s.src.CheckRules(ctx, in.Text)
	if err != nil {
		return out, err
	}
	out = ruleCheckOut{OK: r.Problem == nil, Checked: r.Checked}
	if p := r.Problem; p != nil {
		out.Problem = &ruleProblem{p.Line, p.Column, clean(p.Found, maxText), clean(p.Expected, maxText), clean(p.Nearest, maxText)}
	}
	for _, n := range r.Rules[:min(len(r.Rules), 200)] {
		out.Rules = append(out.Rules, ruleCountOut{clean(n.Name, 64), string(n.Keep), n.Calls, n.Bytes})
	}
	return out, nil
}

type ruleExplainOut struct {
	Decided string        `json:"decided,omitempty" jsonschema:"the rule that decides; absent: none does, and nothing is kept"`
	Steps   []ruleStepOut `json:"steps" jsonschema:"in the order in which rules are asked"`
}

type ruleStepOut struct {
	Rule    string `json:"rule"`
	Keep    string `json:"keep"`
	Decides bool   `json:"decides"`
	Why     string `json:"why" jsonschema:"in «guillemets»: it may quote SIP messages"`
}

func (s *server) ruleExplain(ctx context.Context, in callIn) (out ruleExplainOut, err error) {
	if err := within("id", in.ID, maxName); err != nil {
		return out, err
	}
	c, err := s.src.Call(ctx, in.ID)
	if err != nil {
		return out, err
	}
	steps, err := s.src.ExplainRules(ctx, c)
	if err != nil {
		return out, err
	}
	out.Steps = []ruleStepOut{}
	for _, x := range steps[:min(len(steps), 200)] {
		why := x.Why
		if s.Mask != nil {
			why = s.Mask.TextOf(c, why)
		}
		out.Steps = append(out.Steps, ruleStepOut{clean(x.Rule, 64), string(x.Keep), x.Decides, "«" + clean(why, maxText) + "»"})
		if x.Decides {
			out.Decided = clean(x.Rule, 64)
		}
	}
	return out, nil
}

type setRulesIn struct {
	Revision uint64 `json:"revision" jsonschema:"that rules answered"`
	Text     string `json:"text" jsonschema:"the whole file"`
}

type setRulesOut struct {
	Revision uint64 `json:"revision" jsonschema:"in force now"`
}

func (s *server) setRules(ctx context.Context, in setRulesIn) (out setRulesOut, err error) {
	if err := within("text", in.Text, MaxRules); err != nil {
		return out, err
	}
	if s.Mask != nil {
		return out, &protocol.Problem{
			Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "rules cannot be replaced by who sees their numbers masked",
			Remedy: "use a token with the right numbers", Fields: map[string]string{"right": "numbers"},
		}
	}
	out.Revision, err = s.Writer.SetRules(ctx, in.Revision, in.Text)
	return out, err
}

type fieldsIn struct{}

type fieldsOut struct {
	Grammar string     `json:"grammar"`
	Fields  []fieldOut `json:"fields"`
}

type fieldOut struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Doc   string   `json:"doc"`
	Ops   []string `json:"operators,omitempty"`
	Words []string `json:"words,omitempty"`
}

const grammar = `FIELD OPERATOR VALUE, joined with and, or, not and parentheses; several values of one field in parentheses: codec:(PCMU PCMA). ` +
	`":" matches without case and with * for anything, "=" exactly, "~" by a regular expression. Texts with blanks are in double quotes.`

func (s *server) fields(_ context.Context, _ fieldsIn) (fieldsOut, error) {
	out := fieldsOut{Grammar: grammar, Fields: []fieldOut{}}
	for _, f := range s.src.Fields() {
		out.Fields = append(out.Fields, fieldOut{f.Name, f.Type, f.Doc, f.Ops, f.Words})
	}
	return out, nil
}
