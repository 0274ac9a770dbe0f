package doctor

import (
	"strings"
	"testing"
)

func TestPrinterWritesChecksThatWereNotMadeAsOne(t *testing.T) {
	var b strings.Builder
	p := NewPrinter(&b)
	p.Docs = "/usr/share/doc/x"
	r := Report{Checks: []Outcome{
		{Code: "paired", Group: "link", Docs: "docs/doctor.md#paired", Result: failed("not paired", "hosted lets nobody in", "voipmon pair")},
		{Code: "hello", Group: "link", Result: skip("needs paired")},
		{Code: "sensord-socket", Group: "service", Docs: "docs/doctor.md#sensord-socket", Result: failed("it does not run", "", "systemctl start sensord")},
		{Code: "drops", Group: "capture", Result: skip("needs sensord-socket")},
		{Code: "sip-seen", Group: "capture", Result: skip("needs sensord-socket")},
		{Code: "queue", Group: "delivery", Result: skip("needs sensord-socket")},
		{Code: "last-cdr", Group: "delivery", Result: skip("no call has ended yet")},
	}}
	for _, o := range r.Checks {
		if err := p.Outcome(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Summary(r); err != nil {
		t.Fatal(err)
	}
	const want = `link
  FAIL  paired                   not paired
        why: hosted lets nobody in
        do:  voipmon pair
        see: /usr/share/doc/x/doctor.md#paired
  skip  hello                    not checked: needs paired
service
  FAIL  sensord-socket           it does not run
        do:  systemctl start sensord
        see: /usr/share/doc/x/doctor.md#sensord-socket
capture
  skip  drops, sip-seen: not checked: needs sensord-socket
delivery
  skip  queue                    not checked: needs sensord-socket
  skip  last-cdr                 not checked: no call has ended yet
7 checks: 0 ok, 2 failed, 5 not checked
mend first: paired: voipmon pair
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestPrinterListsNotesWhereTheyWereAskedFor(t *testing.T) {
	o := Outcome{Code: "conf-keys", Group: "config", Result: Result{Status: Warn, Seen: "2 lines", Details: []string{"skinny: no"}, Notes: []string{"mysqlhost: has no effect"}}}
	for _, asked := range []bool{false, true} {
		var b strings.Builder
		p := NewPrinter(&b)
		p.Notes = asked
		if err := p.Outcome(o); err != nil || !strings.Contains(b.String(), "- skinny: no") || strings.Contains(b.String(), "- mysqlhost: has no effect") != asked {
			t.Errorf("asked for notes %v: %v\n%s", asked, err, b.String())
		}
	}
}

func TestKeysAreToldByWhatBecomesOfThem(t *testing.T) {
	e := env(t, "mysqlhost = a\nmysqldb = b\nmanagerport = 5029\nskinny = yes\nmgcp = yes\n")
	o := one(t, e, "conf-keys")
	expect(t, o, Warn, "2 lines do not do what they seem to; the first: ", "skinny", "line 7: keep VoIPmonitor for it")
	all := strings.Join(append(o.Details, o.Notes...), "\n")
	for _, want := range []string{"mgcp: has no effect", "mysqlhost, mysqldb: has no effect: a sensor needs no database", "managerport: has no effect: a sensor is no server"} {
		if !strings.Contains(all, want) {
			t.Errorf("details lack %q:\n%s", want, all)
		}
	}
	if o = one(t, env(t, "mysqlhost = a\n"), "conf-keys"); o.Status != OK || !strings.Contains(o.Seen, "--only conf-keys lists them") {
		t.Errorf("%+v", o)
	}
}
