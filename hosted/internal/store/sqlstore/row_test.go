package sqlstore

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"voiptop/protocol"
)

func FuzzTextIsStorable(f *testing.F) {
	for _, s := range []string{"", "+420", "a\x00b", "\xff", strings.Repeat("é", 200), strings.Repeat("x", 255) + "é", strings.Repeat("\x80", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Fatalf("%q becomes %q, which PostgreSQL refuses", s, got)
		}
		if len(got) > maxText*len("\uFFFD") {
			t.Fatalf("%d bytes become %d", len(s), len(got))
		}
		if Text(got) != got && len(got) <= maxText {
			t.Fatalf("%q becomes %q, and that %q", s, got, Text(got))
		}
		if len(s) <= maxText && utf8.ValidString(s) && !strings.Contains(s, "\x00") && got != s {
			t.Fatalf("%q is storable and becomes %q", s, got)
		}
	})
}

func FuzzACallComesBackFromItsRow(f *testing.F) {
	f.Add("a@b", "100", "INVITE sip:\xff", int64(1_800_000_000_000_000), 200, 4.2)
	f.Fuzz(func(t *testing.T, callID, caller, line string, start int64, status int, mos float64) {
		if mos != mos {
			return // is not equal to itself
		}
		c := protocol.CDR{
			ID: protocol.UUID{1}, CallID: callID, Caller: caller, Start: protocol.Time(start), Status: status, MOS: &mos,
			Messages: []protocol.Message{{FirstLine: line}}, Streams: []protocol.Stream{{SkewMS: mos}},
		}
		summary, detail, err := encodeCDR(&c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeCDR(summary, detail)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Fatalf("%+v comes back as %+v, %v", c, got, err)
		}
		got, err = decodeSummary(summary)
		if err != nil || got.CallID != c.CallID || got.Messages != nil || got.Streams != nil {
			t.Fatalf("summary %+v, %v", got, err)
		}
	})
}

func FuzzACursorIsReadOrRefused(f *testing.F) {
	f.Add(Place{1, protocol.UUID{1}}.cursor())
	f.Add("1.")
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := parseCursor(s); err == nil && !strings.EqualFold(p.cursor(), strings.TrimLeft(s, "+0")) {
			t.Fatalf("%q is read as %q", s, p.cursor())
		}
	})
}

func TestADamagedRowIsAnErrorAndNoPanic(t *testing.T) {
	c := protocol.CDR{ID: protocol.UUID{1}, Messages: []protocol.Message{{FirstLine: "x"}}}
	summary, detail, err := encodeCDR(&c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range summary {
		_, _ = decodeCDR(summary[:i], detail)
	}
	for i := range detail {
		if _, err := decodeCDR(summary, detail[:i]); err == nil && i > 0 {
			t.Errorf("a detail cut at byte %d is read", i)
		}
	}
}

func TestACallIsFiledUnderItsStartIfThatCanBe(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	o := Options{Keep: 25 * 24 * time.Hour}
	for _, tt := range []struct {
		start time.Time
		moved bool
	}{
		{now, false}, {now.Add(-o.Keep), false}, {now.Add(-o.Keep - time.Second), true}, {now.Add(maxAhead), false}, {now.Add(maxAhead + time.Second), true}, {time.Time{}, true},
	} {
		c := protocol.CDR{Start: protocol.TimeOf(tt.start)}
		if got := o.FiledUnder(&c, now); (got != c.Start) != tt.moved || tt.moved && got != protocol.TimeOf(now) {
			t.Errorf("start %v is filed under %v", tt.start, got)
		}
	}
}
