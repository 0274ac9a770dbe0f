package sipp

import (
	"archive/zip"
	"fmt"
	"io"
	"strings"
	"time"
)

// File is one of the files of an export.
type File struct {
	Name string
	Data []byte
}

// Files are the scenarios of both sides, their voice if there is any, and how to run them. v may be nil.
func (c *Call) Files(v *Voice) []File {
	var voice []File
	for side := range c.media {
		c.media[side] = false
		if v == nil || v.Capture(Side(side)) == nil || c.up() < 0 {
			continue
		}
		c.media[side] = true
		voice = append(voice, File{Side(side).String() + ".pcap", v.Capture(Side(side))})
	}
	out := []File{{"uac.xml", c.Scenario(Caller)}, {"uas.xml", c.Scenario(Callee)}}
	out = append(out, voice...)
	return append(out, File{"README.txt", []byte(c.readme())})
}

// Zip writes files as an archive. Their time is that of the call, at, so that the same call gives the same archive.
func Zip(w io.Writer, at time.Time, files []File) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		out, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: at.UTC().Truncate(time.Second)})
		if err != nil {
			return err
		}
		if _, err := out.Write(f.Data); err != nil {
			return err
		}
	}
	return z.Close()
}

// transports are the options of sipp.
var transports = map[string]string{"udp": "u1", "tcp": "t1", "tls": "l1", "ws": "t1", "wss": "l1", "sctp": "s1"}

func (c *Call) readme() string {
	var b strings.Builder
	t := transports[c.Transport]
	if t == "" {
		t = "u1"
	}
	fmt.Fprintf(&b, "Scenarios of sipp (https://sipp.sourceforge.net) of Call-ID %s: %s called %s over %s.\n\n", printable(c.ID), c.Caller, c.Callee, c.Transport)
	fmt.Fprintf(&b, "As the caller, against a telephone system at ADDRESS:\n\n    sipp -sf uac.xml -t %s -m 1 ADDRESS:5060\n\n", t)
	fmt.Fprintf(&b, "As the one that is called, on port 5060:\n\n    sipp -sf uas.xml -t %s -m 1 -p 5060\n\n", t)
	fmt.Fprintf(&b, "Against each other, in two terminals, the second first:\n\n    sipp -sf uac.xml -t %[1]s -m 1 -p 5070 -mp 7000 127.0.0.1:5060\n    sipp -sf uas.xml -t %[1]s -m 1 -p 5060\n\n", t)
	for _, s := range c.steps {
		if s.challenge {
			b.WriteString("The call was challenged: give sipp the user and the password with -au and -ap.\n\n")
			break
		}
	}
	if c.media[Caller] || c.media[Callee] {
		b.WriteString("uac.pcap and uas.pcap are the voice of the two sides; sipp plays them from raw sockets, so run it as root in this folder, with -mi for the address of\nthe media if it is not that of the signalling. To do without, take the element nop out of the scenario.\n\n")
	}
	b.WriteString(`Branches, tags, Call-ID, addresses and ports are sipp's own; users, domains, the other headers, bodies, CSeq and pauses are those of the call.
Messages that were sent again are left out: sipp sends again by itself. Provisional responses are optional where sipp can go on without them.
`)
	return b.String()
}
