package sip

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct{ in, display, uri, tag string }{
		{`<sip:a@b>;tag=1`, "", "sip:a@b", "1"},
		{`sip:a@b;tag=1`, "", "sip:a@b", "1"},
		{`"x, <y>" <sip:a@b>;x=1;TAG=2`, "x, <y>", "sip:a@b", "2"},
		{`Bob the builder <sip:a@b;tag=uri>;tag=hdr`, "Bob the builder", "sip:a@b;tag=uri", "hdr"},
		{`"esc \" q"<sip:a@b>`, `esc \" q`, "sip:a@b", ""},
		{`"unfinished <sip:a@b>`, "unfinished <sip:a@b>", "", ""},
		{`<sip:a@b`, "", "sip:a@b", ""},
		{`tel:+4201234;tag=9`, "", "tel:+4201234", "9"},
		{`<sip:a@b>;x="a;tag=no";tag=yes`, "", "sip:a@b", "yes"},
		{`<sip:a@b>, <sip:c@d>;tag=3`, "", "sip:a@b", ""},
		{``, "", "", ""},
	} {
		a := ParseAddress([]byte(c.in))
		if string(a.Display) != c.display || string(a.URI) != c.uri || string(a.Tag()) != c.tag {
			t.Errorf("%s: got display %q, uri %q, tag %q", c.in, a.Display, a.URI, a.Tag())
		}
	}
}

func TestParseURI(t *testing.T) {
	for _, c := range []struct{ in, scheme, user, host, port string }{
		{"sip:1001@example.net", "sip", "1001", "example.net", ""},
		{"SIPS:1001:secret@example.net:5061;lr", "SIPS", "1001", "example.net", "5061"},
		{"sip:example.net", "sip", "", "example.net", ""},
		{"sip:[2001:db8::9]:5070", "sip", "", "[2001:db8::9]", "5070"},
		{"sip:u@[2001:db8::9]", "sip", "u", "[2001:db8::9]", ""},
		{"sip:user;par=u%40example.net@example.com", "sip", "user;par=u%40example.net", "example.com", ""},
		{"sip:a@b?Route=%3Csip:x@y%3E", "sip", "a", "b", ""},
		{"sip:a@b;x=y@z", "sip", "a", "b", ""},
		{"sip:u@2001:db8:0:0:0:0:0:9;lr", "sip", "u", "2001:db8:0:0:0:0:0:9", ""}, // against the grammar, but phones send it
		{"sip:u@2001:db8:0:0:0:0:0:9:5062", "sip", "u", "2001:db8:0:0:0:0:0:9", "5062"},
		{"tel:+420-123;phone-context=x", "tel", "+420-123", "", ""},
		{"<sip:a@b>", "sip", "a", "b", ""},
		{"1001@example.net", "", "1001", "example.net", ""},
		{"sip://pbx", "sip", "", "pbx", ""},
		{"", "", "", "", ""},
	} {
		u := ParseURI([]byte(c.in))
		if string(u.Scheme) != c.scheme || string(u.User) != c.user || string(u.Host) != c.host || string(u.Port) != c.port {
			t.Errorf("%s: got scheme %q, user %q, host %q, port %q", c.in, u.Scheme, u.User, u.Host, u.Port)
		}
	}
}

func TestParamTellsEmptyFromMissing(t *testing.T) {
	p := []byte(`;lr;rport=;x="q;y"`)
	if v := Param(p, "lr"); v == nil || len(v) != 0 {
		t.Errorf("lr: %#v", v)
	}
	if v := Param(p, "y"); v != nil {
		t.Errorf("a parameter was found inside a quoted value: %q", v)
	}
	if v := Param(p, "x"); string(v) != "q;y" {
		t.Errorf("x: %q", v)
	}
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Kind
	}{
		{string(invite), IsMessage},
		{"SIP/2.0 100 Trying\r\n", IsMessage},
		{"\r\nOPTIONS sip:a SIP/2.0\r\n\r\n", IsMessage},
		{"INVITE sip:1012@pbx.exam", IsMessage}, // cut by the capture
		{"FOO sip:a SIP/2.0\r\n", IsMessage},    // an extension method
		{"\r\n\r\n", KeepAlive},
		{"\r\n", KeepAlive},
		{"\x00", KeepAlive},
		{"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl", STUN},
		{"GET / HTTP/1.1\r\n\r\n", NotSIP},
		{"M-SEARCH * HTTP/1.1\r\n", NotSIP},
		{"hello world, this is text", NotSIP},
		{"\x80\x00\x00\x01\x00\x00\x00\x02", NotSIP},
	} {
		if got := KindOf([]byte(c.in)); got != c.want {
			t.Errorf("%.20q: got %d, want %d", c.in, got, c.want)
		}
	}
}

func TestTheShortWayToTagAndBranchIsRight(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	parts := []string{
		"<", ">", `"`, ";", "tag", "Tag", "=", ",", " ", "sip:a@b", "x", "\r\n ", `\`, ";tag=", "Alice", "<sip:a@b>", "<sip:a@b>;tag=1",
		`"Alice" <sip:a@b`, ";branch=", ";branch=z9hG4bK", "SIP/2.0/UDP 192.0.2.1:5060", strings.Repeat("long", 15),
	}
	short := 0
	for range 200_000 {
		v := []byte{}
		for range r.IntN(9) {
			v = append(v, parts[r.IntN(len(parts))]...)
		}
		v = trim(v)
		at := r.IntN(3)
		m := Message{view: view{raw: slices.Concat(make([]byte, at), v, []byte(";tag=,;branch=\";"), make([]byte, r.IntN(70)))}}
		where := span{uint32(at), uint32(at + len(v))}
		if tag, ok := m.usualTag(where); ok {
			short++
			if want := ParseAddress(v).Tag(); !bytes.Equal(m.text(tag), want) {
				t.Fatalf("%q: %q, want %q", v, m.text(tag), want)
			}
		}
		if branch, ok := m.usualBranch(where); ok {
			short++
			via, _ := firstValue(v)
			if want := Param(via, "branch"); !bytes.Equal(m.text(branch), want) {
				t.Fatalf("%q: %q, want %q", v, m.text(branch), want)
			}
		}
	}
	if short < 1000 {
		t.Errorf("%d of 200000 went the short way", short)
	}
	for _, usual := range []string{
		"<sip:a@b>", `"A; B, <C>" <sip:a@b;x=y>;tag=1;y`, "Alice <sip:a@b>;tag=9",
	} {
		m := Message{view: view{raw: []byte(usual)}}
		if _, ok := m.usualTag(span{0, uint32(len(usual))}); !ok {
			t.Errorf("%q goes the long way", usual)
		}
	}
}
