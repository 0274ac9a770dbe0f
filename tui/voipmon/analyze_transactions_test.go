package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"voiptop/fixtures/faults"
	"voiptop/fixtures/gen"
	"voiptop/protocol"
)

const registers = "../../fixtures/pcap/registers/in.pcap"

func TestAnalyzeTransactionsAsATable(t *testing.T) {
	a := runAnalyze(nil, "--transactions", registers)
	want := strings.TrimLeft(`
START (UTC)         METHOD    TO               FROM ADDRESS    CODE     MS TIMES
2026-11-22 01:24:23 REGISTER  1029@example.net 10.77.15.21      200    0.5 1
2026-11-22 01:24:24 REGISTER  1030@example.net 10.77.15.21      200    0.2 1
2026-11-22 01:24:25 REGISTER  1031@example.net 10.77.15.21      200    0.2 1
2026-11-22 01:24:26 REGISTER  1032@example.net 10.77.15.22      403    0.1 1
2026-11-22 01:24:26 REGISTER  1033@example.net 10.77.15.22      403    0.0 1
`, "\n")
	if a.status != 0 || a.out != want {
		t.Errorf("status %d:\n%s\nwant\n%s", a.status, a.out, want)
	}
	if !strings.Contains(a.errOut, "5 transactions outside of calls: 3 ok, 2 refused, 0 unanswered\n") {
		t.Errorf("summary: %s", a.errOut)
	}
}

func TestAnalyzeTransactionsAsJSONLines(t *testing.T) {
	a := runAnalyze(nil, "--transactions", "--json", "--sensor-id", "4", registers)
	n := 0
	for l := range strings.Lines(a.out) {
		var r protocol.Transaction
		if err := json.Unmarshal([]byte(l), &r); err != nil || r.Method != "REGISTER" || r.AOR == "" || r.Challenges != 1 || r.SensorID != 4 {
			t.Errorf("%v: %s", err, l)
		}
		n++
	}
	if n != 5 || a.status != 0 {
		t.Errorf("%d lines, status %d: %s", n, a.status, a.errOut)
	}
}

func TestAnalyzeTransactionsOfMuchTraffic(t *testing.T) {
	var b bytes.Buffer
	truth, err := gen.Generate(&b, gen.Small(5))
	if err != nil {
		t.Fatal(err)
	}
	a := runAnalyze(b.Bytes(), "--transactions", "-")
	lines := strings.Split(strings.TrimSpace(a.out), "\n")
	if got := len(lines) - 1; got < int(truth.Pings+truth.Registers-truth.Refused) || a.status != 0 {
		t.Errorf("%d lines of %d pings and %d registrations, status %d", got, truth.Pings, truth.Registers, a.status)
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) > 80 {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(l), l)
		}
	}
	if again := runAnalyze(b.Bytes(), "--transactions", "-"); again.out != a.out {
		t.Error("a second run says something else")
	}
	if none := runAnalyze(gen0(t), "--transactions", "-"); none.out != "no transactions outside of calls\n" {
		t.Errorf("without transactions: %q", none.out)
	}
	if csv := runAnalyze(nil, "--transactions", "--csv", registers); csv.status != 2 || !strings.Contains(csv.errOut, "--json") {
		t.Errorf("as CSV: status %d, %s", csv.status, csv.errOut)
	}
}

func TestAnalyzeTransactionsSaysWhatIsWrongBelowTheRequest(t *testing.T) {
	for _, s := range faults.All() {
		if s.Code != "register-flood" || !s.Shows() {
			continue
		}
		a := runAnalyze(s.Pcap(), "--transactions", "-")
		if a.status != 0 || !strings.Contains(a.out, "\n  warn register-flood: The address tries to register ") {
			t.Errorf("%s: status %d:\n%s", s.Name, a.status, a.out)
		}
		for _, l := range strings.Split(a.out, "\n") {
			if utf8.RuneCountInString(l) > 80 {
				t.Errorf("%d columns: %s", len(l), l)
			}
		}
	}
}
