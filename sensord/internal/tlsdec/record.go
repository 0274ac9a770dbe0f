package tlsdec

import (
	"crypto/cipher"
	"crypto/hmac"
	"encoding/binary"
	"hash"
)

// Content types of records, RFC 8446 section 5.1.
const (
	changeCipherSpec = 20
	alert            = 21
	handshake        = 22
	applicationData  = 23
)

const (
	headLen   = 5
	maxRecord = 1<<14 + 2048 // of an encrypted record's body, RFC 5246 section 6.2.3; TLS 1.3 allows less
	maxPlain  = 1 << 14
)

// cutRecord takes the first record off b: content type 1 | version 2 | length 2 | body. n is its length; 0 when its end
// has not come, -1 when b starts with no record.
func cutRecord(b []byte) (n int) {
	if len(b) > 0 && (b[0] < changeCipherSpec || b[0] > applicationData) || len(b) > 1 && b[1] != 3 || len(b) > 2 && b[2] > 4 {
		return -1
	}
	if len(b) < headLen {
		return 0
	}
	n = headLen + int(binary.BigEndian.Uint16(b[3:]))
	if n > headLen+maxRecord {
		return -1
	}
	if n > len(b) {
		return 0
	}
	return n
}

// Starts says whether b, the first bytes of a TCP stream, may be the beginning of a TLS handshake.
func Starts(b []byte) bool {
	return len(b) > 0 && b[0] == handshake && cutRecord(b) >= 0
}

// Continues says whether b may be a record of a TLS connection whose handshake is over.
func Continues(b []byte) bool {
	return len(b) > headLen && b[0] == applicationData && b[1] == 3 && b[2] == 3 && cutRecord(b) >= 0
}

// opener opens the records of one direction under one key.
type opener struct {
	suite *suite
	v13   bool
	aead  cipher.AEAD
	iv    []byte // whole nonce's mask, or the 4 bytes of TLS 1.2's GCM salt
	block cipher.Block
	mac   hash.Hash
	etm   bool // encrypt-then-MAC, RFC 7366
	nonce [12]byte
	aad   [13]byte
}

// open decrypts the record that is head and body, as number seq, into dst[:0]. dst must have room for it. ok is false
// if that is not what the record is.
func (o *opener) open(dst, record []byte, seq uint64) (plain []byte, kind uint8, ok bool) {
	head, body := record[:headLen], record[headLen:]
	be := binary.BigEndian
	kind = head[0]
	switch {
	case o.suite.mode == cbc:
		plain, ok = o.openCBC(dst, head, body, seq)
		return plain, kind, ok
	case o.v13:
		o.mask(seq)
		plain, err := o.aead.Open(dst[:0], o.nonce[:], body, head)
		if err != nil {
			return nil, 0, false
		}
		end := len(plain)
		for end > 0 && plain[end-1] == 0 { // padding, RFC 8446 section 5.4
			end--
		}
		if end == 0 {
			return nil, 0, false
		}
		return plain[:end-1], plain[end-1], end-1 <= maxPlain
	case o.suite.mode == gcm: // RFC 5288 section 3: the nonce's last 8 bytes come with the record
		if len(body) < 8 {
			return nil, 0, false
		}
		copy(o.nonce[:], o.iv)
		copy(o.nonce[4:], body)
		body = body[8:]
	default:
		o.mask(seq) // RFC 7905 section 2
	}
	n := len(body) - o.aead.Overhead()
	if n < 0 {
		return nil, 0, false
	}
	be.PutUint64(o.aad[:], seq)
	copy(o.aad[8:], head[:3])
	be.PutUint16(o.aad[11:], uint16(n))
	plain, err := o.aead.Open(dst[:0], o.nonce[:], body, o.aad[:])
	return plain, kind, err == nil && n <= maxPlain
}

// mask makes the nonce of record seq.
func (o *opener) mask(seq uint64) {
	copy(o.nonce[:], o.iv)
	for i := range 8 {
		o.nonce[4+i] ^= byte(seq >> (56 - 8*i))
	}
}

// openCBC opens a GenericBlockCipher of RFC 5246 section 6.2.3.2: IV | encrypted(content | MAC | padding | padding
// length), or with encrypt-then-MAC: IV | encrypted(content | padding | padding length) | MAC.
func (o *opener) openCBC(dst, head, body []byte, seq uint64) ([]byte, bool) {
	bs, size := o.block.BlockSize(), o.mac.Size()
	var want []byte
	if o.etm {
		if len(body) < size {
			return nil, false
		}
		body, want = body[:len(body)-size], body[len(body)-size:]
		if !o.sums(want, seq, head, body) {
			return nil, false
		}
	}
	if len(body) < 2*bs || len(body)%bs != 0 {
		return nil, false
	}
	plain := dst[:len(body)-bs]
	cipher.NewCBCDecrypter(o.block, body[:bs]).CryptBlocks(plain, body[bs:])
	pad := int(plain[len(plain)-1]) + 1
	if pad > len(plain) {
		return nil, false
	}
	for _, c := range plain[len(plain)-pad:] {
		if int(c) != pad-1 {
			return nil, false
		}
	}
	plain = plain[:len(plain)-pad]
	if o.etm {
		return plain, len(plain) <= maxPlain
	}
	if len(plain) < size {
		return nil, false
	}
	plain, want = plain[:len(plain)-size], plain[len(plain)-size:]
	return plain, len(plain) <= maxPlain && o.sums(want, seq, head, plain)
}

// sums checks a MAC: of the sequence number, type, version, length, and content.
func (o *opener) sums(want []byte, seq uint64, head, content []byte) bool {
	binary.BigEndian.PutUint64(o.aad[:], seq)
	copy(o.aad[8:], head[:3])
	binary.BigEndian.PutUint16(o.aad[11:], uint16(len(content)))
	o.mac.Reset()
	o.mac.Write(o.aad[:])
	o.mac.Write(content)
	var sum [64]byte
	return hmac.Equal(o.mac.Sum(sum[:0]), want)
}
