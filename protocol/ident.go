package protocol

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// UUID is 16 bytes, in JSON the usual 36 characters. A call's UUID has the version 7 layout (RFC 9562 section 5.7):
// 48 bits of call start in milliseconds, then bits derived from the sensor id, the Call-ID and the time of the first
// packet, so that the same packets give the same id.
type UUID [16]byte

// IsZero reports whether u is unset.
func (u UUID) IsZero() bool { return u == UUID{} }

func (u UUID) String() string { return string(u.appendText(make([]byte, 0, 36))) }

// AppendText implements encoding.TextAppender.
func (u UUID) AppendText(b []byte) ([]byte, error) { return u.appendText(b), nil }

func (u UUID) appendText(b []byte) []byte {
	b = append(hex.AppendEncode(b, u[0:4]), '-')
	b = append(hex.AppendEncode(b, u[4:6]), '-')
	b = append(hex.AppendEncode(b, u[6:8]), '-')
	b = append(hex.AppendEncode(b, u[8:10]), '-')
	return hex.AppendEncode(b, u[10:16])
}

// ParseUUID reads the 36-character form.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	bad := fmt.Errorf("id %q: want the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", s)
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, bad
	}
	digits := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return UUID{}, bad
	}
	return u, nil
}

// MarshalText implements encoding.TextMarshaler.
func (u UUID) MarshalText() ([]byte, error) { return u.appendText(make([]byte, 0, 36)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *UUID) UnmarshalText(b []byte) error {
	v, err := ParseUUID(string(b))
	if err == nil {
		*u = v
	}
	return err
}

// SSRC identifies an RTP source (RFC 3550 section 3), in JSON "0x1234abcd".
type SSRC uint32

func (s SSRC) String() string { return string(s.appendText(make([]byte, 0, 10))) }

func (s SSRC) appendText(b []byte) []byte {
	return hex.AppendEncode(append(b, "0x"...), binary.BigEndian.AppendUint32(make([]byte, 0, 4), uint32(s)))
}

// MarshalText implements encoding.TextMarshaler.
func (s SSRC) MarshalText() ([]byte, error) { return s.appendText(make([]byte, 0, 10)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *SSRC) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(strings.TrimPrefix(string(b), "0x"), 16, 32)
	if err != nil {
		return fmt.Errorf("ssrc %q: want 0x and eight hexadecimal digits", b)
	}
	*s = SSRC(v)
	return nil
}
