package opened

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"voiptop/protocol"
	"voiptop/rules"
)

// Bounds of lists, as hosted has them.
const (
	defaultPage = 100
	maxPage     = 500
	maxWhere    = 4096 // bytes of a condition
)

// found is what a condition holds for, in the order of start.
type found struct {
	where string
	calls []int32
}

// condition reads a condition in the language of package rules; what is wrong with it is a *rules.Error.
func condition(text string) (rules.Expr, error) {
	if len(text) > maxWhere {
		return rules.Expr{}, &rules.Error{Pos: rules.Pos{Line: 1, Col: 1}, Found: fmt.Sprintf("%d bytes", len(text)), Expected: fmt.Sprintf("at most %d", maxWhere)}
	}
	var none *rules.Set
	return none.ParseSearch(text)
}

// search finds the calls that a condition holds for.
func (c *Capture) search(ctx context.Context, where string) ([]int32, error) {
	e, err := condition(where)
	if err != nil {
		return nil, badCondition(err)
	}
	c.mu.Lock()
	all := c.order()
	if c.found != nil && c.found.where == where {
		defer c.mu.Unlock()
		return c.found.calls, nil
	}
	c.mu.Unlock()
	if e.IsZero() {
		return all, nil
	}
	match := []int32{}
	for n, i := range all {
		if n%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c.mu.Lock()
		call := &c.calls[i].call
		c.mu.Unlock()
		if e.Detail() { // asks for streams or messages
			if call, err = c.record(i); err != nil {
				return nil, err
			}
		}
		if e.Match(rules.Call{CDR: call}) {
			match = append(match, i)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.calls) == len(all) { // no call came meanwhile
		c.found = &found{where, match}
	}
	return match, nil
}

// maxLegs bounds a conversation; a group with more is a mistake of whoever joined it.
const maxLegs = 100

// grouped picks the calls of a conversation.
func (c *Capture) grouped(list []int32, group string) []int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	legs := []int32{}
	for _, i := range list {
		if c.calls[i].call.GroupID == group {
			if legs = append(legs, i); len(legs) == maxLegs {
				break
			}
		}
	}
	return legs
}

// legs are the other calls of a call's conversation.
func (c *Capture) legs(r *protocol.CDR) ([]*protocol.CDR, error) {
	if r.GroupID == "" {
		return nil, nil
	}
	c.mu.Lock()
	all := c.order()
	c.mu.Unlock()
	var legs []*protocol.CDR
	for _, i := range c.grouped(all, r.GroupID) {
		leg, err := c.record(i)
		if err != nil {
			return nil, err
		}
		if leg.ID != r.ID {
			legs = append(legs, leg)
		}
	}
	return legs, nil
}

// record reads the whole record of a call.
func (c *Capture) record(i int32) (*protocol.CDR, error) {
	b, err := c.line(i)
	if err != nil {
		return nil, err
	}
	r := new(protocol.CDR)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read a record again: %w", err)
	}
	return r, nil
}

// list answers a page of calls, the oldest first unless order=newest: {"calls": [...], "next": "..."}.
func (c *Capture) list(ctx context.Context, q url.Values) (*Answer, error) {
	list, err := c.search(ctx, q.Get("where"))
	if err != nil {
		return nil, err
	}
	if group := q.Get("group"); group != "" {
		list = c.grouped(list, group)
	}
	limit := defaultPage
	if v := q.Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > maxPage {
			return nil, badRequest("limit", v, fmt.Sprintf("a number from 1 to %d", maxPage))
		}
	}
	from := 0
	if v := q.Get("after"); v != "" {
		if from, err = strconv.Atoi(v); err != nil || from < 0 {
			return nil, badRequest("after", v, "what the page before answered as next")
		}
	}
	from = min(from, len(list))
	end := min(from+limit, len(list))
	b := []byte(`{"calls":[`)
	c.mu.Lock()
	for n := from; n < end; n++ {
		i := list[n]
		if q.Get("order") == "newest" {
			i = list[len(list)-1-n]
		}
		if n > from {
			b = append(b, ',')
		}
		b = c.calls[i].call.AppendJSON(b)
	}
	c.mu.Unlock()
	next := ""
	if end < len(list) {
		next = strconv.Itoa(end)
	}
	return jsonAnswer(fmt.Appendf(b, `],"next":%q}`, next)), nil
}

// count answers how many calls are found.
func (c *Capture) count(ctx context.Context, q url.Values) (*Answer, error) {
	list, err := c.search(ctx, q.Get("where"))
	if err != nil {
		return nil, err
	}
	return jsonAnswer(fmt.Appendf(nil, `{"calls":%d,"complete":true}`, len(list))), nil
}

// check answers whether a condition can be read, and where not.
func check(q url.Values) (*Answer, error) {
	_, err := condition(q.Get("where"))
	type wrong struct {
		Line     int    `json:"line"`
		Column   int    `json:"column"`
		Found    string `json:"found"`
		Expected string `json:"expected"`
		Nearest  string `json:"nearest"`
		Message  string `json:"message"`
	}
	var a struct {
		OK    bool   `json:"ok"`
		Error *wrong `json:"error,omitempty"`
	}
	a.OK = err == nil
	var e *rules.Error
	if errors.As(err, &e) {
		a.Error = &wrong{e.Pos.Line, e.Pos.Col, e.Found, e.Expected, e.Nearest, e.Error()}
	}
	return encode(a)
}

// fields answers what calls can be asked for.
func fields() (*Answer, error) {
	type field struct {
		Name  string   `json:"name"`
		Type  string   `json:"type"`
		Doc   string   `json:"doc"`
		Words []string `json:"words"`
	}
	a := struct {
		Fields []field  `json:"fields"`
		Groups []string `json:"groups"`
		Zone   string   `json:"zone"`
	}{Groups: []string{}, Zone: "UTC"}
	for _, f := range rules.Fields() {
		if f.Stored() {
			a.Fields = append(a.Fields, field{f.Name, f.Type.String(), f.Doc, f.Words})
		}
	}
	return encode(a)
}
