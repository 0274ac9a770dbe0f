package tlsdec

import (
	"bytes"
	"encoding/hex"
)

// random is a ClientHello's random: what a key log knows a connection by.
type random [32]byte

// secret is a label of the key log format (RFC 9850).
type secret uint8

const (
	masterSecret secret = iota // CLIENT_RANDOM: TLS 1.2's
	clientHandshake
	serverHandshake
	clientTraffic
	serverTraffic
	nSecrets
)

var labels = [nSecrets]string{
	"CLIENT_RANDOM", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0",
}

// secrets are those of one connection; what is not known is nil.
type secrets [nSecrets][]byte

// keyLog holds the secrets of the connections that were named last.
type keyLog struct {
	byRandom map[random]*secrets
	order    []random // a ring: the oldest at next once it is full
	next     int
	max      int
	bad      uint64 // lines that are no key log
	evicted  uint64
}

func newKeyLog(maxRandoms int) *keyLog {
	return &keyLog{byRandom: map[random]*secrets{}, max: maxRandoms}
}

// add reads lines:
//
//	LABEL client-random(64 hexadecimal digits) secret(hexadecimal)
//
// Empty lines, comments (#) and labels that are not needed are passed over.
func (k *keyLog) add(text []byte) {
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		k.line(line)
	}
}

func (k *keyLog) line(line []byte) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] == '#' {
		return
	}
	name, rest, _ := bytes.Cut(line, []byte{' '})
	label, wanted := labelOf(name)
	if !wanted {
		if !isLabel(name) {
			k.bad++
		}
		return
	}
	id, value, _ := bytes.Cut(rest, []byte{' '})
	var r random
	var b [64]byte
	n := hex.DecodedLen(len(value))
	if len(id) != 64 || n != 32 && n != 48 || label == masterSecret && n != 48 {
		k.bad++
		return
	}
	if _, err := hex.Decode(r[:], id); err != nil {
		k.bad++
		return
	}
	if _, err := hex.Decode(b[:], value); err != nil {
		k.bad++
		return
	}
	k.of(r)[label] = bytes.Clone(b[:n])
}

func labelOf(name []byte) (secret, bool) {
	for i, l := range labels {
		if string(name) == l {
			return secret(i), true
		}
	}
	return 0, false
}

// isLabel says whether a line's first word looks like a label of the format, known or not.
func isLabel(name []byte) bool {
	for _, c := range name {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return len(name) > 0
}

// of returns the entry of a random, a new one if there is none.
func (k *keyLog) of(r random) *secrets {
	if s := k.byRandom[r]; s != nil {
		return s
	}
	s := new(secrets)
	if len(k.order) < k.max {
		k.order = append(k.order, r)
	} else {
		k.evicted++
		delete(k.byRandom, k.order[k.next])
		k.order[k.next] = r
		k.next = (k.next + 1) % k.max
	}
	k.byRandom[r] = s
	return s
}
