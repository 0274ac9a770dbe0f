package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
)

func TestAlertsAreListedByCommand(t *testing.T) {
	databases(t, func(t *testing.T, db string) {
		in := start(t, time.Now, "--db", db)
		token := strings.TrimSpace(must(t, "user", "token", "admin", "--db", db))
		for name, on := range map[string]bool{"few answered": true, "old one": false} {
			body := fmt.Sprintf(`{"name":%q,"enabled":%t,"metric":"asr","threshold":40}`, name, on)
			if status, answer := in.ask("POST", "/api/v1/alerts", token, body); status != http.StatusOK {
				t.Fatalf("%d %s", status, answer)
			}
		}
		in.stop() // it would evaluate them
		d := &database{url: db, now: time.Now}
		err := d.with(t.Context(), func(s store.Store) error {
			tenants, err := s.Tenants(t.Context())
			if err != nil {
				return err
			}
			id, now := tenants[0].ID, time.Now()
			alerts, err := s.Alerts(t.Context(), id)
			if err != nil {
				return err
			}
			for _, a := range alerts {
				if !a.Enabled {
					continue
				}
				if _, err := s.Lease(t.Context(), "test", "test", now, time.Minute); err != nil {
					return err
				}
				if err := s.SaveEvaluation(t.Context(), "test", "test", now, store.Evaluation{
					Tenant: id, Alert: a.ID, State: []byte(`{"keys":{"":{"phase":"firing"}},"incident":{"id":"1-1","started":"2026-11-22T10:00:00.000000Z"}}`),
					Incident: &store.Incident{ID: "1-1", Tenant: id, Alert: a.ID, Started: now, Data: []byte(`{}`)},
				}); err != nil {
					return err
				}
			}
			return s.AckIncident(t.Context(), id, "1-1", "ann", "", now)
		})
		if err != nil {
			t.Fatal(err)
		}
		all, firing := must(t, "alert", "list", "--db", db), must(t, "alert", "list", "--firing", "--db", db)
		for _, want := range []string{`(?m)^default +firing +few answered +2026-11-22T10:00:00\.000000Z +ann`, `(?m)^default +off +old one +- +-`} {
			if !regexp.MustCompile(want).MatchString(all) {
				t.Errorf("%s\nlacks %s", all, want)
			}
		}
		if strings.Contains(firing, "old one") || !strings.Contains(firing, "few answered") {
			t.Errorf("firing:\n%s", firing)
		}
	})
}

func TestServeSaysWhatIsWrongWithTheMailServersOptions(t *testing.T) {
	db := sqliteIn(t)
	for want, args := range map[string][]string{
		"smtp-from":                           {"--smtp", "mail.example:25"},
		`--smtp "mail.example": want`:         {"--smtp", "mail.example", "--smtp-from", "a@example.org"},
		`--smtp-from "nobody"`:                {"--smtp", "mail.example:25", "--smtp-from", "nobody"},
		`--smtp-tls "maybe"`:                  {"--smtp", "mail.example:25", "--smtp-from", "a@example.org", "--smtp-tls", "maybe"},
		"its password is missing":             {"--smtp", "mail.example:25", "--smtp-from", "a@example.org", "--smtp-user", "bob"},
		"--smtp-password-file":                {"--smtp", "mail.example:25", "--smtp-from", "a@example.org", "--smtp-user", "bob", "--smtp-password-file", "/no/such/file"},
		`--alert-private-networks "10.0.0.1"`: {"--alert-private-networks", "10.0.0.1"},
	} {
		args = append([]string{"serve", "--http", "127.0.0.1:0", "--sensors", "127.0.0.1:0", "--db", db}, args...)
		if status, _, errs := command(t, "", args...); status != 1 || !strings.Contains(errs, want) {
			t.Errorf("%v: %d %q, want %q", args, status, errs, want)
		}
	}
}
