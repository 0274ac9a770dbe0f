package bpf

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestErrorsNameColumnFoundExpectedAndTheNearestWord(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{"udp prot 5060", `column 5: found "prot", expected "and", "or" or the end; did you mean`},
		{"upd port 5060", `column 1: found "upd", expected a protocol (udp, ip6), host, net, port, vlan, not, ( or a comparison; did you mean "udp"?`},
		{"port", `column 5: found the end, expected a port, 0 to 65535`},
		{"port 70000", `column 6: found "70000", expected a port from 0 to 65535`},
		{"port nosuchport", `column 6: found "nosuchport", expected a port, 0 to 65535: its name is not known`},
		{"host example.com", `column 6: found "example.com", expected an address: names are not looked up, write the host's IP address`},
		{"udp host 10.1.2.3", `column 10: found "10.1.2.3", expected an address that "udp" can be said of`},
		{"net 10.1.2.3/16", `column 14: found "16", expected no bits of the host in the address of a net: 10.1.0.0`},
		{"host 10.1.0.0/16", `column 14: found "/", expected net before an address with a mask`},
		{"host 10.300.1.1", `column 6: found "10.300.1.1", expected an IPv4 address of numbers up to 255`},
		{"ip6 net fe80::1/64", `column 17: found "64", expected no bits of the host in the address of a net: fe80::/64`},
		{"udp and", `column 8: found the end, expected a protocol`},
		{"(udp or tcp", `column 12: found the end, expected ")"`},
		{"udp and 5060", `column 9: found "5060", expected a protocol`},
		{"udp[8:3] = 1", `column 7: found "3", expected a size of 1, 2 or 4 bytes`},
		{"ether[-1] = 0", `column 7: found "-", expected an offset from 0 to 65535`},
		{"udp[8]", `column 7: found the end, expected a comparison: =, !=, <, <=, > or >=`},
		{"dns[8] = 1", `column 1: found "dns"`},
		{"len-14 > 3", `column 1: found "len-14"`},
		{"vlan 5000", `column 6: found "5000", expected a number up to 4095`},
		{"gateway 10.1.2.3", `column 1: found "gateway", expected an address: names are not looked up`},
		{"ip protochain 6", `found "protochain", expected proto: chains of headers need a loop, which the kernel refuses`},
		{"ether host 10.1.2.3", `column 12: found "10.1.2.3", expected an Ethernet address`},
		{"ip proto \\upd", `column 10: found "\\upd", expected an IP protocol: udp, tcp`},
		{"port 5060 € udp", `column 11: found "€", expected a word, number, address or operator`},
		{"len % 3 + 1 = 2", `expected parentheses around % or ^ and its numbers`},
		{"len = 1 / 0", `column 9: found "/", expected a divisor other than 0`},
		{"ip and less", `column 12: found the end, expected a length in bytes`},
		{strings.Repeat("(", 200), `expected at most 100 parentheses and nots one in the other`},
		{strings.Repeat("not ", 200) + "udp", `expected at most 100 parentheses and nots one in the other`},
		{strings.Repeat("-", 5000) + "1 = len", `expected at most 100 parentheses and nots one in the other`},
		{strings.Repeat(" ", 20_000), `expected at most 16384 characters`},
	} {
		_, err := Parse(c.expr)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q:\n got %v\nwant %s", c.expr, err, c.want)
		}
	}
}

func TestCompileRefusesWhatTheLinkDoesNotHave(t *testing.T) {
	for _, c := range []struct {
		expr string
		link Link
		want string
	}{
		{"ether host 00:11:22:33:44:55", LiveAny, "column 12: found \"00:11:22:33:44:55\", expected no Ethernet address: the link is any kind of interface"},
		{"ether[0] = 1", LiveAny, "expected no byte of the link layer's header"},
		{"udp or vlan", Raw, `column 8: found "vlan", expected vlan on an Ethernet frame`},
		{"mpls", Raw, "expected no mpls"},
		{"mpls and arp", Ethernet, "expected ip, ip6 or what they carry, after mpls"},
		{"outbound", Ethernet, "a file does not tell"},
		{"udp and 1 = 2", Ethernet, "no packet can pass"},
		{"arp", Raw, "no packet can pass"},
	} {
		f, err := Parse(c.expr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = f.Compile(Options{Link: c.link}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s on %v: got %v, want %s", c.expr, c.link, err, c.want)
		}
	}
}

// ipv4UDP is a frame with a UDP packet, or a fragment of one at an offset.
func ipv4UDP(port uint16, fragment uint16) []byte {
	return cat(make([]byte, 12), be(0x0800), []byte{0x45, 0}, be(100, 1, fragment), []byte{64, 17, 0, 0, 10, 1, 2, 3, 10, 1, 9, 9},
		be(port, port, 60, 0), make([]byte, 60))
}

func ipv6UDP(port uint16, fragment uint16) []byte {
	return cat(make([]byte, 12), be(0x86dd), []byte{0x60, 0, 0, 0}, be(80), []byte{44, 64}, make([]byte, 32), []byte{17, 0}, be(fragment, 0, 1),
		be(port, port, 60, 0), make([]byte, 60))
}

func TestLaterFragmentsPassUnlessStrict(t *testing.T) {
	const first, later = 0x2000, 185
	for _, c := range []struct {
		expr   string
		frame  []byte
		loose  bool
		strict bool
	}{
		{"udp port 5060", ipv4UDP(5060, first), true, true},
		{"udp port 5060", ipv4UDP(80, first), false, false},
		{"udp port 5060", ipv4UDP(80, later), true, false},
		{"udp port 5060", ipv6UDP(5060, 1), true, false},
		{"udp port 5060", ipv6UDP(80, 1), false, false},
		{"udp port 5060", ipv6UDP(80, 1448), true, false},
		{"tcp port 5060", ipv4UDP(80, later), false, false},
		{"host 10.9.9.9 and udp port 5060", ipv4UDP(80, later), false, false},
		{"not port 80", ipv4UDP(80, later), true, true},
		{"not port 80", ipv4UDP(80, first), false, false},
		{"not not port 5060", ipv4UDP(80, later), true, false},
		{"udp and not (port 80 or port 81)", ipv4UDP(80, later), true, true},
		{"udp[8] = 83", ipv4UDP(80, later), true, false},
		{"not udp[8] = 83", ipv4UDP(80, later), true, true},
	} {
		for strict, want := range map[bool]bool{false: c.loose, true: c.strict} {
			vm := machine(t, compile(t, c.expr, Options{Strict: strict}))
			if n, err := vm.Run(c.frame); err != nil || (n > 0) != want {
				t.Errorf("%s, strict %v, on % x: kept %d, want %v", c.expr, strict, c.frame[12:62], n, want)
			}
		}
	}
}

func TestLongProgramsJumpFarther(t *testing.T) {
	var parts []string
	for i := range 200 {
		parts = append(parts, fmt.Sprintf("port %d", 10_000+i))
	}
	prog := compile(t, strings.Join(parts, " or "), Options{Strict: true})
	if len(prog) < 1000 {
		t.Fatalf("%d instructions", len(prog))
	}
	vm := machine(t, prog)
	for port, want := range map[uint16]bool{10_000: true, 10_100: true, 10_199: true, 10_200: false, 9_999: false} {
		if n, err := vm.Run(ipv4UDP(port, 0)); err != nil || (n > 0) != want {
			t.Errorf("port %d: %d, %v", port, n, err)
		}
	}
	f, err := Parse(strings.Join(slices.Repeat(parts, 4), " or "))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Compile(Options{}); err == nil || !strings.Contains(err.Error(), "the kernel takes 4096") {
		t.Errorf("too long a program: %v", err)
	}
}

func TestSnaplenIsHowMuchIsKept(t *testing.T) {
	for snaplen, want := range map[uint32]int{0: keepAll, 96: 96} {
		if n, err := machine(t, compile(t, "udp", Options{Snaplen: snaplen})).Run(ipv4UDP(1, 0)); err != nil || n != want {
			t.Errorf("snaplen %d: %d kept, %v", snaplen, n, err)
		}
	}
}

// FuzzParse: whatever is written, there is an error with a column within it, or a program that the kernel would take and
// that decides on any packet.
func FuzzParse(f *testing.F) {
	for _, s := range same {
		f.Add(s)
	}
	for _, s := range sameEthernet {
		f.Add(s)
	}
	m := maker{rand.New(rand.NewPCG(1, 1))}
	var frames [][]byte
	for range 20 {
		frame, _ := m.frame(Ethernet)
		frames = append(frames, frame)
	}
	f.Fuzz(func(t *testing.T, s string) {
		filter, err := Parse(s)
		var e *Error
		if err != nil {
			if !errors.As(err, &e) || e.Column < 1 || e.Column > utf8.RuneCountInString(s)+1 {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		for link := Ethernet; link <= LiveAny; link++ {
			for _, strict := range []bool{true, false} {
				prog, err := filter.Compile(Options{Link: link, Strict: strict})
				if err != nil {
					continue
				}
				for _, frame := range frames {
					live := runLive(prog, skb{data: frame, network: 14})
					if link.live() {
						continue
					}
					vm := machine(t, prog)
					n, err := vm.Run(frame)
					if err != nil || (n > 0) != (live > 0) {
						t.Fatalf("%q: x/net %d, ours %d, %v\n%s", s, n, live, err, listing(prog))
					}
				}
			}
		}
	})
}
