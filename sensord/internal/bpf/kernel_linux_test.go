package bpf

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTheKernelTakesEveryProgram(t *testing.T) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no socket: %v", err)
	}
	defer unix.Close(fd)
	for _, link := range []Link{LiveEthernet, LiveAny} {
		for _, expr := range slices.Concat(same, []string{"vlan 100 and udp port 5060", "vlan and vlan and udp", "mpls and udp", "pppoes and udp", "inbound"}) {
			prog := compile(t, expr, Options{Link: link})
			k := make([]unix.SockFilter, len(prog))
			for i, in := range prog {
				k[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
			}
			if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(k)), Filter: &k[0]}); err != nil {
				t.Errorf("%s for %v: %v\n%s", expr, link, err, listing(prog))
			}
		}
	}
}
