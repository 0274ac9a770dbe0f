package tlsdec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// mode is how a suite protects records.
type mode uint8

const (
	gcm mode = iota
	chacha
	cbc
)

// suite is a cipher suite of the IANA registry, as far as records go: the key exchange does not matter to whoever has
// the secrets.
type suite struct {
	mode mode
	key  int              // bytes
	hash func() hash.Hash // of the key derivation
	mac  func() hash.Hash // of CBC suites
}

// suites13 are those of TLS 1.3 (RFC 8446 appendix B.4).
var suites13 = map[uint16]*suite{
	0x1301: {gcm, 16, sha256.New, nil},
	0x1302: {gcm, 32, sha512.New384, nil},
	0x1303: {chacha, 32, sha256.New, nil},
}

// suites12 are those of TLS 1.2 with RSA, DHE and ECDHE keys: RFC 5288, 5289, 7905 (AEAD), 5246, 4492 (CBC).
var suites12 = map[uint16]*suite{}

func init() {
	for _, s := range []struct {
		suite suite
		ids   []uint16
	}{
		{suite{gcm, 16, sha256.New, nil}, []uint16{0x009c, 0x009e, 0xc02b, 0xc02f}},
		{suite{gcm, 32, sha512.New384, nil}, []uint16{0x009d, 0x009f, 0xc02c, 0xc030}},
		{suite{chacha, 32, sha256.New, nil}, []uint16{0xcca8, 0xcca9, 0xccaa}},
		{suite{cbc, 16, sha256.New, sha1.New}, []uint16{0x002f, 0x0033, 0xc009, 0xc013}},
		{suite{cbc, 32, sha256.New, sha1.New}, []uint16{0x0035, 0x0039, 0xc00a, 0xc014}},
		{suite{cbc, 16, sha256.New, sha256.New}, []uint16{0x003c, 0x0067, 0xc023, 0xc027}},
		{suite{cbc, 32, sha256.New, sha256.New}, []uint16{0x003d, 0x006b}},
		{suite{cbc, 32, sha512.New384, sha512.New384}, []uint16{0xc024, 0xc028}},
	} {
		for _, id := range s.ids {
			suites12[id] = &s.suite
		}
	}
}

// aead makes the suite's cipher of a key of the right size.
func (s *suite) aead(key []byte) cipher.AEAD {
	if s.mode == chacha {
		a, err := chacha20poly1305.New(key)
		if err != nil {
			panic(err) // the size of the key is ours
		}
		return a
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return a
}

// expandLabel is HKDF-Expand-Label with an empty context, RFC 8446 section 7.1:
//
//	length 2 | size 1 "tls13 " label | size 1 context
func (s *suite) expandLabel(key []byte, label string, n int) []byte {
	info := append([]byte{byte(n >> 8), byte(n), byte(6 + len(label))}, "tls13 "...)
	info = append(append(info, label...), 0)
	out, err := hkdf.Expand(s.hash, key, string(info), n)
	if err != nil {
		panic(err) // n is ours
	}
	return out
}

// opener13 makes what opens the records of a TLS 1.3 traffic secret, RFC 8446 section 7.3.
func (s *suite) opener13(traffic []byte) *opener {
	return &opener{v13: true, suite: s, aead: s.aead(s.expandLabel(traffic, "key", s.key)), iv: s.expandLabel(traffic, "iv", 12)}
}

// openers12 makes what opens the records of a TLS 1.2 connection, client's and server's, RFC 5246 section 6.3:
//
//	client MAC key | server MAC key | client key | server key | client IV | server IV
func (s *suite) openers12(master []byte, client, server random, encryptThenMAC bool) (c, d *opener) {
	macLen, ivLen := 0, 4
	switch s.mode {
	case chacha:
		ivLen = 12
	case cbc:
		macLen, ivLen = s.mac().Size(), 0
	}
	seed := append(append([]byte("key expansion"), server[:]...), client[:]...)
	block := s.prf(master, seed, 2*(macLen+s.key+ivLen))
	next := func(n int) []byte {
		b := block[:n]
		block = block[n:]
		return b
	}
	c, d = &opener{suite: s, etm: encryptThenMAC}, &opener{suite: s, etm: encryptThenMAC}
	if s.mode == cbc {
		c.mac, d.mac = hmac.New(s.mac, next(macLen)), hmac.New(s.mac, next(macLen))
	}
	for _, o := range []*opener{c, d} {
		key := next(s.key)
		if s.mode != cbc {
			o.aead = s.aead(key)
			continue
		}
		var err error
		if o.block, err = aes.NewCipher(key); err != nil {
			panic(err) // the size of the key is ours
		}
	}
	c.iv, d.iv = next(ivLen), next(ivLen)
	return c, d
}

// prf is P_hash of RFC 5246 section 5.
func (s *suite) prf(key, seed []byte, n int) []byte {
	m := hmac.New(s.hash, key)
	sum := func(parts ...[]byte) []byte {
		m.Reset()
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}
