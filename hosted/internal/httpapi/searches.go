package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Codes of the problems of saved searches.
const (
	codeSearchExists = "search-exists"
	codeTooMany      = "too-many-searches"
)

// maxSearchName bounds the name of a search, in characters.
const maxSearchName = 100

type searchAnswer struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	Where   string        `json:"where"`
	Range   string        `json:"range"`
	Columns []string      `json:"columns"`
	Shared  bool          `json:"shared"`
	Author  string        `json:"author"`
	Changed protocol.Time `json:"changed"`
	Mine    bool          `json:"may_change"`
}

func searchAnswerOf(s store.SavedSearch, id auth.Identity) searchAnswer {
	return searchAnswer{
		strconv.FormatInt(s.ID, 10), s.Name, s.Where, s.Range, append([]string{}, s.Columns...), s.Owner == 0, s.Author, protocol.TimeOf(s.Changed), mayChange(s, id),
	}
}

// mayChange: one's own searches, and of the shared ones those that one has shared; administrators all that are shared. A token that
// was narrowed to rights changes none.
func mayChange(s store.SavedSearch, id auth.Identity) bool {
	if id.Narrow {
		return false
	}
	return s.Owner == id.User || s.Owner == 0 && (s.Author == id.Name || id.MayManage())
}

// searches lists the saved searches that one sees.
func (a *api) searches(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	list, err := a.Store.Searches(r.Context(), id.Tenant, id.User)
	if err != nil {
		return err
	}
	out := make([]searchAnswer, len(list))
	for i, s := range list {
		out[i] = searchAnswerOf(s, id)
	}
	return writeJSON(w, out)
}

// saveSearch makes a search, or replaces the one that the path names.
func (a *api) saveSearch(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	s, detail := store.SavedSearch{Tenant: id.Tenant, Author: id.Name}, "saved"
	if mux.Vars(r)["search"] != "" {
		old, err := a.ownSearch(r, id)
		if err != nil {
			return err
		}
		s, detail = old, "changed"
	} else if id.Narrow {
		return forbidden(id)
	}
	if err := a.readSearch(w, r, id, &s); err != nil {
		return err
	}
	s.Changed = a.Now()
	s, err := a.Store.SaveSearch(r.Context(), s)
	switch {
	case errors.Is(err, store.ErrExists):
		return &protocol.Problem{
			Code: codeSearchExists, Status: http.StatusConflict, Title: "there is a search of that name", Remedy: "choose another name, or change that one",
			Fields: map[string]string{"field": "name"},
		}
	case errors.Is(err, store.ErrFull):
		return &protocol.Problem{
			Code: codeTooMany, Status: http.StatusConflict, Title: fmt.Sprintf("there are %d searches already", store.MaxSearches), Remedy: "delete one that nobody needs",
		}
	case err != nil:
		return err
	}
	if err := a.record(r, id, auth.ActionSearchSave, s.Name, 0, detail+searchDetail(s)); err != nil {
		return err
	}
	return writeJSON(w, searchAnswerOf(s, id))
}

func searchDetail(s store.SavedSearch) string {
	kind := ", own: "
	if s.Owner == 0 {
		kind = ", shared: "
	}
	return kind + describe(map[string][]string{"where": {s.Where}, "range": {s.Range}})
}

// removeSearch forgets a search.
func (a *api) removeSearch(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	s, err := a.ownSearch(r, id)
	if err != nil {
		return err
	}
	if err := a.Store.DeleteSearch(r.Context(), id.Tenant, s.ID); err != nil {
		return err
	}
	if err := a.record(r, id, auth.ActionSearchDrop, s.Name, 0, "removed"+searchDetail(s)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// ownSearch finds the search that the path names, if one may change it.
func (a *api) ownSearch(r *http.Request, id auth.Identity) (store.SavedSearch, error) {
	s, err := a.findSearch(r.Context(), id, mux.Vars(r)["search"])
	if err == nil && !mayChange(s, id) {
		err = &protocol.Problem{
			Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "the search is " + s.Author + "'s, who shares it",
			Remedy: "ask " + s.Author + " or an administrator of " + id.TenantName + ", or save it under another name",
		}
	}
	return s, err
}

// findSearch finds a search among those that one sees.
func (a *api) findSearch(ctx context.Context, id auth.Identity, number string) (store.SavedSearch, error) {
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return store.SavedSearch{}, notFound("there is no such search")
	}
	list, err := a.Store.Searches(ctx, id.Tenant, id.User)
	if err != nil {
		return store.SavedSearch{}, err
	}
	i := slices.IndexFunc(list, func(s store.SavedSearch) bool { return s.ID == n })
	if i < 0 {
		return store.SavedSearch{}, notFound("there is no such search")
	}
	return list[i], nil
}

// ranges of time are relative, or two times with a slash between, of which one may be missing (ISO 8601 intervals).
var relativeRange = regexp.MustCompile(`^[1-9][0-9]{0,3}[mhd]$`)

// readSearch reads the body into s.
func (a *api) readSearch(w http.ResponseWriter, r *http.Request, id auth.Identity, s *store.SavedSearch) error {
	var in struct {
		Name    string   `json:"name"`
		Where   string   `json:"where"`
		Range   string   `json:"range"`
		Columns []string `json:"columns"`
		Shared  bool     `json:"shared"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(strings.TrimSpace(in.Name)); n == 0 || n > maxSearchName || strings.ContainsFunc(in.Name, func(r rune) bool { return r < ' ' }) {
		return badRequest("name", "must have 1 to "+strconv.Itoa(maxSearchName)+" characters on one line", "give the search a name")
	}
	if _, err := a.conditions.Read(r.Context(), id.Tenant, in.Where); err != nil {
		return err
	}
	if strings.Contains(in.Where, "\x00") {
		return badRequest("where", "has a NUL in it", "")
	}
	if in.Range != "" && !relativeRange.MatchString(in.Range) {
		from, to, ok := strings.Cut(in.Range, "/")
		_, err1 := timeOf(from)
		_, err2 := timeOf(to)
		if !ok || err1 != nil || err2 != nil || from+to == "" {
			return badRequest("range", strconv.Quote(in.Range)+" is not understood", "give 15m, 24h, 7d, or FROM/TO as RFC 3339 times, of which one may be empty")
		}
	}
	if len(in.Columns) > 0 {
		if _, err := chooseColumns(strings.Join(in.Columns, ",")); err != nil {
			return err
		}
	}
	if in.Shared && id.Role == store.RoleViewer {
		return &protocol.Problem{
			Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "the role viewer shares no searches", Remedy: "save it for yourself",
			Fields: map[string]string{"field": "shared"},
		}
	}
	s.Name, s.Where, s.Range, s.Columns, s.Owner = strings.TrimSpace(in.Name), in.Where, in.Range, in.Columns, id.User
	if in.Shared {
		s.Owner = 0
	}
	return nil
}
