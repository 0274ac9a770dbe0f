package rules

import (
	"errors"
	"strings"
	"testing"

	"voiptop/protocol"
)

func TestFilterTablesBecomeRules(t *testing.T) {
	tables := map[string]string{
		"ip.csv": "id,ip,mask,direction,rtp,rtcp,sip,register,graph,wav,skip,script,note,remove_at\n" +
			"1,167772160,8,0,0,NULL,1,NULL,NULL,NULL,NULL,NULL,,NULL\n" +
			"2,10.9.0.1,0,1,1,NULL,1,1,NULL,2,NULL,1,\"Jana's \"\"phone\"\"\",2027-01-31\n" +
			"3,2001:db8::,32,2,2,NULL,NULL,NULL,NULL,NULL,NULL,NULL,,0000-00-00\n" +
			"4,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,1,NULL,,\n",
		"tel.tsv": "id\tprefix\tfixed_len\tdirection\trtp\tsip\tdtmf\tnote\n" +
			"1\t420\t0\t0\t1\t1\tNULL\ta\\nb\n" +
			"2\t+4202\t9\t1\t1\t1\t2\tNULL\n" +
			"3\t112\t0\t2\t0\t0\tNULL\tNULL\n" +
			"4\t911\t3\t2\t0\t0\tNULL\tNULL\n",
		"domain.csv": "`id`;`domain`;`direction`;`rtp`;`sip`\n1;pbx.example;1;2;1\n",
		"header.csv": "id,header,content,content_type,rtp\n" +
			"1,X-Tenant,\"acme (a)\",strict,1\n2,X-Tenant,be*,prefix,1\n3,X-Debug,^[0-9]+$,regexp,1\n4,X-Bad,(?<!a)b,regexp,1\n5,From,\"\"\"Jana\",prefix,1\n",
	}
	want := `
# filter_sip_header
sip-header-1: keep rtp when header.X-Tenant="acme (a)"
sip-header-5: keep rtp when header.From:"\"Jana*"
sip-header-2: keep rtp when header.X-Tenant~"^be\\*"
sip-header-3: keep rtp when header.X-Debug~"^[0-9]+$"
# not carried over: the regular expression "(?<!a)b": RE2 does not understand it; write it anew
sip-header-4: keep rtp off

# filter_domain
domain-1: keep headers when caller-domain:pbx.example

# filter_telnum; here a + or 00 in front of a number does not count
# not carried over: dtmf=2: digits are blanked in the record, too
telnum-2: keep rtp when caller~"^\+4202.{4}$" mask dtmf
telnum-1: keep rtp when number:420* note "a b"
telnum-3: keep none when callee:112*
telnum-4: keep none when callee~"^911$"

# filter_ip
# not carried over: register=1: registrations are always followed, their packets never kept
# not carried over: script=1: no script is run for a call; ask the API
ip-2: keep rtp when src:10.9.0.1 until 2027-01-31 note "Jana's \"phone\""
ip-3: keep headers when dst:2001:db8::/32
ip-1: keep sip when ip:10.0.0.0/8
# not carried over: skip=1: every call has a record; its packets are not kept
ip-4: keep none

# every other call, as voipmonitor.conf says (savesip, savertp)
rest: keep sip
`
	got, lost, err := ImportVoIPmonitor(tables, ForeignDefaults{SaveSIP: true, SaveRTP: "no"})
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(got, "See docs/rules.md.\n")
	if body != want || lost != 5 {
		t.Errorf("%d lost, got\n%s\nwant\n%s", lost, body, want)
	}
	s := mustParse(t, got)
	for _, tc := range []struct {
		cdr  protocol.CDR
		want string
	}{
		{protocol.CDR{Caller: "+42021234", Src: "10.9.0.1:5060"}, "telnum-2"},
		{protocol.CDR{Caller: "+420212345", Src: "10.9.0.1:5060"}, "telnum-1"},
		{protocol.CDR{Caller: "1", Callee: "112", CalleeDomain: "pbx.example"}, "telnum-3"},
		{protocol.CDR{Caller: "1", Callee: "112", CallerDomain: "PBX.example"}, "domain-1"},
		{protocol.CDR{Src: "10.9.0.1:5060", Dst: "10.1.1.1:5060"}, "ip-2"},
		{protocol.CDR{Src: "10.9.0.2:5060", Dst: "10.1.1.1:5060"}, "ip-1"},
		{protocol.CDR{Src: "[2001:db8::1]:5060", Dst: "[2001:db8::2]:5060"}, "ip-3"},
		{protocol.CDR{Src: "192.0.2.1:5060"}, "ip-4"},
	} {
		if r := s.Decide(Call{CDR: &tc.cdr}, testNow); ruleName(r) != tc.want {
			t.Errorf("%+v: %s, want %s", tc.cdr, ruleName(r), tc.want)
		}
	}
}

func TestImportErrorsNameFileLineAndField(t *testing.T) {
	for text, want := range map[string]string{
		"id,note\n1,x\n":                      `f.csv:1:1: found the columns "id note", expected a first line with the column names of filter_ip`,
		"":                                    `f.csv:1:1: found the columns "", expected a first line`,
		"ip,mask\n10.0.0.1,8\n10.0.0.999,8\n": `f.csv:3:1: found ip "10.0.0.999", expected an IP address, or a number`,
		"ip,mask\n10.0.0.1,33\n":              `f.csv:2:2: found mask "33", expected a number from 0 to 32, or nothing`,
		"ip,direction\n10.0.0.1,3\n":          `f.csv:2:2: found direction "3"`,
		"prefix,rtp\n,1\n":                    `f.csv:2:1: found prefix "", expected the beginning of a number`,
		"prefix,fixed_len\n420,2\n":           `f.csv:2:2: found fixed_len "2", expected at least as many digits as the prefix has`,
		"prefix,rtp\n420,7\n":                 `f.csv:2:2: found rtp "7", expected a number from 0 to 2, or nothing`,
		"prefix,remove_at\n420,soon\n":        `f.csv:2:2: found remove_at "soon", expected a date such as 2027-01-31`,
		"header,content,content_type\nX-A B,x,strict\n":            `f.csv:2:1: found header "X-A B", expected the name of a SIP header field`,
		"header,content,content_type\nX-A,x,wildcard\n":            `f.csv:2:3: found content_type "wildcard", expected strict, prefix or regexp`,
		"domain\n\"a\nb\"\n":                                       "f.csv:2:1: found domain \"a\\nb\", expected a domain",
		"prefix\n" + strings.Repeat("1\n", maxForeignRows) + "2\n": `f.csv:100002:1: found one row more, expected at most 100000`,
	} {
		_, _, err := ImportVoIPmonitor(map[string]string{"f.csv": text}, ForeignDefaults{})
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// FuzzImport: what is imported is a rule file with a rule for each row.
func FuzzImport(f *testing.F) {
	f.Add("id,ip,mask,rtp,note\n1,167772160,8,1,\"a \"\"b\\\"\n", "id\tprefix\tfixed_len\tdtmf\n1\t+420\t9\t0\n", byte(0))
	f.Add("header,content,content_type\nX-A,\"@a\\\",prefix\n", "domain;sensors_id\na.b;1,2\n", byte(1))
	f.Add("header,content,content_type\nX-A,(,regexp\n", "prefix\n*#06\n", byte(2))
	f.Fuzz(func(t *testing.T, one, two string, defaults byte) {
		d := ForeignDefaults{SaveSIP: defaults&1 != 0, SaveRTP: []string{"no", "header", "yes"}[int(defaults>>1)%3]}
		text, _, err := ImportVoIPmonitor(map[string]string{"one": one, "two": two}, d)
		if err != nil {
			return
		}
		if len(text) > maxText {
			return
		}
		s, err := ParseHosted("out", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		rows := 0
		for _, in := range []string{one, two} {
			table, bad := readForeign("", in)
			if bad != nil {
				t.Fatal(bad)
			}
			rows += len(table.rows)
		}
		for _, r := range s.Rules {
			if r.Name == "rest" && r.When.String() == "" {
				rows++
			}
		}
		if len(s.Rules) != rows {
			t.Fatalf("%d rules of %d rows\n%s", len(s.Rules), rows, text)
		}
	})
}
