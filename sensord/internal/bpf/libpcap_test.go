package bpf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// same are expressions that must mean to us what they mean to libpcap, on every link but where a test says otherwise.
var same = []string{
	"", "udp", "tcp", "sctp", "icmp", "icmp6", "ip", "ip6", "igmp", "pim", "ah", "esp", "vrrp",
	"not udp", "udp or tcp", "udp and not tcp or icmp", "not (udp or tcp)", "! udp && ! tcp || icmp",
	"port 5060", "udp port 5060", "tcp port 5060", "sctp port 5060", "src port 5060", "dst port 5060", "src or dst port 5060",
	"src and dst port 5060", "udp src port 53", "port 5060 or 5061", "port 5060 or 5061 and udp", "not port 5060", "port 5060 and not port 5061",
	"port (5060 or 5061)", "udp port (5060 or 5061 or 53)", "port 5060 or not 5061", "port domain", "udp port domain",
	"portrange 10000-20000", "udp portrange 10000-20000", "src portrange 5060-5062", "portrange 20000-10000", "portrange 5060",
	"host 10.1.2.3", "src host 10.1.2.3", "dst host 10.1.2.3", "src and dst host 10.1.2.3", "ip host 10.1.2.3", "src 10.1.2.3", "host 10.1",
	"host 10.1.2.3 or 192.168.7.1", "host (10.1.2.3 or 192.168.7.1)", "not host 10.1.2.3", "host 10.1.2.3 and (port 5060 or 53) and 10.1.9.9",
	"net 10", "net 10.1", "net 10.1.0.0/16", "net 10.1.0.0 mask 255.255.0.0", "src net 10.1", "dst net 192.168.7.0/24", "net 0.0.0.0/0", "net 10 and not net 10.1",
	"src net 10 and dst port 5060 or 53", "host 2001:db8::1", "ip6 host 2001:db8::1", "src host fe80::1:0:0:0:2", "net 2001:db8::/32", "src net fe80::/10", "net ::/0",
	"host 2001:db8:0:1::2 and udp", "ip proto 17", "ip proto \\udp", "ip6 proto 17", "proto 17 or 6", "ip6 proto \\icmp6", "proto \\sctp", "ip proto 44",
	"greater 100", "less 100", "len > 90", "len >= 90 and len <= 120", "not less 80",
	"udp[8:2] & 0xf0 = 0x40", "udp[8:4] = 0x5349502f", "udp[8] = 83", "udp[4:2] > 60", "tcp[13] & 7 != 0", "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0", "udp[0:2] = udp[2:2]",
	"ip[0] & 0xf != 5", "ip[1] = 0xb8", "ip[6:2] & 0x1fff != 0", "ip[9] = 17 and udp[2:2] = 5060", "ip6[6] = 44", "icmp[icmptype] = icmp-echo", "icmp6[0] = 128",
	"udp[(ip[0] & 0xf) * 2] = 0x53", "udp[8 + 1 : 2] = 0x4950", "ip[2:2] - ((ip[0] & 0xf) << 2) > 60", "len - 14 > ip[2:2]", "-1 + len > 100", "100 < len", "5 + 3 * 2 - 1 = 10 and udp",
	"(udp[8] + 1) = 84", "(len) > 80", "((udp))", "(len - 10) / 4 = 20", "(len % 4) = 1", "(len ^ 1) = 75", "len / (len - len) = 1 or udp", "udp[1000] = 1 or tcp", "len | 3 & 8 = 99", "udp[100:4] = 0",
	"ip multicast", "ip broadcast", "ip6 multicast", "udp and greater 60 and not host 10.1.2.3 and (port 5060 or portrange 10000-20000)",
	"ip and not (tcp port 80 or udp port 53) or ip6 and udp",
}

// sameEthernet are those that need Ethernet.
var sameEthernet = []string{
	"arp", "rarp", "arp host 10.1.2.3", "arp net 10", "src host 10.1.2.3 or arp", "ether proto 0x86dd", "ether proto \\ip", "ether proto 0x8863", "ether proto \\arp or \\rarp",
	"ether host 00:11:22:33:44:55", "ether src 00:11:22:33:44:55", "ether dst 0:11:22:33:44:55 or 2:0:0:0:0:1", "ether broadcast", "ether multicast", "broadcast", "multicast",
	"ether[0] & 1 = 1", "ether[12:2] = 0x0800", "ether[len - 60] = 0", "arp[6:2] = 1", "not ether broadcast and udp",
	"vlan", "vlan 100", "vlan and udp", "vlan 100 and udp port 5060", "udp or (vlan and udp)", "vlan and vlan and udp", "vlan 100 and vlan 5 and host 10.1.2.3", "not vlan and udp", "not vlan", "vlan or udp",
	"vlan and ip6 and port 5060", "udp port 5060 or (vlan and udp port 5060)", "vlan and ether[16:2] = 0x800", "ip or (vlan 100 and ip) or (vlan and ip)", "vlan and arp", "vlan and (vlan or udp)",
	"mpls", "mpls 3", "mpls and udp", "mpls 3 and mpls 4 and udp port 5060", "mpls and mpls and ip6", "mpls and host 10.1.2.3", "vlan and mpls and udp", "mpls and (udp[8] = 83)", "mpls and net 2001:db8::/32",
	"pppoed", "pppoes", "pppoes and udp", "pppoes 5 and udp port 5060", "pppoes and ip6", "vlan and pppoes and host 10.1.2.3", "pppoes 6 and not ip",
}

// tcpdump compiles with libpcap for the link type of a file, or for an interface.
func tcpdump(t *testing.T, expr string, args ...string) []bpf.RawInstruction {
	t.Helper()
	cmd := exec.Command("tcpdump", append(append(args, "-ddd", "--"), expr)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("tcpdump %v: %v %s", args, err, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var prog []bpf.RawInstruction
	for _, l := range lines[1:] {
		var i bpf.RawInstruction
		if _, err := fmt.Sscan(l, &i.Op, &i.Jt, &i.Jf, &i.K); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		prog = append(prog, i)
	}
	return prog
}

func needTcpdump(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("tcpdump is not installed")
	}
}

func machine(t *testing.T, prog []bpf.RawInstruction) *bpf.VM {
	t.Helper()
	all := make([]bpf.Instruction, len(prog))
	for i, r := range prog {
		all[i] = r.Disassemble()
	}
	vm, err := bpf.NewVM(all)
	if err != nil {
		t.Fatalf("%v\n%s", err, listing(prog))
	}
	return vm
}

func listing(prog []bpf.RawInstruction) string {
	var b strings.Builder
	for i, r := range prog {
		fmt.Fprintf(&b, "(%03d) %v\n", i, r.Disassemble())
	}
	return b.String()
}

func compile(t *testing.T, expr string, o Options) []bpf.RawInstruction {
	t.Helper()
	f, err := Parse(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	prog, err := f.Compile(o)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return prog
}

const packetsEach = 1500

func TestProgramsDecideAsLibpcapsDo(t *testing.T) {
	needTcpdump(t)
	for _, c := range []struct {
		link  Link
		dlt   uint32
		exprs []string
	}{{Ethernet, 1, slices.Concat(same, sameEthernet)}, {Raw, 101, same}, {SLL2, 276, same}} {
		file := filepath.Join(t.TempDir(), "empty.pcap")
		header := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
		header = append(header, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0)
		header = binary.LittleEndian.AppendUint32(header, c.dlt)
		if err := os.WriteFile(file, header, 0o600); err != nil {
			t.Fatal(err)
		}
		if len(c.exprs) < 60 {
			t.Errorf("%v: %d expressions", c.link, len(c.exprs))
		}
		for _, expr := range c.exprs {
			t.Run(c.link.String()+"/"+expr, func(t *testing.T) {
				theirs := tcpdump(t, expr, "-r", file)
				ours := compile(t, expr, Options{Link: c.link, Strict: true})
				a, b := machine(t, theirs), machine(t, ours)
				m := maker{rand.New(rand.NewPCG(7, uint64(len(expr))))}
				passed := 0
				for range packetsEach {
					f, _ := m.frame(c.link)
					want, err := a.Run(f)
					if err != nil {
						t.Fatal(err)
					}
					got, err := b.Run(f)
					if err != nil {
						t.Fatal(err)
					}
					if (want > 0) != (got > 0) {
						t.Fatalf("libpcap %d, ours %d on % x\n%s\n%s", want, got, f, listing(theirs), listing(ours))
					}
					if got > 0 {
						passed++
					}
				}
				t.Logf("%d of %d pass", passed, packetsEach)
			})
		}
	}
}

// TestLiveProgramsDecideAsLibpcapsDo compares what libpcap makes for an interface, where VLAN tags are beside the frame.
func TestLiveProgramsDecideAsLibpcapsDo(t *testing.T) {
	needTcpdump(t)
	for _, expr := range slices.Concat(same, sameEthernet, []string{"inbound", "outbound and udp"}) {
		if expr == "ip broadcast" || strings.Count(expr, "(vlan") > 1 {
			continue // libpcap takes the interface's own netmask, and loses the offset behind the second of two vlan side by side
		}
		t.Run(expr, func(t *testing.T) {
			theirs := tcpdump(t, expr, "-i", "lo")
			ours := compile(t, expr, Options{Link: LiveEthernet, Strict: true})
			m := maker{rand.New(rand.NewPCG(8, uint64(len(expr))))}
			for range packetsEach {
				f, tag := m.frame(LiveEthernet)
				s := skb{data: f, network: 14, protocol: binary.BigEndian.Uint16(f[12:]), kind: pick[uint16](m, 0, 4), tag: tag}
				want, got := runLive(theirs, s), runLive(ours, s)
				if (want > 0) != (got > 0) {
					t.Fatalf("libpcap %d, ours %d on % x, tag % x\n%s\n%s", want, got, f, tag, listing(theirs), listing(ours))
				}
			}
		})
	}
}

// TestAnyDecidesAsEthernet: what is found from the network header on is what is found from the frame's start on.
func TestAnyDecidesAsEthernet(t *testing.T) {
	for _, expr := range slices.Concat(same, []string{"vlan 100 and udp", "udp or (vlan and udp)", "vlan and vlan and udp port 5060", "arp host 10.1.2.3", "mpls and udp", "pppoes and udp port 5060", "outbound"}) {
		t.Run(expr, func(t *testing.T) {
			for _, strict := range []bool{true, false} {
				a := compile(t, expr, Options{Link: LiveEthernet, Strict: strict})
				b := compile(t, expr, Options{Link: LiveAny, Strict: strict})
				m := maker{rand.New(rand.NewPCG(9, uint64(len(expr))))}
				for range 1000 {
					f, tag := m.frame(LiveEthernet)
					s := skb{data: f, network: 14, protocol: binary.BigEndian.Uint16(f[12:]), kind: pick[uint16](m, 0, 4), tag: tag}
					if want, got := runLive(a, s), runLive(b, s); want != got {
						t.Fatalf("Ethernet %d, any %d on % x\n%s", want, got, f, listing(b))
					}
				}
			}
		})
	}
}
