package call

import (
	"bytes"

	"voiptop/sensord/internal/rtp"
	"voiptop/sensord/internal/sip"
)

// infoEvents are the events of RFC 4733 section 3.2 by number, as application/dtmf-relay may write them.
const infoEvents = "0123456789*#ABCD!"

// infoDigit reads the digit out of the body of an INFO: "Signal=5" (application/dtmf-relay) or "5" (application/dtmf); 0
// without one. "!" is hook flash.
func infoDigit(m *sip.Message) byte {
	body := m.Body()
	for len(body) > 0 {
		var line []byte
		if i := bytes.IndexByte(body, '\n'); i >= 0 {
			line, body = body[:i], body[i+1:]
		} else {
			line, body = body, nil
		}
		value := line
		if key, v, found := bytes.Cut(line, []byte{'='}); found {
			if !bytes.EqualFold(bytes.TrimSpace(key), []byte("signal")) {
				continue
			}
			value = v
		}
		value = bytes.Trim(value, " \t\r\"")
		switch {
		case len(value) == 1:
			d := value[0]
			if 'a' <= d && d <= 'd' {
				d -= 'a' - 'A'
			}
			if bytes.IndexByte([]byte(infoEvents), d) >= 0 {
				return d
			}
		case len(value) == 2 && value[0] == '1' && '0' <= value[1] && value[1] <= '6':
			return infoEvents[10+value[1]-'0']
		case bytes.EqualFold(value, []byte("flash")), bytes.EqualFold(value, []byte("hf")):
			return '!'
		}
	}
	return 0
}

// takeDigit adds the digit of an INFO to those of the call.
func (c *Call) takeDigit(m *sip.Message) {
	if d := infoDigit(m); d != 0 && len(c.digits) < rtp.MaxDigits {
		c.digits = append(c.digits, d)
	}
}
