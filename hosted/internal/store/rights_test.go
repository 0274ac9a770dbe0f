package store

import (
	"encoding/json"
	"testing"
)

func TestRightsAreWordsInJSON(t *testing.T) {
	for text, want := range map[string]Rights{
		`[]`: 0, `["listen"]`: RightListen, `["rules","download"]`: RightRules | RightDownload, `["listen","numbers","listen","rules","export","download"]`: AllRights,
	} {
		var got Rights
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`["fly"]`, `["Listen"]`, `[""]`, `"listen"`, `7`, `["listen,rules"]`} {
		r := RightListen
		if err := json.Unmarshal([]byte(text), &r); err == nil {
			t.Errorf("%s is taken as %q", text, r)
		}
	}
	for r := range AllRights + 1 {
		b, err := json.Marshal(r)
		var back Rights
		if err != nil || json.Unmarshal(b, &back) != nil || back != r {
			t.Errorf("%q becomes %s and %q, %v", r, b, back, err)
		}
	}
}

func TestAUserMayWhatTheRoleBringsAlong(t *testing.T) {
	for role, want := range map[Role]string{RoleAdmin: "listen,download,rules,numbers,export", RoleUser: "listen,download,numbers,export", RoleViewer: "numbers", "root": ""} {
		if got := role.Rights().String(); got != want {
			t.Errorf("%s: %q, want %q", role, got, want)
		}
		if role.Valid() != (role != "root") {
			t.Errorf("role %q is valid: %t", role, role.Valid())
		}
	}
	if r := RightListen | RightRules; !r.Has(RightListen) || !r.Has(0) || r.Has(RightListen|RightDownload) || r.Has(RightDownload) {
		t.Errorf("%q has what it has not, or the other way round", r)
	}
}
