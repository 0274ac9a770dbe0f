package redact

import (
	"bytes"
	"strings"
)

// plainAttributes are the attributes of SDP that say nothing of persons or networks.
var plainAttributes = set("rtpmap", "fmtp", "ptime", "maxptime", "sendrecv", "sendonly", "recvonly", "inactive", "rtcp-fb", "rtcp-mux", "mid", "group", "setup", "framerate",
	"quality", "silencesupp", "type", "charset", "t38faxversion", "t38maxbitrate", "t38faxfillbitremoval", "t38faxtranscodingmmr", "t38faxtranscodingjbig",
	"t38faxratemanagement", "t38faxmaxbuffer", "t38faxmaxdatagram", "t38faxudpec", "ice-lite", "ice-options", "end-of-candidates", "extmap", "orient")

// body masks a body by what it is.
func (r *Redactor) body(b []byte, content string) []byte {
	sdp := strings.HasPrefix(content, "application/sdp") || content == "" && bytes.HasPrefix(b, []byte("v=0"))
	multipart := strings.HasPrefix(content, "multipart/")
	if !sdp && !multipart {
		return blank(b)
	}
	out := make([]byte, 0, len(b))
	for _, line := range bytes.SplitAfter(b, []byte("\n")) {
		text := bytes.TrimRight(line, "\r\n")
		end := line[len(text):]
		switch {
		case len(text) > 1 && text[1] == '=' && text[0] >= 'a' && text[0] <= 'z':
			out = append(out, r.sdpLine(string(text))...)
		case multipart && (bytes.HasPrefix(text, []byte("--")) || bytes.HasPrefix(bytes.ToLower(text), []byte("content-type:"))): // its structure
			out = append(out, text...)
		default:
			out = append(out, blank(text)...)
		}
		out = append(out, end...)
	}
	return out
}

// blank masks what is not understood: letters become x, digits 0, all that is no ASCII a dot.
func blank(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		switch {
		case c >= '0' && c <= '9':
			out[i] = '0'
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			out[i] = 'x'
		case c >= 0x7f, c < ' ' && c != '\r' && c != '\n' && c != '\t':
			out[i] = '.'
		}
	}
	return out
}

func (r *Redactor) sdpLine(s string) string {
	switch s[0] {
	case 'v', 't', 'r', 'b', 'm', 'z':
		return s
	case 'o':
		f := strings.Split(s[2:], " ")
		if f[0] != "-" {
			f[0] = r.User(f[0])
		}
		if n := len(f) - 1; n > 0 {
			f[n] = r.Host(f[n])
		}
		return "o=" + strings.Join(f, " ")
	case 'c':
		f := strings.Split(s[2:], " ")
		n := len(f) - 1
		addr, ttl, more := strings.Cut(f[n], "/")
		if f[n] = r.Host(addr); more {
			f[n] += "/" + ttl
		}
		return "c=" + strings.Join(f, " ")
	case 'a':
		name, value, ok := strings.Cut(s[2:], ":")
		switch {
		case !ok || plainAttributes[strings.ToLower(name)]:
			return s
		case name == "rtcp":
			return "a=rtcp:" + r.addressesIn(value)
		case name == "candidate":
			f := strings.Split(value, " ")
			for i := range f {
				if i == 0 || i == 4 || i > 0 && f[i-1] == "raddr" { // foundation, address, related address
					f[i] = r.Host(f[i])
				}
			}
			return "a=candidate:" + strings.Join(f, " ")
		case name == "crypto": // its tag and suite tell what was agreed
			if i := strings.Index(value, "inline:"); i >= 0 {
				return "a=crypto:" + value[:i+7] + r.Words(value[i+7:])
			}
		}
		return "a=" + name + ":" + r.Words(value)
	}
	if s[2:] == "-" {
		return s
	}
	return s[:2] + r.Words(s[2:])
}
