package nft

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rulesets are firewalls, and what they do to a connection to 198.51.100.7:60023 or [2001:db8::7]:60023.
var rulesets = []struct {
	name, rules string
	drops       bool   // to the IPv4 address
	drops6      bool   // to the IPv6 address
	unsure      bool   // what is not understood decides: only Maybe may be said
	back        bool   // it gets out; what comes back does not get in
	user        *User  // whose program connects: root's
	says        string // in the verdict
}{
	{name: "none"},
	{
		name: "a port is dropped", rules: `table inet filter { chain output { type filter hook output priority 0; tcp dport 60023 counter drop comment "no cloud"; }; }`,
		drops: true, drops6: true, says: `the rule with handle 2 says drop ("no cloud")`,
	},
	{name: "another port is dropped", rules: `table inet filter { chain output { type filter hook output priority 0; tcp dport 60024 drop; }; }`},
	{name: "a set of ports with ranges is rejected", rules: `table inet f { set bad { type inet_service; flags interval; elements = { 1000-2000, 60000-61000 }; }
		chain o { type filter hook output priority 0; tcp dport @bad reject with tcp reset; }; }`, drops: true, drops6: true, says: "says reject"},
	{name: "one network is dropped", rules: `table ip f { chain o { type filter hook output priority 0; ip daddr 198.51.100.0/24 drop; }; }`, drops: true},
	{name: "one family is dropped", rules: `table inet f { chain o { type filter hook output priority 0; meta nfproto ipv6 drop; }; }`, drops6: true},
	{
		name: "only what is listed goes out", rules: `table inet filter { chain output { type filter hook output priority 0; policy drop;
		ct state established,related accept; oifname "lo" accept; meta l4proto ipv6-icmp accept; tcp dport { 22, 80, 443 } accept; udp dport 53 accept; }; }`,
		drops: true, drops6: true, says: "its policy is drop",
	},
	{name: "only what is listed goes out, and this is", rules: `table inet filter { chain output { type filter hook output priority 0; policy drop;
		meta l4proto ipv6-icmp accept; tcp dport { 443, 60000-60100 } accept; }; }`},
	{name: "accepted in one chain, dropped in the next", rules: `table inet a { chain o { type filter hook output priority 0; accept; }; }
		table inet b { chain o { type filter hook output priority 10; tcp dport 60023 drop; }; }`, drops: true, drops6: true, says: "rule"},
	{
		name: "after a jump", rules: `table inet f { chain more { ip daddr 198.51.100.7 tcp dport 60023 drop; return; }
		chain o { type filter hook output priority 0; meta l4proto tcp tcp dport 1024-65535 jump more; ip6 daddr 2001:db8::/32 tcp dport 60023 reject; }; }`,
		drops: true, drops6: true,
	},
	{name: "return goes on behind the jump", rules: `table inet f { chain more { tcp dport 60023 return; drop; }
		chain o { type filter hook output priority 0; jump more; }; }`},
	{name: "goto does not come back", rules: `table inet f { chain more { tcp dport 1 drop; }
		chain o { type filter hook output priority 0; goto more; tcp dport 60023 drop; }; }`},
	{name: "all but one port", rules: `table inet f { chain o { type filter hook output priority 0; tcp dport != 443 drop; }; }`, drops: true, drops6: true},
	{name: "new connections to others", rules: `table inet f { chain o { type filter hook output priority 0; ct state new ip daddr != 198.51.100.7 drop; }; }`},
	{name: "where packets leave", rules: `table inet f { chain p { type filter hook postrouting priority 0; tcp dport 60023 drop; }; }`, drops: true, drops6: true},
	{
		name: "a condition that is not understood", rules: `table inet f { chain o { type filter hook output priority 0; meta skuid 0 tcp dport 60023 drop; }; }`,
		drops: true, drops6: true, unsure: true, says: "says drop",
	},
	{
		name: "a user is kept in", rules: `table inet f { chain o { type filter hook output priority 0; meta skuid 0 tcp dport 60023 drop; }; }`,
		drops: true, drops6: true, user: &User{"root", 0}, says: "says drop",
	},
	{name: "another user is kept in", rules: `table inet f { chain o { type filter hook output priority 0; meta skuid 65534 drop; }; }`, user: &User{"root", 0}},
	{
		name: "nothing gets in", rules: `table inet f { chain i { type filter hook input priority 0; policy drop; iifname "lo" accept; tcp dport 22 accept; }; }`,
		back: true, says: "its policy is drop",
	},
	{name: "what was asked for gets in", rules: `table inet f { chain i { type filter hook input priority 0; policy drop;
		ct state established,related accept; tcp dport 22 accept; }; }`},
	{name: "what hosted answers gets in", rules: `table inet f { chain i { type filter hook input priority 0; policy drop; tcp sport 60023 accept; }; }`},
	{
		name: "what hosted answers is dropped", rules: `table inet f { chain i { type filter hook prerouting priority 0; tcp sport 60000-61000 drop; }; }`,
		back: true, says: "says drop",
	},
}

const (
	inside = "NFT_TEST_CONNECT" // set: this process is the one that connects, in a network of its own
	to4    = "198.51.100.7:60023"
	to6    = "[2001:db8::7]:60023"
)

func TestMain(m *testing.M) {
	if os.Getenv(inside) == "" {
		os.Exit(m.Run())
	}
	for _, to := range []string{to4, to6} {
		did := "dropped"
		if leaves(to) {
			did = "sent"
		}
		os.Stdout.WriteString(did + "\n")
	}
}

// leaves connects, and reports whether that came out at the other end of the wire, d1.
func leaves(to string) bool {
	d1, err := net.InterfaceByName("d1")
	if err != nil {
		panic(err)
	}
	const all = 0x0300 // ETH_P_ALL in the network's order
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, all)
	if err != nil {
		panic(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: d1.Index}); err != nil {
		panic(err)
	}
	if c, err := net.DialTimeout("tcp", to, 300*time.Millisecond); err == nil {
		c.Close()
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		panic(err)
	}
	b := make([]byte, 2000)
	for {
		n, _, err := syscall.Recvfrom(fd, b, 0)
		if err != nil {
			return false
		}
		head := 14 + 20 // Ethernet, IPv4
		if n > 14 && b[12] == 0x86 {
			head = 14 + 40
		}
		if n > head+4 && b[head+2] == 60023>>8 && b[head+3] == 60023&0xff {
			return true
		}
	}
}

// TestSentSaysWhatTheKernelDoes puts each firewall into a network namespace of its own, connects there, and looks at the other end of
// the wire.
func TestSentSaysWhatTheKernelDoes(t *testing.T) {
	nft, err := exec.LookPath("nft")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("needs root and nft")
	}
	const setUp = `ip link set lo up && ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up &&
ip addr add 198.51.100.1/24 dev d0 && ip -6 addr add 2001:db8::1/64 dev d0 nodad &&
ip neigh add 198.51.100.7 lladdr 02:00:00:00:00:07 dev d0 nud permanent && ip -6 neigh add 2001:db8::7 lladdr 02:00:00:00:00:07 dev d0 nud permanent &&
if [ -s "$1" ]; then "$3" -f "$1"; fi && "$3" -j list ruleset && exec "$2"`
	for _, c := range rulesets {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := t.TempDir() + "/rules"
			if err := os.WriteFile(file, []byte(c.rules), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "unshare", "-n", "sh", "-c", setUp, "sh", file, os.Args[0], nft)
			cmd.Env = append(os.Environ(), inside+"=1")
			var said strings.Builder
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err != nil {
				t.Skipf("no network namespace to be had: %v: %s", err, said.String())
			}
			list, did, _ := strings.Cut(string(out), "\n")
			r, err := Parse([]byte(list))
			if err != nil {
				t.Fatal(err)
			}
			for i, kernel := range strings.Fields(did) {
				to, want := to4, c.drops
				if i == 1 {
					to, want = to6, c.drops6
				}
				v := r.Sent(Packet{To: netip.MustParseAddrPort(to), User: c.user})
				if (kernel == "dropped") != want {
					t.Errorf("to %s: the kernel says %s, the table says drops %v", to, kernel, want)
				}
				if v.Back != c.back {
					t.Errorf("to %s: %+v, want back %v", to, v, c.back)
				}
				want = want || c.back
				if v.Drops != (want && !c.unsure) || v.Maybe != c.unsure || want && !strings.Contains(v.What, c.says) {
					t.Errorf("to %s: %+v, want drops %v, %q", to, v, want, c.says)
				}
			}
		})
	}
}

// What iptables 1.8 (on nftables) makes of -A OUTPUT -p tcp --dport 60023 -j DROP, and of matches that nft cannot show.
const iptables = `{"nftables":[{"metainfo":{"version":"1.0.6"}},{"table":{"family":"ip","name":"filter","handle":1}},
{"chain":{"family":"ip","table":"filter","name":"OUTPUT","handle":1,"type":"filter","hook":"output","prio":0,"policy":"accept"}},
{"rule":{"family":"ip","table":"filter","chain":"OUTPUT","handle":3,"expr":[{"match":{"op":"==","left":{"meta":{"key":"l4proto"}},"right":"tcp"}},
{"xt":{"type":"match","name":"multiport"}},{"counter":{"packets":0,"bytes":0}},{"xt":{"type":"target","name":"REJECT"}}]}},
{"rule":{"family":"ip","table":"filter","chain":"OUTPUT","handle":4,"expr":[{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":60023}},
{"counter":{"packets":0,"bytes":0}},{"drop":null}]}}]}`

func TestIptablesShowsToo(t *testing.T) {
	r, err := Parse([]byte(iptables))
	if err != nil {
		t.Fatal(err)
	}
	if v := r.Sent(Packet{To: netip.MustParseAddrPort(to4)}); !v.Drops || v.Chain != "OUTPUT" || v.What != "the rule with handle 4 says drop" {
		t.Errorf("%+v", v)
	}
	if v := r.Sent(Packet{To: netip.MustParseAddrPort("198.51.100.7:443")}); v.Drops || !v.Maybe || v.What != "the rule with handle 3 says reject" {
		t.Errorf("a match of iptables that nft does not show: %+v", v)
	}
	if v := r.Sent(Packet{To: netip.MustParseAddrPort(to6)}); v != (Verdict{}) {
		t.Errorf("another family: %+v", v)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(iptables))
	f.Add([]byte(`{"nftables":[{"chain":{"family":"inet","table":"t","name":"c","type":"filter","hook":"output","prio":0}},
{"rule":{"family":"inet","table":"t","chain":"c","expr":[{"jump":{"target":"c"}}]}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		v := r.Sent(Packet{To: netip.MustParseAddrPort(to4)})
		if v.Drops && v.Maybe || (v.Drops || v.Maybe) != (v.What != "") {
			t.Errorf("%+v", v)
		}
	})
}
