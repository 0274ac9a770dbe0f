package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"voiptop/sensord/internal/bpf"
)

func needRoot(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		t.Skipf("no packet sockets here: %v", err)
	}
	unix.Close(fd)
}

// next returns the next packet that holds mark, nil after d.
func next(t *testing.T, s Source, mark []byte, d time.Duration) *Packet {
	t.Helper()
	var p Packet
	for end := time.Now().Add(d); time.Now().Before(end); {
		err := s.Next(&p)
		switch {
		case errors.Is(err, ErrIdle):
		case err != nil:
			t.Fatal(err)
		case bytes.Contains(p.Data, mark):
			p.Data = bytes.Clone(p.Data)
			return &p
		}
	}
	return nil
}

func TestLiveSeesEachPacketOnLoopbackOnce(t *testing.T) {
	needRoot(t)
	for _, name := range []string{"lo", "any"} {
		t.Run(name, func(t *testing.T) {
			sink, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer sink.Close()
			// What others send meanwhile may be more than the ring holds.
			f, err := bpf.Parse(fmt.Sprintf("udp port %d", sink.LocalAddr().(*net.UDPAddr).Port))
			if err != nil {
				t.Fatal(err)
			}
			s, err := Live([]string{name}, LiveOptions{RingBytes: minRing, Filter: f})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			c, err := net.Dial("udp", sink.LocalAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			before := time.Now()
			for i := range 3 {
				fmt.Fprintf(c, "live-mark-%d-%s", i, name)
			}
			mark := []byte("live-mark-")
			for i := range 3 {
				p := next(t, s, mark, 3*time.Second)
				if p == nil {
					t.Fatalf("packet %d did not come", i)
				}
				want := fmt.Sprintf("live-mark-%d-%s", i, name)
				if !bytes.Contains(p.Data, []byte(want)) || p.Link != LinkEthernet || p.Length != 42+len(want) {
					t.Errorf("packet %d: link %d, length %d, % x", i, p.Link, p.Length, p.Data)
				}
				if age := time.Unix(0, p.Time).Sub(before); age < -time.Second || age > 5*time.Second {
					t.Errorf("packet %d: time is off by %v", i, age)
				}
			}
			if p := next(t, s, mark, 300*time.Millisecond); p != nil {
				t.Errorf("a datagram came twice: % x", p.Data)
			}
			if st := s.Stats(); st.Packets < 3 || st.KernelDrops != 0 || st.Inputs[0] != name {
				t.Errorf("stats: %+v", st)
			}
		})
	}
}

func TestTheRingGoesRoundWithoutMixingPackets(t *testing.T) {
	needRoot(t)
	const packets, size = 30_000, 600 // four times the ring
	s, err := Live([]string{"lo"}, LiveOptions{RingBytes: minRing})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	c, err := net.Dial("udp", sink.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	port := uint16(sink.LocalAddr().(*net.UDPAddr).Port)
	sent := make(chan error, 1)
	go func() {
		b := make([]byte, size)
		for i := range packets {
			binary.BigEndian.PutUint32(b, uint32(i))
			for j := 4; j < size; j++ {
				b[j] = byte(i)
			}
			if _, err := c.Write(b); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	var p Packet
	got, last, lastTime := 0, -1, int64(0)
	for idle := 0; idle < 3; {
		err := s.Next(&p)
		if errors.Is(err, ErrIdle) {
			idle++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Data) != 42+size || binary.BigEndian.Uint16(p.Data[36:]) != port {
			continue
		}
		idle = 0
		n := int(binary.BigEndian.Uint32(p.Data[42:]))
		if n <= last || p.Time < lastTime {
			t.Fatalf("packet %d comes after %d", n, last)
		}
		if rest := bytes.ReplaceAll(p.Data[46:], []byte{byte(n)}, nil); len(rest) > 0 {
			t.Fatalf("packet %d holds something else: % x", n, rest[:min(len(rest), 20)])
		}
		last, lastTime = n, p.Time
		got++
	}
	if err := <-sent; err != nil {
		t.Skipf("not sent: %v", err)
	}
	if drops := int(s.Stats().KernelDrops); got == 0 || got+drops < packets || got < packets && drops == 0 {
		t.Errorf("%d of %d packets came, %d dropped", got, packets, drops)
	}
}

// Two rings are handed over by the kernel at times of their own.
func TestPacketsOfSeveralRingsComeInTheOrderOfTime(t *testing.T) {
	needRoot(t)
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	// What others send meanwhile may be more than the rings hold.
	f, err := bpf.Parse(fmt.Sprintf("udp dst port %d", sink.LocalAddr().(*net.UDPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Live([]string{"lo", "lo"}, LiveOptions{RingBytes: 2 * minRing, Filter: f})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := net.Dial("udp", sink.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const packets = 300
	go func() {
		for range packets {
			c.Write([]byte("order-mark"))
			time.Sleep(2 * time.Millisecond)
		}
	}()
	last := int64(0)
	for i := range 2 * packets {
		p := next(t, s, []byte("order-mark"), 10*time.Second)
		if p == nil {
			t.Fatalf("%d packets, want each of %d from both rings", i, packets)
		}
		if p.Time < last {
			t.Fatalf("packet %d is %v older than the one before", i, time.Duration(last-p.Time))
		}
		last = p.Time
	}
}

func TestLiveSnaplenCutsInTheKernel(t *testing.T) {
	needRoot(t)
	s, err := Live([]string{"lo"}, LiveOptions{RingBytes: minRing, Snaplen: 60})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := net.Dial("udp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write(append([]byte("snap-mark"), make([]byte, 1000)...))
	p := next(t, s, []byte("snap-mark"), 3*time.Second)
	if p == nil || len(p.Data) != 60 || p.Length != 42+1009 {
		t.Fatalf("%+v", p)
	}
}

func TestLiveFilterChoosesInTheKernel(t *testing.T) {
	needRoot(t)
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	port := sink.LocalAddr().(*net.UDPAddr).Port
	for _, name := range []string{"lo", "any"} {
		f, err := bpf.Parse(fmt.Sprintf("udp dst port %d and udp[8:4] != 0x6e6f7065", port)) // "nope"
		if err != nil {
			t.Fatal(err)
		}
		s, err := Live([]string{name}, LiveOptions{RingBytes: minRing, Filter: f})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, to := range []string{"127.0.0.1:9", sink.LocalAddr().String()} {
			c, err := net.Dial("udp", to)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "nope filter-mark")
			fmt.Fprintf(c, "yes filter-mark %s", to)
		}
		want := "yes filter-mark " + sink.LocalAddr().String()
		if p := next(t, s, []byte("mark"), 3*time.Second); p == nil || !bytes.HasSuffix(p.Data, []byte(want)) {
			t.Fatalf("%s: %+v", name, p)
		}
		if p := next(t, s, nil, 200*time.Millisecond); p != nil {
			t.Errorf("%s: % x passed too", name, p.Data)
		}
	}
}

func TestLiveRefusesAFilterThatTheInterfaceCannotHave(t *testing.T) {
	needRoot(t)
	f, err := bpf.Parse("udp or ether host 00:11:22:33:44:55")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Live([]string{"any"}, LiveOptions{Filter: f})
	if bad := (*bpf.Error)(nil); !errors.As(err, &bad) || bad.Column != 19 {
		t.Fatal(err)
	}
}

func TestCloseWakesNext(t *testing.T) {
	needRoot(t)
	s, err := Live([]string{"lo"}, LiveOptions{RingBytes: minRing})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		var p Packet
		for {
			if err := s.Next(&p); err != nil && !errors.Is(err, ErrIdle) {
				got <- err
				return
			}
		}
	}()
	time.Sleep(20 * time.Millisecond)
	s.Close()
	select {
	case err := <-got:
		if !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
	case <-time.After(2 * time.Second):
		t.Fatal("Next still waits")
	}
	s.Stats() // after Close, with the rings freed
}

func TestWakeEndsAWait(t *testing.T) {
	needRoot(t)
	s, err := Live([]string{"any"}, LiveOptions{RingBytes: minRing, Filter: nothing(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var p Packet
	begin := time.Now()
	for range 20 {
		s.(Waker).Wake()
		if err := s.Next(&p); !errors.Is(err, ErrIdle) {
			t.Fatal(err)
		}
	}
	if d := time.Since(begin); d > idleAfter {
		t.Errorf("20 waits that were ended took %v", d)
	}
	if begin = time.Now(); !errors.Is(s.Next(&p), ErrIdle) || time.Since(begin) < idleAfter/2 {
		t.Error("a wake ended more than one wait")
	}
}

// nothing is a filter that no frame passes.
func nothing(t *testing.T) *bpf.Filter {
	t.Helper()
	f, err := bpf.Parse("len > 200000")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestLiveNamesTheInterfacesThereAre(t *testing.T) {
	_, err := Live([]string{"nosuch0"}, LiveOptions{})
	if err == nil || !strings.Contains(err.Error(), "nosuch0") || !strings.Contains(err.Error(), "lo") {
		t.Fatal(err)
	}
	if _, err := Live(nil, LiveOptions{}); err == nil {
		t.Fatal("no interface is no error")
	}
}

// TestLiveOnVeth needs root: it sends VLAN frames over a pair of its own in a network namespace, takes the interface down
// and up, and away.
func TestLiveOnVeth(t *testing.T) {
	needRoot(t)
	if os.Getenv("CAPTURE_IN_NAMESPACE") == "" {
		cmd := exec.Command("unshare", "-n", os.Args[0], "-test.run=^TestLiveOnVeth$", "-test.v")
		cmd.Env = append(os.Environ(), "CAPTURE_IN_NAMESPACE=1")
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), "unshare failed") {
			t.Skipf("no network namespaces here: %s", out)
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if strings.Contains(string(out), "--- SKIP") {
			t.Skipf("%s", out)
		}
		return
	}
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Skipf("ip %s: %v %s", strings.Join(args, " "), err, out)
		}
	}
	ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
	ip("link", "set", "veth0", "up")
	ip("link", "set", "veth1", "up")
	var log bytes.Buffer // written by Next, which this goroutine calls
	s, err := Live([]string{"veth1", "lo", "later0"}, LiveOptions{RingBytes: 3 * minRing, Promisc: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	away := func(want ...string) {
		t.Helper()
		var got []string
		for _, w := range s.Stats().Away {
			got = append(got, w.Input)
		}
		if !slices.Equal(got, want) {
			t.Errorf("away are %v, want %v", got, want)
		}
	}
	away("later0")
	next(t, s, []byte("none"), 300*time.Millisecond)
	away("later0", "lo") // lo of a new namespace is down
	ip("link", "add", "later0", "type", "veth", "peer", "name", "later1")
	ip("link", "set", "later0", "up")
	ip("link", "set", "lo", "up")
	next(t, s, []byte("none"), 2500*time.Millisecond)
	away()
	if p := frameOver(t, s, "tagged", 3*time.Second); p == nil {
		t.Fatal("the tagged frame did not come")
	} else if want := vlanFrame("tagged"); !bytes.Equal(p.Data, want) || p.Length != len(want) {
		t.Fatalf("the tag was not put back:\n% x\n% x", p.Data, want)
	}

	for expr, passes := range map[string]bool{"vlan 100 and ether proto 0x88b5 and ether dst 2:0:0:0:0:1": true, "vlan 101": false, "not vlan": false, "ether proto 0x88b5": true} {
		f, err := bpf.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		filtered, err := Live([]string{"veth1"}, LiveOptions{RingBytes: minRing, Filter: f})
		if err != nil {
			t.Fatal(err)
		}
		if p := frameOver(t, filtered, "filtered", time.Second); (p != nil) != passes {
			t.Errorf("%s: %+v, want it to pass: %v", expr, p, passes)
		}
		filtered.Close()
	}

	ip("link", "set", "veth1", "down")
	next(t, s, []byte("none"), 300*time.Millisecond)
	away("veth1")
	ip("link", "set", "veth1", "up")
	next(t, s, []byte("none"), 1500*time.Millisecond)
	if frameOver(t, s, "again", 3*time.Second) == nil {
		t.Fatal("nothing came after the interface was up again")
	}
	away()

	ip("link", "del", "veth0")
	next(t, s, []byte("none"), 300*time.Millisecond)
	ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
	ip("link", "set", "veth0", "up")
	ip("link", "set", "veth1", "up")
	next(t, s, []byte("none"), 1500*time.Millisecond)
	if frameOver(t, s, "anew", 3*time.Second) == nil {
		t.Fatal("nothing came after the interface was made anew")
	}
	away()
	if n := strings.Count(log.String(), "interface=veth1"); n != 4 || len(s.Stats().Warnings) > 0 {
		t.Errorf("%d lines about veth1, warnings %v:\n%s", n, s.Stats().Warnings, log.String())
	}
}

func vlanFrame(mark string) []byte {
	f := make([]byte, 64)
	copy(f, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0x20, 100, 0x88, 0xb5})
	copy(f[18:], mark)
	return f
}

// frameOver sends a VLAN frame into veth0 and returns what comes out.
func frameOver(t *testing.T, s Source, mark string, d time.Duration) *Packet {
	t.Helper()
	i, err := net.InterfaceByName("veth0")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var all [2]byte
	binary.BigEndian.PutUint16(all[:], unix.ETH_P_ALL)
	to := &unix.SockaddrLinklayer{Ifindex: i.Index, Protocol: binary.NativeEndian.Uint16(all[:])}
	if err := unix.Sendto(fd, vlanFrame(mark), 0, to); err != nil {
		t.Fatal(err)
	}
	return next(t, s, []byte(mark), d)
}
