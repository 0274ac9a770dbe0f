package sqlstore

import (
	"encoding/binary"
	"math"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// figures is what statistics need of a call, read from its summary without the rest: a quarter of the time that decodeSummary takes.
type figures struct {
	at   protocol.Time // what the call is filed under
	call protocol.CDR  // of its texts those that the statistics are grouped by
	// What call points to.
	connect, pdd      int64
	mos, loss, jitter float64
}

// The keys of a CDR (protocol.CDR) that figures reads.
const (
	keyID           = 1
	keyGroupID      = 3
	keySensorID     = 4
	keyCallee       = 6
	keyCalleeDomain = 8
	keySrc          = 11
	keyDst          = 12
	keyStart        = 14
	keyRinging      = 15
	keyEnd          = 17
	keyDuration     = 18
	keyConnect      = 19
	keyPDD          = 20
	keyStatus       = 22
	keyEndCause     = 24
	keyUACaller     = 26
	keyUACallee     = 27
	keyCodecs       = 28
	keyMOS          = 29
	keyLoss         = 30
	keyJitter       = 31
	keyFindings     = 34
	keyCapture      = 36
	keyOverLimit    = 37
	keyJoined       = 43

	keyFindingCode  = 1
	keyCaptureKept  = 1
	keyCaptureBytes = 3
)

// read reads a summary as encodeCDR writes them, for statistics by a dimension. A form of CBOR that it does not write (RFC 8949 has several
// for most values) is left to decodeSummary.
func (f *figures) read(at protocol.Time, summary []byte, by store.Dimension, texts *interned) error {
	*f = figures{at: at}
	d := items{b: summary, texts: texts}
	d.each(func(key uint64) { f.field(&d, key, by) })
	if !d.bad && len(d.b) == 0 {
		return nil
	}
	c, err := decodeSummary(summary)
	*f = figures{at: at, call: c}
	return err
}

func (f *figures) field(d *items, key uint64, by store.Dimension) {
	c := &f.call
	text := func(to *string, wanted store.Dimension) {
		if by == wanted {
			*to = d.text()
		} else {
			d.skip(0)
		}
	}
	switch key {
	case keyID:
		if b := d.bytes(); len(b) == len(c.ID) {
			copy(c.ID[:], b)
		} else {
			d.bad = true
		}
	case keyGroupID:
		c.GroupID = string(d.rawText())
	case keySensorID:
		c.SensorID = uint16(d.uint(math.MaxUint16))
	case keyCallee:
		text(&c.Callee, store.ByPrefix)
	case keyCalleeDomain:
		text(&c.CalleeDomain, store.ByDomain)
	case keySrc:
		text(&c.Src, store.BySrc)
	case keyDst:
		text(&c.Dst, store.ByDst)
	case keyStart:
		c.Start = protocol.Time(d.int())
	case keyRinging:
		c.Ringing = protocol.Time(d.int())
	case keyEnd:
		c.End = protocol.Time(d.int())
	case keyDuration:
		c.DurationMS = d.int()
	case keyConnect:
		f.connect, c.ConnectMS = d.int(), &f.connect
	case keyPDD:
		f.pdd, c.PDDMS = d.int(), &f.pdd
	case keyStatus:
		c.Status = int(d.int())
	case keyEndCause:
		c.EndCause = protocol.EndCause(d.text())
	case keyUACaller:
		text(&c.UACaller, store.ByUA)
	case keyUACallee:
		text(&c.UACallee, store.ByUA)
	case keyCodecs:
		if by != store.ByCodec {
			d.skip(0)
			return
		}
		for range d.list() {
			c.Codecs = append(c.Codecs, d.text())
		}
	case keyMOS:
		f.mos, c.MOS = d.float(), &f.mos
	case keyLoss:
		f.loss, c.LossPct = d.float(), &f.loss
	case keyJitter:
		f.jitter, c.JitterMS = d.float(), &f.jitter
	case keyFindings:
		for range d.list() {
			var found protocol.Finding
			d.each(func(key uint64) {
				if key == keyFindingCode {
					found.Code = d.text()
				} else {
					d.skip(0)
				}
			})
			c.Findings = append(c.Findings, found)
		}
	case keyCapture:
		d.each(func(key uint64) {
			switch key {
			case keyCaptureKept:
				c.Capture.Kept = protocol.Keep(d.text())
			case keyCaptureBytes:
				c.Capture.Bytes = d.uint(math.MaxUint64)
			default:
				d.skip(0)
			}
		})
	case keyOverLimit:
		c.OverLimit = d.bool()
	case keyJoined:
		c.Joined = d.bool()
	default:
		d.skip(0)
	}
}

// interned are texts that many calls have, held once.
type interned map[string]string

const maxInterned = 10_000

func (t *interned) of(b []byte) string {
	if s, ok := (*t)[string(b)]; ok { // allocates nothing
		return s
	}
	if *t == nil || len(*t) >= maxInterned {
		*t = interned{}
	}
	s := string(b)
	(*t)[s] = s
	return s
}

// items reads items of CBOR (RFC 8949), one after the other. What is not as the caller asks sets bad, and so does the end of the
// input; then all that follows is zero.
type items struct {
	b     []byte
	texts *interned
	bad   bool
}

// The major types (RFC 8949 section 3.1), and the simple values that are used.
const (
	cborUint, cborNegative, cborBytes, cborText, cborArray, cborMap, cborTag, cborSimple = 0, 1, 2, 3, 4, 5, 6, 7

	cborFalse, cborTrue, cborFloat64 = 20, 21, 27
	maxItemDepth                     = 16
)

// head reads the beginning of an item: its major type, its additional information, and the number that this stands for.
func (d *items) head() (major, info byte, n uint64) {
	if len(d.b) == 0 {
		d.bad = true
	}
	if d.bad {
		return 0, 0, 0
	}
	major, info = d.b[0]>>5, d.b[0]&0x1f
	d.b = d.b[1:]
	if info < 24 {
		return major, info, uint64(info)
	}
	if info > 27 { // of no definite length
		d.bad = true
		return 0, 0, 0
	}
	size := 1 << (info - 24)
	if len(d.b) < size {
		d.bad = true
		return 0, 0, 0
	}
	switch size {
	case 1:
		n = uint64(d.b[0])
	case 2:
		n = uint64(binary.BigEndian.Uint16(d.b))
	case 4:
		n = uint64(binary.BigEndian.Uint32(d.b))
	default:
		n = binary.BigEndian.Uint64(d.b)
	}
	d.b = d.b[size:]
	return major, info, n
}

// number reads the head of an item of one type.
func (d *items) number(want byte) uint64 {
	major, _, n := d.head()
	if major != want {
		d.bad = true
	}
	if d.bad {
		return 0
	}
	return n
}

func (d *items) uint(most uint64) uint64 {
	n := d.number(cborUint)
	if n > most {
		d.bad = true
		return 0
	}
	return n
}

func (d *items) int() int64 {
	major, _, n := d.head()
	if d.bad || major > cborNegative || n > math.MaxInt64 {
		d.bad = true
		return 0
	}
	if major == cborNegative {
		return -1 - int64(n)
	}
	return int64(n)
}

func (d *items) float() float64 {
	major, info, n := d.head()
	if d.bad || major != cborSimple || info != cborFloat64 {
		d.bad = true
		return 0
	}
	return math.Float64frombits(n)
}

func (d *items) bool() bool {
	major, info, _ := d.head()
	if d.bad || major != cborSimple || info != cborTrue && info != cborFalse {
		d.bad = true
		return false
	}
	return info == cborTrue
}

// next is the next n bytes.
func (d *items) next(n uint64) []byte {
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *items) bytes() []byte   { return d.next(d.number(cborBytes)) }
func (d *items) rawText() []byte { return d.next(d.number(cborText)) }
func (d *items) text() string    { return d.texts.of(d.rawText()) }

// list reads the head of an array, and answers how many items follow: no more than bytes do.
func (d *items) list() uint64 { return d.follow(d.number(cborArray), 1) }

// follow is n, if so many things of so many items can follow.
func (d *items) follow(n, items uint64) uint64 {
	if n > uint64(len(d.b))/items {
		d.bad = true
		return 0
	}
	return n
}

// each reads a map with integers for keys: field reads each value.
func (d *items) each(field func(key uint64)) {
	for range d.follow(d.number(cborMap), 2) {
		key := d.number(cborUint)
		if d.bad {
			return
		}
		field(key)
	}
}

// skip leaves an item out.
func (d *items) skip(depth int) {
	major, _, n := d.head()
	if depth > maxItemDepth {
		d.bad = true
	}
	switch major {
	case cborBytes, cborText:
		d.next(n)
	case cborMap:
		for range 2 * d.follow(n, 2) {
			d.skip(depth + 1)
		}
	case cborArray:
		for range d.follow(n, 1) {
			d.skip(depth + 1)
		}
	case cborTag:
		d.skip(depth + 1)
	}
}
