package calltable

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
	"unicode"

	"voiptop/protocol"
)

func TestEveryFieldOfACallHasAColumnOrAReason(t *testing.T) {
	without := map[string]bool{"capture": true, "messages_omitted": true, "streams_omitted": true, "dtmf_info": true, "parties_assumed": true}
	have := map[string]bool{}
	for _, c := range Columns() {
		have[c.Name] = true
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[protocol.CDR]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !have[name] && !without[name] {
			t.Errorf("the field %s has no column", name)
		}
	}
}

func TestRowsSayWhatTheCallSays(t *testing.T) {
	at := protocol.TimeOf(time.Date(2026, 11, 22, 23, 30, 0, 1000, time.UTC))
	mos, pdd := 4.21, int64(900)
	c := protocol.CDR{
		CallID: `a"b,c`, SensorID: 7, Start: at, Caller: "+420777123456", Callee: "=1+1", CallerName: "Jana\nNová", DurationMS: 61_000, PDDMS: &pdd, Status: 200, MOS: &mos,
		Codecs: []string{"PCMA", "opus"}, Findings: []protocol.Finding{{Code: "no-audio"}, {Code: "sip-alg"}}, OverLimit: true, Capture: protocol.Capture{Kept: "rtp", Bytes: 9},
	}
	prague, err := time.LoadLocation("Europe/Prague")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"start", "answer", "call_id", "caller", "callee", "caller_name", "pdd_ms", "connect_ms", "mos", "codecs", "findings", "over_limit", "kept", "capture_bytes"}
	cols, err := Choose(names)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		zone        *time.Location
		head, start string
	}{
		{time.UTC, "start (UTC)", "2026-11-22T23:30:00.000001Z"},
		{prague, "start (Europe/Prague)", "2026-11-23T00:30:00.000001+01:00"},
	} {
		var b bytes.Buffer
		w := NewWriter(&b, cols, tt.zone)
		w.NameZone = true
		if err := errors.Join(w.Write(&c), w.Write(&c), w.Flush()); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 3 {
			t.Fatalf("%q, %v", rows, err)
		}
		if rows[0][0] != tt.head || rows[0][2] != "call_id" {
			t.Errorf("head %q", rows[0])
		}
		want := []string{tt.start, "", `a"b,c`, "+420777123456", "'=1+1", "Jana\nNová", "900", "", "4.21", "PCMA opus", "no-audio sip-alg", "true", "rtp", "9"}
		if !reflect.DeepEqual(rows[1], want) || !reflect.DeepEqual(rows[2], want) {
			t.Errorf("got  %q\nwant %q", rows[1], want)
		}
	}
	for _, bad := range [][]string{{"callers"}, {"id", "id"}} {
		if _, err := Choose(bad); err == nil {
			t.Errorf("%q was chosen", bad)
		}
	}
}

func TestNothingFromTheWireBecomesAFormula(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"1001":                "1001",
		"+420777123456":       "+420777123456",
		"+":                   "'+",
		"+1-202-555":          "'+1-202-555",
		"+1 202 555":          "'+1 202 555",
		"-1":                  "'-1",
		"=cmd|' /C calc'!A0":  "'=cmd|' /C calc'!A0",
		"@SUM(1)":             "'@SUM(1)",
		"  =1+1":              "  '=1+1",
		"\t=1":                "\t'=1",
		"\"=1\"":              "\"'=1\"",
		"a;=1":                "a;'=1",
		"a; =1":               "a; '=1",
		"a\n-1":               "a\n'-1",
		"＝1":                  "'＝1",
		"jana@pbx":            "jana@pbx",
		"Yealink SIP-T46 +x":  "Yealink SIP-T46 +x",
		"x\xff\xfe":           "x\xff\xfe",
		"sip:+420@a;user=1":   "sip:+420@a;user=1",
		"1;+420777":           "1;'+420777",
		"caller,@SUM(A1:A9)":  "caller,'@SUM(A1:A9)",
		"'=1 and already '=2": "''=1 and already '=2",
	} {
		if got := string(safe([]byte(in))); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestATerminalThatShowsTheTableObeysNobody(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b, Columns(), time.UTC)
	wild := "\x1b]0;x\x07\x1b[2J\b\u009b31m\x7f\x00 ok\ttab\nline"
	if err := errors.Join(w.Write(&protocol.CDR{Caller: wild, CallID: wild, Reason: wild}), w.Flush()); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(b.String(), func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) || !strings.Contains(b.String(), "ok\ttab\nline") {
		t.Errorf("%q", b.String())
	}
}

func TestAFullDiskIsAnError(t *testing.T) {
	w := NewWriter(full{}, Columns(), time.UTC)
	if err := errors.Join(w.Write(&protocol.CDR{}), w.Flush()); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// FuzzCSV: a reader of CSV gets back what was written, and no cell begins as a formula but a telephone number.
func FuzzCSV(f *testing.F) {
	f.Add("=1+1", "a,b\"c\n")
	f.Add("+420777", ";=x")
	f.Fuzz(func(t *testing.T, caller, name string) {
		cols, _ := Choose([]string{"caller", "caller_name", "status"})
		var b bytes.Buffer
		w := NewWriter(&b, cols, time.UTC)
		if err := errors.Join(w.Write(&protocol.CDR{Caller: caller, CallerName: name}), w.Flush()); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[1]) != 3 {
			t.Fatalf("%q %q: %q, %v", caller, name, rows, err)
		}
		for i, s := range []string{caller, name} {
			if want := strings.ReplaceAll(string(safe(tame([]byte(s)))), "\r\n", "\n"); rows[1][i] != want { // encoding/csv reads \r\n as \n
				t.Fatalf("%q comes back as %q", want, rows[1][i])
			}
			first, _, _ := strings.Cut(strings.TrimLeft(rows[1][i], " "), ";")
			if first != "" && strings.ContainsRune("=+-@", rune(first[0])) && !isNumber([]byte(s)) {
				t.Fatalf("%q begins a formula", rows[1][i])
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	mos := 4.2
	c := &protocol.CDR{CallID: "abc@pbx", Start: 1, Caller: "+420777123456", Callee: "1001", UACaller: "Asterisk PBX 18", MOS: &mos, Codecs: []string{"PCMA"}}
	w := NewWriter(io.Discard, Columns(), time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(c); err != nil {
			b.Fatal(err)
		}
	}
}
