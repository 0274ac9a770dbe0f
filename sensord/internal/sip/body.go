package sip

import "bytes"

// SDP returns the session description in the body: the body itself, or the part of a multipart body that holds it
// (RFC 5621). Nil when there is none. A body without a Content-Type that starts like a description counts as one. Of a body that is
// cut the last line is left out: half a number is another number.
func (m *Message) SDP() []byte {
	body := m.Body()
	if int(m.length)-len(body) > len("\r\n") {
		body = body[:bytes.LastIndexByte(body, '\n')+1]
	}
	if len(body) < 5 {
		return nil
	}
	ct, _ := firstValue(m.Get(ContentType))
	if len(ct) == 0 {
		if bytes.HasPrefix(body, []byte("v=0")) {
			return body
		}
		return nil
	}
	typ, params := ct, []byte(nil)
	if i := bytes.IndexByte(ct, ';'); i >= 0 {
		typ, params = ct[:i], ct[i:]
	}
	typ = trim(typ)
	switch {
	case equalFold(typ, "application/sdp"):
		return body
	case len(typ) > 10 && equalFold(typ[:10], "multipart/"):
		return sdpPart(body, Param(params, "boundary"))
	}
	return nil
}

// sdpPart finds the part with Content-Type application/sdp (RFC 2046 section 5.1).
func sdpPart(body, boundary []byte) []byte {
	if len(boundary) == 0 {
		return nil
	}
	for rest := body; ; {
		start := delimiter(rest, boundary)
		if start < 0 {
			return nil
		}
		rest, _ = cutLine(rest[start:])
		part := rest
		if end := delimiter(rest, boundary); end >= 0 {
			part = rest[:end]
			rest = rest[end:]
		} else {
			rest = nil
		}
		isSDP := false
		for len(part) > 0 {
			var line []byte
			part, line = cutLine(part)
			if len(line) == 0 {
				break
			}
			colon := bytes.IndexByte(line, ':')
			if colon <= 0 {
				continue
			}
			name := trim(line[:colon])
			if nameOf(name) == ContentType {
				v := trim(line[colon+1:])
				if semi := bytes.IndexByte(v, ';'); semi >= 0 {
					v = trim(v[:semi])
				}
				isSDP = equalFold(v, "application/sdp")
			}
		}
		if isSDP {
			return part
		}
	}
}

// delimiter finds a line that starts with two dashes and the boundary; -1 without one.
func delimiter(b, boundary []byte) int {
	for at := 0; ; {
		i := bytes.Index(b[at:], boundary)
		if i < 0 {
			return -1
		}
		i += at
		if i >= 2 && b[i-1] == '-' && b[i-2] == '-' && (i == 2 || b[i-3] == '\n') {
			return i - 2
		}
		at = i + 1
	}
}

func cutLine(b []byte) (rest, line []byte) {
	next, end := nextLine(b, 0)
	return b[next:], b[:end]
}
