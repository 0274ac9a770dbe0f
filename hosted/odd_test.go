package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Texts that no database takes, or only some: what anybody may send is refused, or found nowhere; it is never our fault.
func TestOddTextsAreNobodysFault(t *testing.T) {
	databases(t, func(t *testing.T, db string) {
		in := start(t, time.Now, "--db", db)
		password := in.password()
		_, token, _ := strings.Cut(must(t, "--db", db, "user", "token", "admin", "--label", "odd"), "vtu_")
		token = "vtu_" + strings.Fields(token)[0]
		long := strings.Repeat("x", 5000)
		for name, odd := range map[string]string{"NUL": "a\x00b", "no UTF-8": "a\xff\xfe", "a surrogate": "a\xed\xa0\x80", "long": long, "controls": "\x1b[31m\r\nx", "a lone backslash": `\`} {
			t.Run(name, func(t *testing.T) {
				q := url.QueryEscape(odd)
				for _, path := range []string{
					"/calls?q=" + q, "/calls?number=" + q, "/calls?finding=" + q, "/calls?group=" + q, "/calls?after=" + q, "/calls?where=" + q, "/calls?where=" + url.QueryEscape(`caller:"`+odd+`"`),
					"/calls?where=" + url.QueryEscape(`header.x~/`+odd+`/`), "/calls/" + url.PathEscape(odd), "/calls/" + url.PathEscape(odd) + "/capture", "/calls.csv?q=" + q, "/stats?where=" + q, "/audit?user=" + q,
					"/audit?action=" + q, "/users/" + url.PathEscape(odd), "/sensors/" + url.PathEscape(odd), "/alerts/" + url.PathEscape(odd), "/alerts/history/" + url.PathEscape(odd), "/rules/history/" + url.PathEscape(odd),
					"/searches/check?where=" + q, "/captures?q=" + q, "/live?once=1&where=" + q, "/usage?x=" + q, "/oidc/login?next=" + q,
				} {
					if status, body := in.ask("GET", "/api/v1"+path, token, ""); status >= 500 {
						t.Errorf("GET %.200s: %d %s", path, status, body)
					}
				}
				text := jsonText(odd)
				for path, body := range map[string]string{
					"/tokens":           `{"label":` + text + `}`,
					"/searches":         `{"name":` + text + `,"where":` + text + `}`,
					"/users":            `{"name":` + text + `}`,
					"/alerts":           `{"name":` + text + `,"enabled":true,"metric":"asr","threshold":40,"window_ms":300000,"where":` + text + `,"note":` + text + `}`,
					"/alerts/receivers": `{"name":` + text + `,"kind":"slack","url":"https://x.example/` + `"}`,
					"/silences":         `{"to":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `","reason":` + text + `}`,
					"/rules/check":      `{"revision":0,"text":` + text + `}`,
					"/session":          `{"name":` + text + `,"password":` + text + `}`,
				} {
					status, answer := in.ask("POST", "/api/v1"+path, token, body)
					if status >= 500 {
						t.Errorf("POST %s with %.100s: %d %s", path, body, status, answer)
					}
					if path == "/session" && status != http.StatusUnauthorized && status != http.StatusBadRequest {
						t.Errorf("log-in as %.100s: %d %s", body, status, answer)
					}
				}
				if status, answer := in.ask("PUT", "/api/v1/rules", token, `{"revision":0,"text":`+text+`}`); status >= 500 {
					t.Errorf("PUT /rules: %d %s", status, answer)
				}
			})
		}
		if s := in.stderr.String(); strings.Contains(s, "request failed") {
			t.Errorf("the log: %s", s)
		}
		if status := in.login("admin", password); status != http.StatusOK {
			t.Errorf("the log-in afterwards: %d", status)
		}
	})
}

// jsonText is a JSON string that holds the bytes as they are but for those that JSON must escape.
func jsonText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ':
			b.WriteString("\\u00")
			b.WriteByte("0123456789abcdef"[c>>4])
			b.WriteByte("0123456789abcdef"[c&15])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
