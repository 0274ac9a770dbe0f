package sip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/maphash"

	"voiptop/sensord/internal/lines"
)

// Errors of Parse.
var (
	ErrNotSIP = errors.New("sip: first line is neither a request nor a status line")
	ErrShort  = errors.New("sip: message ends within its first line")
)

// span is a part of a message: offsets of a value and of what follows it.
type span struct{ at, end uint32 }

// maxMessage bounds the offsets kept in spans.
const maxMessage = 1 << 30

// Message is a view over one SIP message. The zero value is ready for Parse; it may be parsed into again and again.
// All slices that its methods return are parts of the bytes given to Parse and live as long as they do.
type Message struct {
	view
	fields [numNames]span // of those in view.present
}

// view is what Parse finds but for the fields. What every reader of a message asks for comes first, and without a look at the bytes: a
// message may have been parsed by another processor.
type view struct {
	raw        []byte
	callIDHash uint64
	identity   Digest
	branch     Digest
	from, to   Digest // tags
	others     Others
	present    uint32 // the indexed fields, a bit each
	seq        uint32
	status     uint16
	verb       Method
	seqMethod  Method
	seqOK      bool
	tagged     bool // there is a To-tag
	sure       bool // see LooksLikeSIP
	cut        bool
	length     int32  // Content-Length, -1: none
	head       uint32 // offset of the first header line
	body       uint32 // offset of the body; len(raw) when the blank line is missing
	line       span   // first line, without its end
	method     span
	uri        span    // Request-URI, or reason phrase of a response
	places     [3]span // of branch, From-tag and To-tag
}

// Parse looks over b, which holds exactly one message (a datagram; a Framer cuts streams). It fails only when the first
// line is not SIP's; a missing blank line, missing header fields and wrong lengths are for the caller to judge.
func (m *Message) Parse(b []byte) error {
	m.view = view{length: -1, others: indexed}
	if len(b) > maxMessage {
		b = b[:maxMessage]
	}
	m.raw = b
	at := 0
	for at < len(b) && (b[at] == '\r' || b[at] == '\n') { // RFC 3261 section 7.5: leading empty lines are skipped
		at++
	}
	var text lines.Text
	text.Read(b, at)
	_, end := text.Next()
	if end == len(b) {
		if !LooksLikeSIP(b[at:]) {
			return ErrNotSIP
		}
		return ErrShort
	}
	m.head = uint32(end + 1)
	if end > at && b[end-1] == '\r' {
		end--
	}
	m.line = span{uint32(at), uint32(end)}
	if !m.firstLine(b[at:end], uint32(at)) {
		return ErrNotSIP
	}
	m.index(&text)
	return nil
}

func (m *Message) firstLine(l []byte, at uint32) bool {
	if startsWithVersion(l) {
		i := 8
		for i < len(l) && l[i] == ' ' {
			i++
		}
		if len(l) < i+3 {
			return false
		}
		for _, c := range l[i : i+3] {
			if c < '0' || c > '9' {
				return false
			}
			m.status = m.status*10 + uint16(c-'0')
		}
		if m.status < 100 || m.status > 699 || len(l) > i+3 && l[i+3] != ' ' {
			return false
		}
		i += 3
		for i < len(l) && l[i] == ' ' {
			i++
		}
		m.uri = span{at + uint32(i), at + uint32(len(l))}
		m.sure = true
		return true
	}
	sp := 0
	for sp < len(l) && token[l[sp]] {
		sp++
	}
	if sp == 0 || sp == len(l) || l[sp] != ' ' {
		return false
	}
	last := len(l) - 8
	whole := endsInVersion(l) // as a rule
	if !whole {
		last = bytes.LastIndexByte(trimRight(l), ' ')
		if len(l) < last+5 || !equalFold(l[last+1:last+5], "sip/") {
			return false
		}
		whole = len(l) >= last+8 && equalFold(l[last+1:last+8], "sip/2.0")
	}
	if last <= sp {
		return false
	}
	m.sure = sp >= 2 && sp <= maxMethod && whole
	m.method = span{at, at + uint32(sp)}
	m.verb = MethodOf(l[:sp])
	u := trim(l[sp:last])
	off := at + uint32(cap(l)-cap(u))
	m.uri = span{off, off + uint32(len(u))}
	return true
}

// startsWithVersion reports whether l starts with "SIP/2.0 ".
func startsWithVersion(l []byte) bool {
	const version, fold = 0x20_30_2e_32_2f_70_69_73, 0x20_20_20 // "sip/2.0 ", and what makes its letters small
	return len(l) >= 8 && binary.LittleEndian.Uint64(l)|fold == version
}

// endsInVersion reports whether l ends in " SIP/2.0".
func endsInVersion(l []byte) bool {
	const version, fold = 0x30_2e_32_2f_70_69_73_20, 0x20_20_20_00
	return len(l) >= 8 && binary.LittleEndian.Uint64(l[len(l)-8:])|fold == version
}

// index walks the header lines once, text being past the first line, and notes where the first of each indexed field is.
func (m *Message) index(text *lines.Text) {
	b := m.raw
	m.body = uint32(len(b))
	m.cut = true
	for at := int(m.head); at < len(b); {
		if first := b[at]; first <= '\r' && (first == '\n' || first == '\r' && at+1 < len(b) && b[at+1] == '\n') { // blank line
			m.body, m.cut = uint32(at+1), false
			if first == '\r' {
				m.body++
			}
			break
		}
		start := at
		colon, end := text.Next()
		to := end
		if at = end + 1; at < len(b) && (b[at] == ' ' || b[at] == '\t') { // folded: the line goes on (RFC 3261 section 7.3.1)
			for at < len(b) && (b[at] == ' ' || b[at] == '\t') {
				_, to = text.Next()
				at = to + 1
			}
		}
		if colon == start || colon == end {
			continue
		}
		n, other := fieldName(b, start, colon)
		if n >= numNames {
			m.others |= other
		} else if bit := uint32(1) << (n & 31); m.present&bit == 0 {
			m.present |= bit
			m.fields[n] = m.trimmed(colon+1, to)
		}
	}
	if v := m.Get(ContentLength); v != nil {
		if n, ok := number(v, 1<<30); ok {
			m.length = int32(n)
		}
	}
	m.seq, m.seqMethod, m.seqOK = cseq(m.Get(CSeq))
	m.readParts()
	m.callIDHash = HashCallID(m.CallID())
	m.identity = m.branch.Number(uint32(m.status)<<16 | uint32(m.seqMethod)<<8 | uint32(m.verb)).Number(m.seq).
		Bytes(m.MethodText()).Number(uint32(m.to)).Number(uint32(m.to >> 32)).Bytes(m.Get(RSeq)).Number(uint32(len(m.Body())))
}

// nextLine answers where the line at offset at ends, and where the next begins.
func nextLine(b []byte, at int) (next, end int) {
	nl := bytes.IndexByte(b[at:], '\n')
	if nl < 0 {
		return len(b), len(b)
	}
	end = at + nl
	next = end + 1
	if end > at && b[end-1] == '\r' {
		end--
	}
	return next, end
}

// Sure reports whether what was parsed is SIP, as LooksLikeSIP says of the bytes.
func (m *Message) Sure() bool { return m.sure }

func (m *Message) text(s span) []byte { return m.raw[s.at:s.end:s.end] }

// FirstLine returns the request or status line without its end.
func (m *Message) FirstLine() []byte { return m.text(m.line) }

// Request reports whether m is a request.
func (m *Message) Request() bool { return m.status == 0 }

// Method returns the request's method, for a response the method of its CSeq.
func (m *Message) Method() Method {
	if m.status == 0 {
		return m.verb
	}
	return m.seqMethod
}

// MethodText returns the method as written, nil in a response.
func (m *Message) MethodText() []byte { return m.text(m.method) }

// Status returns the status code, 0 in a request.
func (m *Message) Status() int { return int(m.status) }

// Phrase returns the reason phrase of a response.
func (m *Message) Phrase() []byte {
	if m.status == 0 {
		return nil
	}
	return m.text(m.uri)
}

// RequestURI returns the Request-URI, nil in a response.
func (m *Message) RequestURI() []byte {
	if m.status != 0 {
		return nil
	}
	return m.text(m.uri)
}

// Get returns the value of the first header field n, nil without one. A folded value still has its line ends inside.
func (m *Message) Get(n Name) []byte {
	if m.present&(1<<n) == 0 {
		return nil
	}
	return m.text(m.fields[n])
}

// Header returns the value of the i-th (from 0) header field called name, in any case and also in its compact form; nil
// when there are not so many. Several values in one field, divided by commas, are one value here.
func (m *Message) Header(name string, i int) []byte {
	want := nameOf([]byte(name))
	b := m.raw
	for at := int(m.head); at < len(b); {
		next, end := nextLine(b, at)
		if end == at {
			return nil
		}
		for next < len(b) && (b[next] == ' ' || b[next] == '\t') {
			next, end = nextLine(b, next)
		}
		if colon := bytes.IndexByte(b[at:end], ':'); colon > 0 {
			n, _ := fieldName(b, at, at+colon)
			if n == want && (n != notIndexed || bytes.EqualFold(trimRight(b[at:at+colon]), []byte(name))) {
				if i == 0 {
					return trim(b[at+colon+1 : end])
				}
				i--
			}
		}
		at = next
	}
	return nil
}

// Others tells which fields the message may have: none of a name if it has nothing in common with OthersOf(name).
func (m *Message) Others() Others { return m.others }

// CallID returns the Call-ID, nil without one.
func (m *Message) CallID() []byte { return m.Get(CallID) }

// CallIDHash is the hash of the Call-ID.
func (m *Message) CallIDHash() uint64 { return m.callIDHash }

// HashCallID hashes a Call-ID with a seed of this process, so that nobody can send many that have the same hash.
func HashCallID(id []byte) uint64 { return maphash.Bytes(seed, id) }

var seed = maphash.MakeSeed()

// CSeq returns number and method of the CSeq field (RFC 3261 section 20.16).
func (m *Message) CSeq() (n uint32, method Method, ok bool) { return m.seq, m.seqMethod, m.seqOK }

func cseq(v []byte) (n uint32, method Method, ok bool) {
	i := 0
	var x uint64
	for i < len(v) && '0' <= v[i] && v[i] <= '9' {
		if x = x*10 + uint64(v[i]-'0'); x > 1<<32-1 {
			return 0, Unknown, false
		}
		i++
	}
	if i == 0 {
		return 0, Unknown, false
	}
	return uint32(x), MethodOf(trim(v[i:])), true
}

// Branch returns the branch parameter of the topmost Via.
func (m *Message) Branch() []byte { return m.text(m.places[0]) }

// FromTag returns the tag parameter of From.
func (m *Message) FromTag() []byte { return m.text(m.places[1]) }

// ToTag returns the tag parameter of To.
func (m *Message) ToTag() []byte { return m.text(m.places[2]) }

// Tagged reports whether there is a To-tag: the message belongs to a dialog, or makes one.
func (m *Message) Tagged() bool { return m.tagged }

// BranchDigest is NoDigest.Bytes(m.Branch()).
func (m *Message) BranchDigest() Digest { return m.branch }

// FromTagDigest is NoDigest.Bytes(m.FromTag()).
func (m *Message) FromTagDigest() Digest { return m.from }

// ToTagDigest is NoDigest.Bytes(m.ToTag()).
func (m *Message) ToTagDigest() Digest { return m.to }

// Identity is the same for a message that is sent again: it covers the status, or the method, CSeq, branch, To-tag, RSeq and the body's
// length.
func (m *Message) Identity() Digest { return m.identity }

// ContentLength returns the value of the Content-Length field, -1 when it is missing or no number.
func (m *Message) ContentLength() int { return int(m.length) }

// Body returns what follows the blank line, not more than Content-Length says.
func (m *Message) Body() []byte {
	b := m.raw[m.body:]
	if n := int(m.length); n >= 0 && n < len(b) {
		b = b[:n]
	}
	return b
}

// Cut reports whether the message ends before its blank line or before the end of the body it announces.
func (m *Message) Cut() bool { return m.cut || int(m.length) > len(m.raw)-int(m.body) }

// Excess is how many bytes more (positive) or fewer (negative) follow the blank line than Content-Length says, line ends and blanks
// at the end left out; 0 when it is right or not said, or when what is missing is the body's last line end, or the CR of each of its lines.
func (m *Message) Excess() int {
	if m.length < 0 || m.cut {
		return 0
	}
	b, n := m.raw[m.body:], int(m.length)
	if missing := n - len(b); missing > 0 {
		if missing -= bytes.Count(b, []byte{'\n'}) - bytes.Count(b, []byte("\r\n")); 0 <= missing && missing <= 2 || n-len(b) <= 2 {
			return 0
		}
		return len(b) - n
	}
	return len(trimRight(bytes.TrimRight(b[n:], "\x00")))
}

// number reads decimal digits, at most limit; blanks may follow.
func number(b []byte, limit int) (int, bool) {
	n := 0
	b = trim(b)
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int(c-'0'); n > limit {
			return 0, false
		}
	}
	return n, len(b) > 0
}

func blank(c byte) bool { return c <= ' ' && blanks>>c&1 != 0 }

const blanks uint64 = 1<<' ' | 1<<'\t' | 1<<'\r' | 1<<'\n'

func trimRight(b []byte) []byte {
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func trim(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	return trimRight(b)
}
