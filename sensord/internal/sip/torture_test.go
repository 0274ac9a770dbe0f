package sip_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/sensord/internal/sdp"
	"voiptop/sensord/internal/sip"
)

// none is a value that is missing, empty a body without bytes; what a case does not name is not looked at.
const (
	none  = "-"
	empty = -1
)

// torture are messages as difficult as those of RFC 4475 and RFC 5118, of our own making, and what must be read out of
// each. A sniffer does not judge messages: it reads what can be read.
var torture = []struct {
	file, about                      string
	err                              bool
	method                           string
	status                           int
	uriUser, uriHost, uriPort        string
	callID                           string
	cseq                             uint32
	cseqMethod                       string
	fromUser, fromTag, toUser, toTag string
	contactUser                      string
	branch                           string
	body, length                     int
	cut, noCSeq, noSDP, unsniffed    bool
	media                            string // where the first media goes
}{
	{
		file: "01-tortuous-invite.sip", about: "RFC 4475 3.1.1.1: folded lines, blanks everywhere, compact forms",
		method: "INVITE", callID: "wsi.1@192.0.2.60", cseq: 9, cseqMethod: "INVITE", fromUser: "nora", fromTag: "98asjd8", toUser: "kiosk", toTag: "1918181833n", branch: "390skdjuw", media: "192.0.2.60:49217",
	},
	{
		file: "02-any-characters.sip", about: "RFC 4475 3.1.1.2: every character that may stand somewhere",
		method: "?", callID: "any.%ZK-!.*_+'@word`~)(><:\\/\"][?}{", cseq: 139122385, cseqMethod: "?", fromUser: "mundane", fromTag: "_token~1'+`*%!-.", branch: "z9hG4bK-.!%66*_+`'~",
	},
	{
		file: "03-escapes.sip", about: "RFC 4475 3.1.1.3: escapes stay as they are written",
		method: "INVITE", uriUser: "sips%3Akiosk%40shop.example", uriHost: "lab.example", fromUser: "I%20have%20spaces", fromTag: "938", toUser: "%75se%72",
	},
	{
		file: "04-escaped-null.sip", about: "RFC 4475 3.1.1.4: escaped null bytes",
		method: "REGISTER", cseq: 14398234, cseqMethod: "REGISTER", fromTag: "839923423", toUser: "null-%00-null",
	},
	{
		file: "05-percent-that-is-no-escape.sip", about: "RFC 4475 3.1.1.5: methods and display names have no escapes",
		method: "?", cseq: 29344, cseqMethod: "?", fromUser: "resource", fromTag: "f232jadfj23",
	},
	{
		file: "06-no-blank-before-angle.sip", about: "RFC 4475 3.1.1.6: display name and address without a blank between",
		method: "OPTIONS", cseqMethod: "OPTIONS", fromUser: "nora", fromTag: "323",
	},
	{
		file: "07-long-values.sip", about: "RFC 4475 3.1.1.7: long values, 33 Via",
		method: "INVITE", callID: "longreq.one" + strings.Repeat("really", 30) + "longcallid", cseq: 3882340, cseqMethod: "INVITE", fromUser: "amazinglylongcallername" + strings.Repeat("aa", 120), fromTag: "12" + strings.Repeat("982424", 40), toUser: "kiosk", media: "192.0.2.60:49217",
	},
	{
		file: "08-second-request-behind.sip", about: "RFC 4475 3.1.1.8: bytes after the message in its datagram are not part of it",
		method: "REGISTER", callID: "dbl@lab.example", cseq: 8, cseqMethod: "REGISTER", body: empty,
	},
	{
		file: "09-semicolons-in-user.sip", about: "RFC 4475 3.1.1.9: a user part with semicolons",
		method: "OPTIONS", uriUser: "user;par=u%40lab.example", uriHost: "shop.example",
	},
	{
		file: "10-transports.sip", about: "RFC 4475 3.1.1.10: known and unknown transports",
		method: "OPTIONS", branch: "z9hG4bKkdjuw",
	},
	{
		file: "11-multipart.sip", about: "RFC 4475 3.1.1.11: a body of three parts, one of them binary",
		method: "INVITE", media: "192.0.2.60:49217",
	},
	{
		file: "12-reason-in-cyrillic.sip", about: "RFC 4475 3.1.1.12: any reason phrase",
		method: "INVITE", status: 200, cseq: 35, cseqMethod: "INVITE", fromTag: "11141343", toTag: "2229",
	},
	{
		file: "13-empty-reason.sip", about: "RFC 4475 3.1.1.13: no reason phrase",
		method: "INVITE", status: 100,
	},
	{
		file: "14-separators-too-many.sip", about: "RFC 4475 3.1.2.1: separators without anything between",
		method: "INVITE", fromUser: "nora", fromTag: "8",
	},
	{
		file: "15-length-too-long.sip", about: "RFC 4475 3.1.2.2: Content-Length beyond the end",
		method: "INVITE", cut: true, media: "192.0.2.60:49217",
	},
	{
		file: "16-length-negative.sip", about: "RFC 4475 3.1.2.3: a negative Content-Length is none",
		method: "INVITE", length: -1, media: "192.0.2.60:49217",
	},
	{
		file: "17-numbers-too-large.sip", about: "RFC 4475 3.1.2.4: numbers that fit nowhere",
		method: "REGISTER", noCSeq: true,
	},
	{
		file: "18-numbers-too-large-response.sip", about: "RFC 4475 3.1.2.5: the same in a response",
		status: 503, noCSeq: true,
	},
	{
		file: "19-quote-open.sip", about: "RFC 4475 3.1.2.6: a quote that is not closed",
		method: "INVITE", callID: "t1@lab.example", fromTag: "n1",
	},
	{
		file: "20-uri-in-angles.sip", about: "RFC 4475 3.1.2.7: angle brackets around the Request-URI",
		method: "INVITE", uriUser: "kiosk", uriHost: "shop.example",
	},
	{
		file: "21-blank-in-uri.sip", about: "RFC 4475 3.1.2.8: a blank in the Request-URI",
		method: "INVITE", uriUser: "kiosk", uriHost: "shop.example",
	},
	{
		file: "22-blanks-in-first-line.sip", about: "RFC 4475 3.1.2.9: several blanks in the first line",
		method: "INVITE", uriUser: "kiosk", uriHost: "shop.example",
	},
	{
		file: "23-blanks-after-first-line.sip", about: "RFC 4475 3.1.2.10: blanks at the end of the first line",
		method: "OPTIONS", uriUser: "remote-target",
	},
	{
		file: "24-headers-in-uri.sip", about: "RFC 4475 3.1.2.11: header fields in the Request-URI",
		method: "INVITE", uriUser: "kiosk", uriHost: "shop.example",
	},
	{
		file: "25-date-in-another-zone.sip", about: "RFC 4475 3.1.2.12: a date that is not in GMT",
		method: "INVITE",
	},
	{
		file: "26-contact-without-angles.sip", about: "RFC 4475 3.1.2.13: a URI with headers and no angle brackets",
		method: "REGISTER", contactUser: "nora",
	},
	{
		file: "27-blanks-in-address.sip", about: "RFC 4475 3.1.2.14: blanks between angle bracket and URI",
		method: "OPTIONS", toUser: "t.watson",
	},
	{
		file: "28-display-without-quotes.sip", about: "RFC 4475 3.1.2.15: a comma in a display name without quotes",
		method: "OPTIONS", callID: "t1@lab.example",
	},
	{
		file: "29-version-7.sip", about: "RFC 4475 3.1.2.16: another version",
		method: "OPTIONS", unsniffed: true,
	},
	{
		file: "30-method-mismatch.sip", about: "RFC 4475 3.1.2.17: method and CSeq differ",
		method: "OPTIONS", cseq: 8, cseqMethod: "INVITE",
	},
	{
		file: "31-method-mismatch-unknown.sip", about: "RFC 4475 3.1.2.18: the same with an unknown method",
		method: "?", cseq: 8, cseqMethod: "INVITE",
	},
	{
		file: "32-status-too-large.sip", about: "RFC 4475 3.1.2.19: a status of ten digits",
		err: true,
	},
	{
		file: "33-branch-without-id.sip", about: "RFC 4475 3.2.1: the cookie and nothing after it",
		method: "OPTIONS", branch: "z9hG4bK",
	},
	{
		file: "34-header-fields-missing.sip", about: "RFC 4475 3.3.1: no Call-ID, From, To",
		method: "INVITE", callID: none, cseq: 193942, cseqMethod: "INVITE", media: "192.0.2.60:49217",
	},
	{
		file: "35-scheme-unknown.sip", about: "RFC 4475 3.3.2: an unknown scheme",
		method: "OPTIONS",
	},
	{
		file: "36-scheme-atypical.sip", about: "RFC 4475 3.3.3: a known scheme that is not SIP's",
		method: "OPTIONS",
	},
	{
		file: "37-schemes-in-headers.sip", about: "RFC 4475 3.3.4: other schemes in header fields",
		method: "REGISTER", fromTag: "3234233",
	},
	{
		file: "38-extensions-required.sip", about: "RFC 4475 3.3.5: extensions that nobody has",
		method: "OPTIONS",
	},
	{
		file: "39-content-unknown.sip", about: "RFC 4475 3.3.6: a body of unknown type is no SDP",
		method: "INVITE", noSDP: true,
	},
	{
		file: "40-authorization-unknown.sip", about: "RFC 4475 3.3.7: an unknown authorization scheme",
		method: "REGISTER",
	},
	{
		file: "41-fields-repeated.sip", about: "RFC 4475 3.3.8: fields that stand once, twice: the first counts",
		method: "INVITE", callID: "multi01.98asdh@192.0.2.1", cseq: 5, cseqMethod: "INVITE", fromTag: "3413415", toUser: "kiosk", media: "192.0.2.60:49217",
	},
	{
		file: "42-lengths-two.sip", about: "RFC 4475 3.3.9: two Content-Length: the first counts",
		method: "OPTIONS", body: 13,
	},
	{
		file: "43-via-broadcast.sip", about: "RFC 4475 3.3.10: a broadcast address in Via",
		method: "INVITE", status: 200, branch: "z9hG4bK1324923",
	},
	{
		file: "44-hops-zero.sip", about: "RFC 4475 3.3.11: Max-Forwards of zero",
		method: "OPTIONS",
	},
	{
		file: "45-contact-parameter.sip", about: "RFC 4475 3.3.12: an unknown parameter of a Contact without angle brackets",
		method: "REGISTER", contactUser: "+19725552222",
	},
	{
		file: "46-contact-uri-parameter.sip", about: "RFC 4475 3.3.13: the same as a parameter of the URI",
		method: "REGISTER", contactUser: "+19725552222",
	},
	{
		file: "47-contact-escaped-header.sip", about: "RFC 4475 3.3.14: header fields in a Contact",
		method: "REGISTER", contactUser: "nora",
	},
	{
		file: "48-accept-strange.sip", about: "RFC 4475 3.3.15: no answer can be acceptable",
		method: "INVITE", media: "192.0.2.60:49217",
	},
	{
		file: "49-rfc2543.sip", about: "RFC 4475 3.4.1: no branch, no tag, no Content-Length",
		method: "INVITE", callID: "inv2543.1717@ift.client.example", fromUser: "+13035551111", fromTag: none, toUser: "+16505552222", branch: none, length: -1, media: "192.0.2.60:49217",
	},
	{
		file: "50-ipv6-reference.sip", about: "RFC 5118 4.1: an IPv6 reference in the Request-URI",
		method: "REGISTER", uriHost: "[2001:db8::10]", contactUser: "caller", branch: "z9hG4bKas3-111",
	},
	{
		file: "51-ipv6-without-brackets.sip", about: "RFC 5118 4.2: an address without brackets is still the host",
		method: "REGISTER", uriHost: "2001:db8::10", uriPort: none,
	},
	{
		file: "52-ipv6-port-ambiguous.sip", about: "RFC 5118 4.3: what looks like a port is part of the address",
		method: "REGISTER", uriHost: "[2001:db8::10:5070]", uriPort: none,
	},
	{
		file: "53-ipv6-port.sip", about: "RFC 5118 4.4: a port after the brackets",
		method: "REGISTER", uriHost: "[2001:db8::10]", uriPort: "5070",
	},
	{
		file: "54-ipv6-received.sip", about: "RFC 5118 4.5: received with brackets",
		method: "BYE", branch: "z9hG4bKas3-111",
	},
	{
		file: "55-ipv6-received-bare.sip", about: "RFC 5118 4.5: received without brackets",
		method: "OPTIONS", branch: "z9hG4bKas3",
	},
	{
		file: "56-ipv6-in-sdp.sip", about: "RFC 5118 4.6: an IPv6 address in SDP",
		method: "INVITE", uriUser: "user", media: "[2001:db8::20]:49217",
	},
	{
		file: "57-ipv6-and-ipv4-via.sip", about: "RFC 5118 4.7: both families in the Via of one message",
		method: "BYE", branch: "z9hG4bKas3-111",
	},
	{
		file: "58-ipv6-and-ipv4-in-sdp.sip", about: "RFC 5118 4.8: both families in one SDP",
		method: "INVITE", media: "192.0.2.1:6000",
	},
	{
		file: "59-ipv4-mapped.sip", about: "RFC 5118 4.9: an IPv4 address in IPv6 is the IPv4 address",
		method: "INVITE", branch: "z9hG4bKbh19", media: "192.0.2.2:49217",
	},
	{
		file: "60-ipv6-three-colons.sip", about: "RFC 5118 4.10: three colons, as RFC 3261's grammar asked for",
		method: "OPTIONS", uriUser: "user", uriHost: "[2001:db8:::192.0.2.1]",
	},
}

func TestTortureMessagesAreRead(t *testing.T) {
	for _, c := range torture {
		t.Run(c.file, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", "torture", c.file))
			if err != nil {
				t.Fatal(err)
			}
			var m sip.Message
			if err := m.Parse(b); err != nil || c.err {
				if (err != nil) != c.err {
					t.Errorf("%s: %v", c.about, err)
				}
				return
			}
			if sip.LooksLikeSIP(b) == c.unsniffed {
				t.Errorf("recognised on the wire: %v", !c.unsniffed)
			}
			same := func(what, got, want string) {
				t.Helper()
				if want == none {
					want = ""
				} else if want == "" {
					return
				}
				if got != want {
					t.Errorf("%s: %s: got %q, want %q", c.about, what, got, want)
				}
			}
			from, to := sip.ParseAddress(m.Get(sip.From)), sip.ParseAddress(m.Get(sip.To))
			uri := sip.ParseURI(m.RequestURI())
			n, method, ok := m.CSeq()
			if c.cseqMethod == "" {
				method = m.Method()
			}
			same("method", m.Method().String(), c.method)
			same("user of the Request-URI", string(uri.User), c.uriUser)
			same("host of the Request-URI", string(uri.Host), c.uriHost)
			same("port of the Request-URI", string(uri.Port), c.uriPort)
			same("Call-ID", string(m.CallID()), c.callID)
			same("method of CSeq", method.String(), c.cseqMethod)
			same("user of From", string(sip.ParseURI(from.URI).User), c.fromUser)
			same("tag of From", string(from.Tag()), c.fromTag)
			same("user of To", string(sip.ParseURI(to.URI).User), c.toUser)
			same("tag of To", string(to.Tag()), c.toTag)
			same("user of Contact", string(sip.ParseURI(sip.ParseAddress(m.Get(sip.Contact)).URI).User), c.contactUser)
			same("branch", string(m.Branch()), c.branch)
			if m.Status() != c.status || ok == c.noCSeq || c.cseq != 0 && n != c.cseq || m.Cut() != c.cut {
				t.Errorf("%s: status %d, CSeq %d (%v), cut %v", c.about, m.Status(), n, ok, m.Cut())
			}
			if c.body != 0 && len(m.Body()) != max(c.body, 0) || c.length != 0 && m.ContentLength() != c.length {
				t.Errorf("%s: %d bytes of body, Content-Length %d", c.about, len(m.Body()), m.ContentLength())
			}
			if c.noSDP && m.SDP() != nil {
				t.Errorf("%s: SDP was found", c.about)
			}
			if c.media == "" {
				return
			}
			var s sdp.Session
			if !s.Parse(m.SDP()) || len(s.Media) == 0 {
				t.Fatalf("%s: no media in %q", c.about, m.SDP())
			}
			same("media", decodeEndpoint(&s.Media[0]), c.media)
		})
	}
}

func decodeEndpoint(m *sdp.Media) string { return netip.AddrPortFrom(m.Addr, m.Port).String() }

func TestEveryTortureMessageHasACase(t *testing.T) {
	files, err := os.ReadDir(filepath.Join("testdata", "torture"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(torture) {
		t.Errorf("%d files, %d cases", len(files), len(torture))
	}
	for i, f := range files {
		if i < len(torture) && torture[i].file != f.Name() {
			t.Errorf("%s: want the case of %s here", torture[i].file, f.Name())
		}
	}
}
