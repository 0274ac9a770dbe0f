package sip

import (
	"bytes"
	"encoding/binary"
)

// WSFramer takes the messages out of one direction of a WebSocket connection (RFC 6455, RFC 7118), from the HTTP upgrade
// on or joined in the middle at a frame's start. Masked frames are unmasked into the framer's own buffer.
//
//	byte 0: FIN(1) RSV(3) opcode(4)   byte 1: MASK(1) length(7)
//	length 126: 2 bytes follow; 127: 8 bytes follow; then 4 bytes of mask if MASK
type WSFramer struct {
	held    []byte
	message []byte // fragments put together
	open    bool   // the upgrade is over, or there was none
	Skipped uint64 // bytes that were no frame
}

// IsUpgrade reports whether b is the start of a WebSocket handshake: a GET that asks for the upgrade, or its 101.
func IsUpgrade(b []byte) bool {
	if !bytes.HasPrefix(b, []byte("GET ")) && !bytes.HasPrefix(b, []byte("HTTP/1.1 101")) {
		return false
	}
	head := b[:min(len(b), 4096)]
	for len(head) > 0 {
		var l []byte
		head, l = cutLine(head)
		if len(l) > 8 && equalFold(l[:8], "upgrade:") && equalFold(trim(l[8:]), "websocket") {
			return true
		}
	}
	return false
}

// IsFrame reports whether b starts like a WebSocket data frame that holds the start of a SIP message.
func IsFrame(b []byte) bool {
	head, n, ok := frameHead(b)
	if !ok || b[0]&0x70 != 0 || b[0]&0x0f != 1 && b[0]&0x0f != 2 {
		return false
	}
	var first [64]byte
	k := copy(first[:], b[head:min(len(b), head+n)])
	if b[1]&0x80 != 0 {
		unmask(first[:k], b[head-4:head])
	}
	return LooksLikeSIP(first[:k])
}

// Feed takes the next bytes of the stream and calls emit with every message; a message is valid until emit returns.
func (f *WSFramer) Feed(b []byte, emit func(msg []byte)) {
	f.held = append(f.held, b...)
	b = f.held
	for len(b) > 0 {
		if !f.open {
			if !begins(b, "GET ") && !begins(b, "HTTP/") {
				f.open = true
				continue
			}
			end := headEnd(b)
			if end < 0 {
				break
			}
			b, f.open = b[end:], true
			continue
		}
		head, n, ok := frameHead(b)
		if ok && n > MaxFramed {
			f.Skipped += uint64(len(b))
			b = nil
			break
		}
		if !ok || head+n > len(b) {
			break
		}
		f.frame(b[0], b[1]&0x80 != 0, b[:head], b[head:head+n], emit)
		b = b[head+n:]
	}
	if len(b) > 2*MaxFramed {
		f.Skipped += uint64(len(b))
		b = nil
	}
	f.held = append(f.held[:0], b...)
}

// begins reports whether b starts with s, as far as b goes.
func begins(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

// Held is how many bytes of a message that is not complete are held.
func (f *WSFramer) Held() int { return len(f.held) + len(f.message) }

// Gap forgets what is not complete.
func (f *WSFramer) Gap() {
	f.Skipped += uint64(len(f.held))
	f.held, f.message = f.held[:0], f.message[:0]
}

func (f *WSFramer) frame(first byte, masked bool, head, data []byte, emit func([]byte)) {
	if masked {
		unmask(data, head[len(head)-4:])
	}
	switch op := first & 0x0f; {
	case op >= 8: // close, ping, pong
		return
	case op != 0:
		f.message = f.message[:0]
	}
	if len(f.message)+len(data) > MaxFramed {
		f.Skipped += uint64(len(f.message) + len(data))
		f.message = f.message[:0]
		return
	}
	f.message = append(f.message, data...)
	if first&0x80 != 0 {
		if len(f.message) > 0 {
			emit(f.message)
		}
		f.message = f.message[:0]
	}
}

// frameHead answers the size of a frame's head and of its data.
func frameHead(b []byte) (head, n int, ok bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	head, n = 2, int(b[1]&0x7f)
	switch n {
	case 126:
		if len(b) < 4 {
			return 0, 0, false
		}
		head, n = 4, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if len(b) < 10 {
			return 0, 0, false
		}
		l := binary.BigEndian.Uint64(b[2:])
		if l > 1<<30 {
			l = 1 << 30
		}
		head, n = 10, int(l)
	}
	if b[1]&0x80 != 0 {
		head += 4
	}
	return head, n, len(b) >= head
}

func unmask(b, key []byte) {
	for i := range b {
		b[i] ^= key[i&3]
	}
}
