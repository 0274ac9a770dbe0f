package source

import (
	"context"
	"errors"
	"net/http"

	"voiptop/protocol"
	"voiptop/rules"
)

// How much of a sensor's history one page of a search looks through: it shares the machine with the telephone system.
const (
	searchCalls = 5000
	searchWhole = 500 // of them records that are read whole, for conditions on streams and messages
)

// Search looks through the sensor's history, newest first. It implements Searcher.
func (s *sensor) Search(ctx context.Context, where string, limit int, after string) (Page, error) {
	expr, err := rules.ParseExpr(where)
	if err != nil {
		return Page{}, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: "the condition cannot be read", Detail: err.Error()}
	}
	size, most := limit, searchCalls
	if expr.Detail() {
		most = searchWhole
	}
	var p Page
	for seen := 0; seen < most; {
		calls, next, err := s.Calls(ctx, size, after)
		if err != nil {
			return Page{}, err
		}
		seen += len(calls)
		for i := range calls {
			ok, err := s.holds(ctx, expr, &calls[i])
			if err != nil {
				return Page{}, err
			}
			if ok {
				p.Calls = append(p.Calls, calls[i])
			}
		}
		if next == "" {
			return Page{Calls: p.Calls}, nil
		}
		p.Next, after = next, next
		p.Searched = calls[len(calls)-1].Start
		if len(p.Calls) >= limit {
			break
		}
	}
	return p, nil
}

// holds asks a condition of a call of a list, which is read whole if it takes that.
func (s *sensor) holds(ctx context.Context, expr rules.Expr, c *protocol.CDR) (bool, error) {
	if !expr.Detail() {
		return expr.Match(rules.Call{CDR: c}), nil
	}
	whole, err := s.Call(ctx, c.ID.String())
	if err != nil {
		var p *protocol.Problem
		if errors.As(err, &p) && p.Code == protocol.CodeNotFound {
			return false, nil // it is too old by now
		}
		return false, err
	}
	return expr.Match(rules.Call{CDR: whole}), nil
}
