package protocol

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// reflected writes v as encoding/json does by itself, without escapes for HTML.
func reflected(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// plainCDR is a CDR without its methods: encoding/json goes over its fields.
type plainCDR CDR

func plain(c CDR) plainCDR {
	if c.Codecs == nil {
		c.Codecs = []string{}
	}
	if c.Streams == nil {
		c.Streams = []Stream{}
	}
	if c.Messages == nil {
		c.Messages = []Message{}
	}
	if c.Findings == nil {
		c.Findings = []Finding{}
	}
	if c.Unchecked == nil {
		c.Unchecked = []Unchecked{}
	}
	for i := range c.Unchecked {
		if c.Unchecked[i].Codes == nil {
			c.Unchecked[i].Codes = []string{}
		}
	}
	if c.Capture.Kept == "" {
		c.Capture.Kept = KeepNone
	}
	return plainCDR(c)
}

// random sets everything in v: what is set in no field, or in another's, would not be missed.
func random(v reflect.Value, r *rand.Rand) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			random(v.Field(i), r)
		}
	case reflect.Pointer:
		if r.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			random(v.Elem(), r)
		}
	case reflect.Slice:
		n := r.IntN(4) // 0: nil, 1: empty
		if n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			random(v.Index(i), r)
		}
	case reflect.String:
		v.SetString(randomText(r))
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 1)
	case reflect.Float64:
		v.SetFloat(randomFloat(r))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	default: // an unsigned integer, or a panic: a kind that this test does not know yet
		v.SetUint(r.Uint64() >> r.IntN(64))
	}
}

func randomText(r *rand.Rand) string {
	pieces := []string{
		"a", "sip:", "\"", "\\", "\x00", "\x1f", "\x7f", "\b\f\n\r\t", "<&>", "\u2028", "\u2029", "é", "語", "😀",
		"\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufffd",
	}
	var b []byte
	for range r.IntN(6) {
		b = append(b, pieces[r.IntN(len(pieces))]...)
	}
	return string(b)
}

func randomFloat(r *rand.Rand) float64 {
	switch r.IntN(5) {
	case 0:
		return 0
	case 1:
		return math.Copysign(1e21, r.Float64()-0.5)
	case 2:
		return math.Round(r.Float64()*1e6) / 1000
	}
	for {
		if f := math.Float64frombits(r.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
}

func TestAMOSThatThereIsNotIsNullAndNotNought(t *testing.T) {
	c := CDR{Streams: []Stream{{MOSAdapt: MOS{4.1, 3.9}}}}
	got := string(c.AppendJSON(nil))
	if want := `"mos_f1":null,"mos_f2":null,"mos_adapt":{"avg":4.1,"min":3.9},`; !strings.Contains(got, want) {
		t.Errorf("%s lacks %s", got, want)
	}
	var back CDR
	if err := json.Unmarshal([]byte(got), &back); err != nil || back.Streams[0].MOSF1 != (MOS{}) || back.Streams[0].MOSAdapt != (MOS{4.1, 3.9}) {
		t.Errorf("read again: %+v, %v", back.Streams, err)
	}
}

func TestAppendJSONWritesWhatEncodingJSONWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		var c CDR
		if i > 0 {
			random(reflect.ValueOf(&c).Elem(), r)
		}
		if got, want := string(c.AppendJSON(nil)), reflected(t, plain(c)); got != want {
			at := 0
			for at < len(got) && at < len(want) && got[at] == want[at] {
				at++
			}
			t.Fatalf("record %d differs at %d:\ngot  %.200q\nwant %.200q", i, at, got[max(0, at-60):], want[max(0, at-60):])
		}
		if got, want := reflected(t, &c), reflected(t, plain(c)); got != want {
			t.Fatalf("record %d through MarshalJSON:\ngot  %s\nwant %s", i, got, want)
		}
		marshalled, err := json.Marshal(c)
		want, _ := json.Marshal(plain(c))
		if err != nil || !bytes.Equal(marshalled, want) {
			t.Fatalf("record %d through Marshal, %v:\ngot  %s\nwant %s", i, err, marshalled, want)
		}
	}
}

func TestNumbersThatJSONDoesNotHaveAreZero(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got := appendFloat(nil, v); string(got) != "0" {
			t.Errorf("%v is written as %s", v, got)
		}
	}
}

func TestTimesAreWrittenAsTheirLayoutSays(t *testing.T) {
	check := func(at Time) {
		want := at.Std().AppendFormat(nil, `"`+timeLayout+`"`)
		if got := at.appendJSON(nil); !bytes.Equal(got, want) {
			t.Fatalf("%d: got %s, want %s", int64(at), got, want)
		}
	}
	for days := int64(0); days < 3_000_000; days += 13 { // to the year 10183
		check(Time(days*24*3600e6 + 1))
	}
	for _, year := range []int{1970, 1972, 2000, 2026, 2100, 2400, 9999, 10000} {
		for _, d := range []time.Time{
			time.Date(year, 2, 28, 23, 59, 59, 999999999, time.UTC), time.Date(year, 3, 1, 0, 0, 0, 1000, time.UTC),
			time.Date(year, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(year, 1, 1, 12, 34, 56, 789012000, time.UTC),
		} {
			check(TimeOf(d))
		}
	}
	check(-1)
	check(math.MaxInt64)
}

// FuzzAppendString holds strings to encoding/json's form of them.
func FuzzAppendString(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		f.Add(randomText(r))
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(appendString(nil, s)), reflected(t, s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	var c CDR
	random(reflect.ValueOf(&c).Elem(), rand.New(rand.NewPCG(5, 6)))
	c.Messages = make([]Message, 8)
	for i := range c.Messages {
		c.Messages[i] = Message{
			T: 1_784_714_405_000_001 + Time(i), Src: "192.0.2.10:5060", Dst: "198.51.100.20:5060",
			FirstLine: "INVITE sip:1002@example.org SIP/2.0", CSeq: "1 INVITE",
		}
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = c.AppendJSON(out[:0])
	}
	b.SetBytes(int64(len(out)))
}
