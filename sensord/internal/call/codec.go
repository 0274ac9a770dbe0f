package call

import (
	"strings"

	"voiptop/sensord/internal/sdp"
)

// codec is an encoding that some SDP or payload type named. Calls share them.
type codec struct {
	name  string
	clock uint32 // Hz, 0: unknown
	kind  sdp.Kind
	aside bool // carries no speech of its own: DTMF, comfort noise
}

// codecKey finds a codec.
type codecKey struct {
	name  string
	clock uint32
	kind  sdp.Kind
}

const maxCodecs = 4096

// knownCodec is a codec and what found it.
type knownCodec struct {
	key   codecKey
	codec *codec // nil: none
}

// codec answers what a format is. Most descriptions give a payload type the same as the one before did.
func (t *Table) codec(f *sdp.Format, kind sdp.Kind) *codec {
	e := &t.formats[f.PT%uint8(len(t.formats))]
	if e.codec == nil || e.key.name != string(f.Name) || e.key.clock != f.Clock || e.key.kind != kind {
		e.key = codecKey{t.name(f.Name), f.Clock, kind}
		e.codec = t.codecOf(e.key)
	}
	return e.codec
}

func (t *Table) codecOf(k codecKey) *codec {
	if c := t.codecs[k]; c != nil {
		return c
	}
	c := &codec{name: k.name, clock: k.clock, kind: k.kind}
	switch {
	case strings.EqualFold(c.name, "telephone-event"), strings.EqualFold(c.name, "CN"), strings.EqualFold(c.name, "tone"),
		strings.EqualFold(c.name, "NSE"), strings.EqualFold(c.name, "X-NSE"), repairs(c.name):
		c.aside = true
	case strings.EqualFold(c.name, "G722"):
		c.clock = 8000 // RFC 3551 section 4.5.2: whatever the SDP says
	}
	if len(t.codecs) < maxCodecs {
		t.codecs[k] = c
	}
	return c
}

// repairs reports a format that only makes up for losses of another: what was sent before (RFC 4588), or what it can be reckoned from
// (RFC 5109, RFC 8627). Its timestamps are those of the packets that it repairs, and tell nothing of when it was sent.
func repairs(name string) bool {
	switch strings.ToLower(name) {
	case "rtx", "ulpfec", "parityfec", "flexfec", "flexfec-03":
		return true
	}
	return false
}

// speech reports whether packets of the codec are rated.
func (c *codec) speech() bool { return c.kind == sdp.Audio || c.kind == sdp.Other }

// isNoise reports comfort noise (RFC 3389): its sender suppresses silence.
func (c *codec) isNoise() bool { return strings.EqualFold(c.name, "CN") }

// isRedundant reports a format that carries another, more than once (RFC 2198).
func (c *codec) isRedundant() bool { return strings.EqualFold(c.name, "red") }

func (c *codec) isDTMF() bool { return strings.EqualFold(c.name, "telephone-event") }
