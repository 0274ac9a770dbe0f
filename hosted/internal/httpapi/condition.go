package httpapi

import (
	"errors"
	"net/http"
	"strconv"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/search"
	"voiptop/protocol"
)

type conditionAnswer struct {
	OK    bool         `json:"ok"`
	Error *errorAnswer `json:"error,omitempty"`
}

// checkCondition says whether a condition can be read, and where not; asked while somebody types.
func (a *api) checkCondition(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	_, err := a.searchOf(r.Context(), id, onlyWhere(r.URL.Query()))
	var p *protocol.Problem
	if errors.As(err, &p) && p.Code == search.CodeBadCondition {
		line, _ := strconv.Atoi(p.Fields["line"]) // written from numbers
		column, _ := strconv.Atoi(p.Fields["column"])
		return writeJSON(w, conditionAnswer{Error: &errorAnswer{line, column, p.Fields["found"], p.Fields["expected"], p.Fields["nearest"], p.Detail}})
	}
	if err != nil {
		return err
	}
	return writeJSON(w, conditionAnswer{OK: true})
}

// conditionFields lists what stored calls can be asked for.
func (a *api) conditionFields(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	fields, groups, zone, err := a.conditions.Fields(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	out := struct {
		Fields []fieldAnswer `json:"fields"`
		Groups []string      `json:"groups"`
		Zone   string        `json:"zone"`
	}{Groups: append([]string{}, groups...), Zone: zone.String()}
	for _, f := range fields {
		out.Fields = append(out.Fields, fieldAnswer{f.Name, f.Type.String(), f.Doc, f.Words})
	}
	return writeJSON(w, out)
}
