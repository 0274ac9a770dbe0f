package protocol

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTimeIsRFC3339WithMicrosecondsAndNullWhenItDidNotHappen(t *testing.T) {
	for in, want := range map[Time]string{
		0:                                        "null",
		TimeFromNanos(1_784_714_405_000_001_999): `"2026-07-22T10:00:05.000001Z"`,
		TimeOf(time.Unix(1, 0)):                  `"1970-01-01T00:00:01.000000Z"`,
	} {
		b, err := json.Marshal(in)
		if err != nil || string(b) != want {
			t.Errorf("%d: got %s %v, want %s", int64(in), b, err, want)
		}
		var back Time
		if err := json.Unmarshal(b, &back); err != nil || back != in {
			t.Errorf("%s: read back as %v, %v", b, back, err)
		}
	}
	var x Time
	if err := x.UnmarshalJSON([]byte(`"yesterday"`)); err == nil {
		t.Error("yesterday was read as a time")
	}
}

func TestIdentifiersKeepTheirTextForm(t *testing.T) {
	const text = "0198c6f0-7a11-7bcd-8123-456789abcdef"
	u, err := ParseUUID(text)
	if err != nil || u.String() != text {
		t.Errorf("got %v %v, want %s", u, err, text)
	}
	for _, bad := range []string{"", text[1:], "00000000-0000-0000-0000-000000----00", strings.ReplaceAll(text, "-", "x"), "g" + text[1:]} {
		if _, err := ParseUUID(bad); err == nil {
			t.Errorf("%q was read as an id", bad)
		}
	}
	var s SSRC
	if err := s.UnmarshalText([]byte("0x1234abcd")); err != nil || s.String() != "0x1234abcd" {
		t.Errorf("got %v %v, want 0x1234abcd", s, err)
	}
}

func TestEmptyListsOfACDRAreNotNull(t *testing.T) {
	b, err := json.Marshal(CDR{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"streams":[]`, `"messages":[]`, `"findings":[]`, `"unchecked":[]`, `"codecs":[]`, `"kept":"none"`, `"answer":null`, `"mos":null`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s lacks %s", b, want)
		}
	}
}

// CBOR keys are the wire format: unique in their struct and positive.
func TestCBORKeysAreUnique(t *testing.T) {
	for _, v := range []any{CDR{}, Stream{}, MOS{}, RTCP{}, Interval{}, Message{}, Finding{}, Capture{}, SensorInfo{}, Problem{}} {
		rt := reflect.TypeOf(v)
		seen := map[string]string{}
		for i := range rt.NumField() {
			f := rt.Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("cbor"), ",")
			if key == "" || !strings.Contains(f.Tag.Get("cbor"), "keyasint") {
				t.Errorf("%s.%s has no integer key", rt.Name(), f.Name)
			}
			if other := seen[key]; other != "" {
				t.Errorf("%s.%s and %s share key %s", rt.Name(), f.Name, other, key)
			}
			seen[key] = f.Name
		}
	}
}
