package sqlstore

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/rules"
)

// Columns of a call, in the order of Row.Values. The first are there to be searched; the CDR itself is in two parts, each
// CBOR as on the link: summary is the CDR without streams and messages, detail is these two, compressed with zstd.
var Columns = []string{
	"tenant", "id", "at", "sensor_id", "call_id", "group_id", "caller", "callee", "src_ip", "dst_ip",
	"status", "mos", "findings", "kept", "summary", "detail", "facts", "duration_ms", "connect_ms", "pdd_ms", "loss_pct", "jitter_ms",
}

// Later are the columns that tables of the first schema have not, with their types: calls that were stored then have NULL there.
var Later = [][2]string{
	{"facts", "TEXT"}, {"duration_ms", "INTEGER"}, {"connect_ms", "INTEGER"}, {"pdd_ms", "INTEGER"}, {"loss_pct", "REAL"}, {"jitter_ms", "REAL"},
}

// Row is a call as it is stored.
type Row struct {
	ID     protocol.UUID
	At     protocol.Time // see Options.FiledUnder
	Moved  bool          // At is not the call's start
	Call   *protocol.CDR
	Values []any
}

// Day is the UTC day that a call lies in, as its table's name says it: 20261122.
type Day string

const dayLayout = "20060102"

// DayOf is the day of t.
func DayOf(t time.Time) Day { return Day(t.UTC().Format(dayLayout)) }

// Start is when the day begins, and the zero time if d is no day.
func (d Day) Start() time.Time {
	t, err := time.Parse(dayLayout, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// End is when the next day begins.
func (d Day) End() time.Time { return d.Start().AddDate(0, 0, 1) }

// maxAhead is how far a sensor's clock may be ahead of ours before its calls are filed under our time.
const maxAhead = 24 * time.Hour

// FiledUnder is the time that a call is filed and sorted under: its start, or now if that cannot be.
func (o Options) FiledUnder(c *protocol.CDR, now time.Time) protocol.Time {
	if t := c.Start.Std(); t.Before(now.Add(-o.Keep)) || t.After(now.Add(maxAhead)) {
		return protocol.TimeOf(now)
	}
	return c.Start
}

// Rows makes the rows of CDRs that arrive now. A call that is there twice is there once, as it was last.
func (o Options) Rows(tenant int64, cdrs []protocol.CDR, now time.Time) ([]Row, error) {
	rows := make([]Row, 0, len(cdrs))
	index := make(map[protocol.UUID]int, len(cdrs))
	for i := range cdrs {
		c := &cdrs[i]
		r := Row{ID: c.ID, At: o.FiledUnder(c, now), Call: c}
		r.Moved = r.At != c.Start
		summary, detail, err := encodeCDR(c)
		if err != nil {
			return nil, fmt.Errorf("call %s: %w", c.ID, err)
		}
		r.Values = []any{
			tenant, c.ID.String(), int64(r.At), int64(c.SensorID), Text(c.CallID), Text(c.GroupID),
			Text(c.Caller), Text(c.Callee), ipOf(c.Src), ipOf(c.Dst), int64(c.Status), orNull(c.MOS), findingCodes(c.Findings),
			c.Capture.Kept != "" && c.Capture.Kept != protocol.KeepNone, summary, detail,
			rules.Facts(c), c.DurationMS, orNull(c.ConnectMS), orNull(c.PDDMS), orNull(c.LossPct), orNull(c.JitterMS),
		}
		if at, ok := index[c.ID]; ok {
			rows[at] = r
			continue
		}
		index[c.ID] = len(rows)
		rows = append(rows, r)
	}
	return rows, nil
}

// orNull is a value, NULL if there is none.
func orNull[T int64 | float64](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// maxText bounds a searched text in bytes: PostgreSQL refuses index entries beyond 2704 bytes, and a hostile number
// must not cost a batch.
const maxText = 256

// Text makes a text from the wire storable: valid UTF-8 without NUL, which PostgreSQL refuses, at most maxText bytes.
// The CDR keeps the text as it was.
func Text(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
		for i := 1; i < utf8.UTFMax && len(s) > 0; i++ { // not within a character
			if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
				break
			}
			s = s[:len(s)-1]
		}
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// ipOf is the address of an endpoint in its canonical form, so that all ways to write an IPv6 address are found; "" if
// there is none.
func ipOf(endpoint string) string {
	if ap, err := netip.ParseAddrPort(endpoint); err == nil {
		return canonicalIP(ap.Addr())
	}
	if a, err := netip.ParseAddr(endpoint); err == nil {
		return canonicalIP(a)
	}
	return ""
}

func canonicalIP(a netip.Addr) string { return a.Unmap().WithZone("").String() }

// findingCodes is " code code ", so that each code stands between blanks.
func findingCodes(f []protocol.Finding) string {
	if len(f) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteByte(' ')
	for i := range f {
		if store.IsFindingCode(f[i].Code) {
			b.WriteString(f[i].Code)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

var (
	cborEnc = must(cbor.EncOptions{}.EncMode())
	// Texts from the wire need not be UTF-8; they come back as they were.
	cborDec = must(cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid}.DecMode())
	zstdEnc = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2)))
	zstdDec = must(zstd.NewReader(nil, zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderConcurrency(2)))
)

// must is for constant arguments that every test run checks.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func encodeCDR(c *protocol.CDR) (summary, detail []byte, err error) {
	s, d := *c, protocol.CDR{Streams: c.Streams, Messages: c.Messages}
	s.Streams, s.Messages = nil, nil
	if summary, err = cborEnc.Marshal(s); err != nil {
		return nil, nil, fmt.Errorf("encode summary: %w", err)
	}
	if detail, err = cborEnc.Marshal(map[int]any{32: d.Streams, 33: d.Messages}); err != nil {
		return nil, nil, fmt.Errorf("encode streams and messages: %w", err)
	}
	return summary, zstdEnc.EncodeAll(detail, nil), nil
}

// decodeSummary reads a CDR without its streams and messages.
func decodeSummary(summary []byte) (c protocol.CDR, err error) {
	if err = cborDec.Unmarshal(summary, &c); err != nil {
		err = fmt.Errorf("decode stored call: %w", err)
	}
	return c, err
}

// decodeCall reads a CDR, with its streams and messages if detail is not empty.
func decodeCall(summary, detail []byte) (protocol.CDR, error) {
	if len(detail) == 0 {
		return decodeSummary(summary)
	}
	return decodeCDR(summary, detail)
}

// decodeCDR reads a whole CDR. The keys of detail are those that summary has not.
func decodeCDR(summary, detail []byte) (protocol.CDR, error) {
	c, err := decodeSummary(summary)
	if err != nil {
		return c, err
	}
	raw, err := zstdDec.DecodeAll(detail, nil)
	if err == nil {
		err = cborDec.Unmarshal(raw, &c)
	}
	if err != nil {
		return c, fmt.Errorf("decode streams and messages of stored call %s: %w", c.ID, err)
	}
	return c, nil
}
