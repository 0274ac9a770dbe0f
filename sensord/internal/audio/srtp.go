package audio

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/pion/srtp/v3"
)

// srtpKey is what an a=crypto line of the SDP tells (RFC 4568 section 9.1).
type srtpKey struct {
	profile srtp.ProtectionProfile
	key     string // of profile.KeyLen bytes
	salt    string
	mki     int // bytes of the master key identifier in every packet
}

// srtpSuites are the names of RFC 4568, 6188 and 7714, and those that phones write for them.
var srtpSuites = map[string]srtp.ProtectionProfile{
	"AES_CM_128_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
	"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
	"AES_256_CM_HMAC_SHA1_80": srtp.ProtectionProfileAes256CmHmacSha1_80,
	"AES_256_CM_HMAC_SHA1_32": srtp.ProtectionProfileAes256CmHmacSha1_32,
	"AES_CM_256_HMAC_SHA1_80": srtp.ProtectionProfileAes256CmHmacSha1_80,
	"AES_CM_256_HMAC_SHA1_32": srtp.ProtectionProfileAes256CmHmacSha1_32,
	"AEAD_AES_128_GCM":        srtp.ProtectionProfileAeadAes128Gcm,
	"AEAD_AES_256_GCM":        srtp.ProtectionProfileAeadAes256Gcm,
	"NULL_HMAC_SHA1_80":       srtp.ProtectionProfileNullHmacSha1_80,
	"NULL_HMAC_SHA1_32":       srtp.ProtectionProfileNullHmacSha1_32,
}

// parseCrypto reads "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4 UNENCRYPTED_SRTCP", what follows "a=crypto:". ok is false
// for suites that are not known and keys of the wrong length.
func parseCrypto(v string) (k srtpKey, ok bool) {
	f := strings.Fields(v)
	if len(f) < 3 {
		return k, false
	}
	k.profile, ok = srtpSuites[strings.ToUpper(f[1])]
	if !ok {
		return k, false
	}
	first, _, _ := strings.Cut(f[2], ";") // several keys are told apart by MKI; the first is used first
	scheme, inline, _ := strings.Cut(first, ":")
	if !strings.EqualFold(scheme, "inline") {
		return k, false
	}
	parts := strings.Split(inline, "|")
	b, err := base64.StdEncoding.DecodeString(parts[0])
	if err != nil {
		if b, err = base64.RawStdEncoding.DecodeString(parts[0]); err != nil {
			return k, false
		}
	}
	n, _ := k.profile.KeyLen()     // fails for unknown profiles only
	salt, _ := k.profile.SaltLen() //
	if len(b) < n+salt {
		return k, false
	}
	k.key, k.salt = string(b[:n]), string(b[n:n+salt])
	for _, p := range parts[1:] {
		if _, size, is := strings.Cut(p, ":"); is {
			m, err := strconv.Atoi(size)
			if err != nil || m < 1 || m > 128 {
				return k, false
			}
			k.mki = m
		}
	}
	return k, true
}

// maxROC is how many rollover counters are tried when a stream is joined in its middle: a day of packets of 20 ms.
const maxROC = 66

var errNoKey = errors.New("no key opens the packet")

// decryption opens the packets of one stream. The rollover counter is found by trial (the packets are authenticated), and
// followed by the sequence numbers from then on.
type decryption struct {
	keys    []srtpKey
	ctx     []*srtp.Context
	using   int   // index of keys
	index   int64 // of the newest packet: rollover counter << 16 | sequence number
	started bool
	out     []byte
}

func newDecryption(keys []srtpKey) *decryption {
	d := &decryption{keys: keys, using: -1}
	for _, k := range keys {
		c, err := srtp.CreateContext([]byte(k.key), []byte(k.salt), k.profile, srtp.SRTPNoReplayProtection())
		if err != nil { // a key that cannot be used opens nothing
			c = nil
		}
		d.ctx = append(d.ctx, c)
	}
	return d
}

// fork gives a decryption that has found what d has found, for another reader of the same packets.
func (d *decryption) fork() *decryption {
	n := newDecryption(d.keys)
	n.using, n.index, n.started = d.using, d.index, d.started
	return n
}

// follow notes a packet that need not be opened.
func (d *decryption) follow(seq uint16) {
	if d.started {
		d.index = max(d.index, d.at(seq))
	}
}

// overhead is how many bytes SRTP adds to the payload.
func (d *decryption) overhead() int {
	if d.using < 0 {
		return 0
	}
	k := d.keys[d.using]
	tag, _ := k.profile.AuthTagRTPLen() // fail for unknown profiles only
	aead, _ := k.profile.AEADAuthTagLen()
	return tag + aead + k.mki
}

// at is the index of a packet near the newest one (RFC 3711 section 3.3.1).
func (d *decryption) at(seq uint16) int64 {
	return d.index + int64(int16(seq-uint16(d.index)))
}

// open gives the RTP packet, in the clear, that is in the packet b with the given sequence number and SSRC. It is valid until
// the next call.
func (d *decryption) open(b []byte, seq uint16, ssrc uint32) ([]byte, error) {
	if d.started {
		if at := d.at(seq); at >= 0 && d.try(d.using, b, ssrc, uint32(at>>16)) {
			d.index = max(d.index, at)
			return d.out, nil
		}
	}
	for i := range d.keys {
		last := uint32(maxROC)
		if d.started { // a new key begins anew, or goes on where the old one was
			last = 1
			if at := d.at(seq); at >= 0 && d.try(i, b, ssrc, uint32(at>>16)) {
				d.using, d.index = i, at
				return d.out, nil
			}
		}
		for roc := range last {
			if d.try(i, b, ssrc, roc) {
				d.using, d.index, d.started = i, int64(roc)<<16|int64(seq), true
				return d.out, nil
			}
		}
	}
	return nil, errNoKey
}

func (d *decryption) try(i int, b []byte, ssrc, roc uint32) bool {
	if d.ctx[i] == nil {
		return false
	}
	if n := d.keys[i].mki; n > 0 { // it stands between the payload and the tag
		tag, _ := d.keys[i].profile.AuthTagRTPLen() // fails for unknown profiles only
		if len(b) < 12+n+tag {
			return false
		}
		b = append(append(make([]byte, 0, len(b)), b[:len(b)-n-tag]...), b[len(b)-tag:]...)
	}
	d.ctx[i].SetROC(ssrc, roc)
	out, err := d.ctx[i].DecryptRTP(d.out[:0], b, nil)
	if err != nil {
		return false
	}
	d.out = out
	return true
}
